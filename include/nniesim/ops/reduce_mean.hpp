// ReduceMean: the mean over chosen axes.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

struct reduce_mean_params {
  std::vector<std::size_t> axes{};  ///< each at most once
  bool keep_axes = true;            ///< keep them with extent 1, or drop them
};

namespace detail {

/// Which axes are reduced. Throws shape_error for axes out of range, repeated, or none at all.
[[nodiscard]] inline std::array<bool, tensor_shape::max_rank> reduced_axes(const reduce_mean_params& p,
                                                                           const tensor_shape& x) {
  require<shape_error>(x.size() != 0, "reduce_mean: got shape ", x, ", expected no empty axis");
  require<shape_error>(!p.axes.empty(), "reduce_mean: no axes for input ", x, ", expected at least one");
  std::array<bool, tensor_shape::max_rank> reduced{};
  for (const std::size_t axis : p.axes) {
    require<shape_error>(axis < x.rank() && !reduced[axis], "reduce_mean: axis ", axis, " for input ", x,
                         ", expected different axes under ", x.rank());
    reduced[axis] = true;
  }
  return reduced;
}

}  // namespace detail

[[nodiscard]] inline tensor_shape infer_shape(const reduce_mean_params& p, const tensor_shape& x) {
  const auto reduced = detail::reduced_axes(p, x);
  std::vector<std::size_t> extents;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    if (!reduced[axis]) extents.push_back(x[axis]);
    else if (p.keep_axes) extents.push_back(1);
  }
  return tensor_shape(extents);
}

namespace reference {

/// The scalar specification: per output the float64 sum of its elements in memory order, divided by their number (our
/// assumption; where the hardware truncates inside the sum is not known), then the output format.
template <precision_policy P>
void reduce_mean(tensor_view<const value_t<P>> x, const reduce_mean_params& p, tensor_view<value_t<P>> y) {
  const auto reduced = detail::reduced_axes(p, x.shape());
  // Strides of the input's axes; the reduced ones and the kept ones are walked like two counters.
  std::array<std::size_t, tensor_shape::max_rank> stride{};
  std::size_t count = 1;
  for (std::size_t axis = x.shape().rank(), step = 1; axis-- > 0; step *= x.shape()[axis]) {
    stride[axis] = step;
    if (reduced[axis]) count *= x.shape()[axis];
  }
  const auto advance = [&](std::array<std::size_t, tensor_shape::max_rank>& at, std::size_t& index, bool inside) {
    for (std::size_t axis = x.shape().rank(); axis-- > 0;) {
      if (reduced[axis] != inside) continue;
      index += stride[axis];
      if (++at[axis] < x.shape()[axis]) return;
      index -= at[axis] * stride[axis];
      at[axis] = 0;
    }
  };
  std::array<std::size_t, tensor_shape::max_rank> outer{};
  std::size_t base = 0;
  for (std::size_t o = 0; o < y.size(); ++o) {
    std::array<std::size_t, tensor_shape::max_rank> inner{};
    std::size_t index = base;
    double sum = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
      sum += P::output::to_double(x[index]);
      advance(inner, index, true);
    }
    y[o] = P::output::from(sum / static_cast<double>(count));
    advance(outer, base, false);
  }
}

}  // namespace reference

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates nothing.
template <precision_policy P>
void reduce_mean_into(tensor_view<const value_t<P>> x, const reduce_mean_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "reduce_mean");
  reference::reduce_mean<P>(x, p, y);
}

/// The mean of x over the given axes.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> reduce_mean(const X& x, const reduce_mean_params& p) {
  const detail::op_input<P, X> in(x, "reduce_mean");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  reduce_mean_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
