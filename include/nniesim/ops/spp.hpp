// SPP: spatial pyramid pooling. The compiler splits it into poolings and a concat (users' reports), which is how it is
// computed here.
#pragma once

#include <cstddef>
#include <optional>

#include <nniesim/ops/pooling.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of Caffe's SPP.
struct spp_params {
  std::size_t levels = 1;                                    ///< level l has 2^l x 2^l windows
  pooling_operation operation = pooling_operation::maximum;  ///< of the windows of all levels
};

namespace detail {

/// The pooling of a level, as Caffe derives it: windows of the map over the bins, rounded up, side by side, the padding
/// half of what is missing, rounded up. Throws shape_error where that is as much as a window: then Caffe refuses it,
/// too.
[[nodiscard]] inline pooling_params pooling_of(const spp_params& p, std::size_t level, const tensor_shape& x) {
  const std::size_t bins = std::size_t{1} << level;
  pooling_params result;
  result.operation = p.operation;
  std::size_t pad[2];
  for (std::size_t i = 0; i < 2; ++i) {
    result.kernel[i] = result.stride[i] = (x[2 + i] + bins - 1) / bins;
    pad[i] = (result.kernel[i] * bins - x[2 + i] + 1) / 2;
    require<shape_error>(pad[i] < result.kernel[i], "spp: ", bins, " windows of ", result.kernel[i], " on input ", x,
                         " need a padding of ", pad[i], ", expected it smaller than the window");
  }
  result.pad = {pad[0], pad[1]};
  const tensor_shape y = infer_shape(result, x);
  require<shape_error>(y[2] == bins && y[3] == bins, "spp: input ", x, " gives ", y, " at level ", level, ", expected ",
                       bins, " x ", bins, " windows");
  return result;
}

}  // namespace detail

/// N x (C * (1 + 4 + 16 ...)). Throws shape_error for an input that is not N x C x H x W, for 0 levels or more than 10,
/// and for a level that the map is too small for.
[[nodiscard]] inline tensor_shape infer_shape(const spp_params& p, const tensor_shape& x) {
  require_rank(x, 4, "spp input", "batch, channels, rows, columns");
  detail::require<shape_error>(p.levels >= 1 && p.levels <= 10, "spp: ", p.levels, " levels, expected 1 to 10");
  std::size_t cells = 0;
  for (std::size_t level = 0; level < p.levels; ++level) {
    (void)detail::pooling_of(p, level, x);
    cells += std::size_t{1} << (2 * level);
  }
  return {x[0], tensor_shape{x[1], cells}.size()};
}

/// Checks, then evaluates into `y`, which must have the inferred shape: of each level its pooling, flattened, one
/// behind the other. Allocates nothing. `s` is the scale of the input of a maximum; an average does not use it.
template <precision_policy P>
void spp_into(tensor_view<const value_t<P>> x, const typename P::activations::scale& s, const spp_params& p,
              tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "spp");
  const std::size_t one = x.size() / x.shape()[0], channels = x.shape()[1];
  std::size_t at = 0;
  for (std::size_t n = 0; n < x.shape()[0]; ++n) {
    const tensor_view<const value_t<P>> picture(x.span().subspan(n * one, one),
                                                {1, channels, x.shape()[2], x.shape()[3]});
    for (std::size_t level = 0; level < p.levels; ++level) {
      const std::size_t bins = std::size_t{1} << level, cells = channels * bins * bins;
      pooling_into<P>(picture, s, detail::pooling_of(p, level, x.shape()),
                      {y.span().subspan(at, cells), {1, channels, bins, bins}});
      at += cells;
    }
  }
}

/// The pyramid of N x C x H x W; the scale of the input is derived from it unless given.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> spp(const X& x, const spp_params& p,
                                     std::optional<typename P::activations::scale> s = {}) {
  const detail::op_input<P, X> in(x, "spp");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  if (!s) s = kernels::engine<P>::scale_of(active_isa(), in.view().data(), in.view().size());
  spp_into<P>(in.view(), *s, p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
