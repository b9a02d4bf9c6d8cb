// Boxes, their overlap, and non-maximum suppression, as detectors after Caffe have them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Left, top, right, bottom.
struct box {
  float x1 = 0,  ///< left
      y1 = 0,    ///< top
      x2 = 0,    ///< right
      y2 = 0;    ///< bottom
};

/// The share of the union of a and b that they have in common, 0 to 1, in float64. `edge` is what a box has beyond the
/// difference of its corners: 0 where these are points (SSD), 1 where they are pixels within it (Faster R-CNN). A box
/// whose corners are exchanged has no area; where there is a NaN the overlap is 0.
[[nodiscard]] inline double overlap(const box& a, const box& b, double edge) noexcept {
  const auto length = [&](float from, float to) {
    const double n = (static_cast<double>(to) - static_cast<double>(from)) + edge;
    return n > 0 ? n : 0.0;
  };
  const double common =
      length(std::max(a.x1, b.x1), std::min(a.x2, b.x2)) * length(std::max(a.y1, b.y1), std::min(a.y2, b.y2));
  if (!(common > 0)) return 0.0;
  const double in_a = length(a.x1, a.x2), in_b = length(b.x1, b.x2);
  const double both = std::fma(in_a, length(a.y1, a.y2), std::fma(in_b, length(b.y1, b.y2), -common));
  return both > 0 ? common / both : 0.0;
}

/// How boxes that overlap are thinned out.
struct suppression {
  double threshold = 0.3;  ///< what overlaps a kept one by more is dropped
  double eta = 1.0;        ///< the threshold is multiplied by it after each kept box, while it is above 0.5
  double edge = 0.0;       ///< of overlap()
};

/// Of `order`, indices of boxes from the best on, those that are kept: each unless it overlaps one kept before it by
/// more than the threshold. At most `most`.
[[nodiscard]] inline std::vector<std::size_t> suppressed(std::span<const box> boxes, std::span<const std::size_t> order,
                                                         const suppression& s, std::size_t most) {
  std::vector<std::size_t> kept;
  double threshold = s.threshold;
  for (const std::size_t i : order) {
    if (kept.size() == most) break;
    const bool keep = std::all_of(kept.begin(), kept.end(),
                                  [&](std::size_t k) { return overlap(boxes[i], boxes[k], s.edge) <= threshold; });
    if (!keep) continue;
    kept.push_back(i);
    if (s.eta < 1.0 && threshold > 0.5) threshold *= s.eta;
  }
  return kept;
}

/// The places i, under `count`, of values[first + i * step] above `least`, from the largest on, of equal ones the first
/// first; at most `most`. NaN is above nothing.
[[nodiscard]] inline std::vector<std::size_t> places_of_largest(std::span<const float> values, std::size_t first,
                                                                std::size_t step, std::size_t count, float least,
                                                                std::size_t most) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < count; ++i) {
    if (values[first + i * step] > least) places.push_back(i);
  }
  const auto is_before = [&](std::size_t a, std::size_t b) {
    const float u = values[first + a * step], v = values[first + b * step];
    return u > v || (u == v && a < b);
  };
  const std::size_t n = std::min(most, places.size());
  std::partial_sort(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(n), places.end(), is_before);
  places.resize(n);
  return places;
}

NNIESIM_END_NAMESPACE
