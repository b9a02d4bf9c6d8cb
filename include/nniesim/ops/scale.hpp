// Scale: y = x * factor + shift, factors broadcast over the other axes; and what the compiler makes of batch
// normalization: one factor and one shift per channel, folded into the convolution before it is quantized.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include <nniesim/ops/input.hpp>
#include <nniesim/ops/learned_values.hpp>
#include <nniesim/ops/mac_options.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Factors cover the axes of the input from `axis` on, as many as they have themselves (Caffe's Scale).
struct scale_params {
  std::size_t axis = 1;  ///< first axis of the input that the factors cover
};

namespace detail {

/// Whether the extents of `part` are those of x from `axis` on, and x has no empty axis.
[[nodiscard]] inline bool is_run_of(const tensor_shape& part, const tensor_shape& x, std::size_t axis) noexcept {
  bool fits = x.size() != 0 && axis <= x.rank() && part.rank() <= x.rank() - axis;
  for (std::size_t i = 0; fits && i < part.rank(); ++i) fits = part[i] == x[axis + i];
  return fits;
}

}  // namespace detail

/// The input's shape. Throws shape_error unless the factors' shape is a run of the input's axes that begins at `axis`.
[[nodiscard]] inline tensor_shape infer_shape(const scale_params& p, const tensor_shape& x,
                                              const tensor_shape& factor) {
  detail::require<shape_error>(detail::is_run_of(factor, x, p.axis), "scale: factors ", factor, " on input ", x,
                               " from axis ", p.axis, ", expected the extents of the input's axes from there on");
  return x;
}

namespace reference {

/// The scalar specification: fma(x, factor, shift) in float64 (our assumption), then the output format. `shift` is
/// empty or has one value per factor.
template <precision_policy P>
void scale(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> factor, std::span<const value_t<P>> shift,
           const scale_params& p, tensor_view<value_t<P>> y) {
  std::size_t outer = 1;
  for (std::size_t axis = 0; axis < p.axis; ++axis) outer *= x.shape()[axis];
  const std::size_t inner = x.size() / outer / factor.size();
  for (std::size_t o = 0, i = 0; o < outer; ++o) {
    for (std::size_t f = 0; f < factor.size(); ++f) {
      const double a = P::output::to_double(factor[f]);
      const double b = shift.empty() ? 0.0 : P::output::to_double(shift[f]);
      for (std::size_t k = 0; k < inner; ++k, ++i) y[i] = P::output::from(std::fma(P::output::to_double(x[i]), a, b));
    }
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none.
template <precision_policy P>
bool vector_scale(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> factor,
                  std::span<const value_t<P>> shift, const scale_params& p, tensor_view<value_t<P>> y) {
  return run_layerwise<P>([&](auto k) {
    std::size_t outer = 1;
    for (std::size_t axis = 0; axis < p.axis; ++axis) outer *= x.shape()[axis];
    const std::size_t inner = x.size() / outer / factor.size();
    for (std::size_t o = 0, i = 0; o < outer; ++o) {
      if (inner == 1) {
        k.affine_each(x.data() + i, factor.data(), shift.empty() ? nullptr : shift.data(), y.data() + i, factor.size());
        i += factor.size();
        continue;
      }
      for (std::size_t f = 0; f < factor.size(); ++f, i += inner) {
        const double b = shift.empty() ? 0.0 : P::output::to_double(shift[f]);
        k.affine(x.data() + i, P::output::to_double(factor[f]), b, y.data() + i, inner);
      }
    }
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which may be `x` itself. Allocates nothing.
template <precision_policy P>
void scale_into(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> factor,
                std::span<const value_t<P>> shift, const scale_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape(), factor.shape()), "scale");
  detail::require<shape_error>(shift.empty() || shift.size() == factor.size(), "scale: ", shift.size(),
                               " shifts for factors ", factor.shape(), ", expected as many or none");
  if (!detail::vector_scale<P>(x, factor, shift, p, y)) reference::scale<P>(x, factor, shift, p, y);
}

/// y = x * factor, broadcast.
template <precision_policy P, tensor_like X, tensor_like F>
[[nodiscard]] tensor<value_t<P>> scale(const X& x, const F& factor, const scale_params& p = {}) {
  const detail::op_input<P, X> in(x, "scale input");
  const detail::op_input<P, F> in_factor(factor, "scale factors");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape(), in_factor.shape()));
  scale_into<P>(in.view(), in_factor.view(), {}, p, view_of(y));
  return y;
}

/// y = x * factor + shift, broadcast.
template <precision_policy P, tensor_like X, tensor_like F, tensor_like S>
[[nodiscard]] tensor<value_t<P>> scale(const X& x, const F& factor, const S& shift, const scale_params& p = {}) {
  const detail::op_input<P, X> in(x, "scale input");
  const detail::op_input<P, F> in_factor(factor, "scale factors");
  const detail::op_input<P, S> in_shift(shift, "scale shifts");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape(), in_factor.shape()));
  scale_into<P>(in.view(), in_factor.view(), in_shift.view().span(), p, view_of(y));
  return y;
}

/// The stored statistics of a batch normalization, C values each, and the scale layer behind it (empty: factor 1,
/// shift 0). y = (x - mean) / sqrt(variance + epsilon) * gamma + beta. Caffe stores sums, to be divided by a `count`
/// common to them, its third blob; where that is 0 mean and variance count as 0, as in Caffe.
struct batch_norm_params {
  std::vector<float> mean{},  ///< one for each channel
      variance{},             ///< one for each channel
      gamma{},                ///< one for each channel, or empty: 1
      beta{};                 ///< one for each channel, or empty: 0
  float epsilon = 1e-5F;      ///< added to the variance
  float count = 1.0F;         ///< common divisor of the stored means and variances
};

/// The same normalization as factor and shift, in float64. Throws shape_error for lists of different lengths and
/// format_error for numbers that are not finite or a variance + epsilon that is not positive.
[[nodiscard]] inline channel_affine as_affine(const batch_norm_params& p) {
  const std::size_t n = p.mean.size();
  const bool fits = n != 0 && p.variance.size() == n && (p.gamma.empty() || p.gamma.size() == n) &&
                    (p.beta.empty() || p.beta.size() == n);
  detail::require<shape_error>(fits, "batch_norm: ", n, " means, ", p.variance.size(), " variances, ", p.gamma.size(),
                               " gammas, ", p.beta.size(), " betas, expected equal counts of at least 1");
  detail::require<format_error>(std::isfinite(p.count) && p.count >= 0.0F, "batch_norm: statistics divided by ",
                                p.count, ", expected a finite number of at least 0");
  const auto statistic = [&](float stored) {
    return p.count == 0.0F ? 0.0 : static_cast<double>(stored) / static_cast<double>(p.count);
  };
  channel_affine a;
  for (std::size_t c = 0; c < n; ++c) {
    const double mean = statistic(p.mean[c]);
    const double gamma = p.gamma.empty() ? 1.0 : static_cast<double>(p.gamma[c]);
    const double beta = p.beta.empty() ? 0.0 : static_cast<double>(p.beta[c]);
    const double spread = statistic(p.variance[c]) + static_cast<double>(p.epsilon);
    detail::require<format_error>(
        std::isfinite(mean) && std::isfinite(gamma) && std::isfinite(beta) && std::isfinite(spread) && spread > 0.0,
        "batch_norm channel ", c, ": mean ", mean, ", variance + epsilon ", spread, ", gamma ", gamma, ", beta ", beta,
        ", expected finite numbers and a positive variance + epsilon");
    const double factor = gamma / std::sqrt(spread);
    a.factor.push_back(factor);
    a.shift.push_back(std::fma(-mean, factor, beta));
  }
  return a;
}

/// Weights and bias with a normalization folded in.
struct folded_weights {
  tensor<float> weights;  ///< in the shape of the weights before
  tensor<float> bias;     ///< one value for each output
};

/// Folds a normalization of the outputs into weights (outputs first) and bias, as the compiler does before it
/// quantizes: float64, rounded once to float.
template <tensor_like W, layer_bias B>
[[nodiscard]] folded_weights fold_batch_norm(const W& w, const B& bias, const batch_norm_params& p) {
  const tensor_shape shape = shape_of(w);
  detail::require<shape_error>(shape.rank() >= 2 && shape.size() != 0 && shape[0] == p.mean.size(),
                               "fold_batch_norm: weights ", shape, " and ", p.mean.size(),
                               " channels, expected one per output");
  const channel_affine a = as_affine(p);
  const std::vector<float> weights = detail::finite_floats(w, "fold_batch_norm weights");
  const std::vector<float> old_bias = detail::bias_values(bias, shape[0], "fold_batch_norm bias");
  folded_weights folded{make_tensor<float>(shape), make_tensor<float>({shape[0]})};
  const std::size_t each = weights.size() / shape[0];
  for (std::size_t o = 0; o < shape[0]; ++o) {
    for (std::size_t i = o * each; i < (o + 1) * each; ++i) {
      folded.weights.data()[i] = static_cast<float>(static_cast<double>(weights[i]) * a.factor[o]);
    }
    folded.bias.data()[o] = static_cast<float>(std::fma(static_cast<double>(old_bias[o]), a.factor[o], a.shift[o]));
  }
  return folded;
}
/// Of a layer without a bias.
template <tensor_like W>
[[nodiscard]] folded_weights fold_batch_norm(const W& w, const batch_norm_params& p) {
  return fold_batch_norm(w, no_bias, p);
}

namespace reference {

/// The scalar specification: fma(x, factor, shift) in float64 with those of the channel, axis 1, then the output
/// format.
template <precision_policy P>
void batch_norm(tensor_view<const value_t<P>> x, const channel_affine& a, tensor_view<value_t<P>> y) {
  const std::size_t inner = x.size() / x.shape()[0] / x.shape()[1];
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t c = i / inner % a.factor.size();
    y[i] = P::output::from(std::fma(P::output::to_double(x[i]), a.factor[c], a.shift[c]));
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none.
template <precision_policy P>
bool vector_batch_norm(tensor_view<const value_t<P>> x, const channel_affine& a, tensor_view<value_t<P>> y) {
  const std::size_t inner = x.size() / x.shape()[0] / x.shape()[1];
  return run_layerwise<P>([&](auto k) {
    for (std::size_t i = 0, row = 0; i < x.size(); i += inner, ++row) {
      const std::size_t c = row % a.factor.size();
      k.affine(x.data() + i, a.factor[c], a.shift[c], y.data() + i, inner);
    }
  });
}

}  // namespace detail

/// The input's shape. Throws shape_error unless axis 1 has as many channels as the normalization, and none is empty.
[[nodiscard]] inline tensor_shape infer_shape(const channel_affine& a, const tensor_shape& x) {
  detail::require<shape_error>(x.rank() >= 2 && x.size() != 0 && x[1] == a.factor.size() && x[1] == a.shift.size(),
                               "batch_norm: input ", x, " and ", a.factor.size(), " factors, ", a.shift.size(),
                               " shifts, expected one per channel on axis 1 and no empty axis");
  return x;
}

/// Checks, then evaluates into `y`, which may be `x` itself. Allocates nothing.
template <precision_policy P>
void batch_norm_into(tensor_view<const value_t<P>> x, const channel_affine& a, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(a, x.shape()), "batch_norm");
  if (!detail::vector_batch_norm<P>(x, a, y)) reference::batch_norm<P>(x, a, y);
}

/// Batch normalization as a layer of its own, channels on axis 1. (Boards have been seen to go wrong here for unknown
/// reasons; folding is the vendor's advice.)
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> batch_norm(const X& x, const batch_norm_params& p) {
  const detail::op_input<P, X> in(x, "batch_norm");
  const channel_affine a = as_affine(p);
  auto y = make_tensor<value_t<P>>(infer_shape(a, in.shape()));
  batch_norm_into<P>(in.view(), a, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
