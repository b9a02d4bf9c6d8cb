// The geometry of a convolution and the shape that follows from it.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <nniesim/core/error.hpp>
#include <nniesim/ops/padding.hpp>
#include <nniesim/tensor/shape.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Geometry of a convolution; pairs are {rows, columns}.
struct conv2d_params {
  std::array<std::size_t, 2> stride{1, 1};    ///< from one window to the next, at least 1
  padding pad{};                              ///< zeros around the input; a deconvolution cuts as much off its output
  std::array<std::size_t, 2> dilation{1, 1};  ///< from one tap of the kernel to the next, at least 1
  std::size_t groups = 1;                     ///< of channels; a divisor of those of the input and of the output
};

/// The shape N x OC x OH x OW for an input N x C x H x W and weights OC x C/groups x KH x KW.
/// Throws shape_error where they do not fit.
[[nodiscard]] inline tensor_shape infer_shape(const conv2d_params& p, const tensor_shape& x, const tensor_shape& w) {
  require_rank(x, 4, "conv2d input", "batch, channels, rows, columns");
  require_rank(w, 4, "conv2d weights", "outputs, channels per group, kernel rows, kernel columns");
  detail::require<shape_error>(p.groups >= 1 && x[1] % p.groups == 0 && w[0] % p.groups == 0, "conv2d: ", p.groups,
                               " groups for input ", x, " and weights ", w,
                               ", expected a divisor of the input's channels and of the outputs");
  detail::require<shape_error>(w[1] == x[1] / p.groups, "conv2d: weights ", w, " take ", w[1],
                               " channels per group, but input ", x, " in ", p.groups, " groups has ", x[1] / p.groups);
  constexpr std::size_t limit = std::size_t{1} << 24U;
  const std::size_t before[2] = {p.pad.top, p.pad.left};
  const std::size_t after[2] = {p.pad.bottom, p.pad.right};
  std::size_t out[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string_view axis = i == 0 ? "rows" : "columns";
    detail::require<shape_error>(p.stride[i] >= 1 && p.stride[i] < limit && p.dilation[i] >= 1 &&
                                     p.dilation[i] < limit && before[i] < limit && after[i] < limit &&
                                     w[2 + i] < limit && x[2 + i] < limit,
                                 "conv2d ", axis, ": stride ", p.stride[i], ", dilation ", p.dilation[i], ", padding ",
                                 before[i], " and ", after[i], ", input ", x, ", weights ", w,
                                 ", expected strides and dilations of at least 1 and all of them under ", limit);
    const std::size_t reach = (w[2 + i] - 1) * p.dilation[i] + 1;
    const std::size_t padded = x[2 + i] + before[i] + after[i];
    detail::require<shape_error>(reach <= padded, "conv2d ", axis, ": kernel of weights ", w, " reaches over ", reach,
                                 ", but input ", x, " with padding has ", padded);
    out[i] = (padded - reach) / p.stride[i] + 1;
  }
  return {x[0], w[0], out[0], out[1]};
}

NNIESIM_END_NAMESPACE
