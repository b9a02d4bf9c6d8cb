// The ranges that calibration found for the inputs of a network's layers, and the file that keeps them.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <nniesim/formats/gfpq.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Activation scales of one range in both widths, and the largest magnitude for formats of other kinds.
struct activation_range {
  gfpq8::scale in_8bit{};
  gfpq16::scale in_16bit{};
  float largest = 0.0F;

  [[nodiscard]] static activation_range of(float largest) noexcept {
    return {gfpq8::scale_of_max(largest), gfpq16::scale_of_max(largest), largest};
  }
  /// The scale of a format for the range.
  template <quantized_format F>
  [[nodiscard]] typename F::scale scale() const {
    if constexpr (std::same_as<F, gfpq8>) return in_8bit;
    else if constexpr (std::same_as<F, gfpq16>) return in_16bit;
    else if constexpr (requires { F::scale_of_max(1.0F); }) return F::scale_of_max(largest);
    else return F::scale_of(std::span<const float>(&largest, 1));
  }

  [[nodiscard]] bool operator==(const activation_range&) const = default;
};

/// By layer name; as many as the layer has input_ranges().
struct activation_ranges {
  std::map<std::string, std::vector<activation_range>> layers{};
  std::size_t pictures = 0;  ///< how many they come from

  [[nodiscard]] bool operator==(const activation_ranges&) const = default;
};

NNIESIM_END_NAMESPACE
