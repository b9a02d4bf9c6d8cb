// L2 normalization of each sample: y = x / sqrt(sum of x^2 + epsilon), over all axes behind the first or per position.
#pragma once

#include <algorithm>
#include <cmath>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of SSD's Normalize, but for its learned factors.
struct l2_normalize_params {
  /// Over everything behind the batch axis, or over axis 1 alone at every position.
  bool across_positions = true;
  /// The hardware's Normalize layer has this one fixed (one public source).
  float epsilon = 1e-10F;
};

/// Same shape as the input. Throws for rank under 2, an empty axis, or an epsilon that is negative or not finite.
[[nodiscard]] inline tensor_shape infer_shape(const l2_normalize_params& p, const tensor_shape& x) {
  detail::require<shape_error>(x.rank() >= 2 && x.size() != 0, "l2_normalize: got shape ", x,
                               ", expected batch and features with no empty axis");
  detail::require<format_error>(std::isfinite(p.epsilon) && p.epsilon >= 0.0F, "l2_normalize: epsilon ", p.epsilon,
                                ", expected a finite number of at least 0");
  return x;
}

namespace reference {

/// The scalar specification, in float64 (our assumption: as one layer with one output rounding): the sum of squares as
/// one fused chain in memory order from epsilon, its root, the quotient. A sample of zeros with epsilon 0 gives zeros.
template <precision_policy P>
void l2_normalize(tensor_view<const value_t<P>> x, const l2_normalize_params& p, tensor_view<value_t<P>> y) {
  const std::size_t sample = x.size() / x.shape()[0];
  const std::size_t positions = p.across_positions ? 1 : sample / x.shape()[1];
  const std::size_t count = sample / positions;
  for (std::size_t n = 0; n < x.shape()[0]; ++n) {
    for (std::size_t at = 0; at < positions; ++at) {
      const std::size_t base = n * sample + at;
      double sum = static_cast<double>(p.epsilon);
      for (std::size_t k = 0; k < count; ++k) {
        const double v = P::output::to_double(x[base + k * positions]);
        sum = std::fma(v, v, sum);
      }
      const double norm = std::sqrt(sum);
      for (std::size_t k = 0; k < count; ++k) {
        const double v = P::output::to_double(x[base + k * positions]);
        y[base + k * positions] = P::output::from(norm == 0.0 ? 0.0 : v / norm);
      }
    }
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none.
template <precision_policy P>
bool vector_l2_normalize(tensor_view<const value_t<P>> x, const l2_normalize_params& p, tensor_view<value_t<P>> y) {
  const std::size_t samples = x.shape()[0];
  const std::size_t sample = x.size() / samples;
  const std::size_t positions = p.across_positions ? 1 : sample / x.shape()[1];
  const std::size_t count = sample / positions;
  return run_layerwise<P>([&](auto k) {
    if (positions == 1) {
      constexpr std::size_t block = 8;
      for (std::size_t n = 0; n < samples; n += block) {
        const std::size_t here = std::min(block, samples - n);
        double sum[block];
        std::fill_n(sum, block, static_cast<double>(p.epsilon));
        k.template row_sums<true>(x.data() + n * sample, count, here, sample, sum);
        for (std::size_t i = 0; i < here; ++i) {
          const std::size_t at = (n + i) * sample;
          k.quotients(x.data() + at, std::sqrt(sum[i]), y.data() + at, count);
        }
      }
      return;
    }
    constexpr std::size_t block = 256;
    for (std::size_t n = 0; n < samples; ++n) {
      for (std::size_t at = 0; at < positions; at += block) {
        const std::size_t here = std::min(block, positions - at);
        const std::size_t base = n * sample + at;
        double norm[block];
        std::fill_n(norm, block, static_cast<double>(p.epsilon));
        k.template column_sums<true>(x.data() + base, count, positions, here, norm);
        for (double& v : norm) v = std::sqrt(v);
        for (std::size_t c = 0; c < count; ++c) {
          k.quotients_each(x.data() + base + c * positions, norm, y.data() + base + c * positions, here);
        }
      }
    }
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which may be `x` itself. Allocates nothing.
template <precision_policy P>
void l2_normalize_into(tensor_view<const value_t<P>> x, const l2_normalize_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "l2_normalize");
  if (!detail::vector_l2_normalize<P>(x, p, y)) reference::l2_normalize<P>(x, p, y);
}

/// x divided by its norm.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> l2_normalize(const X& x, const l2_normalize_params& p = {}) {
  const detail::op_input<P, X> in(x, "l2_normalize");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  l2_normalize_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
