// The accelerator's functions in integers, written once over the vocabulary `i32` (words of 32 bits that wrap), and
// included inside each instruction set's region and namespace. The specifications are core/function_tables.hpp and
// core/cordic.hpp.

/// x where the sign is 0, -x where it is -1.
inline i32::reg signed_by(i32::reg sign, i32::reg x) { return i32::sub(i32::bit_xor(x, sign), sign); }

/// One iteration of cordic::log.
template <std::size_t I>
inline void unrotate(i32::reg& sum, i32::reg& rest, i32::reg& angle) {
  const i32::sign sign = i32::sign_of(rest);
  const i32::reg of_sum = i32::shift_right_arithmetic<cordic::shifts[I]>(sum);
  sum = i32::minus(sum, sign, i32::shift_right_arithmetic<cordic::shifts[I]>(rest));
  rest = i32::minus(rest, sign, of_sum);
  angle = i32::plus(angle, sign, i32::set(cordic::angles[I]));
}

/// One iteration of cordic::reciprocal.
template <std::size_t I>
inline void divide(i32::reg x, i32::reg& rest, i32::reg& quotient) {
  const i32::sign sign = i32::sign_of(rest);
  quotient = i32::plus(quotient, sign, i32::set(1 << (18 - cordic::shifts[I])));
  rest = i32::minus(rest, sign, i32::shift_right_arithmetic<cordic::shifts[I]>(x));
}

/// 2^26 artanh(rest / sum).
template <std::size_t... I>
inline i32::reg angle_of(i32::reg sum, i32::reg rest, std::index_sequence<I...>) {
  i32::reg angle = i32::set(0);
  (unrotate<I>(sum, rest, angle), ...);
  return angle;
}

template <std::size_t... I>
inline i32::reg reciprocal(i32::reg x, std::index_sequence<I...>) {
  i32::reg rest = i32::set(1 << 18);
  i32::reg quotient = i32::set(0);
  (divide<I>(x, rest, quotient), ...);
  return i32::shift_right_arithmetic<6>(i32::max(quotient, i32::set(0)));
}

using iterations = std::make_index_sequence<cordic::shifts.size()>;

/// The octave of a magnitude, in 1/4096, that is the bound or below, and what is left of it; whether it is the bound.
struct reduced {
  i32::reg octave, rest;
  i32::mask outside;
  explicit reduced(i32::reg magnitude) {
    const i32::reg step = i32::shift_right_arithmetic<7>(magnitude);
    const i32::reg before = i32::sub(i32::max(step, i32::set(1)), i32::set(1));
    octave = i32::min(i32::shift_right_arithmetic<16>(i32::mul16(before, octave_factor)), i32::set(last_octave));
    octave = i32::add(octave, i32::minus_one_where(i32::equal(step, i32::set(late_octave_begins - 1))));
    const i32::reg ln2_multiple = i32::shift_right_arithmetic<3>(i32::mul16(octave, ln2_factor));
    rest = i32::sub(magnitude, ln2_multiple);
    outside = i32::greater(magnitude, i32::set(exp_bound - 1));
  }
};

/// A place in a table of int16: entry index * 256 + fraction.
inline i32::reg place(i32::reg x, const function_table& t) {
  const i32::reg low = i32::set(t.least());
  return i32::sub(i32::min(i32::max(x, low), i32::set(t.most())), low);
}

struct function_set {
  /// function_table::linear.
  static void linear(const q20_12* x, const function_table& t, q20_12* y, std::size_t n) {
    blocks<i32::lanes>(n, [&](std::size_t i, auto m) {
      const i32::reg p = place(load_words<i32>(x + i, m), t);
      const i32::reg fraction = i32::bit_and(p, i32::set(255));
      // 256 - fraction in the low half, which is the earlier entry's, fraction in the high one.
      const i32::reg weights = i32::add(i32::sub(i32::shift_left<16>(fraction), fraction), i32::set(256));
      const i32::reg pair = i32::pair_at(t.entry.data(), i32::shift_right_arithmetic<8>(p));
      store_words<i32>(y + i, i32::shift_right_arithmetic<11>(i32::dot(pair, weights)), m);
    });
  }
  /// function_table::nearest.
  static void nearest(const q20_12* x, const function_table& t, q20_12* y, std::size_t n) {
    blocks<i32::lanes>(n, [&](std::size_t i, auto m) {
      const i32::reg p = i32::add(place(load_words<i32>(x + i, m), t), i32::set(128));
      const i32::reg pair = i32::pair_at(t.entry.data(), i32::shift_right_arithmetic<8>(p));
      store_words<i32>(y + i, i32::shift_right_arithmetic<19>(i32::shift_left<16>(pair)), m);
    });
  }
  /// cordic::exp.
  static void exp(const q20_12* x, q20_12* y, std::size_t n) {
    const std::int32_t* of_rest = cordic::exponentials().data() + cordic::most_rest;
    blocks<i32::lanes>(n, [&](std::size_t i, auto m) {
      const i32::reg v = load_words<i32>(x + i, m);
      const i32::reg sign = i32::shift_right_arithmetic<31>(v);
      const reduced r(i32::unsigned_min(signed_by(sign, v), i32::set(exp_bound)));
      const i32::reg u = i32::at(of_rest, signed_by(sign, r.rest));
      const i32::reg beyond =
          i32::select(i32::is_negative(v), i32::set(0), i32::set(std::numeric_limits<std::int32_t>::max()));
      const i32::reg result = i32::scaled(u, i32::sub(signed_by(sign, r.octave), i32::set(14)));
      store_words<i32>(y + i, i32::select(r.outside, beyond, result), m);
    });
  }
  /// cordic::log.
  static void log(const q20_12* x, q20_12* y, std::size_t n) {
    blocks<i32::lanes>(n, [&](std::size_t i, auto m) {
      const i32::reg v = load_words<i32>(x + i, m);
      i32::reg j = i32::set(0);  // -4 times how many of 16, 16^2, ... are not above
      NNIESIM_UNROLL
      for (int k = 4; k < 32; k += 4) j = i32::add(j, i32::minus_one_where(i32::greater(v, i32::set((1 << k) - 1))));
      j = i32::shift_left<2>(j);
      const i32::reg w = i32::scaled(v, i32::add(j, i32::set(24)));
      const i32::reg one = i32::set(1 << 26);
      const i32::reg angle = angle_of(i32::add(w, one), i32::sub(w, one), iterations{});
      const i32::reg power = i32::sub(i32::set(-10), j);
      const i32::reg ln2_multiple = i32::shift_right_arithmetic<3>(i32::mul16(power, ln2_factor));
      const i32::reg result = i32::add(i32::shift_right_arithmetic<13>(angle), ln2_multiple);
      const i32::mask negative = i32::is_negative(v);
      const i32::reg otherwise = i32::select(negative, i32::set(0), i32::set(std::numeric_limits<std::int32_t>::min()));
      store_words<i32>(y + i, i32::select(i32::greater(v, i32::set(0)), result, otherwise), m);
    });
  }

  // Softmax, row by row.
  /// most = max(most, x).
  static void raise(const q20_12* x, q20_12* most, std::size_t n) {
    blocks<i32::lanes>(n, [&](std::size_t i, auto m) {
      store_words<i32>(most + i, i32::max(load_words<i32>(x + i, m), load_words<i32>(most + i, m)), m);
    });
  }
  /// y = cordic::falling_exp(most - x), added to the sums too.
  static void falling_exp(const q20_12* x, const q20_12* most, q20_12* y, std::int32_t* sum, std::size_t n) {
    const std::int32_t* of_rest = cordic::exponentials().data() + cordic::most_rest;
    blocks<i32::lanes>(n, [&](std::size_t i, auto m) {
      const i32::reg size = i32::sub(load_words<i32>(most + i, m), load_words<i32>(x + i, m));
      const reduced r(i32::unsigned_min(size, i32::set(exp_bound)));
      const i32::reg u = i32::at(of_rest, i32::sub(i32::set(0), r.rest));
      const i32::reg result = i32::scaled(u, i32::sub(i32::set(-8), r.octave));
      const i32::reg e = i32::select(r.outside, i32::set(0), result);
      store_words<i32>(y + i, e, m);
      store_words<i32>(sum + i, i32::add(load_words<i32>(sum + i, m), e), m);
    });
  }
  /// cordic::reciprocal.
  static void reciprocals(std::int32_t* x, std::size_t n) {
    blocks<i32::lanes>(n, [&](std::size_t i, auto m) {
      store_words<i32>(x + i, reciprocal(load_words<i32>(x + i, m), iterations{}), m);
    });
  }
  /// y = y * factor / 2^18, toward minus infinity.
  static void multiply(q20_12* y, const std::int32_t* factor, std::size_t n) {
    blocks<i32::lanes>(n, [&](std::size_t i, auto m) {
      const i32::reg product = i32::mul(load_words<i32>(y + i, m), load_words<i32>(factor + i, m));
      store_words<i32>(y + i, i32::shift_right_arithmetic<18>(product), m);
    });
  }
};
