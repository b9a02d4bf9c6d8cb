// ReLU, with a slope for negative values.
#pragma once

#include <cmath>

#include <nniesim/ops/input.hpp>
#include <nniesim/precision/mac_stage.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of Caffe's ReLU.
struct relu_params {
  float negative_slope = 0.0F;  ///< factor of values that are not positive
};

/// Same shape as the input. Throws for an empty axis or a slope that is not finite.
[[nodiscard]] inline tensor_shape infer_shape(const relu_params& p, const tensor_shape& x) {
  detail::require<format_error>(std::isfinite(p.negative_slope), "relu: slope ", p.negative_slope,
                                ", expected a finite number");
  detail::require<shape_error>(x.size() != 0, "relu: got shape ", x, ", expected no empty axis");
  return x;
}

/// A slope as layers of the policy apply it: where they write q20_12 as the compiler stores it, truncated toward zero
/// to 1/4096 (slope_steps).
template <precision_policy P>
[[nodiscard]] double negative_slope(double slope) noexcept {
  return std::same_as<typename P::output, q20_12> ? slope_steps(slope) * 0x1p-12 : slope;
}

namespace reference {

/// The scalar specification: x where x > 0, else the output format's value of x times the slope that layers of the
/// policy apply, in float64. With slope 0 that is +0. In layers that write q20_12 it is mac_stage::activated: product
/// and quotient are exact wherever they do not saturate. The accelerator gives activations no range of their own (seen
/// in a public toolkit), so nothing is encoded.
template <precision_policy P>
void relu(tensor_view<const value_t<P>> x, const relu_params& p, tensor_view<value_t<P>> y) {
  const value_t<P> zero = P::output::from(0.0);
  const double slope = negative_slope<P>(static_cast<double>(p.negative_slope));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = P::output::to_double(x[i]);
    if (v > 0.0) y[i] = x[i];
    else if (p.negative_slope == 0.0F) y[i] = zero;
    else y[i] = P::output::from(v * slope);
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none.
template <precision_policy P>
bool vector_relu(tensor_view<const value_t<P>> x, const relu_params& p, tensor_view<value_t<P>> y) {
  return run_layerwise<P>([&](auto k) {
    if (p.negative_slope == 0.0F) k.positive(x.data(), y.data(), x.size());
    else k.leaky(x.data(), negative_slope<P>(static_cast<double>(p.negative_slope)), y.data(), x.size());
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which may be `x` itself. Allocates nothing.
template <precision_policy P>
void relu_into(tensor_view<const value_t<P>> x, const relu_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "relu");
  if (!detail::vector_relu<P>(x, p, y)) reference::relu<P>(x, p, y);
}

/// max(x, 0) + slope * min(x, 0).
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> relu(const X& x, const relu_params& p = {}) {
  const detail::op_input<P, X> in(x, "relu");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  relu_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
