// Softmax along one axis.
#pragma once

#include <algorithm>
#include <cstddef>

#include <nniesim/core/exp.hpp>
#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

struct softmax_params {
  std::size_t axis = 1;
};

/// Same shape as the input. Throws shape_error for an axis out of range or an empty one.
[[nodiscard]] inline tensor_shape infer_shape(const softmax_params& p, const tensor_shape& x) {
  detail::require<shape_error>(p.axis < x.rank() && x.size() != 0, "softmax: axis ", p.axis, " of input ", x,
                               ", expected one under ", x.rank(), " and no empty axis");
  return x;
}

namespace reference {

/// The scalar specification, in float64: exp(x - max), their sum in order along the axis, the quotient, the output
/// format. (Our assumption: the hardware's own exponential is inexact; ten outputs of a board summed to 4085/4096.)
template <precision_policy P>
void softmax(tensor_view<const value_t<P>> x, const softmax_params& p, tensor_view<value_t<P>> y) {
  const std::size_t n = x.shape()[p.axis];
  std::size_t inner = 1;
  for (std::size_t axis = p.axis + 1; axis < x.shape().rank(); ++axis) inner *= x.shape()[axis];
  for (std::size_t o = 0; o < x.size() / n / inner; ++o) {
    for (std::size_t i = 0; i < inner; ++i) {
      const std::size_t base = o * n * inner + i;
      double most = P::output::to_double(x[base]);
      for (std::size_t k = 1; k < n; ++k) most = std::max(most, P::output::to_double(x[base + k * inner]));
      double sum = 0.0;
      for (std::size_t k = 0; k < n; ++k) sum += exact_bits_exp(P::output::to_double(x[base + k * inner]) - most);
      for (std::size_t k = 0; k < n; ++k) {
        const double e = exact_bits_exp(P::output::to_double(x[base + k * inner]) - most);
        y[base + k * inner] = P::output::from(e / sum);
      }
    }
  }
}

}  // namespace reference

namespace detail {

/// The specification with the exponentials of the first elements along the axis kept between the sum and the quotient:
/// an exponential is most of the work.
template <precision_policy P>
void softmax_keeping(tensor_view<const value_t<P>> x, const softmax_params& p, tensor_view<value_t<P>> y) {
  constexpr std::size_t most_kept = 1024;
  double kept[most_kept];
  const std::size_t n = x.shape()[p.axis];
  std::size_t inner = 1;
  for (std::size_t axis = p.axis + 1; axis < x.shape().rank(); ++axis) inner *= x.shape()[axis];
  for (std::size_t o = 0; o < x.size() / n / inner; ++o) {
    for (std::size_t i = 0; i < inner; ++i) {
      const std::size_t base = o * n * inner + i;
      double most = P::output::to_double(x[base]);
      for (std::size_t k = 1; k < n; ++k) most = std::max(most, P::output::to_double(x[base + k * inner]));
      double sum = 0.0;
      for (std::size_t k = 0; k < n; ++k) {
        const double e = exact_bits_exp(P::output::to_double(x[base + k * inner]) - most);
        if (k < most_kept) kept[k] = e;
        sum += e;
      }
      for (std::size_t k = 0; k < n; ++k) {
        const std::size_t at = base + k * inner;
        const double e = k < most_kept ? kept[k] : exact_bits_exp(P::output::to_double(x[at]) - most);
        y[at] = P::output::from(e / sum);
      }
    }
  }
}

}  // namespace detail

/// Checks, then evaluates into `y`, which may be `x` itself. Allocates nothing.
template <precision_policy P>
void softmax_into(tensor_view<const value_t<P>> x, const softmax_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "softmax");
  detail::softmax_keeping<P>(x, p, y);
}

/// exp(x) / sum of exp(x) along an axis.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> softmax(const X& x, const softmax_params& p = {}) {
  const detail::op_input<P, X> in(x, "softmax");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  softmax_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
