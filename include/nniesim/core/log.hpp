// The natural logarithm with the same bits on every machine: math libraries differ in the last place.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What exact_bits_log and its vector form are made of.
namespace log_constants {

inline constexpr double root_of_2 = 0x1.6a09e667f3bcdp0;  ///< the nearest double
/// ln 2 with zeros in its last 12 bits, so that its multiples by exponents are exact.
inline constexpr double ln2 = 0x1.62e42fefa3p-1;
inline constexpr double ln2_rest = 0x1.3de6af278ece6p-42;  ///< what that lacks of ln 2
/// s^2/3 + s^4/5 + ... + s^22/23: the next term is below 2^-68.
inline constexpr double series[] = {1.0 / 23.0, 1.0 / 21.0, 1.0 / 19.0, 1.0 / 17.0, 1.0 / 15.0, 1.0 / 13.0,
                                    1.0 / 11.0, 1.0 / 9.0,  1.0 / 7.0,  1.0 / 5.0,  1.0 / 3.0};

}  // namespace log_constants

/// ln x in float64, within 1 ulp. As IEEE 754 has it: -infinity for a zero, NaN for negative numbers and NaN.
[[nodiscard]] inline double exact_bits_log(double x) noexcept {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (x != x) return x;
  if (x == 0.0) return -infinity;
  if (x < 0.0) return std::numeric_limits<double>::quiet_NaN();
  if (x == infinity) return x;
  // x = 2^e m with m between sqrt(1/2) and sqrt(2); denormals are scaled up first.
  const bool is_denormal = x < std::numeric_limits<double>::min();
  const auto bits = std::bit_cast<std::uint64_t>(is_denormal ? x * 0x1p54 : x);
  constexpr std::uint64_t fraction = (std::uint64_t{1} << 52U) - 1;
  double m = std::bit_cast<double>((bits & fraction) | std::uint64_t{1023} << 52U);
  double e = static_cast<double>(bits >> 52U) - (is_denormal ? 1077.0 : 1023.0);
  if (m > log_constants::root_of_2) {
    m *= 0.5;
    e += 1.0;
  }
  // ln m = 2 artanh(s) with s = f / (2 + f), of which the rest that rounding leaves is kept.
  const double f = m - 1.0;
  const double sum = 2.0 + f;
  const double sum_rest = f - (sum - 2.0);
  const double s = f / sum;
  const double s_rest = std::fma(-s, sum_rest, std::fma(-s, sum, f)) / sum;
  const double square = s * s;
  double series = 0.0;
  for (const double c : log_constants::series) series = std::fma(series, square, c);
  series *= square;
  // e ln 2, whose first part is exact, and the first term of ln m, added without loss; then all that is small.
  const double whole = e * log_constants::ln2;
  const double high = whole + 2.0 * s;
  const double low = std::fma(2.0, s, whole - high);
  const double rest = std::fma(e, log_constants::ln2_rest, 2.0 * std::fma(s, series, s_rest));
  return high + (low + rest);
}

NNIESIM_END_NAMESPACE
