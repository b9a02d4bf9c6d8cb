// Encoding, decoding and conversion of whole arrays, written once over an integer vector vocabulary i32 {reg, mask,
// lanes, load, store, set, ...} and included inside each instruction set's region and namespace. Every function equals
// the format's own one-value function on every input.

/// What the encoders need of a scale, as vector constants. Levels are biased: 127 octaves are added; they are counted
/// from level `origin` of the format on, so that with origin z they are those of the values in units. Those of 16 to an
/// octave stand where a float's exponent stands, with four bits of the level below it and any bits behind. Values to
/// encode may stand `Octaves` too high: those of q20_12 are taken as their integers, and never NaN or infinite.
template <class F, int Octaves = 0>
struct window {
  static constexpr int bias = 127 * F::levels;
  static constexpr unsigned place = F::levels == 16 ? 19 : 0;  ///< of a level's lowest bit
  static constexpr std::int32_t one = 1 << place;
  explicit window(typename F::scale s, int origin = 0)
      : bottom(i32::set((s.z() - origin + bias) * one)),
        top(i32::set((s.z() - origin + F::max_magnitude + bias) * one)),
        limit_plus(i32::set(raised(F::zero_limit(s, 0)))),
        limit_minus(i32::set(raised(F::zero_limit(s, 1)))),
        next(i32::set(1 - 128 * Octaves - origin)),
        lowest(s.z() - origin + bias) {
    if constexpr (F::levels == 16) {
      for (std::size_t i = 0; i < offset.size(); ++i) offset[i] = level_offset8<Octaves>[i] - origin * one;
    }
  }
  i32::reg bottom, top, limit_plus, limit_minus;
  i32::reg next;  ///< for 128 levels: what is added to a level that lies under a threshold, and one more
  int lowest;     ///< the level of `bottom`
  alignas(64) std::array<std::int32_t, 32> offset;  ///< for 16 levels: level_offset8, from the origin on

 private:
  static std::int32_t raised(std::uint32_t limit) {
    if (Octaves == 0 || limit >= 0x7f800000U) return static_cast<std::int32_t>(limit);
    return std::bit_cast<std::int32_t>(std::bit_cast<float>(limit) * static_cast<float>(1 << Octaves));
  }
};

/// Biased level of the nearest level to magnitude / 2^Octaves, not yet clamped. (Magnitudes so small that it would be
/// negative give any number: they encode as zero.)
template <class F, int Octaves>
[[gnu::always_inline]] inline i32::reg nearest_level(i32::reg magnitude, const window<F, Octaves>& w) {
  if constexpr (F::levels == 16) {
    return i32::add(magnitude, i32::lookup32(w.offset, i32::template shift_right_logical<18>(magnitude)));
  } else {
    const i32::reg mantissa = i32::bit_and(magnitude, i32::set(0x7fffff));
    const i32::reg below = i32::chord(chords16, i32::template shift_right_logical<18>(mantissa), mantissa);
    const i32::reg threshold = i32::lookup128(threshold_mantissa16, below);
    const i32::reg octave = i32::template shift_left<7>(i32::template shift_right_logical<23>(magnitude));
    // One more where mantissa >= threshold: the sign of the difference says so.
    const i32::reg under = i32::template shift_right_logical<31>(i32::sub(mantissa, threshold));
    return i32::sub(i32::add(i32::add(octave, below), w.next), under);
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

/// Sign, clamped biased level (unsigned: as the magnitudes that are levels of 16 to an octave), which lanes are zero.
struct encoded {
  i32::reg sign, level;
  i32::mask zero;
};

template <class F, int Octaves>
[[gnu::always_inline]] inline encoded encode_lanes(i32::reg x, const window<F, Octaves>& w) {
  const i32::reg magnitude = i32::bit_and(x, i32::set(0x7fffffff));
  const i32::mask negative = i32::is_negative(x);
  const i32::reg bottom = i32::select(negative, i32::add(w.bottom, i32::set(w.one)), w.bottom);
  const i32::reg limit = i32::select(negative, w.limit_minus, w.limit_plus);
  i32::reg level = i32::unsigned_max(i32::unsigned_min(nearest_level(magnitude, w), w.top), bottom);
  i32::mask zero = i32::not_greater(magnitude, limit);
  if constexpr (Octaves == 0) {
    const i32::mask special = i32::greater(magnitude, i32::set(0x7f7fffff));
    if (i32::any(special)) [[unlikely]] {
      level = i32::select(special, bottom, level);
      zero = i32::mask_or(i32::greater(magnitude, i32::set(0x7f800000)), zero);
    }
  }
  return {i32::bit_and(x, i32::set(static_cast<std::int32_t>(0x80000000U))), level, zero};
}

template <class F, int Octaves>
[[gnu::always_inline]] inline i32::reg fake_quantize_lanes(i32::reg x, const window<F, Octaves>& w) {
  const encoded e = encode_lanes(x, w);
  return i32::zero_where(e.zero, i32::bit_or(level_value<F>(e.level), e.sign));
}

template <class F, int Octaves>
[[gnu::always_inline]] inline i32::reg code_lanes(i32::reg x, const window<F, Octaves>& w) {
  const encoded e = encode_lanes(x, w);
  i32::reg q = i32::sub(e.level, w.bottom);
  if constexpr (F::levels == 16) q = i32::template shift_right_logical<window<F>::place>(q);
  const i32::reg code = i32::bit_or(q, i32::template shift_right_logical<32 - F::bits>(e.sign));
  return i32::select(e.zero, i32::set(F::zero), code);
}

/// The same of max(x, 0), for x that are neither NaN nor infinite.
template <class F, int Octaves>
[[gnu::always_inline]] inline i32::reg rectified_code_lanes(i32::reg x, const window<F, Octaves>& w) {
  i32::reg q = i32::sub(i32::unsigned_max(i32::unsigned_min(nearest_level(x, w), w.top), w.bottom), w.bottom);
  if constexpr (F::levels == 16) q = i32::template shift_right_logical<window<F>::place>(q);
  return i32::select(i32::not_greater(x, w.limit_plus), i32::set(F::zero),
                     q);  // negative floats order as integers below
}

/// Levels of x, or of max(x, 0) unless Signed, not yet clamped, with 0 for what encodes as zero; of x that are neither
/// NaN nor infinite.
template <bool Signed, int Octaves>
[[gnu::always_inline]] inline i32::reg level_or_zero(i32::reg x, const window<gfpq8, Octaves>& w) {
  i32::reg magnitude = x, limit = w.limit_plus;  // negative floats order as integers below
  if constexpr (Signed) {
    magnitude = i32::bit_and(x, i32::set(0x7fffffff));
    limit = i32::select(i32::is_negative(x), w.limit_minus, w.limit_plus);
  }
  return i32::zero_where(i32::not_greater(magnitude, limit),
                         i32::template shift_right_logical<window<gfpq8>::place>(nearest_level(magnitude, w)));
}

/// gfpq8 codes of whole fours of registers among n floats; tells of how many.
inline std::size_t encode_fours(const float* in, std::uint8_t* out, std::size_t n, const window<gfpq8>& w) {
  const code_packer pack(w.lowest);
  std::size_t i = 0;
  for (; i + 4 * i32::lanes <= n; i += 4 * i32::lanes) {
    i32::reg x[4], level[4], most = i32::set(0);
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < 4; ++v) {
      x[v] = i32::load(in + i + v * i32::lanes);
      most = i32::max(most, i32::bit_and(x[v], i32::set(0x7fffffff)));
      level[v] = level_or_zero<true>(x[v], w);
    }
    if (i32::any(i32::greater(most, i32::set(0x7f7fffff)))) [[unlikely]] {  // infinities and NaN
      for (std::size_t v = 0; v < 4; ++v) i32::store(out + i + v * i32::lanes, code_lanes<gfpq8>(x[v], w));
      continue;
    }
    (void)pack.store<true, true>(out + i, i32::lanes, i32::lanes, level, x, level[0]);
  }
  return i;
}

/// Values of codes; zero is recognised, other codes are taken as valid.
template <class F>
[[gnu::always_inline]] inline i32::reg decode_lanes(i32::reg code, const window<F>& w) {
  i32::reg q = i32::bit_and(code, i32::set(F::sign_bit - 1));
  const i32::reg sign = i32::template shift_left<32 - F::bits>(i32::bit_and(code, i32::set(F::sign_bit)));
  if constexpr (F::levels == 16) q = i32::template shift_left<window<F>::place>(q);
  const i32::reg level = i32::min(i32::add(q, w.bottom), w.top);
  return i32::zero_where(i32::equal(code, i32::set(F::zero)), i32::bit_or(level_value<F>(level), sign));
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

/// A layer value for the encoders: a float, or the integer of a q20_12, 12 octaves too high.
inline i32::reg to_encode(const float*, i32::reg x) { return x; }
inline i32::reg to_encode(const q20_12*, i32::reg x) { return i32::float_of_int(x); }
template <class Value>
inline constexpr int octaves = std::same_as<Value, q20_12> ? 12 : 0;

/// Rows of values as their codes in units.
template <class F, class Value>
inline void in_units_rows(const quantize_job<Value, float>& job, typename F::scale s) {
  const window<F, octaves<Value>> w(s, s.z());
  for (std::size_t r = 0; r < job.rows; ++r) {
    const auto row = static_cast<std::ptrdiff_t>(r);
    map(job.in + row * job.in_pitch, job.out + row * job.out_pitch, job.n,
        [&](i32::reg x) { return fake_quantize_lanes(to_encode(job.in, x), w); });
  }
}

/// gfpq8 codes, all valid, as what they are in units. They stand in the upper bytes of `code`; of `low` the last four
/// bits are theirs.
[[gnu::always_inline]] inline i32::reg units8_lanes(i32::reg code, i32::reg low) {
  constexpr auto sign = static_cast<std::int32_t>(0x80000000U), magnitude = 127 << 19;
  const i32::reg x = i32::bit_and(i32::template shift_right_arithmetic<5>(code), i32::set(sign | magnitude));
  return i32::zero_where(i32::equal(x, i32::set(sign)), i32::add(x, i32::lookup16(units8_offset, low)));
}

/// Writes f(value) of n codes; by words where there are such.
template <class F, class Out, class Function, class V = i32>
inline void map_codes(const typename F::code* in, Out* out, std::size_t n, const window<F>& w, Function f) {
  std::size_t i = 0;
  if constexpr (requires { V::template decode_words<F>(in, 0); }) {
    for (; i + 2 * i32::lanes <= n; i += 2 * i32::lanes) {
      const auto values = V::template decode_words<F>(in + i, w.lowest);
      i32::store(out + i, f(values.first));
      i32::store(out + i + i32::lanes, f(values.second));
    }
  }
  map(detail::integers(in + i), out + i, n - i, [&](i32::reg c) { return f(decode_lanes<F>(c, w)); });
}

/// Rows of codes as what they are in units.
template <class F, class V = i32>
inline void in_units_rows(const quantize_job<typename F::code, float>& job) {
  const window<F> w(typename F::scale(0));
  const auto units = [&](i32::reg c) {
    if constexpr (F::bits == 8) return units8_lanes(i32::template shift_left<24>(c), c);
    else return decode_lanes<F>(c, w);
  };
  for (std::size_t r = 0; r < job.rows; ++r) {
    const auto row = static_cast<std::ptrdiff_t>(r);
    const auto* const codes = job.in + row * job.in_pitch;
    const auto* const in = detail::integers(codes);
    float* const out = job.out + row * job.out_pitch;
    if constexpr (requires { V::template decode_words<F>(codes, 0); }) {
      constexpr std::size_t each = 2 * i32::lanes;
      for (std::size_t i = 0; job.n >= each && i < job.n; i += each) {
        const std::size_t at = std::min(i, job.n - each);  // the last ones once more
        const auto values = V::template decode_words<F>(codes + at, w.lowest);
        i32::store(out + at, values.first);
        i32::store(out + at + i32::lanes, values.second);
      }
      if (job.n >= each) continue;
    } else if constexpr (F::bits == 8 && requires { typename V::units8; }) {
      constexpr std::size_t each = V::units8::codes;
      for (std::size_t i = 0; job.n >= each && i < job.n; i += each) {
        const std::size_t at = std::min(i, job.n - each);  // the last ones once more
        V::units8::decode(in + at, out + at);
      }
      if (job.n >= each) continue;
    }
    if (job.n < i32::lanes) {
      map(in, out, job.n, units);
      continue;
    }
    for (std::size_t i = 0; i < job.n; i += i32::lanes) {
      const std::size_t at = std::min(i, job.n - i32::lanes);  // the last ones once more
      i32::store(out + at, units(i32::load(in + at)));
    }
  }
}

/// n codes in units, by turns to `even` and to `odd`.
template <class F, class V = i32>
inline void units_by_turns(const typename F::code* in, std::size_t n, float* even, float* odd) {
  using code = typename F::code;
  const window<F> w(typename F::scale(0));
  const auto pairs = [&](const code* from, float* to_even, float* to_odd) {
    if constexpr (requires { V::template decode_words<F>(from, 0); }) {
      const auto values = V::by_turns(V::template decode_words<F>(from, w.lowest));
      i32::store(to_even, values.first);
      i32::store(to_odd, values.second);
    } else {
      using both = std::conditional_t<F::bits == 8, std::uint16_t, void>;
      const i32::reg x = i32::load(static_cast<const both*>(static_cast<const void*>(from)));
      if constexpr (F::bits == 8) {
        i32::store(to_even, units8_lanes(i32::template shift_left<24>(x), x));
        i32::store(to_odd, units8_lanes(i32::template shift_left<16>(x), i32::template shift_right_logical<8>(x)));
      } else {
        i32::store(to_even, decode_lanes<F>(i32::bit_and(x, i32::set((1 << F::bits) - 1)), w));
        i32::store(to_odd, decode_lanes<F>(i32::template shift_right_logical<F::bits>(x), w));
      }
    }
  };
  std::size_t i = 0;
  if constexpr (F::bits == 8 && requires { typename V::units8; }) {
    constexpr std::size_t each = 2 * V::units8::codes;
    for (; i + each <= n; i += each) V::units8::decode(detail::integers(in + i), even + i / 2, odd + i / 2);
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

/// x / step, rounded to the nearest integer (ties to even) within -most .. most; NaN gives 0. Where the product with
/// the inverse leaves no doubt about the integer, nothing is divided.
struct divisor {
  divisor(float s, std::int32_t m)
      : step(f32::set(s)),
        inverse(f32::set(1.0F / s)),
        most(f32::set(static_cast<float>(m))),
        least(f32::set(-static_cast<float>(m))),
        // Both roundings of the product and that of the quotient, each below 2^-23 of it; all where the inverse is
        // inexact.
        sure(f32::set(s < 0x1p100F ? 0.5F - static_cast<float>(m) * 0x1p-21F : -1.0F)),
        scaled_step(s) {}
  f32::reg step, inverse, most, least, sure;
  float scaled_step;
};
inline i32::reg uniform_code(i32::reg bits, const divisor& by) {
  const f32::reg x = i32::to_float(bits);
  f32::reg steps = f32::clamp(f32::mul(x, by.inverse), by.least, by.most);
  f32::reg code = f32::nearest(steps);
  if (!f32::all_within(steps, code, by.sure)) [[unlikely]] {
    steps = f32::clamp(f32::div(x, by.step), by.least, by.most);
    code = f32::nearest(steps);
  }
  return i32::integer_of(code);  // NaN: 0
}
/// The same of the integers of q20_12, plus `origin`, 1.5 * 2^23 and a whole number: in the low bits of that float
/// stands the code plus that number.
inline f32::reg raised_uniform_code(i32::reg raw, const divisor& by, f32::reg origin) {
  const f32::reg x = i32::to_float(i32::float_of_int(raw));
  const f32::reg steps = f32::clamp(f32::mul(x, by.inverse), by.least, by.most);
  const f32::reg raised = f32::add(steps, origin);
  if (f32::all_within(steps, f32::sub(raised, origin), by.sure)) [[likely]]
    return raised;
  return f32::add(f32::clamp(f32::div(x, by.step), by.least, by.most), origin);
}

/// Rows of uniform codes as floats.
template <class Value>
inline void uniform_rows(const quantize_job<Value, float>& job, float step, std::int32_t most) {
  const divisor by(step * static_cast<float>(1 << octaves<Value>), most);
  for (std::size_t r = 0; r < job.rows; ++r) {
    const auto row = static_cast<std::ptrdiff_t>(r);
    map(job.in + row * job.in_pitch, job.out + row * job.out_pitch, job.n, [&](i32::reg x) {
      if constexpr (std::same_as<Value, q20_12>) {
        const f32::reg origin = f32::set(0x1.8p23F);
        return i32::of_float(f32::sub(raised_uniform_code(x, by, origin), origin));
      } else {
        return i32::float_of_int(uniform_code(x, by));
      }
    });
  }
}

/// Rows of words of `Codes` uniform codes each, from as many channels; channels that are not there count as zeros.
template <std::size_t Codes, class Value, class V = i32>
inline void word_rows(const quantize_job<Value, std::int32_t>& job, float step, std::int32_t most, std::int32_t bias) {
  constexpr unsigned bits = 32 / Codes;
  const divisor by(step * static_cast<float>(1 << octaves<Value>), most);
  const f32::reg origin = f32::set(0x1.8p23F + static_cast<float>(bias));
  // The code, with any bits above it.
  const auto code = [&](i32::reg x) {
    if constexpr (std::same_as<Value, q20_12>) return i32::of_float(raised_uniform_code(x, by, origin));
    else return i32::add(uniform_code(x, by), i32::set(bias));
  };
  const auto word = [&](std::size_t at, std::size_t n) {
    const auto part = [&](std::size_t c) {
      if (c >= job.channels) return i32::set(bias);
      const Value* p = job.in + c * job.distance + at;
      return code(n < i32::lanes ? load_part(p, n) : i32::load(p));
    };
    if constexpr (Codes == 2) {
      return i32::select_bits(i32::set(0xffff), part(0), i32::template shift_left<bits>(part(1)));
    } else {
      const i32::reg low = i32::select_bits(i32::set(0xff), part(0), i32::template shift_left<8>(part(1)));
      const i32::reg high = i32::select_bits(i32::set(0xff0000), i32::template shift_left<16>(part(2)),
                                             i32::template shift_left<24>(part(3)));
      return i32::select_bits(i32::set(0xffff), low, high);
    }
  };
  for (std::size_t r = 0; r < job.rows; ++r) {
    const std::size_t in = r * static_cast<std::size_t>(job.in_pitch);
    std::int32_t* out = job.out + static_cast<std::ptrdiff_t>(r) * job.out_pitch;
    std::size_t i = 0;
    if constexpr (Codes == 4 && std::same_as<Value, q20_12> && requires { V::saturated_bytes; }) {
      // Where quotients fit integers those are saturated as they are packed, and doubt about four is one.
      const bool fits = most == V::saturated_bytes && bias == 128 && by.scaled_step >= 2.0F;
      for (; fits && i + i32::lanes <= job.n; i += i32::lanes) {
        i32::reg rounded[4];
        f32::reg off = f32::set(0.0F);
        NNIESIM_UNROLL
        for (std::size_t c = 0; c < 4; ++c) {
          const bool is_there = c < job.channels;
          const i32::reg x = is_there ? i32::load(job.in + c * job.distance + in + i) : i32::set(0);
          const f32::reg steps = f32::mul(i32::to_float(i32::float_of_int(x)), by.inverse);
          rounded[c] = V::nearest(steps);
          off = V::larger_magnitude(f32::sub(steps, i32::to_float(i32::float_of_int(rounded[c]))), off);
        }
        if (!f32::all_within(off, f32::set(0.0F), by.sure)) [[unlikely]] {
          i32::store(out + i, word(in + i, i32::lanes));
        } else {
          i32::store(out + i, i32::bit_xor(V::words_of(rounded), i32::set(static_cast<std::int32_t>(0x80808080U))));
        }
      }
    }
    for (; i + i32::lanes <= job.n; i += i32::lanes) i32::store(out + i, word(in + i, i32::lanes));
    if (i != job.n) store_part(out + i, word(in + i, job.n - i), job.n - i);
  }
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
