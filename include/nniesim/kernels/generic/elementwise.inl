// Encoding, decoding and conversion of whole arrays, written once over an integer vector vocabulary I {reg, mask,
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
      : bottom(I::set((s.z() - origin + bias) * one)),
        top(I::set((s.z() - origin + F::max_magnitude + bias) * one)),
        limit_plus(I::set(raised(F::zero_limit(s, 0)))),
        limit_minus(I::set(raised(F::zero_limit(s, 1)))),
        next(I::set(1 - 128 * Octaves - origin)) {
    if constexpr (F::levels == 16) {
      for (std::size_t i = 0; i < offset.size(); ++i) offset[i] = level_offset8<Octaves>[i] - origin * one;
    }
  }
  I::reg bottom, top, limit_plus, limit_minus;
  I::reg next;  ///< for 128 levels: what is added to a level that lies under a threshold, and one more
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
inline I::reg nearest_level(I::reg magnitude, const window<F, Octaves>& w) {
  if constexpr (F::levels == 16) {
    return I::add(magnitude, I::lookup32(w.offset, I::template shift_right<18>(magnitude)));
  } else {
    const I::reg mantissa = I::bit_and(magnitude, I::set(0x7fffff));
    const I::reg below = I::chord(chords16, I::template shift_right<18>(mantissa), mantissa);
    const I::reg threshold = I::lookup128(threshold_mantissa16, below);
    const I::reg octave = I::template shift_left<7>(I::template shift_right<23>(magnitude));
    // One more where mantissa >= threshold: the sign of the difference says so.
    const I::reg under = I::template shift_right<31>(I::sub(mantissa, threshold));
    return I::sub(I::add(I::add(octave, below), w.next), under);
  }
}

/// Bits of the float at a biased level.
template <class F>
inline I::reg level_value(I::reg level) {
  if constexpr (F::levels == 16) {
    return I::bit_or(I::bit_and(level, I::set(0x7f800000)),
                     I::lookup16(fraction_mantissa8, I::template shift_right<19>(level)));
  } else {
    return I::bit_or(I::bit_and(I::template shift_left<16>(level), I::set(0x7f800000)),
                     I::lookup128(fraction_mantissa16, I::bit_and(level, I::set(127))));
  }
}

/// Sign, clamped biased level (unsigned: as the magnitudes that are levels of 16 to an octave), which lanes are zero.
struct encoded {
  I::reg sign, level;
  I::mask zero;
};

template <class F, int Octaves>
inline encoded encode_lanes(I::reg x, const window<F, Octaves>& w) {
  const I::reg magnitude = I::bit_and(x, I::set(0x7fffffff));
  const I::mask negative = I::is_negative(x);
  const I::reg bottom = I::select(negative, I::add(w.bottom, I::set(w.one)), w.bottom);
  const I::reg limit = I::select(negative, w.limit_minus, w.limit_plus);
  I::reg level = I::unsigned_max(I::unsigned_min(nearest_level(magnitude, w), w.top), bottom);
  I::mask zero = I::not_greater(magnitude, limit);
  if constexpr (Octaves == 0) {
    const I::mask special = I::greater(magnitude, I::set(0x7f7fffff));
    if (I::any(special)) [[unlikely]] {
      level = I::select(special, bottom, level);
      zero = I::mask_or(I::greater(magnitude, I::set(0x7f800000)), zero);
    }
  }
  return {I::bit_and(x, I::set(static_cast<std::int32_t>(0x80000000U))), level, zero};
}

template <class F, int Octaves>
inline I::reg fake_quantize_lanes(I::reg x, const window<F, Octaves>& w) {
  const encoded e = encode_lanes(x, w);
  return I::zero_where(e.zero, I::bit_or(level_value<F>(e.level), e.sign));
}

template <class F>
inline I::reg code_lanes(I::reg x, const window<F>& w) {
  const encoded e = encode_lanes(x, w);
  I::reg q = I::sub(e.level, w.bottom);
  if constexpr (F::levels == 16) q = I::template shift_right<window<F>::place>(q);
  const I::reg code = I::bit_or(q, I::template shift_right<32 - F::bits>(e.sign));
  return I::select(e.zero, I::set(F::zero), code);
}

/// Values of codes; zero is recognised, other codes are taken as valid.
template <class F>
inline I::reg decode_lanes(I::reg code, const window<F>& w) {
  I::reg q = I::bit_and(code, I::set(F::sign_bit - 1));
  const I::reg sign = I::template shift_left<32 - F::bits>(I::bit_and(code, I::set(F::sign_bit)));
  if constexpr (F::levels == 16) q = I::template shift_left<window<F>::place>(q);
  const I::reg level = I::min(I::add(q, w.bottom), w.top);
  return I::zero_where(I::equal(code, I::set(F::zero)), I::bit_or(level_value<F>(level), sign));
}

/// The first n elements, n < I::lanes; nothing outside is touched.
template <class T, class V = I>
inline I::reg load_part(const T* p, std::size_t n) {
  if constexpr (requires { V::load_first(p, n); }) {
    return V::load_first(p, n);
  } else {
    T lane[I::lanes] = {};
    std::memcpy(static_cast<void*>(lane), p, n * sizeof(T));
    return I::load(lane);
  }
}
/// The same, n <= I::lanes.
template <class T, class V = I>
inline void store_part(T* p, I::reg x, std::size_t n) {
  if constexpr (requires { V::store_first(p, x, n); }) {
    V::store_first(p, x, n);
  } else if (n == I::lanes) {
    I::store(p, x);
  } else {
    T lane[I::lanes];
    I::store(lane, x);
    std::memcpy(static_cast<void*>(p), lane, n * sizeof(T));
  }
}

/// Applies f to n elements, lane by lane.
template <class In, class Out, class Function>
inline void map(const In* in, Out* out, std::size_t n, Function f) {
  std::size_t i = 0;
  for (; i + I::lanes <= n; i += I::lanes) I::store(out + i, f(I::load(in + i)));
  if (i != n) store_part(out + i, f(load_part(in + i, n - i)), n - i);
}

/// A layer value for the encoders: a float, or the integer of a q20_12, 12 octaves too high.
inline I::reg to_encode(const float*, I::reg x) { return x; }
inline I::reg to_encode(const q20_12*, I::reg x) { return I::float_of_int(x); }
template <class Value>
inline constexpr int octaves = std::same_as<Value, q20_12> ? 12 : 0;

/// Rows of values as their codes in units.
template <class F, class Value>
inline void in_units_rows(const quantize_job<Value, float>& job, typename F::scale s) {
  const window<F, octaves<Value>> w(s, s.z());
  for (std::size_t r = 0; r < job.rows; ++r) {
    const auto row = static_cast<std::ptrdiff_t>(r);
    map(job.in + row * job.in_step, job.out + row * job.out_step, job.n,
        [&](I::reg x) { return fake_quantize_lanes(to_encode(job.in, x), w); });
  }
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
        sure(f32::set(s < 0x1p100F ? 0.5F - static_cast<float>(m) * 0x1p-21F : -1.0F)) {}
  f32::reg step, inverse, most, least, sure;
};
inline I::reg uniform_code(I::reg bits, const divisor& by) {
  const f32::reg x = I::to_float(bits);
  f32::reg steps = f32::clamp(f32::mul(x, by.inverse), by.least, by.most);
  f32::reg code = f32::nearest(steps);
  if (!f32::all_within(steps, code, by.sure)) [[unlikely]] {
    steps = f32::clamp(f32::div(x, by.step), by.least, by.most);
    code = f32::nearest(steps);
  }
  return I::integer_of(code);  // NaN: 0
}

/// Rows of uniform codes as floats.
template <class Value>
inline void uniform_rows(const quantize_job<Value, float>& job, float step, std::int32_t most) {
  const divisor by(step * static_cast<float>(1 << octaves<Value>), most);
  for (std::size_t r = 0; r < job.rows; ++r) {
    const auto row = static_cast<std::ptrdiff_t>(r);
    map(job.in + row * job.in_step, job.out + row * job.out_step, job.n,
        [&](I::reg x) { return I::float_of_int(uniform_code(to_encode(job.in, x), by)); });
  }
}

/// Rows of words of `Codes` uniform codes each, from as many channels; channels that are not there count as zeros.
template <std::size_t Codes, class Value>
inline void word_rows(const quantize_job<Value, std::int32_t>& job, float step, std::int32_t most, std::int32_t bias) {
  constexpr unsigned bits = 32 / Codes;
  const divisor by(step * static_cast<float>(1 << octaves<Value>), most);
  const I::reg field = I::set(Codes == 4 ? 0xff : 0xffff);
  const auto code = [&](I::reg x) {
    const I::reg c = uniform_code(to_encode(job.in, x), by);
    return I::bit_and(I::add(c, I::set(bias)), field);
  };
  const auto word = [&](std::size_t at, std::size_t n) {
    const auto part = [&](std::size_t c) {
      if (c >= job.channels) return I::set(bias);
      const Value* p = job.in + c * job.distance + at;
      return code(n < I::lanes ? load_part(p, n) : I::load(p));
    };
    I::reg w = I::bit_or(part(0), I::template shift_left<bits>(part(1)));
    if constexpr (Codes == 4) {
      w = I::bit_or(w, I::bit_or(I::template shift_left<16>(part(2)), I::template shift_left<24>(part(3))));
    }
    return w;
  };
  for (std::size_t r = 0; r < job.rows; ++r) {
    const std::size_t in = r * static_cast<std::size_t>(job.in_step);
    std::int32_t* out = job.out + static_cast<std::ptrdiff_t>(r) * job.out_step;
    std::size_t i = 0;
    for (; i + I::lanes <= job.n; i += I::lanes) I::store(out + i, word(in + i, I::lanes));
    if (i != job.n) store_part(out + i, word(in + i, job.n - i), job.n - i);
  }
}

// Not lambdas: without captures those have a plain function beside them that lies outside the region's target.
struct q20_12_writer {
  I::reg operator()(I::reg x) const { return I::q20_12_of_float(x); }
};
struct q20_12_reader {
  I::reg operator()(I::reg x) const { return I::float_of_q20_12(x); }
};

/// Largest |x| that is not NaN: as bits, magnitudes order like integers.
inline float largest_magnitude(const float* in, std::size_t n) {
  I::reg m = I::set(0);
  const auto take = [&](I::reg x) {
    const I::reg magnitude = I::bit_and(x, I::set(0x7fffffff));
    m = I::max(m, I::zero_where(I::greater(magnitude, I::set(0x7f800000)), magnitude));
  };
  std::size_t i = 0;
  for (; i + I::lanes <= n; i += I::lanes) take(I::load(in + i));
  float rest[I::lanes] = {};
  for (std::size_t j = 0; i + j < n; ++j) rest[j] = in[i + j];
  take(I::load(rest));
  std::int32_t lane[I::lanes];
  I::store(lane, m);
  return std::bit_cast<float>(*std::max_element(lane, lane + I::lanes));
}

inline float largest_magnitude(const q20_12* in, std::size_t n) {
  I::reg low = I::set(0);
  I::reg high = I::set(0);
  std::size_t i = 0;
  for (; i + I::lanes <= n; i += I::lanes) {
    const I::reg x = I::load(in + i);
    low = I::min(low, x);
    high = I::max(high, x);
  }
  std::int32_t lane_low[I::lanes];
  std::int32_t lane_high[I::lanes];
  I::store(lane_low, low);
  I::store(lane_high, high);
  std::int64_t m = 0;
  for (std::size_t j = 0; j < I::lanes; ++j) {
    m = std::max(m, std::max<std::int64_t>(lane_high[j], -std::int64_t{lane_low[j]}));
  }
  for (; i < n; ++i) m = std::max(m, std::abs(std::int64_t{in[i].raw()}));
  return static_cast<float>(m) * 0x1p-12F;
}
