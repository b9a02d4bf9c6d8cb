// The ranges that calibration found for the inputs of a network's layers, and the file that keeps them.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <nniesim/formats/gfpq.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Activation scales of one range in both widths.
struct activation_range {
  gfpq8::scale in_8bit{};
  gfpq16::scale in_16bit{};

  [[nodiscard]] bool operator==(const activation_range&) const = default;
};

/// By layer name; as many as the layer has input_ranges().
struct activation_ranges {
  std::map<std::string, std::vector<activation_range>> layers{};
  std::size_t pictures = 0;  ///< how many they come from

  [[nodiscard]] bool operator==(const activation_ranges&) const = default;
};

NNIESIM_END_NAMESPACE
