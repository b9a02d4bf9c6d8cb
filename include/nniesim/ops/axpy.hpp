// Axpy: y = a * x + b with one factor a per channel. The accelerator has no such layer; it runs on the CPU.
#pragma once

#include <cmath>
#include <cstddef>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

struct axpy_params {};

/// The shape of x and b. Throws shape_error unless these are one, with no empty axis, and a has its first two axes and
/// nothing but axes of extent 1 behind them.
[[nodiscard]] inline tensor_shape infer_shape(const axpy_params&, const tensor_shape& a, const tensor_shape& x,
                                              const tensor_shape& b) {
  const bool fits = x.rank() >= 2 && x.size() != 0 && x == b && a.rank() >= 2 && a[0] == x[0] && a[1] == x[1] &&
                    a.size() == x[0] * x[1];
  detail::require<shape_error>(fits, "axpy: factors ", a, " for inputs ", x, " and ", b,
                               ", expected two inputs of one shape and a factor for each of their channels");
  return x;
}

namespace reference {

/// The scalar specification: fma(a, x, b) in float64 (our choice: the host's own program decides), then the output
/// format.
template <precision_policy P>
void axpy(tensor_view<const value_t<P>> a, tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> b,
          tensor_view<value_t<P>> y) {
  const std::size_t map = x.size() / a.size();
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = P::output::from(
        std::fma(P::output::to_double(a[i / map]), P::output::to_double(x[i]), P::output::to_double(b[i])));
  }
}

}  // namespace reference

/// Checks, then evaluates into `y`, which must have the inferred shape and may be x or b. Allocates nothing.
template <precision_policy P>
void axpy_into(tensor_view<const value_t<P>> a, tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> b,
               tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(axpy_params{}, a.shape(), x.shape(), b.shape()), "axpy");
  reference::axpy<P>(a, x, b, y);
}

/// a * x + b.
template <precision_policy P, tensor_like A, tensor_like X, tensor_like B>
[[nodiscard]] tensor<value_t<P>> axpy(const A& a, const X& x, const B& b) {
  const detail::op_input<P, A> in_a(a, "axpy factors");
  const detail::op_input<P, X> in_x(x, "axpy input");
  const detail::op_input<P, B> in_b(b, "axpy summand");
  auto y = make_tensor<value_t<P>>(infer_shape(axpy_params{}, in_a.shape(), in_x.shape(), in_b.shape()));
  axpy_into<P>(in_a.view(), in_x.view(), in_b.view(), view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
