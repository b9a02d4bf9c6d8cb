// What the accelerator does with a finished sum of products: four integers per output, as compiled models hold them.
// Source: records of compiled models, thousands of them equal integer for integer; the arithmetic between them is
// inferred from their units (examples/guide/compiled-models.md, section 1).
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What becomes of a real sum, in units, before the integer stage. Not known: a unit is far below 1/4096 in every model
/// seen, so that the results hardly depend on it.
enum class sum_rounding {
  none,      ///< it stays as it is. The default
  nearest,   ///< to the nearest whole number of units, ties to even
  truncate,  ///< to whole units, toward minus infinity
};

/// The enumerator's name.
[[nodiscard]] constexpr std::string_view to_string(sum_rounding r) noexcept {
  switch (r) {
    case sum_rounding::none: return "none";
    case sum_rounding::nearest: return "nearest";
    case sum_rounding::truncate: return "truncate";
  }
  return "?";
}

/// A sum in units after the rounding.
template <std::floating_point Sum>
[[nodiscard]] Sum rounded(Sum sum, sum_rounding r) noexcept {
  switch (r) {
    case sum_rounding::nearest: return std::nearbyint(sum);
    case sum_rounding::truncate: return std::floor(sum);
    case sum_rounding::none: break;
  }
  return sum;
}

/// The stage of one output. A sum is in units, of 2^((z of weights + z of input)/levels) each: the smallest product of
/// two codes. In steps of 1/4096
///
///   y = floor((sum + bias) * multiplier / 2^30) + shift;  y < 0: y = floor(y * slope / 2^12)
///
/// with 2^19 in place of 2^30 where `coarse`.
struct mac_stage {
  std::int32_t bias = 0;        ///< in units
  std::int32_t multiplier = 0;  ///< factor * unit * 2^42, or 2^31 if coarse
  std::int32_t shift = 0;       ///< in 1/4096
  std::int32_t slope = 4096;    ///< of negative values, in 1/4096: 4096 none, 0 ReLU
  bool coarse = false;          ///< the multiplier is divided by 2^11: it would pass 2^31

  /// Equal in every integer.
  [[nodiscard]] friend bool operator==(const mac_stage&, const mac_stage&) = default;

  /// The whole part of x, saturated to 32 bits; 0 for NaN.
  [[nodiscard]] static std::int32_t saturated(double x) noexcept {
    constexpr double low = std::numeric_limits<std::int32_t>::min();
    constexpr double high = std::numeric_limits<std::int32_t>::max();
    return x != x ? 0 : static_cast<std::int32_t>(std::clamp(x, low, high));
  }
  /// The nearest integer, ties to even, saturated to 32 bits, of a number that is not NaN. Without a call and without
  /// an integer, for there are thousands in a run: adding 1.5 * 2^52 leaves no fraction bits.
  [[nodiscard]] static double nearest_whole(double x) noexcept {
    constexpr double low = std::numeric_limits<std::int32_t>::min();
    constexpr double high = std::numeric_limits<std::int32_t>::max();
    return (std::clamp(x, low, high) + 0x1.8p52) - 0x1.8p52;  // both ends are whole: clamping first changes nothing
  }
  /// The same as an integer; NaN gives 0.
  [[nodiscard]] static std::int32_t nearest(double x) noexcept {
    return x != x ? 0 : static_cast<std::int32_t>(nearest_whole(x));
  }
  /// Whether the multipliers of a layer are stored divided by 2^11: where the one without a factor would pass 2^31.
  [[nodiscard]] static bool is_coarse(double unit) noexcept { return unit * 0x1p42 >= 0x1p31 - 0.5; }

  /// y = (sum * unit + bias) * factor + shift as integers, each rounded to nearest with ties to even and saturated.
  /// `unit` is what a sum of 1 is worth, finite and not negative; 0 (all weights are 0): multiplier 0 and the bias at
  /// its limit, as a compiler of 2018 has it. `coarse` is the layer's, is_coarse() of its unit.
  [[nodiscard]] static mac_stage of(double bias, double factor, double shift, double unit, bool coarse) noexcept {
    mac_stage s;
    s.coarse = coarse;
    s.bias = unit > 0 ? nearest(bias / unit) : std::numeric_limits<std::int32_t>::max();
    s.multiplier = nearest(factor * unit * (coarse ? 0x1p31 : 0x1p42));
    s.shift = nearest(shift * 4096.0);
    return s;
  }

  /// The multiplier with its power of two: what (sum + bias) is multiplied by.
  [[nodiscard]] double scaled_multiplier() const noexcept {
    return static_cast<double>(multiplier) * (coarse ? 0x1p-19 : 0x1p-30);
  }
  /// The scalar specification, before the slope: in float64, the product rounded once, so that it is exact for whole
  /// sums wherever (sum + bias) * multiplier is under 2^53, which is |y| < 2048. Saturates to 32 bits.
  [[nodiscard]] std::int32_t apply(double sum, sum_rounding rounding = sum_rounding::none) const noexcept {
    const double total = rounded(sum, rounding) + static_cast<double>(bias);
    return saturated(std::floor(total * scaled_multiplier()) + static_cast<double>(shift));
  }
  /// A value of the layer after the slope, in 1/4096.
  [[nodiscard]] std::int32_t activated(std::int32_t y) const noexcept {
    return y < 0 ? static_cast<std::int32_t>(saturated(std::floor(static_cast<double>(y) * slope * 0x1p-12))) : y;
  }
};

/// A negative slope as the compiler stores it: truncated toward zero to 1/4096.
[[nodiscard]] inline std::int32_t slope_steps(double slope) noexcept {
  return mac_stage::saturated(std::trunc(slope * 4096.0));
}

NNIESIM_END_NAMESPACE
