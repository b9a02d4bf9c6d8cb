// Storing finished sums: the rule that makes outputs of them, what follows, and the transposition that convolution
// needs, over the vocabularies f32, f64 and I and the `transpose` of the including instruction set.

/// The numbers of a rule for I::lanes outputs, in registers.
template <finish_rule Rule, class Sum>
struct lane_constants;

template <class Sum>
struct lane_constants<finish_rule::float_sum, Sum> {
  explicit lane_constants(const finish_constants& c) : bias(f32::load(c.float_bias)) {}
  f32::reg bias;

  template <class Out>
  I::reg written(const float* sum, const float*) const {
    return I::of_float(f32::add(f32::load(sum), bias));
  }
};

/// Double totals of I::lanes sums, by halves.
template <class Sum>
inline f64::reg total_of(const Sum* sum, const Sum* correction, std::size_t at) {
  if constexpr (std::integral<Sum>) return f64::difference(sum + at, correction + at);
  else return f64::load(sum + at);
}

template <class Sum>
struct lane_constants<finish_rule::real_stage, Sum> {
  explicit lane_constants(const finish_constants& c)
      : multiplier{f64::load(c.multiplier), f64::load(c.multiplier + f64::lanes)},
        shift{f64::load(c.shift), f64::load(c.shift + f64::lanes)} {}
  f64::reg multiplier[2], shift[2];

  template <class Out>
  I::reg written(const Sum* sum, const Sum* correction) const {
    const auto total = [&](std::size_t h) {
      return f64::fma(total_of(sum, correction, h * f64::lanes), multiplier[h], shift[h]);
    };
    if constexpr (std::same_as<Out, float>) {
      return I::of_doubles(total(0), total(1));
    } else {
      // 4096 steps to one: exact, but for numbers that are 0 in steps anyway.
      const auto steps = [&](std::size_t h) { return f64::mul(total(h), f64::set(4096.0)); };
      return I::template q20_12_of_steps<std::floating_point<Sum>>(steps(0), steps(1));
    }
  }
};

template <class Sum>
struct lane_constants<finish_rule::integer_stage, Sum> {
  explicit lane_constants(const finish_constants& c)
      : fits(c.fits),
        multiplier{f64::load(c.multiplier), f64::load(c.multiplier + f64::lanes)},
        bias{f64::load(c.bias), f64::load(c.bias + f64::lanes)} {
    for (std::size_t h = 0; h < 2; ++h) {
      shift[h] = f64::load(c.shift + h * f64::lanes);
      // A whole number of 32 bits above 1.5 * 2^52 stands in the low half of the double.
      if (fits) shift[h] = f64::add(shift[h], f64::set(0x1.8p52));
    }
  }
  bool fits;
  f64::reg multiplier[2], bias[2], shift[2];

  template <class Out>
  I::reg written(const Sum* sum, const Sum*) const {
    const auto steps = [&](std::size_t h) {
      return f64::floor_plus(f64::mul(f64::add(f64::load(sum + h * f64::lanes), bias[h]), multiplier[h]), shift[h]);
    };
    if (fits) return I::low_halves(steps(0), steps(1));
    return I::template q20_12_of_steps<true>(steps(0), steps(1));
  }
};

/// The total that is written, one at a time: what happened to it is told to the counter.
template <class Out, class Sum>
[[gnu::noinline]] inline void count_events(const Sum* sum, const Sum* correction, const finish_constants& c,
                                           std::size_t n, event_counts& events) {
  if constexpr (std::same_as<Out, q20_12>) {
    for (std::size_t i = 0; i < n; ++i) {
      if constexpr (std::integral<Sum>) {
        (void)Out::from(finished(static_cast<double>(corrected(sum[i], correction[i])), c, i), events);
      } else {
        (void)Out::from(finished(sum[i], c, i), events);
      }
    }
  }
}

template <class Out>
inline I::reg rectified(I::reg x) {
  // Floats order like integers where they are not negative; NaN becomes +0 as in the specification.
  if constexpr (std::same_as<Out, float>) return I::zero_where(I::greater(x, I::set(0x7f800000)), I::max(x, I::set(0)));
  else return I::max(x, I::set(0));
}

template <finish_rule Rule, class Sum, class Out>
inline void finish_tile(const finish_job<Sum, Out>& job) {
  constexpr std::size_t lanes = I::lanes;
  const std::size_t all_rows = job.rows;
  const std::size_t sum_columns = job.sum_columns;
  const std::ptrdiff_t row_step = job.row_step;
  const std::ptrdiff_t column_step = job.column_step;
  const bool relu = job.stage.relu;
  if (job.constants.rounding != sum_rounding::none) [[unlikely]] {
    round_sums(job.sum, all_rows * sum_columns, job.constants.rounding);
  }
  for (std::size_t j = 0; j < job.columns; j += lanes) {
    const std::size_t columns = std::min(lanes, job.columns - j);
    const finish_constants constants = job.constants.from(j);
    const lane_constants<Rule, Sum> numbers(constants);
    Sum correction[lanes] = {};
    if constexpr (std::integral<Sum>) std::memcpy(correction, job.correction + j, columns * sizeof(Sum));
    const Sum* sum = job.sum + j;
    Out* out = job.out + static_cast<std::ptrdiff_t>(j) * column_step;
    if (job.stage.events != nullptr) [[unlikely]] {
      for (std::size_t i = 0; i < all_rows; ++i) {
        count_events<Out>(sum + i * sum_columns, correction, constants, columns, *job.stage.events);
      }
    }
    const auto row = [&](std::size_t i) { return numbers.template written<Out>(sum + i * sum_columns, correction); };
    if (row_step == 1) {
      for (std::size_t i = 0; i < all_rows; i += lanes) {
        const std::size_t rows = std::min(lanes, all_rows - i);
        I::reg r[lanes];
        NNIESIM_UNROLL
        for (std::size_t k = 0; k < lanes; ++k) r[k] = k < rows ? row(i + k) : I::set(0);
        transpose(r);
        if (relu) {
          NNIESIM_UNROLL
          for (std::size_t c = 0; c < lanes; ++c) r[c] = rectified<Out>(r[c]);
        }
        NNIESIM_UNROLL
        for (std::size_t c = 0; c < lanes; ++c) {
          if (c < columns) store_part(out + static_cast<std::ptrdiff_t>(c) * column_step + i, r[c], rows);
        }
      }
    } else {
      for (std::size_t i = 0; i < all_rows; ++i) {
        Out* to = out + static_cast<std::ptrdiff_t>(i) * row_step;
        const I::reg x = relu ? rectified<Out>(row(i)) : row(i);
        if (column_step == 1) {
          store_part(to, x, columns);
        } else {
          std::int32_t lane[lanes];
          I::store(lane, x);
          for (std::size_t c = 0; c < columns; ++c) {
            to[static_cast<std::ptrdiff_t>(c) * column_step] = std::bit_cast<Out>(lane[c]);
          }
        }
      }
    }
  }
}

/// The numbers of one channel, for every lane.
struct channel_constants {
  explicit channel_constants(const finish_constants& one) {
    c.rule = one.rule;
    c.rounding = one.rounding;
    c.fits = one.fits;
    const auto spread = [](const double* from, double* to) -> const double* {
      if (from != nullptr) std::fill_n(to, I::lanes, *from);
      return to;
    };
    c.multiplier = spread(one.multiplier, lane[0]);
    c.shift = spread(one.shift, lane[1]);
    c.bias = spread(one.bias, lane[2]);
    if (one.float_bias != nullptr) std::fill_n(float_lane, I::lanes, *one.float_bias);
    c.float_bias = float_lane;
  }
  channel_constants(const channel_constants&) = delete;
  channel_constants& operator=(const channel_constants&) = delete;

  finish_constants c;

 private:
  alignas(64) double lane[3][I::lanes] = {};
  alignas(64) float float_lane[I::lanes] = {};
};

/// Writes rows of n sums of one channel, which stand `width` and go to places `distance` apart.
template <class Out, class Lane, class Sum>
inline void write_channel(Sum* sum, std::size_t width, std::size_t rows, const Lane& lane, const channel_constants& c,
                          const output_stage stage, Out* out, std::size_t distance, std::size_t n) {
  if (c.c.rounding != sum_rounding::none) [[unlikely]]
    round_sums(sum, rows * width, c.c.rounding);
  for (std::size_t k = 0; k < n; k += I::lanes) {
    const std::size_t count = std::min(I::lanes, n - k);
    for (std::size_t r = 0; r < rows; ++r) {
      const Sum* from = sum + r * width + k;
      const I::reg x = lane.template written<Out>(from, nullptr);
      if (stage.events != nullptr) count_events<Out, Sum>(from, nullptr, c.c, count, *stage.events);
      store_part(out + r * distance + k, stage.relu ? rectified<Out>(x) : x, count);
    }
  }
}

/// `Rows` output rows of a 3 x 3 kernel, `Vectors` vectors of each from column i on: every input row is read once for
/// all that use it.
template <class V, std::size_t Rows, std::size_t Stride, std::size_t Vectors, class Lane, class Out>
inline void channel_tile_3x3(const channel_job<typename V::element, Out>& job, std::size_t row, std::size_t i,
                             const typename V::reg (&w)[9], const Lane& lane, const channel_constants& c) {
  using element = typename V::element;
  constexpr std::size_t width = Vectors * V::lanes;
  const std::ptrdiff_t step = job.offset[3] - job.offset[0];
  const element* a = job.a + static_cast<std::ptrdiff_t>(row) * job.a_step + i;
  typename V::reg acc[Rows][Vectors];
  NNIESIM_UNROLL
  for (std::size_t q = 0; q < Rows; ++q) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) acc[q][v] = V::zero();
  }
  NNIESIM_UNROLL
  for (std::size_t r = 0; r < (Rows - 1) * Stride + 3; ++r) {
    NNIESIM_UNROLL
    for (std::size_t k = 0; k < 3; ++k) {
      const element* x = a + static_cast<std::ptrdiff_t>(r) * step + job.offset[k];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) {
        const typename V::reg xv = V::load(x + v * V::lanes);
        NNIESIM_UNROLL
        for (std::size_t q = 0; q < Rows; ++q) {
          if (r >= q * Stride && r < q * Stride + 3) acc[q][v] = V::fma(w[(r - q * Stride) * 3 + k], xv, acc[q][v]);
        }
      }
    }
  }
  alignas(64) element sum[Rows * width];
  NNIESIM_UNROLL
  for (std::size_t q = 0; q < Rows; ++q) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) V::store(sum + q * width + v * V::lanes, acc[q][v]);
  }
  write_channel(sum, width, Rows, lane, c, job.stage, job.out + row * job.n + i, job.n, std::min(width, job.n - i));
}

template <class V, std::size_t Rows, std::size_t Stride, class Lane, class Out>
inline void channel_rows_3x3(const channel_job<typename V::element, Out>& job, std::size_t row, const Lane& lane,
                             const channel_constants& c) {
  constexpr std::size_t vectors = I::lanes / V::lanes;  // in a vector of outputs
  typename V::reg w[9];
  NNIESIM_UNROLL
  for (std::size_t t = 0; t < 9; ++t) w[t] = V::set(job.w[t]);
  for (std::size_t i = 0; i < job.n; i += I::lanes) channel_tile_3x3<V, Rows, Stride, vectors>(job, row, i, w, lane, c);
}

/// Rows of one channel: four vectors of sums at a time, then their outputs.
template <finish_rule Rule, class V, class Out>
inline void channel_rows(const channel_job<typename V::element, Out>& job) {
  using element = typename V::element;
  constexpr std::size_t vectors = 4;
  constexpr std::size_t width = vectors * V::lanes;
  const channel_constants constants(job.constants);
  const lane_constants<Rule, element> lane(constants.c);
  std::size_t r = 0;
  if (job.is_3x3) {
    const std::ptrdiff_t step = job.offset[3] - job.offset[0];
    if (job.a_step == step) {
      for (; r + 8 <= job.rows; r += 8) channel_rows_3x3<V, 8, 1>(job, r, lane, constants);
      for (; r + 4 <= job.rows; r += 4) channel_rows_3x3<V, 4, 1>(job, r, lane, constants);
    } else if (job.a_step == 2 * step) {
      for (; r + 2 <= job.rows; r += 2) channel_rows_3x3<V, 2, 2>(job, r, lane, constants);
    }
    for (; r < job.rows; ++r) channel_rows_3x3<V, 1, 1>(job, r, lane, constants);
    return;
  }
  for (; r < job.rows; ++r) {
    const element* a = job.a + static_cast<std::ptrdiff_t>(r) * job.a_step;
    for (std::size_t i = 0; i < job.n; i += width) {
      typename V::reg acc[vectors];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < vectors; ++v) acc[v] = V::zero();
      for (std::size_t t = 0; t < job.steps; ++t) {
        const element* x = a + job.offset[t] + i;
        const typename V::reg b = V::set(job.w[t]);
        NNIESIM_UNROLL
        for (std::size_t v = 0; v < vectors; ++v) acc[v] = V::fma(b, V::load(x + v * V::lanes), acc[v]);
      }
      element sum[width];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < vectors; ++v) V::store(sum + v * V::lanes, acc[v]);
      write_channel(sum, width, 1, lane, constants, job.stage, job.out + r * job.n + i, job.n,
                    std::min(width, job.n - i));
    }
  }
}
