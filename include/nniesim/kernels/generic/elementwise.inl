// Encoding, decoding and conversion of whole arrays, written once over an integer vector vocabulary i32 {reg, mask,
// lanes, load, store, set, ...} and included inside each instruction set's region and namespace. Every function equals
// the format's own one-value function on every input.

/// What the encoders need of a scale, as vector constants. Levels are biased: 127 octaves are added. Those of 16 to an
/// octave stand where a float's exponent stands, with four bits of the level below it and any bits behind. Values to
/// encode may stand `Octaves` too high, and so do the levels then: those of q20_12 are taken as their integers, and
/// never NaN or infinite.
template <class F, int Octaves = 0>
struct window {
  static constexpr unsigned place = F::levels == 16 ? 19 : 0;  ///< of a level's lowest bit
  static constexpr std::int32_t one = 1 << place;
  /// No value has a level above it, and no number is too large for its place.
  static constexpr int highest = F::levels == 16 ? 4095 - F::max_magnitude : 1 << 15;
  explicit window(typename F::scale s)
      : lowest(std::min(s.z() + (127 + Octaves) * F::levels, highest)),
        bottom(i32::set(lowest * one)),
        top(i32::set((lowest + F::max_magnitude) * one)),
        limit_plus(i32::set(raised(F::zero_limit(s, 0)))),
        limit_minus(i32::set(raised(F::zero_limit(s, 1)))) {}
  int lowest;  ///< level
  i32::reg bottom, top, limit_plus, limit_minus;

 private:
  static std::int32_t raised(std::uint32_t limit) {
    if (Octaves == 0 || limit >= 0x7f800000U) return static_cast<std::int32_t>(limit);
    return std::bit_cast<std::int32_t>(std::bit_cast<float>(limit) * static_cast<float>(1 << Octaves));
  }
};

/// Where a mantissa lies among the 128 levels of its octave, and how far that is from the nearest of them.
struct place_in_octave {
  f32::reg y, raised, off;  ///< raised: the low half of its bits is the nearest level
};
template <class V = i32>
[[gnu::always_inline]] inline place_in_octave place_of(i32::reg bits) {
  f32::reg y;
  if constexpr (requires { V::log_by_parabolas(bits); }) {
    y = V::log_by_parabolas(bits);
  } else {
    const i32::reg significand = i32::select_bits(i32::set(0x7fffff), bits, i32::set(0x3f800000));
    const f32::reg t = f32::sub(i32::to_float(significand), f32::set(1.5F)), t2 = f32::mul(t, t);
    // By pairs of powers: the chain of all of them is what would be waited for.
    const auto pair = [&](std::size_t i) {
      return f32::fma(f32::set(log2_series[i]), t, f32::set(log2_series[i + 1]));
    };
    y = f32::fma(f32::fma(pair(0), t2, pair(2)), f32::mul(t2, t2), f32::fma(pair(4), t2, pair(6)));
  }
  const f32::reg whole = f32::set(0x1.8p23F), raised = f32::add(y, whole);
  return {y, raised, f32::sub(y, f32::sub(raised, whole))};
}
/// The level for certain, by the threshold above the level that y begins with.
[[gnu::noinline]] inline i32::reg level_by_threshold(i32::reg bits, i32::reg y) {
  const i32::reg below = i32::min(i32::max(i32::floor_of_float(y), i32::set(0)), i32::set(127));
  const i32::reg mantissa = i32::bit_and(bits, i32::set(0x7fffff));
  // One more where mantissa >= threshold: the sign of the difference says so.
  const i32::reg difference = i32::sub(mantissa, i32::at(threshold_mantissa16.data(), below));
  return i32::add(below, i32::sub(i32::set(1), i32::template shift_right_logical<31>(difference)));
}

/// Biased level of the nearest level to a magnitude, not yet clamped. (Magnitudes below all levels give any number
/// up to the lowest octave's.)
template <class F>
[[gnu::always_inline]] inline i32::reg nearest_level(i32::reg magnitude) {
  if constexpr (F::levels == 16) {
    return i32::add(magnitude, i32::lookup32(level_offset8, i32::template shift_right_logical<18>(magnitude)));
  } else {
    const place_in_octave p = place_of(magnitude);
    i32::reg level = i32::sub(i32::of_float(p.raised), i32::set(0x4b400000));
    if (!f32::all_within(p.off, f32::zero(), f32::set(sure_of_level))) [[unlikely]]
      level = level_by_threshold(magnitude, i32::of_float(p.y));
    return i32::add(level, i32::template shift_left<7>(i32::template shift_right_logical<23>(magnitude)));
  }
}

/// Bits of the float at a biased level.
template <class F>
[[gnu::always_inline]] inline i32::reg level_value(i32::reg level) {
  if constexpr (F::levels == 16) {
    return i32::bit_or(i32::bit_and(level, i32::set(0x7f800000)),
                       i32::lookup16(fraction_mantissa8, i32::template shift_right_logical<19>(level)));
  } else {
    return i32::bit_or(i32::bit_and(i32::template shift_left<16>(level), i32::set(0x7f800000)),
                       i32::lookup128(fraction_mantissa16, i32::bit_and(level, i32::set(127))));
  }
}

/// The codes of x.
template <class F, int Octaves>
[[gnu::always_inline]] inline i32::reg code_lanes(i32::reg x, const window<F, Octaves>& w) {
  const i32::reg magnitude = i32::bit_and(x, i32::set(0x7fffffff));
  const i32::mask negative = i32::is_negative(x);
  const i32::reg bottom = i32::select(negative, i32::add(w.bottom, i32::set(w.one)), w.bottom);
  const i32::reg limit = i32::select(negative, w.limit_minus, w.limit_plus);
  i32::reg level = i32::unsigned_max(i32::unsigned_min(nearest_level<F>(magnitude), w.top), bottom);
  i32::mask zero = i32::not_greater(magnitude, limit);
  if constexpr (Octaves == 0) {
    const i32::mask special = i32::greater(magnitude, i32::set(0x7f7fffff));
    if (i32::any(special)) [[unlikely]] {
      level = i32::select(special, bottom, level);
      zero = i32::mask_or(i32::greater(magnitude, i32::set(0x7f800000)), zero);
    }
  }
  i32::reg q = i32::sub(level, w.bottom);
  if constexpr (F::levels == 16) q = i32::template shift_right_logical<window<F>::place>(q);
  const i32::reg sign = i32::bit_and(x, i32::set(static_cast<std::int32_t>(0x80000000U)));
  const i32::reg code = i32::bit_or(q, i32::template shift_right_logical<32 - F::bits>(sign));
  return i32::select(zero, i32::set(F::zero), code);
}

/// The first n elements, n < i32::lanes; nothing outside is touched.
template <class T, class V = i32>
inline i32::reg load_part(const T* p, std::size_t n) {
  if constexpr (requires { V::load_first(p, n); }) {
    return V::load_first(p, n);
  } else {
    T lane[i32::lanes] = {};
    std::memcpy(static_cast<void*>(lane), p, n * sizeof(T));
    return i32::load(lane);
  }
}
/// The same, n <= i32::lanes.
template <class T, class V = i32>
inline void store_part(T* p, i32::reg x, std::size_t n) {
  if (n == i32::lanes) {
    i32::store(p, x);
  } else if constexpr (requires { V::store_first(p, x, n); }) {
    V::store_first(p, x, n);
  } else {
    T lane[i32::lanes];
    i32::store(lane, x);
    std::memcpy(static_cast<void*>(p), lane, n * sizeof(T));
  }
}

/// Applies f to n elements, lane by lane.
template <class In, class Out, class Function>
inline void map(const In* in, Out* out, std::size_t n, Function f) {
  std::size_t i = 0;
  for (; i + i32::lanes <= n; i += i32::lanes) i32::store(out + i, f(i32::load(in + i)));
  if (i != n) store_part(out + i, f(load_part(in + i, n - i)), n - i);
}

/// What packs the codes of several registers at once: of 8 bits those of four, of 16 bits, where there are such
/// packers, those of two.
struct no_packer {
  static constexpr std::size_t registers = 0;
  explicit no_packer(int) {}
};
template <class F, class V = i32>
inline auto packer_of() {
  if constexpr (F::bits == 8) return std::type_identity<code_packer>{};
  else if constexpr (requires { typename V::word_packer; }) return std::type_identity<typename V::word_packer>{};
  else return std::type_identity<no_packer>{};
}

/// Encodes values that may stand `Octaves` too high.
template <class F, int Octaves = 0>
struct encoder {
  using code = detail::integer_of_t<typename F::code>;
  using packer = typename decltype(packer_of<F>())::type;
  static constexpr std::size_t registers = packer::registers;
  explicit encoder(typename F::scale s) : w(s), pack(w.lowest) {}

  /// Stores the codes of as many registers of x, n of each, to places `distance` apart. Unless Signed no x is negative.
  template <bool Signed = true, std::size_t Registers = registers>
  [[gnu::always_inline]] void store(const i32::reg (&x)[Registers], code* out, std::size_t distance,
                                    std::size_t n) const {
    if (!packed<Signed>(x, out, distance, n)) [[unlikely]] {
      for (std::size_t v = 0; v < Registers; ++v) store_part(out + v * distance, code_lanes<F>(x[v], w), n);
    }
  }
  /// Whether packed levels tell infinities and NaN from numbers: by levels that no number near the window has.
  [[nodiscard]] bool knows_infinity() const {
    // Bytes hold 255 - 17 levels above the lowest; words hold all.
    return Octaves != 0 || F::bits != 8 || w.lowest + 255 - 17 <= 255 * F::levels;
  }

  window<F, Octaves> w;
  packer pack;

 private:
  template <bool Signed, std::size_t Registers>
  [[gnu::always_inline]] bool packed(const i32::reg (&x)[Registers], code* out, std::size_t distance,
                                     std::size_t n) const {
    if constexpr (F::bits == 8) {
      i32::reg level[Registers];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Registers; ++v) {
        const i32::reg magnitude = Signed ? i32::bit_and(x[v], i32::set(0x7fffffff)) : x[v];
        level[v] = i32::template shift_right_logical<window<F>::place>(nearest_level<F>(magnitude));
      }
      return pack.template store<Signed, doubt::of_levels>(out, distance, n, level, x, level[0]);
    } else {
      static_assert(Registers == 2);
      const place_in_octave place[] = {place_of(x[0]), place_of(x[1])};
      const i32::reg off = i32::of_float(packer::larger_magnitude(place[0].off, place[1].off));
      if (i32::any(i32::greater(off, i32::set(std::bit_cast<std::int32_t>(sure_of_level))))) [[unlikely]]
        return false;
      return pack.store(out, distance, n, {i32::of_float(place[0].raised), i32::of_float(place[1].raised)}, x);
    }
  }
};

/// A layer value for the encoders: a float, or the integer of a q20_12, 12 octaves too high.
inline i32::reg to_encode(const float*, i32::reg x) { return x; }
inline i32::reg to_encode(const q20_12*, i32::reg x) { return i32::float_of_int(x); }
template <class Value>
inline constexpr int octaves = std::same_as<Value, q20_12> ? 12 : 0;

/// Values of codes; zero is recognised, other codes are taken as valid.
template <class F>
[[gnu::always_inline]] inline i32::reg decode_lanes(i32::reg code, const window<F>& w) {
  i32::reg q = i32::bit_and(code, i32::set(F::sign_bit - 1));
  const i32::reg sign = i32::template shift_left<32 - F::bits>(i32::bit_and(code, i32::set(F::sign_bit)));
  if constexpr (F::levels == 16) q = i32::template shift_left<window<F>::place>(q);
  const i32::reg level = i32::min(i32::add(q, w.bottom), w.top);
  return i32::zero_where(i32::equal(code, i32::set(F::zero)), i32::bit_or(level_value<F>(level), sign));
}

/// The codes of n values.
template <class F, class Value>
inline void encode_all(const Value* in, typename F::code* codes, std::size_t n, const encoder<F, octaves<Value>>& e) {
  constexpr std::size_t registers = encoder<F>::registers, each = registers * i32::lanes;
  auto* const out = detail::integers(codes);
  std::size_t i = 0;
  if constexpr (registers != 0) {
    for (; e.knows_infinity() && i + each <= n; i += each) {
      i32::reg x[registers];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < registers; ++v) x[v] = to_encode(in, i32::load(in + i + v * i32::lanes));
      e.store(x, out + i, i32::lanes, i32::lanes);
    }
  }
  map(in + i, out + i, n - i, [&](i32::reg x) { return code_lanes<F>(to_encode(in, x), e.w); });
}

/// Calls use(codes, begin, count) with the codes of n values, piece by piece.
template <class F, class Value, class Use>
inline void by_codes(const Value* in, std::size_t n, const encoder<F, octaves<Value>>& e, Use use) {
  constexpr std::size_t piece = 512;
  alignas(64) typename F::code codes[piece];
  for (std::size_t at = 0; at < n; at += piece) {
    const std::size_t count = std::min(piece, n - at);
    encode_all<F>(in + at, codes, count, e);
    use(codes, at, count);
  }
}

/// gfpq8 codes, all valid, as what they are in units. They stand in the upper bytes of `code`; of `low` the last four
/// bits are theirs.
[[gnu::always_inline]] inline i32::reg units8_lanes(i32::reg code, i32::reg low) {
  constexpr auto sign = static_cast<std::int32_t>(0x80000000U), magnitude = 127 << 19;
  const i32::reg x = i32::bit_and(i32::template shift_right_arithmetic<5>(code), i32::set(sign | magnitude));
  return i32::zero_where(i32::equal(x, i32::set(sign)), i32::add(x, i32::lookup16(units8_offset, low)));
}

/// Writes f(value) of n codes.
template <class F, class Out, class Function, class V = i32>
inline void map_codes(const typename F::code* in, Out* out, std::size_t n, typename F::scale s, Function f) {
  const window<F> w(s);
  std::size_t i = 0;
  if constexpr (requires { typename V::template decoder<F>; }) {
    using decoder = typename V::template decoder<F>;
    constexpr std::size_t each = decoder::registers * i32::lanes;
    if (n >= each) {
      const decoder decode(w.lowest);
      for (; i + each <= n; i += each) {
        i32::reg x[decoder::registers];
        decode(in + i, x);
        NNIESIM_UNROLL
        for (std::size_t v = 0; v < decoder::registers; ++v) i32::store(out + i + v * i32::lanes, f(x[v]));
      }
    }
  }
  map(detail::integers(in + i), out + i, n - i, [&](i32::reg c) { return f(decode_lanes<F>(c, w)); });
}

/// n codes as what they are in units; the last ones once more where registers are not full.
template <class F, class Decoder>
[[gnu::always_inline]] inline void units_row(const typename F::code* in, float* out, std::size_t n, const window<F>& w,
                                             const Decoder& decode) {
  const auto units = [&](i32::reg c) {
    if constexpr (F::bits == 8) return units8_lanes(i32::template shift_left<24>(c), c);
    else return decode_lanes<F>(c, w);
  };
  const auto by_registers = [&](auto count) {
    constexpr std::size_t registers = decltype(count)::value, each = registers * i32::lanes;
    for (std::size_t i = 0; i < n; i += each) {
      const std::size_t at = std::min(i, n - each);
      i32::reg x[registers];
      decode(in + at, x);
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < registers; ++v) i32::store(out + at + v * i32::lanes, x[v]);
    }
  };
  if constexpr (Decoder::registers == 4) {
    if (n >= 4 * i32::lanes) return by_registers(std::integral_constant<std::size_t, 4>{});
  }
  if constexpr (Decoder::registers != 0 && requires(i32::reg(&two)[2]) { decode(in, two); }) {
    if (n >= 2 * i32::lanes) return by_registers(std::integral_constant<std::size_t, 2>{});
  }
  const auto* const codes = detail::integers(in);
  if (n < i32::lanes) return map(codes, out, n, units);
  for (std::size_t i = 0; i < n; i += i32::lanes) {
    const std::size_t at = std::min(i, n - i32::lanes);
    i32::store(out + at, units(i32::load(codes + at)));
  }
}
struct no_decoder {
  static constexpr std::size_t registers = 0;
  explicit no_decoder(int) {}
};
template <class F, class V = i32>
inline auto decoder_of() {
  if constexpr (requires { typename V::template decoder<F>; })
    return typename V::template decoder<F>(window<F>(typename F::scale(0)).lowest);
  else return no_decoder(0);
}

/// Rows of codes as what they are in units.
template <class F>
inline void in_units_rows(const quantize_job<typename F::code, float>& job) {
  const window<F> w(typename F::scale(0));
  const auto decode = decoder_of<F>();
  for (std::size_t r = 0; r < job.rows; ++r) {
    const auto row = static_cast<std::ptrdiff_t>(r);
    units_row<F>(job.in + row * job.in_pitch, job.out + row * job.out_pitch, job.n, w, decode);
  }
}
/// Rows of values as their codes in units.
template <class F, class Value>
inline void in_units_rows(const quantize_job<Value, float>& job, typename F::scale s) {
  const encoder<F, octaves<Value>> encode(s);
  const window<F> w(typename F::scale(0));
  const auto decode = decoder_of<F>();
  for (std::size_t r = 0; r < job.rows; ++r) {
    const auto row = static_cast<std::ptrdiff_t>(r);
    float* const out = job.out + row * job.out_pitch;
    by_codes<F>(job.in + row * job.in_pitch, job.n, encode,
                [&](const typename F::code* codes, std::size_t at, std::size_t n) {
                  units_row<F>(codes, out + at, n, w, decode);
                });
  }
}

/// n codes in units, by turns to `even` and to `odd`.
template <class F, class V = i32>
inline void units_by_turns(const typename F::code* in, std::size_t n, float* even, float* odd) {
  using code = typename F::code;
  const window<F> w(typename F::scale(0));
  const auto pairs = [&](const code* from, float* to_even, float* to_odd) {
    using both = std::conditional_t<F::bits == 8, std::uint16_t, void>;
    const i32::reg x = i32::load(static_cast<const both*>(static_cast<const void*>(from)));
    if constexpr (F::bits == 8) {
      i32::store(to_even, units8_lanes(i32::template shift_left<24>(x), x));
      i32::store(to_odd, units8_lanes(i32::template shift_left<16>(x), i32::template shift_right_logical<8>(x)));
    } else {
      i32::store(to_even, decode_lanes<F>(i32::bit_and(x, i32::set((1 << F::bits) - 1)), w));
      i32::store(to_odd, decode_lanes<F>(i32::template shift_right_logical<F::bits>(x), w));
    }
  };
  std::size_t i = 0;
  const auto decode = decoder_of<F>();
  if constexpr (requires { decode.by_turns(in, even, odd); }) {
    constexpr std::size_t each = decltype(decode)::turns;
    for (; i + each <= n; i += each) decode.by_turns(in + i, even + i / 2, odd + i / 2);
    if (i != n && n >= each && n % 2 == 0) {  // the last ones once more
      i = n - each;
      return decode.by_turns(in + i, even + i / 2, odd + i / 2);
    }
  }
  for (; i + 2 * i32::lanes <= n; i += 2 * i32::lanes) pairs(in + i, even + i / 2, odd + i / 2);
  if (i == n) return;
  if (n >= 2 * i32::lanes && n % 2 == 0) {  // the last ones once more
    i = n - 2 * i32::lanes;
    return pairs(in + i, even + i / 2, odd + i / 2);
  }
  code rest[2 * i32::lanes] = {};
  std::copy_n(in + i, n - i, rest);
  float last[2][i32::lanes];
  pairs(rest, last[0], last[1]);
  std::copy_n(last[0], (n - i + 1) / 2, even + i / 2);
  std::copy_n(last[1], (n - i) / 2, odd + i / 2);
}

// Not lambdas: without captures those have a plain function beside them that lies outside the region's target.
struct q20_12_writer {
  i32::reg operator()(i32::reg x) const { return i32::q20_12_of_float(x); }
};
struct to_floor {
  i32::reg operator()(i32::reg x) const { return i32::floor_of_float(x); }
};
struct as_it_is {
  i32::reg operator()(i32::reg x) const { return x; }
};
struct q20_12_reader {
  i32::reg operator()(i32::reg x) const { return i32::float_of_q20_12(x); }
};

/// Largest |x| that is not NaN: as bits, magnitudes order like integers.
inline float largest_magnitude(const float* in, std::size_t n) {
  i32::reg m = i32::set(0);
  const auto take = [&](i32::reg x) {
    const i32::reg magnitude = i32::bit_and(x, i32::set(0x7fffffff));
    m = i32::max(m, i32::zero_where(i32::greater(magnitude, i32::set(0x7f800000)), magnitude));
  };
  std::size_t i = 0;
  for (; i + i32::lanes <= n; i += i32::lanes) take(i32::load(in + i));
  float rest[i32::lanes] = {};
  for (std::size_t j = 0; i + j < n; ++j) rest[j] = in[i + j];
  take(i32::load(rest));
  std::int32_t lane[i32::lanes];
  i32::store(lane, m);
  return std::bit_cast<float>(*std::max_element(lane, lane + i32::lanes));
}

/// The bits of the largest |x|, those of a NaN above all others; `out` gets a copy unless it is null.
inline std::uint32_t largest_bits(const float* in, float* out, std::size_t n) {
  i32::reg m = i32::set(0);
  const auto take = [&](i32::reg x) {
    m = i32::max(m, i32::bit_and(x, i32::set(0x7fffffff)));
    return x;
  };
  if (out != nullptr) {
    map(in, out, n, take);
  } else {
    std::size_t i = 0;
    for (; i + i32::lanes <= n; i += i32::lanes) take(i32::load(in + i));
    if (i != n) take(load_part(in + i, n - i));
  }
  std::int32_t lane[i32::lanes];
  i32::store(lane, m);
  return static_cast<std::uint32_t>(*std::max_element(lane, lane + i32::lanes));
}

inline float largest_magnitude(const q20_12* in, std::size_t n) {
  i32::reg low = i32::set(0);
  i32::reg high = i32::set(0);
  std::size_t i = 0;
  for (; i + i32::lanes <= n; i += i32::lanes) {
    const i32::reg x = i32::load(in + i);
    low = i32::min(low, x);
    high = i32::max(high, x);
  }
  std::int32_t lane_low[i32::lanes];
  std::int32_t lane_high[i32::lanes];
  i32::store(lane_low, low);
  i32::store(lane_high, high);
  std::int64_t m = 0;
  for (std::size_t j = 0; j < i32::lanes; ++j) {
    m = std::max(m, std::max<std::int64_t>(lane_high[j], -std::int64_t{lane_low[j]}));
  }
  for (; i < n; ++i) m = std::max(m, std::abs(std::int64_t{in[i].raw()}));
  return static_cast<float>(m) * 0x1p-12F;
}
