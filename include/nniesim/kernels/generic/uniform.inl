// Encoding of whole arrays into uniform integers, one code or several to a word, over the vocabularies f32 and i32 and
// what elementwise.inl makes of them. Every function equals the format's own one-value function on every input.

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
