// Reverse: a tensor with the order along some axes turned around. The accelerator has no such layer; it runs on the
// CPU.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The layer of Caffe's forks for recurrent networks, which turns sequences around.
struct reverse_params {
  std::vector<std::size_t> axes{0};  ///< each at most once
};

/// The input's shape. Throws shape_error for an axis out of range or named twice, or an empty axis.
[[nodiscard]] inline tensor_shape infer_shape(const reverse_params& p, const tensor_shape& x) {
  std::array<bool, tensor_shape::max_rank> seen{};
  for (const std::size_t axis : p.axes) {
    detail::require<shape_error>(axis < x.rank() && !seen[axis], "reverse: axis ", axis, " of input ", x,
                                 ", expected each once and under ", x.rank());
    seen[axis] = true;
  }
  detail::require<shape_error>(x.size() != 0, "reverse: got shape ", x, ", expected no empty axis");
  return x;
}

/// Checks, then copies into `y`, which must have the input's shape and other memory. Elements keep their bits.
template <class T>
void reverse_into(tensor_view<const T> x, const reverse_params& p, tensor_view<T> y) {
  const tensor_shape& shape = x.shape();
  detail::require_output(y.shape(), infer_shape(p, shape), "reverse");
  std::array<bool, tensor_shape::max_rank> turned{};
  for (const std::size_t axis : p.axes) turned[axis] = true;
  // What lies behind the last axis that is turned stays together.
  std::size_t run = 1;
  for (std::size_t axis = shape.rank(); axis-- > 0 && !turned[axis];) run *= shape[axis];
  for (std::size_t i = 0; i < x.size(); i += run) {
    std::size_t rest = i, to = 0, stride = 1;
    for (std::size_t axis = shape.rank(); axis-- > 0; stride *= shape[axis]) {
      const std::size_t at = rest % shape[axis];
      rest /= shape[axis];
      to += (turned[axis] ? shape[axis] - 1 - at : at) * stride;
    }
    std::copy_n(x.data() + i, run, y.data() + to);
  }
}

/// x turned around.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> reverse(const X& x, const reverse_params& p = {}) {
  const detail::op_input<P, X> in(x, "reverse");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  reverse_into<value_t<P>>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
