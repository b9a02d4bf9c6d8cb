// Exponential, logarithm and reciprocal by the accelerator's CORDIC, in integers. Not to be taken for exact: an angle
// ends within 2^-14.
// Source: two tables that stand in every compiled model that was read (file header, 0x90 and 0xa0) hold the angles, the
// multiples of ln 2, the octave of each step of 1/32 and the steps of the division, equal integer for integer. The
// arithmetic between these constants, its widths and its roundings are inferred from their units
// (examples/guide/compiled-models.md, section 3).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <nniesim/core/function_tables.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace cordic {

/// The shifts of the 16 iterations, of hyperbolic rotations and of the division.
inline constexpr std::array<int, 16> shifts = {1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 13, 14};

/// floor(2^26 artanh(2^-shift)), but for the shift 2, where one more stands in the files.
inline constexpr auto angles = [] {
  std::array<std::int32_t, shifts.size()> a{};
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double t = 1.0 / (1 << shifts[i]);
    double sum = 0.0;
    for (int k = 59; k > 0; k -= 2) sum = sum * t * t + 1.0 / k;
    a[i] = detail::certain_trunc(0x1p26 * t * sum) + (shifts[i] == 2 ? 1 : 0);
  }
  return a;
}();

/// 2^26 over the product of all sqrt(1 - 4^-shift): where a rotation starts, so that it ends at 2^26 e^angle. It does
/// not stand in the files.
inline constexpr std::int32_t start = [] {
  double square = 1.0;
  for (const int k : shifts) square *= 1.0 - 1.0 / (1 << k) / (1 << k);
  double inverse = 1.2;  // of its root, by Newton's iteration
  for (int i = 0; i < 8; ++i) inverse *= 1.5 - 0.5 * square * inverse * inverse;
  return detail::certain_trunc(0x1p26 * inverse + 0.5);
}();

/// Entry n + 10: floor(4096 n ln 2), n = -10 ... 19.
inline constexpr auto ln2_multiples = [] {
  std::array<std::int32_t, 30> t{};
  for (int n = -10; n < 20; ++n) {
    const double steps = 4096.0 * 0x1.62e42fefa39efp-1 * n;
    t[static_cast<std::size_t>(n + 10)] = n == 0 ? 0 : detail::certain_trunc(steps) - (n < 0 ? 1 : 0);
  }
  return t;
}();
[[nodiscard]] constexpr std::int32_t ln2_multiple(std::int32_t n) noexcept {
  return ln2_multiples[static_cast<std::size_t>(n + 10)];
}

/// |x| in steps of 1/32 from which on an exponential is beyond all results: 13.15625.
inline constexpr std::uint32_t out_of_range = 421;

/// How many multiples of ln 2 are taken off a number, by its whole steps of 1/32, as it stands in the files. They begin
/// near those multiples, at 22n + 1 but for two; no formula is known. What is left lies between -0.08 and 0.73.
inline constexpr auto octaves = [] {
  constexpr std::array<std::size_t, 20> first = {0,   23,  45,  67,  89,  111, 133, 155, 177, 199,
                                                 221, 243, 265, 288, 309, 331, 353, 375, 397, out_of_range};
  std::array<std::int8_t, out_of_range> t{};
  for (std::size_t n = 0; n + 1 < first.size(); ++n) {
    for (std::size_t step = first[n]; step < first[n + 1]; ++step) t[step] = static_cast<std::int8_t>(n);
  }
  return t;
}();

/// 2^26 e^angle for an angle in 1/2^26, at most 1.1 in magnitude. (cosh and sinh rotate together; their sum, which is
/// the result, does so alone.)
[[nodiscard]] constexpr std::int32_t exp_of_angle(std::int32_t angle) noexcept {
  std::int32_t u = start;
  for (std::size_t i = 0; i < shifts.size(); ++i) {
    const std::int32_t step = u >> shifts[i];
    u += angle < 0 ? -step : step;
    angle -= angle < 0 ? -angles[i] : angles[i];
  }
  return u;
}

/// No angle of exp or falling_exp, in 1/4096, is further from 0.
inline constexpr std::int32_t most_rest = 3000;

/// exp_of_angle of every such angle, from -most_rest on: what vectors look up instead. Made when it is first used: by
/// the compiler, each time that it reads this file, it would take seconds.
[[nodiscard]] inline const std::array<std::int32_t, 2 * most_rest + 1>& exponentials() noexcept {
  struct table {
    std::array<std::int32_t, 2 * most_rest + 1> entry;
    table() noexcept {
      for (std::int32_t k = -most_rest; k <= most_rest; ++k) {
        entry[static_cast<std::size_t>(k + most_rest)] = exp_of_angle(k * 16384);
      }
    }
  };
  static const table t;
  return t.entry;
}

/// e^x of x in 1/4096, in 1/4096, toward minus infinity. From 13.15625 on it is the largest int32, from -13.15625 down
/// 0.
[[nodiscard]] constexpr std::int32_t exp(std::int32_t x) noexcept {
  const std::uint32_t size = x < 0 ? 0 - static_cast<std::uint32_t>(x) : static_cast<std::uint32_t>(x);
  if (size >> 7 >= out_of_range) return x < 0 ? 0 : std::numeric_limits<std::int32_t>::max();
  const std::int32_t n = octaves[size >> 7];
  const std::int32_t rest = (static_cast<std::int32_t>(size) - ln2_multiple(n)) * 16384;
  if (x < 0) return exp_of_angle(-rest) >> std::min(n + 14, 31);
  return static_cast<std::int32_t>((std::int64_t{exp_of_angle(rest)} << n) >> 14);
}

/// e^-x of x in 1/4096, in 1/2^18 (the unit of the division), toward minus infinity.
[[nodiscard]] constexpr std::int32_t falling_exp(std::uint32_t x) noexcept {
  if (x >> 7 >= out_of_range) return 0;
  const std::int32_t n = octaves[x >> 7];
  return exp_of_angle((ln2_multiple(n) - static_cast<std::int32_t>(x)) * 16384) >> (n + 8);
}

/// 1 / x of x in 1/2^18, 1 <= x < 2^44, in 1/4096, toward minus infinity: 16 steps of 2^(18 - shift), up or down, so
/// that the reciprocal is known within 2^-14 before it is cut; not below 0.
[[nodiscard]] constexpr std::int32_t reciprocal(std::int64_t x) noexcept {
  std::int64_t rest = std::int64_t{1} << 18;
  std::int32_t z = 0;
  for (const int k : shifts) {
    const std::int32_t step = 1 << (18 - k);
    z += rest < 0 ? -step : step;
    rest -= rest < 0 ? -(x >> k) : x >> k;
  }
  return std::max(z, 0) >> 6;
}

/// ln x of x > 0 in 1/4096, in 1/4096, toward minus infinity: x = w 2^(4j - 10) with w between 1/4 and 4, and
/// ln w = 2 artanh((w - 1)/(w + 1)). (Multiples 4j - 10 of ln 2 are what stands behind the other ones.) Nothing is
/// known of numbers that are not positive: 0 gives the lowest int32, a negative one 0, as -infinity and NaN are
/// written.
[[nodiscard]] constexpr std::int32_t log(std::int32_t x) noexcept {
  if (x <= 0) return x == 0 ? std::numeric_limits<std::int32_t>::min() : 0;
  const int j = (31 - std::countl_zero(static_cast<std::uint32_t>(x))) / 4;
  const auto w = static_cast<std::int32_t>((std::int64_t{x} << 24) >> (4 * j));
  std::int32_t sum = w + (1 << 26);
  std::int32_t rest = w - (1 << 26);
  std::int32_t z = 0;
  for (std::size_t i = 0; i < shifts.size(); ++i) {
    const std::int32_t of_sum = sum >> shifts[i];
    const std::int32_t of_rest = rest >> shifts[i];
    z += rest < 0 ? -angles[i] : angles[i];
    sum -= rest < 0 ? -of_rest : of_rest;
    rest -= rest < 0 ? -of_sum : of_sum;
  }
  return (z >> 13) + ln2_multiple(4 * j - 10);
}

}  // namespace cordic

NNIESIM_END_NAMESPACE
