// PSROIPooling: the means of a grid of windows over each region, each cell of a channel of its own (R-FCN).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <nniesim/ops/roi.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of R-FCN's PSROIPooling.
struct psroi_pooling_params {
  std::size_t outputs = 1;     ///< channels of the output
  std::size_t group = 1;       ///< rows and columns of the grid
  float spatial_scale = 1.0F;  ///< from pixels of the picture to those of the map
};

/// R x outputs x group x group. Throws shape_error unless x is N x (outputs * group * group) x H x W and regions R x 5,
/// format_error for a scale that is not more than 0 and at most 1024.
[[nodiscard]] inline tensor_shape infer_shape(const psroi_pooling_params& p, const tensor_shape& x,
                                              const tensor_shape& regions) {
  detail::require_regions(x, regions, "psroi_pooling");
  constexpr std::size_t limit = std::size_t{1} << 12U;
  const bool sane = p.group >= 1 && p.group <= limit && p.outputs >= 1 && p.outputs <= x[1];
  detail::require<shape_error>(sane && x[1] == p.outputs * p.group * p.group, "psroi_pooling: input ", x, " for ",
                               p.outputs, " outputs of ", p.group, " x ", p.group, ", expected as many channels");
  detail::require_spatial_scale(p.spatial_scale, "psroi_pooling");
  return {regions[0], p.outputs, p.group, p.group};
}

namespace reference {

/// The scalar specification, R-FCN's: the first corner rounded (halves away from zero), the last rounded plus 1, both
/// times the scale; at least 0.1 pixels; windows of equal float32 size, from floor to ceil of their edges (fused
/// multiply-adds), clipped to the map; the float64 sum in memory order over the number of elements, 0 of windows that
/// have nothing of the map and of rows for no region (-1). Cell (i, j) of output o is of channel
/// (o * group + i) * group + j. Elements do not pass the activation format, as those of an average (our assumption).
template <precision_policy P>
void psroi_pooling(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> regions,
                   const psroi_pooling_params& p, tensor_view<value_t<P>> y) {
  const tensor_shape& xs = x.shape();
  std::fill(y.span().begin(), y.span().end(), P::output::from(0.0));
  for (std::size_t r = 0; r < y.shape()[0]; ++r) {
    const auto found = detail::region_of<P>(regions, r, xs[0], "psroi_pooling");
    if (!found) continue;
    const auto pixel = [&](std::size_t i) { return detail::near_map(std::round(found->corner[i])); };
    const float begin[2] = {pixel(1) * p.spatial_scale, pixel(0) * p.spatial_scale};
    const float end[2] = {pixel(3) + 1.0F, pixel(2) + 1.0F};  // not scaled yet
    const auto edge = [&](std::size_t axis, std::size_t cell, bool is_end) {
      const float length = std::fma(end[axis], p.spatial_scale, -begin[axis]);
      const float size = std::max(length, 0.1F) / static_cast<float>(p.group);
      const float at = std::fma(static_cast<float>(cell + (is_end ? 1 : 0)), size, begin[axis]);
      return detail::index_in(is_end ? std::ceil(at) : std::floor(at), xs[2 + axis]);
    };
    for (std::size_t i = 0; i < p.group; ++i) {
      const std::size_t top = edge(0, i, false), bottom = edge(0, i, true);
      for (std::size_t j = 0; j < p.group; ++j) {
        const std::size_t left = edge(1, j, false), right = edge(1, j, true);
        if (top >= bottom || left >= right) continue;
        const auto area = static_cast<double>((bottom - top) * (right - left));
        for (std::size_t o = 0; o < p.outputs; ++o) {
          const std::size_t channel = (o * p.group + i) * p.group + j;
          const value_t<P>* map = x.data() + (found->picture * xs[1] + channel) * xs[2] * xs[3];
          double sum = 0.0;
          for (std::size_t row = top; row < bottom; ++row) {
            for (std::size_t column = left; column < right; ++column) {
              sum += P::output::to_double(map[row * xs[3] + column]);
            }
          }
          y[((r * p.outputs + o) * p.group + i) * p.group + j] = P::output::from(sum / area);
        }
      }
    }
  }
}

}  // namespace reference

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates nothing. Throws as infer_shape, and
/// format_error for a region of a picture that is not there or with NaN.
template <precision_policy P>
void psroi_pooling_into(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> regions,
                        const psroi_pooling_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape(), regions.shape()), "psroi_pooling");
  reference::psroi_pooling<P>(x, regions, p, y);
}

/// The grids of all regions.
template <precision_policy P, tensor_like X, tensor_like Y>
[[nodiscard]] tensor<value_t<P>> psroi_pooling(const X& x, const Y& regions, const psroi_pooling_params& p) {
  const detail::op_input<P, X> in(x, "psroi_pooling");
  const detail::op_input<P, Y> at(regions, "psroi_pooling regions");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape(), at.shape()));
  psroi_pooling_into<P>(in.view(), at.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
