// Sigmoid and tanh as the accelerator has them: tables of 512 entries.
// Source: the same bytes stand in every compiled model that was read (file header, 0x70 and 0x80), 512 of 512 entries
// equal each. What is done between two entries is not known (examples/guide/compiled-models.md, section 3).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The whole part of a number that was computed with an error below 1e-6. Does not compile where such an error could
/// change the result: tables that are made of it depend on no rounding.
[[nodiscard]] constexpr std::int32_t certain_trunc(double x) {
  const auto whole = static_cast<std::int32_t>(x);
  const double rest = x < 0 ? static_cast<double>(whole) - x : x - static_cast<double>(whole);
  if (rest < 1e-6 || rest > 1.0 - 1e-6) throw "too close to a whole number";
  return whole;
}

/// e^-x for 0 <= x <= 32, relative error below 1e-13: the series of e^(-x/64), squared six times.
[[nodiscard]] constexpr double falling_exponential(double x) {
  double sum = 1.0;
  for (int k = 18; k > 0; --k) sum = 1.0 - x / 64.0 / k * sum;
  for (int i = 0; i < 6; ++i) sum *= sum;
  return sum;
}

}  // namespace detail

/// A function of x in 512 steps of 1/16. Entry i is 2^15 f((i - 256)/16 + offset/4096), truncated toward zero.
struct function_table {
  std::int32_t offset;  ///< in 1/4096
  /// The last entry stands twice, so that every entry has a next one.
  std::array<std::int16_t, 513> entry;

  /// Where x, in 1/4096, lies in the table: entry index * 256 + fraction. Beyond the ends it is the end.
  [[nodiscard]] constexpr std::int32_t place(std::int32_t x) const noexcept {
    return std::clamp(x, least(), most()) - least();
  }
  /// The smallest x of the table, in 1/4096: that of entry 0.
  [[nodiscard]] constexpr std::int32_t least() const noexcept { return offset - 65536; }
  /// The largest x of the table, in 1/4096: that of entry 511.
  [[nodiscard]] constexpr std::int32_t most() const noexcept { return offset + 255 * 256; }

  /// In 1/4096, toward minus infinity: the line between two entries. (Our assumption; an output is truncated so
  /// everywhere else.)
  [[nodiscard]] constexpr std::int32_t linear(std::int32_t x) const noexcept {
    const std::int32_t p = place(x);
    const auto i = static_cast<std::size_t>(p >> 8);
    const std::int32_t fraction = p & 255;
    return (entry[i] * (256 - fraction) + entry[i + 1] * fraction) >> 11;
  }
  /// In 1/4096, toward minus infinity: the entry that is nearest, the upper one of two.
  [[nodiscard]] constexpr std::int32_t nearest(std::int32_t x) const noexcept {
    return entry[static_cast<std::size_t>((place(x) + 128) >> 8)] >> 3;
  }
};

/// Entries at x = -16, -15 15/16, ... 15 15/16: 0 to 32767.
inline constexpr function_table sigmoid_table = [] {
  function_table t{0, {}};
  for (std::size_t i = 0; i < 512; ++i) {
    const double x = (static_cast<double>(i) - 256.0) / 16.0;
    const double e = detail::falling_exponential(x < 0 ? -x : x);
    const double steps = 32768.0 * (x < 0 ? e : 1.0) / (1.0 + e);
    t.entry[i] = static_cast<std::int16_t>(i == 256 ? 16384 : detail::certain_trunc(std::min(steps, 32767.5)));
  }
  t.entry[512] = t.entry[511];
  return t;
}();

/// Entries at x = -15 31/32, ... 15 31/32, between the places of the other table: -32767 to 32767.
inline constexpr function_table tanh_table = [] {
  function_table t{128, {}};
  for (std::size_t i = 0; i < 512; ++i) {
    const double x = (static_cast<double>(i) - 255.5) / 16.0;
    const double e = detail::falling_exponential(x < 0 ? -2.0 * x : 2.0 * x);
    const std::int32_t size = detail::certain_trunc(std::min(32768.0 * (1.0 - e) / (1.0 + e), 32767.5));
    t.entry[i] = static_cast<std::int16_t>(x < 0 ? -size : size);
  }
  t.entry[512] = t.entry[511];
  return t;
}();

NNIESIM_END_NAMESPACE
