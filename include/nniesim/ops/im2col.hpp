// Im2col: the windows of a convolution as channels. The accelerator has no such layer; it runs on the CPU.
#pragma once

#include <array>
#include <cstddef>

#include <nniesim/ops/conv2d_params.hpp>
#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Caffe's Im2col: the window that a convolution of this kernel and geometry, without groups, looks at.
struct im2col_params {
  std::array<std::size_t, 2> kernel{1, 1};  ///< rows, columns
  conv2d_params geometry{};                 ///< its `groups` stay 1
};

/// N x C * KH * KW x OH x OW for an input N x C x H x W. Throws shape_error as a convolution does.
[[nodiscard]] inline tensor_shape infer_shape(const im2col_params& p, const tensor_shape& x) {
  require_rank(x, 4, "im2col input", "batch, channels, rows, columns");
  detail::require<shape_error>(p.kernel[0] != 0 && p.kernel[1] != 0 && p.geometry.groups == 1, "im2col: kernel ",
                               p.kernel[0], " x ", p.kernel[1], ", ", p.geometry.groups,
                               " groups, expected a kernel of at least 1 x 1 and no groups");
  const tensor_shape y = infer_shape(p.geometry, x, {1, x[1], p.kernel[0], p.kernel[1]});
  return {x[0], x[1] * p.kernel[0] * p.kernel[1], y[2], y[3]};
}

/// Checks, then copies into `y`, which must have the inferred shape: element n, (c * KH + i) * KW + j, r, s is what the
/// kernel's row i and column j see in channel c at output r, s, and zero in the padding. Elements keep their bits.
template <class T>
void im2col_into(tensor_view<const T> x, const im2col_params& p, tensor_view<T> y) {
  const tensor_shape out = infer_shape(p, x.shape());
  detail::require_output(y.shape(), out, "im2col");
  const conv2d_params& g = p.geometry;
  const std::size_t rows = x.shape()[2], columns = x.shape()[3];
  T* to = y.data();
  for (std::size_t map = 0; map < x.shape()[0] * x.shape()[1]; ++map) {
    const T* const from = x.data() + map * rows * columns;
    for (std::size_t i = 0; i < p.kernel[0]; ++i) {
      for (std::size_t j = 0; j < p.kernel[1]; ++j) {
        for (std::size_t r = 0; r < out[2]; ++r) {
          // Before the first row or column the difference wraps to a huge number.
          const std::size_t row = r * g.stride[0] + i * g.dilation[0] - g.pad.top;
          for (std::size_t s = 0; s < out[3]; ++s) {
            const std::size_t column = s * g.stride[1] + j * g.dilation[1] - g.pad.left;
            *to++ = row < rows && column < columns ? from[row * columns + column] : T{};
          }
        }
      }
    }
  }
}

/// The windows of x.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> im2col(const X& x, const im2col_params& p) {
  const detail::op_input<P, X> in(x, "im2col");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  im2col_into<value_t<P>>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
