// ReduceSum: the sum over chosen axes, of values, magnitudes or squares, times a coefficient.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <nniesim/ops/reduce_mean.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What is added.
enum class reduction_term { value, magnitude, square };

/// Parameters of a sum over axes, as Caffe's Reduction has it.
struct reduce_sum_params {
  std::vector<std::size_t> axes{};              ///< each at most once
  bool keep_axes = true;                        ///< keep them with extent 1, or drop them
  float coefficient = 1.0F;                     ///< factor of the sum
  reduction_term term = reduction_term::value;  ///< that the hardware has the others, too, is our assumption
};

/// The axes from `first` to the last, which Caffe's Reduction sums over (it drops them).
[[nodiscard]] inline std::vector<std::size_t> axes_from(std::size_t first, std::size_t rank) {
  std::vector<std::size_t> axes;
  for (std::size_t axis = first; axis < rank; ++axis) axes.push_back(axis);
  return axes;
}

/// Throws shape_error for axes out of range, repeated, or none at all, format_error for a coefficient not finite.
[[nodiscard]] inline tensor_shape infer_shape(const reduce_sum_params& p, const tensor_shape& x) {
  detail::require<format_error>(std::isfinite(p.coefficient), "reduce_sum: coefficient ", p.coefficient,
                                ", expected a finite number");
  return detail::reduced_shape(p.axes, p.keep_axes, x, "reduce_sum");
}

namespace reference {

/// The scalar specification: the sum as reduce_mean has it, of squares by fused multiply-adds, times the coefficient.
template <precision_policy P>
void reduce_sum(tensor_view<const value_t<P>> x, const reduce_sum_params& p, tensor_view<value_t<P>> y) {
  const auto reduced = detail::reduced_axes(p.axes, x.shape(), "reduce_sum");
  const auto times = [&](double sum, double) { return sum * static_cast<double>(p.coefficient); };
  switch (p.term) {
    case reduction_term::value: return reduce<P>(x, reduced, times, y);
    case reduction_term::magnitude:
      return reduce<P>(x, reduced, times, y, [](double sum, double v) { return sum + std::fabs(v); });
    case reduction_term::square:
      return reduce<P>(x, reduced, times, y, [](double sum, double v) { return std::fma(v, v, sum); });
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none, for sums that float64 may round, and of other terms than values.
template <precision_policy P>
bool vector_reduce_sum(tensor_view<const value_t<P>> x, const reduce_sum_params& p, tensor_view<value_t<P>> y) {
  if (p.term != reduction_term::value) return false;
  const auto finish = [&](auto k, double* sum, double, value_t<P>* out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) sum[i] *= static_cast<double>(p.coefficient);
    k.means(sum, 1.0, out, n);
  };
  return vector_reduce<P>(x, reduced_axes(p.axes, x.shape(), "reduce_sum"), finish, y);
}

}  // namespace detail

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates nothing but a
/// list of extents.
template <precision_policy P>
void reduce_sum_into(tensor_view<const value_t<P>> x, const reduce_sum_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "reduce_sum");
  if (!detail::vector_reduce_sum<P>(x, p, y)) reference::reduce_sum<P>(x, p, y);
}

/// The sum of x, its magnitudes or squares over the given axes, times the coefficient.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> reduce_sum(const X& x, const reduce_sum_params& p) {
  const detail::op_input<P, X> in(x, "reduce_sum");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  reduce_sum_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
