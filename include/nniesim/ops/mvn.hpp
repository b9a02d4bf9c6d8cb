// MVN: mean-variance normalization over a map, or over all channels together (Caffe's MVN).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of Caffe's MVN.
struct mvn_params {
  bool normalize_variance = true;  ///< divide by the deviation; else only the mean is taken away
  bool across_channels = false;    ///< one mean per batch item; else one per channel
  float epsilon = 1e-9F;           ///< added to the standard deviation
};

/// The input's shape, batch and channels first. Throws shape_error for a rank under 2 or an empty axis, format_error
/// for an epsilon that is negative or not finite.
[[nodiscard]] inline tensor_shape infer_shape(const mvn_params& p, const tensor_shape& x) {
  detail::require<format_error>(std::isfinite(p.epsilon) && p.epsilon >= 0.0F, "mvn: epsilon ", p.epsilon,
                                ", expected a finite number of at least 0");
  detail::require<shape_error>(x.rank() >= 2 && x.size() != 0, "mvn: got shape ", x,
                               ", expected batch, channels, ... with no empty axis");
  return x;
}

namespace reference {

/// The scalar specification, in float64 (our assumption): the mean of the elements in memory order; the mean of the
/// squared differences from it, a chain of fused multiply-adds in the same order; each difference divided by
/// sqrt(variance) + epsilon; then the output format. 0 / 0 is written as NaN is.
template <precision_policy P>
void mvn(tensor_view<const value_t<P>> x, const mvn_params& p, tensor_view<value_t<P>> y) {
  const std::size_t groups = x.shape()[0] * (p.across_channels ? 1 : x.shape()[1]);
  const std::size_t n = x.size() / groups;
  for (std::size_t begin = 0; begin < x.size(); begin += n) {
    double sum = 0.0;
    for (std::size_t i = begin; i < begin + n; ++i) sum += P::output::to_double(x[i]);
    const double mean = sum / static_cast<double>(n);
    double divisor = 1.0;
    if (p.normalize_variance) {
      double squares = 0.0;
      for (std::size_t i = begin; i < begin + n; ++i) {
        const double difference = P::output::to_double(x[i]) - mean;
        squares = std::fma(difference, difference, squares);
      }
      divisor = std::sqrt(squares / static_cast<double>(n)) + static_cast<double>(p.epsilon);
    }
    for (std::size_t i = begin; i < begin + n; ++i) {
      y[i] = P::output::from((P::output::to_double(x[i]) - mean) / divisor);
    }
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none, or for a sum of q20_12 values so long that float64 may round it.
template <precision_policy P>
bool vector_mvn(tensor_view<const value_t<P>> x, const mvn_params& p, tensor_view<value_t<P>> y) {
  const std::size_t groups = x.shape()[0] * (p.across_channels ? 1 : x.shape()[1]);
  const std::size_t n = x.size() / groups;
  if (std::same_as<typename P::output, q20_12> && n > std::size_t{1} << 21U) return false;
  return run_layerwise<P>([&](auto k) {
    constexpr std::size_t block = 8;  // groups side by side: a chain alone is slow
    for (std::size_t g = 0; g < groups; g += block) {
      const std::size_t count = std::min(block, groups - g);
      const value_t<P>* in = x.data() + g * n;
      double mean[block] = {}, squares[block] = {};
      k.template row_sums<false>(in, n, count, n, mean);
      for (double& m : mean) m /= static_cast<double>(n);
      if (p.normalize_variance) k.squared_differences(in, n, count, n, mean, squares);
      for (std::size_t i = 0; i < count; ++i) {
        const double deviation = std::sqrt(squares[i] / static_cast<double>(n)) + static_cast<double>(p.epsilon);
        k.standardized(in + i * n, mean[i], p.normalize_variance ? deviation : 1.0, y.data() + (g + i) * n, n);
      }
    }
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which may be `x` itself. Allocates nothing.
template <precision_policy P>
void mvn_into(tensor_view<const value_t<P>> x, const mvn_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "mvn");
  if (!detail::vector_mvn<P>(x, p, y)) reference::mvn<P>(x, p, y);
}

/// (x - mean) / (sqrt(variance) + epsilon).
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> mvn(const X& x, const mvn_params& p = {}) {
  const detail::op_input<P, X> in(x, "mvn");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  mvn_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
