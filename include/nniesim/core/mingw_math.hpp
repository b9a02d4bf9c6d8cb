// Functions of <cmath> that the C library of MinGW-w64 (msvcrt) rounds more than once: fma, of which the library's
// numbers are chains, and round. They are made of exact steps here and stand in for that library's in the whole
// program; programs that are built for processors with the instruction call no fma. Other systems have right ones.
#pragma once

#if defined(__MINGW32__) || defined(NNIESIM_TEST_MINGW_MATH)

#include <bit>
#include <cmath>
#include <cstdint>

namespace nniesim::mingw {

/// A finite number other than zero as mantissa * 2^exponent, the mantissa of 53 bits with the first one set.
struct parts {
  /// Of x, which is not checked.
  explicit parts(double x) {
    const auto bits = std::bit_cast<std::uint64_t>(x);
    negative = bits >> 63U != 0;
    const int biased = static_cast<int>(bits >> 52U & 0x7ffU);
    mantissa = bits & 0xfffffffffffffU;
    if (biased != 0) {
      mantissa |= std::uint64_t{1} << 52U;
      exponent = biased - 1075;
    } else {
      const int missing = std::countl_zero(mantissa) - 11;
      mantissa <<= missing;
      exponent = -1074 - missing;
    }
  }
  bool negative;           ///< the sign
  std::uint64_t mantissa;  ///< bit 52 is the first one
  int exponent;            ///< of 2
};

__extension__ typedef unsigned __int128 wide;

/// x / 2^places, its last bit set where bits are lost.
[[nodiscard]] inline wide shifted_right(wide x, int places) {
  if (places >= 128) return x != 0 ? 1 : 0;
  const wide kept = x >> places;
  return kept << places == x ? kept : kept | 1;
}

/// (-1)^negative * magnitude * 2^exponent, rounded to the nearest, ties to even.
[[nodiscard]] inline double rounded(bool negative, wide magnitude, int exponent) {
  if (magnitude == 0) return 0;
  const auto high = static_cast<std::uint64_t>(magnitude >> 64U);
  const int top =
      high != 0 ? 127 - std::countl_zero(high) : 63 - std::countl_zero(static_cast<std::uint64_t>(magnitude));
  const int last = exponent + top - 52 > -1074 ? exponent + top - 52 : -1074;  // the exponent of the result's last bit
  const int drop = last - exponent;
  if (drop > 126) return negative ? -0.0 : 0.0;
  std::uint64_t mantissa = 0;
  if (drop > 0) {
    mantissa = static_cast<std::uint64_t>(magnitude >> drop);
    const wide rest = magnitude & ((wide{1} << drop) - 1), half = wide{1} << (drop - 1);
    if (rest > half || (rest == half && (mantissa & 1U) != 0)) ++mantissa;
  } else {
    mantissa = static_cast<std::uint64_t>(magnitude << -drop);
  }
  const double result = std::ldexp(static_cast<double>(mantissa), last);
  return negative ? -result : result;
}

[[nodiscard]] inline double fused(double x, double y, double z) {
  if (!std::isfinite(x) || !std::isfinite(y) || x == 0 || y == 0) return x * y + z;
  if (!std::isfinite(z)) return z;
  const parts a(x), b(y);
  // The product stands in bits 18 to 123, the sum needs one more.
  wide product = static_cast<wide>(a.mantissa) * b.mantissa << 18U;
  int exponent = a.exponent + b.exponent - 18;
  const bool negative = a.negative != b.negative;
  if (z == 0) return rounded(negative, product, exponent);
  const parts c(z);
  const int distance = c.exponent - exponent;
  wide addend = c.mantissa;
  if (distance > 71) {
    addend <<= 71U;
    product = shifted_right(product, distance - 71);
    exponent = c.exponent - 71;
  } else if (distance >= 0) {
    addend <<= distance;
  } else {
    addend = shifted_right(addend, -distance);
  }
  if (negative == c.negative) return rounded(negative, product + addend, exponent);
  return product >= addend ? rounded(negative, product - addend, exponent)
                           : rounded(c.negative, addend - product, exponent);
}

/// By a sum in double whose last bit tells that it is not exact, so that rounding it to float rounds once.
[[nodiscard]] inline float fused(float x, float y, float z) {
  const double product = static_cast<double>(x) * static_cast<double>(y), addend = z;
  const double sum = product + addend;
  if (!std::isfinite(sum)) return static_cast<float>(sum);
  const double part = sum - product;
  const double lost = (product - (sum - part)) + (addend - part);
  auto bits = std::bit_cast<std::uint64_t>(sum);
  if (lost != 0 && (bits & 1U) == 0) {
    if ((lost > 0) == (sum > 0)) ++bits;
    else --bits;
  }
  return static_cast<float>(std::bit_cast<double>(bits));
}

/// The nearest whole number, halves away from zero.
template <class Real>
[[nodiscard]] Real rounded_away(Real x) {
  const Real whole = std::trunc(x), rest = std::fabs(x - whole);  // exact; not a number for infinities
  return rest >= static_cast<Real>(0.5) ? whole + std::copysign(Real{1}, x) : whole;
}

}  // namespace nniesim::mingw

#if defined(__MINGW32__) && !defined(_UCRT) && !defined(__FMA__)
extern "C" {
inline __attribute__((used)) double fma(double x, double y, double z) { return nniesim::mingw::fused(x, y, z); }
inline __attribute__((used)) float fmaf(float x, float y, float z) { return nniesim::mingw::fused(x, y, z); }
}
#endif
#if defined(__MINGW32__) && !defined(_UCRT)
extern "C" {
inline __attribute__((used)) double round(double x) { return nniesim::mingw::rounded_away(x); }
inline __attribute__((used)) float roundf(float x) { return nniesim::mingw::rounded_away(x); }
}
#endif

#endif
