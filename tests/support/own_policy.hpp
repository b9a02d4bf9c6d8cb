// A policy as users write them: 4-bit weights, a scale for each group; 12-bit activations; sums of 24 bits that
// saturate.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include <nniesim/nniesim.hpp>

namespace own_policy {

using namespace nniesim;

/// Symmetric integers of some bits in steps of one float.
template <int Bits>
struct integers {
  using code = std::int16_t;
  struct scale {
    float step = 1.0F;
  };
  static constexpr std::string_view name = Bits == 4 ? "int4" : "int12";
  static constexpr int bits = Bits;
  static constexpr float most = static_cast<float>((1 << (Bits - 1)) - 1);

  static scale scale_of(std::span<const float> values) {
    float largest = 0.0F;
    for (const float v : values) largest = std::max(largest, std::fabs(v));
    return {largest == 0.0F ? 1.0F : std::max(largest / most, std::numeric_limits<float>::min())};
  }
  static code encode(float x, const scale& s) {
    return static_cast<code>(std::clamp(std::nearbyint(x / s.step), -most, most));
  }
  static code encode(float x, const scale& s, event_counts& counts) {
    if (std::fabs(x) > largest(s)) counts(event::saturated);
    return encode(x, s);
  }
  static float decode(code c, const scale& s) noexcept { return static_cast<float>(c) * s.step; }
  static float step(float, const scale& s) noexcept { return s.step; }
  static float largest(const scale& s) noexcept { return most * s.step; }
};

struct w4a12 : precision<integers<4>, integers<12>, fixed_accumulator<16, 8, nearest_even, saturate>, q20_12> {
  static constexpr std::string_view name = "w4a12";
};

/// What an accumulator may round off each product.
template <class P>
inline constexpr double product_error = 0;
template <>
inline constexpr double product_error<w4a12> = 0x1p-9;

/// What it holds.
template <class P>
inline constexpr double largest_sum = 0;
template <>
inline constexpr double largest_sum<w4a12> = 32767;

}  // namespace own_policy
