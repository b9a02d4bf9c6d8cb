// Encoding, decoding and conversion of whole arrays, written once over an integer vector vocabulary I {reg, mask,
// lanes, load, store, set, ...} and included inside each instruction set's region and namespace. Every function equals
// the format's own one-value function on every input.

/// What the encoders need of a scale, as vector constants. Levels are biased: 127 octaves are added.
template <class F>
struct window {
  static constexpr int bias = 127 * F::levels;
  explicit window(typename F::scale s)
      : bottom(I::set(s.z() + bias)),
        top(I::set(s.z() + F::max_magnitude + bias)),
        limit_plus(I::set(static_cast<std::int32_t>(F::zero_limit(s, 0)))),
        limit_minus(I::set(static_cast<std::int32_t>(F::zero_limit(s, 1)))) {}
  I::reg bottom, top, limit_plus, limit_minus;
};

/// Biased level of the magnitude's nearest level, not yet clamped.
template <class F>
inline I::reg nearest_level(I::reg magnitude) {
  if constexpr (F::levels == 16) {
    const I::reg offset = I::lookup32(level_offset8, I::template shift_right<18>(magnitude));
    return I::template shift_right<19>(I::add(magnitude, offset));
  } else {
    const I::reg mantissa = I::bit_and(magnitude, I::set(0x7fffff));
    const I::reg below = I::chord(chords16, I::template shift_right<18>(mantissa), mantissa);
    const I::reg threshold = I::lookup128(threshold_mantissa16, below);
    const I::reg octave = I::template shift_left<7>(I::template shift_right<23>(magnitude));
    // One more where mantissa >= threshold: the sign of the difference says so.
    const I::reg under = I::template shift_right<31>(I::sub(mantissa, threshold));
    return I::sub(I::add(I::add(octave, below), I::set(1)), under);
  }
}

/// Bits of the float at a biased level.
template <class F>
inline I::reg level_value(I::reg level) {
  if constexpr (F::levels == 16) {
    return I::bit_or(I::bit_and(I::template shift_left<19>(level), I::set(0x7f800000)),
                     I::lookup16(fraction_mantissa8, level));
  } else {
    return I::bit_or(I::bit_and(I::template shift_left<16>(level), I::set(0x7f800000)),
                     I::lookup128(fraction_mantissa16, I::bit_and(level, I::set(127))));
  }
}

/// Sign, clamped biased level, and which lanes are zero.
struct encoded {
  I::reg sign, level;
  I::mask zero;
};

template <class F>
inline encoded encode_lanes(I::reg x, const window<F>& w) {
  const I::reg magnitude = I::bit_and(x, I::set(0x7fffffff));
  const I::mask negative = I::is_negative(x);
  const I::reg bottom = I::select(negative, I::add(w.bottom, I::set(1)), w.bottom);
  const I::reg limit = I::select(negative, w.limit_minus, w.limit_plus);
  const I::reg infinity = I::set(0x7f800000);
  I::reg level = I::max(I::min(nearest_level<F>(magnitude), w.top), bottom);
  level = I::select(I::greater(infinity, magnitude), level, bottom);
  const I::mask zero = I::mask_or(I::greater(magnitude, infinity), I::not_greater(magnitude, limit));
  return {I::bit_and(x, I::set(static_cast<std::int32_t>(0x80000000U))), level, zero};
}

template <class F>
inline I::reg fake_quantize_lanes(I::reg x, const window<F>& w) {
  const encoded e = encode_lanes<F>(x, w);
  return I::zero_where(e.zero, I::bit_or(level_value<F>(e.level), e.sign));
}

template <class F>
inline I::reg code_lanes(I::reg x, const window<F>& w) {
  const encoded e = encode_lanes<F>(x, w);
  const I::reg code = I::bit_or(I::sub(e.level, w.bottom), I::template shift_right<32 - F::bits>(e.sign));
  return I::select(e.zero, I::set(F::zero), code);
}

/// Values of codes; zero is recognised, other codes are taken as valid.
template <class F>
inline I::reg decode_lanes(I::reg code, const window<F>& w) {
  const I::reg q = I::bit_and(code, I::set(F::sign_bit - 1));
  const I::reg sign = I::template shift_left<32 - F::bits>(I::bit_and(code, I::set(F::sign_bit)));
  const I::reg level = I::min(I::add(q, w.bottom), w.top);
  return I::zero_where(I::equal(code, I::set(F::zero)), I::bit_or(level_value<F>(level), sign));
}

/// Applies f to n elements, lane by lane; the rest goes through a padded buffer so that nothing outside is touched.
template <class In, class Out, class Function>
inline void map(const In* in, Out* out, std::size_t n, Function f) {
  std::size_t i = 0;
  for (; i + I::lanes <= n; i += I::lanes) I::store(out + i, f(I::load(in + i)));
  if (i == n) return;
  In rest[I::lanes] = {};
  Out result[I::lanes];
  std::memcpy(static_cast<void*>(rest), in + i, (n - i) * sizeof(In));
  I::store(result, f(I::load(rest)));
  std::memcpy(static_cast<void*>(out + i), result, (n - i) * sizeof(Out));
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
