// Storing finished sums: the rule that makes outputs of them, what follows, and the transposition that convolution
// needs, over the vocabularies f32, f64 and i32 and the `transpose` of the including instruction set.

/// The numbers of a rule for i32::lanes outputs, in registers: one for each, or the first ones for all.
template <finish_rule Rule, class Sum>
struct lane_constants;
struct for_all_lanes {};

template <class Sum>
struct lane_constants<finish_rule::float_sum, Sum> {
  explicit lane_constants(const finish_constants& c) : bias(f32::load(c.float_bias)) {}
  lane_constants(const finish_constants& c, for_all_lanes) : bias(f32::set(*c.float_bias)) {}
  f32::reg bias;

  template <class Out>
  [[gnu::always_inline]] i32::reg written(const float* sum, const float*) const {
    return i32::of_float(f32::add(f32::load(sum), bias));
  }
};

/// Double totals of i32::lanes sums, by halves.
template <class Sum>
inline f64::reg total_of(const Sum* sum, const Sum* correction, std::size_t at) {
  if constexpr (std::integral<Sum>) return f64::difference(sum + at, correction + at);
  else return f64::load(sum + at);
}

template <class Sum>
struct lane_constants<finish_rule::real_stage, Sum> {
  explicit lane_constants(const finish_constants& c)
      : fits(c.fits),
        multiplier{scaled(f64::load(c.multiplier)), scaled(f64::load(c.multiplier + f64::lanes))},
        shift{scaled(f64::load(c.shift)), scaled(f64::load(c.shift + f64::lanes))} {}
  lane_constants(const finish_constants& c, for_all_lanes)
      : fits(c.fits),
        multiplier{scaled(f64::set(*c.multiplier)), multiplier[0]},
        shift{scaled(f64::set(*c.shift)), shift[0]} {}
  bool fits;
  f64::reg multiplier[2], shift[2];

  template <class Out>
  [[gnu::always_inline]] i32::reg written(const Sum* sum, const Sum* correction) const {
    const auto total = [&](std::size_t h) {
      return f64::fma(total_of(sum, correction, h * f64::lanes), multiplier[h], shift[h]);
    };
    if constexpr (std::same_as<Out, float>) {
      return i32::of_doubles(total(0), total(1));
    } else {
      // The floor is a whole number of 32 bits: above 1.5 * 2^52 it stands in the low half of the double.
      const auto floor = [&](std::size_t h) { return f64::floor_plus(total(h), f64::set(0x1.8p52)); };
      if (fits) return i32::low_halves(floor(0), floor(1));
      const auto steps = [&](std::size_t h) { return f64::mul(total(h), f64::set(4096.0)); };
      return i32::template q20_12_of_steps<std::floating_point<Sum>>(steps(0), steps(1));
    }
  }

 private:
  /// In steps where they fit, 4096 to one: exact, for what is that small cannot overflow.
  [[nodiscard]] f64::reg scaled(f64::reg x) const { return fits ? f64::mul(x, f64::set(4096.0)) : x; }
};

template <class Sum>
struct lane_constants<finish_rule::integer_stage, Sum> {
  explicit lane_constants(const finish_constants& c)
      : fits(c.fits),
        multiplier{f64::load(c.multiplier), f64::load(c.multiplier + f64::lanes)},
        bias{f64::load(c.bias), f64::load(c.bias + f64::lanes)} {
    for (std::size_t h = 0; h < 2; ++h) shift[h] = raised(f64::load(c.shift + h * f64::lanes));
  }
  lane_constants(const finish_constants& c, for_all_lanes)
      : fits(c.fits),
        multiplier{f64::set(*c.multiplier), multiplier[0]},
        bias{f64::set(*c.bias), bias[0]},
        shift{raised(f64::set(*c.shift)), shift[0]} {}
  bool fits;
  f64::reg multiplier[2], bias[2], shift[2];

  template <class Out>
  [[gnu::always_inline]] i32::reg written(const Sum* sum, const Sum*) const {
    const auto steps = [&](std::size_t h) {
      return f64::floor_plus(f64::mul(f64::add(f64::load(sum + h * f64::lanes), bias[h]), multiplier[h]), shift[h]);
    };
    if (fits) return i32::low_halves(steps(0), steps(1));
    return i32::template q20_12_of_steps<true>(steps(0), steps(1));
  }

 private:
  /// A whole number of 32 bits above 1.5 * 2^52 stands in the low half of the double.
  [[nodiscard]] f64::reg raised(f64::reg x) const { return fits ? f64::add(x, f64::set(0x1.8p52)) : x; }
};

/// The total that is written, one at a time: what happened to it is told to the counter. The numbers of the i-th stand
/// at i * step.
template <class Out, class Sum>
[[gnu::noinline]] inline void count_events(const Sum* sum, const Sum* correction, const finish_constants& c,
                                           std::size_t step, std::size_t n, event_counts& events) {
  if constexpr (std::same_as<Out, q20_12>) {
    for (std::size_t i = 0; i < n; ++i) {
      if constexpr (std::integral<Sum>) {
        (void)Out::from(finished(static_cast<double>(corrected(sum[i], correction[i])), c, i * step), events);
      } else {
        (void)Out::from(finished(sum[i], c, i * step), events);
      }
    }
  }
}

template <class Out>
inline i32::reg rectified(i32::reg x) {
  // Floats order like integers where they are not negative; NaN becomes +0 as in the specification.
  if constexpr (std::same_as<Out, float>)
    return i32::zero_where(i32::greater(x, i32::set(0x7f800000)), i32::max(x, i32::set(0)));
  else return i32::max(x, i32::set(0));
}

/// Puts values where a layer stores them, as what it stores.
template <class Out>
struct output_writer {
  explicit output_writer(const output_stage& stage) : relu(stage.relu) {}
  [[gnu::always_inline]] void operator()(Out* to, i32::reg x, std::size_t n) const {
    store_part(to, relu ? rectified<Out>(x) : x, n);
  }
  /// Four registers that stand `distance` apart, the first n values of each.
  [[gnu::always_inline]] void four(Out* to, std::size_t distance, const i32::reg (&x)[4], std::size_t n) const {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < 4; ++v) (*this)(to + v * distance, x[v], n);
  }
  bool relu;
};
template <class Out>
requires(stored<Out>::is_code) struct output_writer<Out> {
  using format = typename stored<Out>::format;
  explicit output_writer(const output_stage& stage) : relu(stage.relu), encode(typename format::scale(stage.z)) {}
  [[gnu::always_inline]] void operator()(Out* to, i32::reg x, std::size_t n) const {
    store_part(detail::integers(to), code_lanes<format>(steps_of(x), encode.w), n);
  }
  [[gnu::always_inline]] void four(Out* to, std::size_t distance, const i32::reg (&x)[4], std::size_t n) const {
    constexpr std::size_t registers = decltype(encode)::registers;
    if constexpr (registers == 0) {
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < 4; ++v) (*this)(to + v * distance, x[v], n);
    } else {
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < 4; v += registers) {
        i32::reg steps[registers];
        NNIESIM_UNROLL
        for (std::size_t k = 0; k < registers; ++k) steps[k] = steps_of(x[v + k]);
        auto* const out = detail::integers(to + v * distance);
        if (relu) encode.template store<false>(steps, out, distance, n);
        else encode.template store<true>(steps, out, distance, n);
      }
    }
  }
  bool relu;
  encoder<format, 12> encode;

 private:
  [[nodiscard]] i32::reg steps_of(i32::reg x) const { return i32::float_of_int(relu ? rectified<q20_12>(x) : x); }
};

/// Codes of sums whose outputs are not computed but enclosed in float32: where both ends have the same code it is that
/// of all between, for the floor to a whole step and the code are monotonic. A sum s is worth y = s * multiplier + c
/// steps, c = bias * multiplier + shift. Computed in float32, each of the factor, c and the result is rounded, by 2^-24
/// at most; with |c| <= a, and so |s * multiplier| <= |y| + a, the result is within 2^-23 * (|y| + a) and a little of
/// y. (What float64 rounds in the specification is 2^-28 of that.) Beyond the step from which on all have the highest
/// code there is nothing to enclose.
template <finish_rule Rule, class Sum, class Out>
struct enclosed_codes {
  static constexpr bool exist = false;
  enclosed_codes(const finish_constants& c, const output_stage&, std::size_t) : first(c, for_all_lanes{}) {}
  lane_constants<Rule, Sum> first;  ///< what is needed for the others' first output
};
template <>
struct enclosed_codes<finish_rule::integer_stage, float, gfpq8::code> {
  static constexpr bool exist = true;
  using reg = f32::reg;

  enclosed_codes(const finish_constants& c, const output_stage& stage, std::size_t outputs)
      : relu(stage.relu), pack(stage.z + (127 + 12) * gfpq8::levels) {
    const gfpq8::scale s(stage.z);
    const auto steps = [](float x) { return static_cast<double>(x) * 4096; };
    const double top = steps(gfpq8::decode(gfpq8::code(gfpq8::max_magnitude), s)) * 1.0625 + 2;
    double most = 0;
    for (std::size_t o = 0; o < outputs; ++o) {
      const double m = c.multiplier[o], product = c.bias[o] * m, a = std::abs(product) + std::abs(c.shift[o]);
      // Rectified: a share of s * multiplier, which is of y's sign or at most a, and one of a.
      const double share = relu ? 0x1p-22 : 0;
      const double error = relu ? 0x1p-21 * a + 0x1p-30 : 0x1p-23 * 1.0078125 * (top + a);
      low_factor[o] = static_cast<float>(m * (1 - share));
      high_factor[o] = static_cast<float>(m * (1 + share));
      low[o] = static_cast<float>(product + c.shift[o] - error);
      high[o] = static_cast<float>(product + c.shift[o] + error);
      most = std::max(most, error);
    }
    width = static_cast<float>(3 * most);
    const double limit = steps(std::bit_cast<float>(gfpq8::zero_limit(s, 0)));
    zero = static_cast<float>(relu ? limit : std::floor(limit * 0.95));  // of a level that all zeros have
    usable = c.fits && c.rounding == sum_rounding::none && stage.events == nullptr && top < 0x1p20 && most < 0.125;
  }
  /// Stores the codes of four registers of sums of output o, n of each, or nothing where one is in doubt.
  [[gnu::always_inline]] bool store(const float* sum, std::size_t o, gfpq8::code* to, std::size_t distance,
                                    std::size_t n) const {
    return relu ? store<false>(sum, o, to, distance, n) : store<true>(sum, o, to, distance, n);
  }

  bool usable, relu;

 private:
  template <bool Signed>
  [[gnu::always_inline]] bool store(const float* sum, std::size_t o, gfpq8::code* to, std::size_t distance,
                                    std::size_t n) const {
    i32::reg level[4], x[4], differing = i32::set(0);
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < 4; ++v) {
      const reg s = f32::load(sum + v * i32::lanes), y = f32::fma(s, f32::set(low_factor[o]), f32::set(low[o]));
      x[v] = i32::of_float(y);
      reg a = f32::floor(y), b, lower = a;
      if constexpr (Signed) {
        b = f32::magnitude(f32::floor(f32::add(y, f32::set(width))), f32::set(zero));
        a = f32::magnitude(a, f32::set(zero));
        lower = f32::smaller(a, b);
      } else {
        b = f32::floor(f32::fma(s, f32::set(high_factor[o]), f32::set(high[o])));
      }
      // b is a, or whole and 1 away.
      const i32::reg offset = i32::lookup32(level_offset8, i32::shift_right_logical<18>(i32::of_float(lower)));
      const auto raised = [&](reg end) {
        const i32::reg bits = i32::of_float(end), sum_of_both = i32::add(bits, offset);
        if constexpr (Signed) return sum_of_both;
        else return i32::zero_where(i32::not_greater(bits, i32::of_float(f32::set(zero))), sum_of_both);
      };
      const i32::reg one = raised(a), other = raised(b);
      differing = i32::bit_or(differing, i32::bit_xor(one, other));
      level[v] = i32::shift_right_logical<19>(one);
    }
    return pack.store<Signed, doubt::of_ends>(detail::integers(to), distance, n, level, x, differing);
  }

  code_packer pack;
  float width, zero;
  float low_factor[16], high_factor[16], low[16], high[16];
};

template <finish_rule Rule, class Sum, class Out>
inline void finish_tile(const finish_job<Sum, Out>& job) {
  constexpr std::size_t lanes = i32::lanes;
  const std::size_t all_rows = job.rows;
  const std::size_t sum_columns = job.sum_columns;
  const std::ptrdiff_t row_pitch = job.row_pitch;
  const std::ptrdiff_t column_pitch = job.column_pitch;
  using value = typename stored<Out>::value;
  const output_writer<Out> write(job.stage);
  if (job.constants.rounding != sum_rounding::none) [[unlikely]] {
    round_sums(job.sum, all_rows * sum_columns, job.constants.rounding);
  }
  for (std::size_t j = 0; j < job.columns; j += lanes) {
    const std::size_t columns = std::min(lanes, job.columns - j);
    const finish_constants constants = job.constants.from(j);
    const lane_constants<Rule, Sum> numbers(constants);
    const Sum* correction = nullptr;
    if constexpr (std::integral<Sum>) correction = job.correction + j;
    const Sum* sum = job.sum + j;
    Out* out = job.out + static_cast<std::ptrdiff_t>(j) * column_pitch;
    if (job.stage.events != nullptr) [[unlikely]] {
      for (std::size_t i = 0; i < all_rows; ++i) {
        count_events<value>(sum + i * sum_columns, correction, constants, 1, columns, *job.stage.events);
      }
    }
    const auto row = [&](std::size_t i) { return numbers.template written<value>(sum + i * sum_columns, correction); };
    if (row_pitch == 1) {
      for (std::size_t i = 0; i < all_rows; i += lanes) {
        const std::size_t rows = std::min(lanes, all_rows - i);
        i32::reg r[lanes];
        NNIESIM_UNROLL
        for (std::size_t k = 0; k < lanes; ++k) r[k] = row(std::min(i + k, all_rows - 1));  // copies are not stored
        transpose(r);
        NNIESIM_UNROLL
        for (std::size_t c = 0; c < lanes; c += 4) {
          Out* const to = out + static_cast<std::ptrdiff_t>(c) * column_pitch + i;
          const i32::reg four[4] = {r[c], r[c + 1], r[c + 2], r[c + 3]};
          if (c + 4 <= columns) {
            write.four(to, static_cast<std::size_t>(column_pitch), four, rows);
          } else {
            NNIESIM_UNROLL
            for (std::size_t k = 0; k < 3; ++k) {
              if (c + k < columns) write(to + k * static_cast<std::size_t>(column_pitch), four[k], rows);
            }
          }
        }
      }
    } else if (column_pitch == 1) {
      const auto store = [&](auto count) {
        Out* to = out;
        for (std::size_t i = 0; i < all_rows; ++i, to += row_pitch) write(to, row(i), count);
      };
      if (columns == lanes) store(std::integral_constant<std::size_t, lanes>{});
      else store(columns);
    } else {
      for (std::size_t i = 0; i < all_rows; ++i) {
        Out* to = out + static_cast<std::ptrdiff_t>(i) * row_pitch;
        Out lane[lanes];
        write(lane, row(i), lanes);
        for (std::size_t c = 0; c < columns; ++c) to[static_cast<std::ptrdiff_t>(c) * column_pitch] = lane[c];
      }
    }
  }
}
