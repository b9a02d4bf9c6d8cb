// Proposal: the regions that a region proposal network finds (Faster R-CNN). The compiler knows the layer and leaves it
// to the host, whose list of regions goes back to the accelerator (a public document of a board's samples).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <nniesim/core/exp.hpp>
#include <nniesim/ops/box.hpp>
#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Defaults are py-faster-rcnn's for testing.
struct proposal_params {
  std::size_t stride = 16;                        ///< pixels of the picture between places of the map
  std::size_t base_size = 16;                     ///< of the square that anchors are made of
  std::vector<float> ratios{0.5F, 1.0F, 2.0F};    ///< height over width
  std::vector<float> scales{8.0F, 16.0F, 32.0F};  ///< factors of the anchors' sides
  float min_size = 16;                            ///< in pixels of the unscaled picture; smaller boxes are dropped
  std::size_t before_suppression = 6000;          ///< so many of the best are looked at
  std::size_t regions = 300;                      ///< rows of the output
  double overlap_threshold = 0.7;                 ///< what overlaps a better box by more is dropped
};

namespace detail {

/// To the nearest whole number, halves to the even one.
[[nodiscard]] inline double half_to_even(double v) noexcept {
  const double below = std::floor(v), rest = v - below;
  const bool is_odd = std::fmod(below, 2.0) != 0.0;
  return rest > 0.5 || (rest == 0.5 && is_odd) ? below + 1.0 : below;
}

struct anchor {
  double width, height;
};

/// Ratios outermost.
[[nodiscard]] inline std::vector<anchor> anchors_of(const proposal_params& p) {
  std::vector<anchor> all;
  const auto base = static_cast<double>(p.base_size);
  for (const float ratio : p.ratios) {
    const double width = half_to_even(std::sqrt(base * base / static_cast<double>(ratio)));
    const double height = half_to_even(width * static_cast<double>(ratio));
    for (const float scale : p.scales) {
      const auto by = static_cast<double>(scale);
      all.push_back({width * by, height * by});
    }
  }
  return all;
}

}  // namespace detail

/// regions x 5. Throws shape_error unless scores are 1 x 2A x H x W, corrections 1 x 4A x H x W for A anchors, and
/// picture (height, width, scale, and whatever follows) 1 x at least 3; format_error for parameters that are no sizes.
[[nodiscard]] inline tensor_shape infer_shape(const proposal_params& p, const tensor_shape& scores,
                                              const tensor_shape& corrections, const tensor_shape& picture) {
  require_rank(scores, 4, "proposal scores", "1, anchors twice, rows, columns");
  require_rank(corrections, 4, "proposal corrections", "1, four for each anchor, rows, columns");
  const auto all_sizes = [](const std::vector<float>& values) {
    return !values.empty() && values.size() <= 1000 &&
           std::all_of(values.begin(), values.end(), [](float v) { return v > 0 && v < 0x1p20F; });
  };
  constexpr std::size_t limit = std::size_t{1} << 20U;
  const bool sane = p.stride >= 1 && p.stride < limit && p.base_size >= 1 && p.base_size < limit && p.regions >= 1 &&
                    p.regions <= limit && p.before_suppression >= 1 && p.overlap_threshold >= 0 && p.min_size >= 0;
  detail::require<format_error>(sane && all_sizes(p.ratios) && all_sizes(p.scales), "proposal: stride ", p.stride,
                                ", base size ", p.base_size, ", ", p.ratios.size(), " ratios, ", p.scales.size(),
                                " scales, ", p.regions, " regions, threshold ", p.overlap_threshold,
                                ", expected numbers above 0 and below ", limit);
  const std::size_t anchors = p.ratios.size() * p.scales.size();
  const bool fits = scores[0] == 1 && corrections[0] == 1 && scores[1] == 2 * anchors &&
                    corrections[1] == 4 * anchors && scores[2] == corrections[2] && scores[3] == corrections[3] &&
                    scores[2] < limit && scores[3] < limit;
  detail::require<shape_error>(fits, "proposal: scores ", scores, " and corrections ", corrections, " for ", anchors,
                               " anchors, expected one picture of ", 2 * anchors, " and ", 4 * anchors,
                               " channels and one size");
  detail::require<shape_error>(picture.rank() >= 1 && picture[0] == 1 && picture.size() >= 3, "proposal: picture ",
                               picture, ", expected 1 x 3: height, width, scale");
  return {p.regions, 5};
}

namespace reference {

/// The specification, py-faster-rcnn's: anchors are the base square in each ratio (sides rounded to whole, halves to
/// even), times each scale, around its middle, moved by stride; corrections are of centres in sizes and logarithms of
/// sizes, a box's last pixel is part of it; boxes are clipped to the picture, those with a side below min_size * scale
/// dropped; of the best before_suppression scores (the channels from A on; of equal ones the first in rows, columns,
/// anchors) those that do not overlap a better one by more than the threshold, at most `regions`. A row is 0, left,
/// top, right, bottom. Rows that are left over are -1, 0, 0, 0, 0 (there the original has fewer rows), their scores 0.
/// In float64 with explicit fused multiply-adds; boxes are written, and compared, as float. `found_scores` may be
/// empty.
inline void proposal(tensor_view<const float> scores, tensor_view<const float> corrections,
                     const std::array<double, 3>& picture, const proposal_params& p, tensor_view<float> y,
                     std::span<float> found_scores) {
  const std::vector<detail::anchor> anchors = detail::anchors_of(p);
  const std::size_t rows = scores.shape()[2], columns = scores.shape()[3], map = rows * columns;
  std::vector<box> boxes;
  std::vector<float> values;
  const double least = static_cast<double>(p.min_size) * picture[2];
  const auto clipped = [](double v, double size) { return static_cast<float>(std::clamp(v, 0.0, size - 1.0)); };
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      for (std::size_t a = 0; a < anchors.size(); ++a) {
        const std::size_t at = row * columns + column;
        const auto correction = [&](std::size_t i) { return static_cast<double>(corrections[(a * 4 + i) * map + at]); };
        const detail::anchor& one = anchors[a];
        const double middle = static_cast<double>(p.base_size) / 2;  // of the pixels' areas
        const double center_x = middle + static_cast<double>(column * p.stride);
        const double center_y = middle + static_cast<double>(row * p.stride);
        const double x = std::fma(correction(0), one.width, center_x);
        const double y_ = std::fma(correction(1), one.height, center_y);
        const double half_width = exact_bits_exp(correction(2)) * one.width / 2;
        const double half_height = exact_bits_exp(correction(3)) * one.height / 2;
        const double corners[4] = {x - half_width, y_ - half_height, x + half_width, y_ + half_height};
        if (std::any_of(corners, corners + 4, [](double v) { return v != v; })) continue;
        const box b{clipped(corners[0], picture[1]), clipped(corners[1], picture[0]), clipped(corners[2], picture[1]),
                    clipped(corners[3], picture[0])};
        const double width = static_cast<double>(b.x2) - static_cast<double>(b.x1) + 1.0;
        const double height = static_cast<double>(b.y2) - static_cast<double>(b.y1) + 1.0;
        if (!(width >= least && height >= least)) continue;
        boxes.push_back(b);
        values.push_back(scores[(anchors.size() + a) * map + at]);
      }
    }
  }
  const std::vector<std::size_t> best =
      places_of_largest(values, 0, 1, values.size(), -std::numeric_limits<float>::infinity(), p.before_suppression);
  const std::vector<std::size_t> kept = suppressed(boxes, best, {p.overlap_threshold, 1.0, 1.0}, p.regions);
  for (std::size_t r = 0; r < p.regions; ++r) {
    const bool is_found = r < kept.size();
    const box b = is_found ? boxes[kept[r]] : box{};
    const float out[5] = {is_found ? 0.0F : -1.0F, b.x1, b.y1, b.x2, b.y2};
    std::copy(out, out + 5, y.data() + r * 5);
    if (!found_scores.empty()) found_scores[r] = is_found ? values[kept[r]] : 0.0F;
  }
}

}  // namespace reference

/// Checks, then evaluates into `y`, which must have the inferred shape, and into found_scores, which has a place for
/// each region or none. Throws as infer_shape, and format_error for a picture that has no size. Allocates lists of the
/// boxes.
inline void proposal_into(tensor_view<const float> scores, tensor_view<const float> corrections,
                          tensor_view<const float> picture, const proposal_params& p, tensor_view<float> y,
                          std::span<float> found_scores = {}) {
  detail::require_output(y.shape(), infer_shape(p, scores.shape(), corrections.shape(), picture.shape()), "proposal");
  detail::require<shape_error>(found_scores.empty() || found_scores.size() == p.regions,
                               "proposal: ", found_scores.size(), " places for scores of ", p.regions, " regions");
  const std::array size{static_cast<double>(picture[0]), static_cast<double>(picture[1]),
                        static_cast<double>(picture[2])};
  for (const double v : size) {
    detail::require<format_error>(v > 0 && v < 0x1p20, "proposal: picture ", size[0], " x ", size[1], ", scale ",
                                  size[2], ", expected numbers above 0 and below 2^20");
  }
  detail::require<format_error>(size[0] >= 1 && size[1] >= 1, "proposal: picture ", size[0], " x ", size[1],
                                ", expected at least 1 x 1");
  reference::proposal(scores, corrections, size, p, y, found_scores);
}

/// The regions of scores and corrections. Throws format_error for NaN.
template <tensor_like X, tensor_like Y, tensor_like Z>
[[nodiscard]] tensor<float> proposal(const X& scores, const Y& corrections, const Z& picture,
                                     const proposal_params& p = {}) {
  const detail::op_input<float32, X> s(scores, "proposal scores");
  const detail::op_input<float32, Y> c(corrections, "proposal corrections");
  const detail::op_input<float32, Z> i(picture, "proposal picture");
  auto y = make_tensor<float>(infer_shape(p, s.shape(), c.shape(), i.shape()));
  proposal_into(s.view(), c.view(), i.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
