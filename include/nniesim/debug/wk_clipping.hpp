// Which blobs of a compiled model are too narrow for a picture.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <map>
#include <vector>

#include <nniesim/debug/wk_match.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A blob whose largest magnitude lies beyond its scale's range, so that the accelerator stores less.
struct wk_clipped_blob {
  std::size_t blob = 0;  ///< of the network, by index
  wk_range range{};      ///< which it has
  int needed_z = 0;      ///< the least z that holds the value
  float largest = 0;     ///< magnitude
};

/// Looks at the values of the last run of `runner`, a float network that keeps all blobs, for those of `ranges`; blobs
/// that no layer writes, as between folded ones, are left out. The float network's values are near the accelerator's,
/// not the same.
[[nodiscard]] inline std::vector<wk_clipped_blob> wk_clipped(const std::map<std::size_t, wk_range>& ranges,
                                                             const network_runner& runner) {
  std::vector<wk_clipped_blob> clipped;
  std::vector<bool> is_written(runner.net().blobs.size());
  for (const layer& l : runner.net().layers) {
    for (const std::size_t b : l.outputs) is_written[b] = true;
  }
  for (const auto& [b, range] : ranges) {
    if (b >= is_written.size() || !is_written[b]) continue;
    float largest = 0;
    runner.visit(b, [&](auto x) {
      if constexpr (std::same_as<element_t<decltype(x)>, float>) {
        for (const float v : x.span()) largest = std::max(largest, std::abs(v));
      }
    });
    const int z = range.bits == 8 ? gfpq8::scale_of_max(largest).z() : gfpq16::scale_of_max(largest).z();
    if (largest > 0 && z > range.z) clipped.push_back({b, range, z, largest});
  }
  return clipped;
}

NNIESIM_END_NAMESPACE
