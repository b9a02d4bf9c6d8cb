// Bias: y = x + shift, the shifts broadcast over the other axes (Caffe's Bias).
#pragma once

#include <cstddef>

#include <nniesim/ops/scale.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Shifts cover the axes of the input from `axis` on, as many as they have themselves.
struct bias_params {
  std::size_t axis = 1;  ///< first axis of the input that the shifts cover
};

/// The input's shape. Throws shape_error unless the shifts' shape is a run of the input's axes that begins at `axis`.
[[nodiscard]] inline tensor_shape infer_shape(const bias_params& p, const tensor_shape& x, const tensor_shape& shift) {
  detail::require<shape_error>(detail::is_run_of(shift, x, p.axis), "bias: shifts ", shift, " on input ", x,
                               " from axis ", p.axis, ", expected the extents of the input's axes from there on");
  return x;
}

namespace reference {

/// The scalar specification: x + shift in float64, then the output format.
template <precision_policy P>
void bias(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> shift, const bias_params& p,
          tensor_view<value_t<P>> y) {
  std::size_t inner = x.size();
  for (std::size_t axis = 0; axis < p.axis; ++axis) inner /= x.shape()[axis];
  inner /= shift.size();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double b = P::output::to_double(shift[i / inner % shift.size()]);
    y[i] = P::output::from(P::output::to_double(x[i]) + b);
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none, or where the shifts reach to the last axis.
template <precision_policy P>
bool vector_bias(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> shift, const bias_params& p,
                 tensor_view<value_t<P>> y) {
  std::size_t inner = x.size();
  for (std::size_t axis = 0; axis < p.axis; ++axis) inner /= x.shape()[axis];
  inner /= shift.size();
  if (inner == 1) return false;
  return run_layerwise<P>([&](auto k) {
    for (std::size_t i = 0, row = 0; i < x.size(); i += inner, ++row) {
      k.affine(x.data() + i, 1.0, P::output::to_double(shift[row % shift.size()]), y.data() + i, inner);
    }
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which may be `x` itself. Allocates nothing.
template <precision_policy P>
void bias_into(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> shift, const bias_params& p,
               tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape(), shift.shape()), "bias");
  if (!detail::vector_bias<P>(x, shift, p, y)) reference::bias<P>(x, shift, p, y);
}

/// y = x + shift, broadcast.
template <precision_policy P, tensor_like X, tensor_like S>
[[nodiscard]] tensor<value_t<P>> bias(const X& x, const S& shift, const bias_params& p = {}) {
  const detail::op_input<P, X> in(x, "bias input");
  const detail::op_input<P, S> in_shift(shift, "bias shifts");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape(), in_shift.shape()));
  bias_into<P>(in.view(), in_shift.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
