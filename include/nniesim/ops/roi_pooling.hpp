// ROIPooling: the maxima of a grid of windows over each region (Fast R-CNN).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include <nniesim/ops/roi.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of Fast R-CNN's ROIPooling.
struct roi_pooling_params {
  std::array<std::size_t, 2> pooled{1, 1};  ///< rows and columns of the grid
  float spatial_scale = 1.0F;               ///< from pixels of the picture to those of the map
};

/// R x C x pooled. Throws shape_error unless x is N x C x H x W, regions R x 5 and the grid 1 to 2^24, format_error for
/// a scale that is not more than 0 and at most 1024.
[[nodiscard]] inline tensor_shape infer_shape(const roi_pooling_params& p, const tensor_shape& x,
                                              const tensor_shape& regions) {
  detail::require_regions(x, regions, "roi_pooling");
  constexpr std::size_t limit = std::size_t{1} << 24U;
  const auto [rows, columns] = p.pooled;
  detail::require<shape_error>(rows >= 1 && columns >= 1 && rows <= limit && columns <= limit / rows,
                               "roi_pooling: a grid of ", rows, " x ", columns, ", expected 1 to ", limit);
  detail::require_spatial_scale(p.spatial_scale, "roi_pooling");
  return {regions[0], x[1], rows, columns};
}

namespace reference {

/// The scalar specification, Caffe's: corners times the scale, rounded (halves away from zero), both inclusive; at
/// least one pixel; windows of equal float32 size, from floor to ceil of their edges, clipped to the map; the maximum
/// of each, 0 of those that have nothing of the map, and of rows for no region (-1). That elements do not pass the
/// activation format is our assumption; of encoded ones the maximum is an encoded one.
template <precision_policy P>
void roi_pooling(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> regions, const roi_pooling_params& p,
                 tensor_view<value_t<P>> y) {
  const tensor_shape& xs = x.shape();
  const std::size_t count = y.shape()[0], channels = xs[1], cells = p.pooled[0] * p.pooled[1];
  std::fill(y.span().begin(), y.span().end(), P::output::from(0.0));
  for (std::size_t r = 0; r < count; ++r) {
    const auto found = detail::region_of<P>(regions, r, xs[0], "roi_pooling");
    if (!found) continue;
    const auto& corner = found->corner;
    const auto place = [&](std::size_t i) { return detail::near_map(std::round(corner[i] * p.spatial_scale)); };
    const float begin[2] = {place(1), place(0)}, end[2] = {place(3), place(2)};
    // Where windows begin and end on an axis.
    const auto edge = [&](std::size_t axis, std::size_t cell, bool is_end) {
      const float size = std::max((end[axis] - begin[axis]) + 1.0F, 1.0F) / static_cast<float>(p.pooled[axis]);
      const float from_begin = static_cast<float>(cell + (is_end ? 1 : 0)) * size;
      return detail::index_in((is_end ? std::ceil(from_begin) : std::floor(from_begin)) + begin[axis], xs[2 + axis]);
    };
    for (std::size_t gy = 0; gy < p.pooled[0]; ++gy) {
      const std::size_t top = edge(0, gy, false), bottom = edge(0, gy, true);
      for (std::size_t gx = 0; gx < p.pooled[1]; ++gx) {
        const std::size_t left = edge(1, gx, false), right = edge(1, gx, true);
        if (top >= bottom || left >= right) continue;
        for (std::size_t c = 0; c < channels; ++c) {
          const value_t<P>* map = x.data() + (found->picture * channels + c) * xs[2] * xs[3];
          float most = -std::numeric_limits<float>::infinity();
          for (std::size_t row = top; row < bottom; ++row) {
            for (std::size_t column = left; column < right; ++column) {
              most = std::max(most, P::output::to_float(map[row * xs[3] + column]));
            }
          }
          y[(r * channels + c) * cells + gy * p.pooled[1] + gx] = P::output::from(static_cast<double>(most));
        }
      }
    }
  }
}

}  // namespace reference

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates nothing. Throws as infer_shape, and
/// format_error for a region of a picture that is not there or with NaN.
template <precision_policy P>
void roi_pooling_into(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> regions,
                      const roi_pooling_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape(), regions.shape()), "roi_pooling");
  reference::roi_pooling<P>(x, regions, p, y);
}

/// The grids of all regions.
template <precision_policy P, tensor_like X, tensor_like Y>
[[nodiscard]] tensor<value_t<P>> roi_pooling(const X& x, const Y& regions, const roi_pooling_params& p) {
  const detail::op_input<P, X> in(x, "roi_pooling");
  const detail::op_input<P, Y> at(regions, "roi_pooling regions");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape(), at.shape()));
  roi_pooling_into<P>(in.view(), at.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
