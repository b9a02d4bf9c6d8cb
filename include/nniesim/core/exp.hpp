// The exponential function with the same bits on every machine: math libraries differ in the last place.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// e^x in float64, within 1 ulp for normal results. NaN gives NaN; overflow infinity; underflow 0 or a denormal.
[[nodiscard]] inline double exact_bits_exp(double x) noexcept {
  if (x != x) return x;
  if (x > 709.782712893384) return std::numeric_limits<double>::infinity();
  if (x < -745.2) return 0.0;
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, so that r is good to far below its last place.
  const double n = std::floor(std::fma(x, 0x1.71547652b82fep0, 0.5));
  const double r = std::fma(-n, 0x1.abc9e3b39803fp-56, std::fma(-n, 0x1.62e42fefa39efp-1, x));
  // The Taylor series to r^13: the next term is below 2^-57.
  double sum = 1.0 / 6227020800.0;
  constexpr double inverse_factorial[] = {1.0 / 479001600.0,
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
  for (const double c : inverse_factorial) sum = std::fma(sum, r, c);
  // Times 2^n in two factors, as n may be below the exponents of normal numbers.
  const auto power = [](std::int64_t e) { return std::bit_cast<double>(static_cast<std::uint64_t>(e + 1023) << 52U); };
  const auto whole = static_cast<std::int64_t>(n);
  const std::int64_t half = whole / 2;
  return sum * power(half) * power(whole - half);
}

NNIESIM_END_NAMESPACE
