// Permute: the axes in another order.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

struct permute_params {
  std::vector<std::size_t> order{};  ///< axis i of the result is axis order[i] of the input
};

/// Throws shape_error unless `order` names every axis of the input once.
[[nodiscard]] inline tensor_shape infer_shape(const permute_params& p, const tensor_shape& x) {
  bool fits = p.order.size() == x.rank() && x.size() != 0;
  std::array<bool, tensor_shape::max_rank> seen{};
  std::vector<std::size_t> extents;
  for (std::size_t i = 0; fits && i < p.order.size(); ++i) {
    fits = p.order[i] < x.rank() && !seen[p.order[i]];
    if (!fits) break;
    seen[p.order[i]] = true;
    extents.push_back(x[p.order[i]]);
  }
  std::string order;
  for (const std::size_t axis : p.order) order += (order.empty() ? "" : ", ") + std::to_string(axis);
  detail::require<shape_error>(fits, "permute: order (", order, ") for input ", x,
                               ", expected every axis once and no empty axis");
  return tensor_shape(extents);
}

/// Checks, then moves into `y`, which must have the inferred shape. Elements keep their bits.
template <class T>
void permute_into(tensor_view<const T> x, const permute_params& p, tensor_view<T> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "permute");
  const std::size_t rank = x.shape().rank();
  std::array<std::size_t, tensor_shape::max_rank> input_stride{}, stride{}, at{};
  for (std::size_t axis = rank, step = 1; axis-- > 0; step *= x.shape()[axis]) input_stride[axis] = step;
  for (std::size_t i = 0; i < rank; ++i) stride[i] = input_stride[p.order[i]];
  std::size_t index = 0;
  for (std::size_t o = 0; o < y.size(); ++o) {
    y[o] = x[index];
    for (std::size_t axis = rank; axis-- > 0;) {
      index += stride[axis];
      if (++at[axis] < y.shape()[axis]) break;
      index -= at[axis] * stride[axis];
      at[axis] = 0;
    }
  }
}

/// x with its axes in the given order.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> permute(const X& x, const permute_params& p) {
  const detail::op_input<P, X> in(x, "permute");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  permute_into<value_t<P>>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
