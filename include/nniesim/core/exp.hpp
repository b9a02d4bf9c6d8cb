// The exponential function with the same bits on every machine: math libraries differ in the last place.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What exact_bits_exp and its vector form are made of.
namespace exp_constants {

inline constexpr double highest = 709.782712893384;         ///< above it is infinity
inline constexpr double lowest = -745.2;                    ///< below it is 0
inline constexpr double inverse_ln2 = 0x1.71547652b82fep0;  ///< 1/ln 2
inline constexpr double ln2 = 0x1.62e42fefa39efp-1;         ///< ln 2, the nearest double
inline constexpr double ln2_rest = 0x1.abc9e3b39803fp-56;   ///< what that lacks of ln 2
/// 1/13! ... 1/0!: the next term is below 2^-57.
inline constexpr double series[] = {1.0 / 6227020800.0,
                                    1.0 / 479001600.0,
                                    1.0 / 39916800.0,
                                    1.0 / 3628800.0,
                                    1.0 / 362880.0,
                                    1.0 / 40320.0,
                                    1.0 / 5040.0,
                                    1.0 / 720.0,
                                    1.0 / 120.0,
                                    1.0 / 24.0,
                                    1.0 / 6.0,
                                    0.5,
                                    1.0,
                                    1.0};

}  // namespace exp_constants

/// e^x in float64, within 1 ulp for normal results. NaN gives NaN; overflow infinity; underflow 0 or a denormal.
[[nodiscard]] inline double exact_bits_exp(double x) noexcept {
  if (x != x) return x;
  if (x > exp_constants::highest) return std::numeric_limits<double>::infinity();
  if (x < exp_constants::lowest) return 0.0;
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, so that r is good to far below its last place.
  const double n = std::floor(std::fma(x, exp_constants::inverse_ln2, 0.5));
  const double r = std::fma(-n, exp_constants::ln2_rest, std::fma(-n, exp_constants::ln2, x));
  double sum = 0.0;
  for (const double c : exp_constants::series) sum = std::fma(sum, r, c);
  // Times 2^n in two factors, as n may be below the exponents of normal numbers.
  const auto power = [](std::int64_t e) { return std::bit_cast<double>(static_cast<std::uint64_t>(e + 1023) << 52U); };
  const auto whole = static_cast<std::int64_t>(n);
  const std::int64_t half = whole / 2;
  return sum * power(half) * power(whole - half);
}

NNIESIM_END_NAMESPACE
