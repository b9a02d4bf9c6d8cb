// The add-one norm of face-recognition features, as the chains of layers that the hardware runs; every layer writes its
// own output. Two forms, named apart: the constant outside the root explains the norms measured on a board (a
// reconstruction from published figures); the constant inside the root is the published chain of operators.
#pragma once

#include <nniesim/ops/power.hpp>
#include <nniesim/ops/reduce_mean.hpp>
#include <nniesim/ops/reshape.hpp>
#include <nniesim/ops/scale.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Numbers of the outside form.
struct add_one_norm_params {
  float constant = 1.0F;     ///< a: what is added; compensation changes it
  float scale = 1.0F / 512;  ///< s: weighs the norm against the constant
};

/// The layers of y = x / (a + ||x|| s), samples of D features each.
template <class T>
struct add_one_norm_outside_chain {
  tensor<T> square;      ///< N x D, Power(scale s, exponent 2): (s x)^2
  tensor<T> mean;        ///< N x 1, ReduceMean over the features
  tensor<T> root;        ///< N x 1, Power(scale D, exponent 1/2): s ||x||
  tensor<T> reciprocal;  ///< N x 1, Power(shift a, exponent -1)
  tensor<T> output;      ///< N x D, the product
};

/// The layers of y = x / sqrt(mean(x^2) + a), samples of D features each. How the division is lowered to layers is not
/// published; here Power(exponent -1) and a product, exponents that the hardware has.
template <class T>
struct add_one_norm_inside_chain {
  tensor<T> square;      ///< N x D, Power(exponent 2): x^2
  tensor<T> mean;        ///< N x 1, ReduceMean over the features
  tensor<T> root;        ///< N x 1, Power(shift a, exponent 1/2)
  tensor<T> reciprocal;  ///< N x 1, Power(exponent -1)
  tensor<T> output;      ///< N x D, the product
};

namespace detail {

/// Throws shape_error unless x is N x D with no empty axis.
inline void require_features(const tensor_shape& x) { require_rank(x, 2, "add_one_norm", "samples, features"); }

/// x times one factor per sample.
template <precision_policy P>
[[nodiscard]] tensor<value_t<P>> times_per_sample(const tensor<value_t<P>>& x, const tensor<value_t<P>>& factor) {
  return scale<P>(x, reshape<P>(factor, {.extents = {-1}}), {.axis = 0});
}

}  // namespace detail

/// Every layer of the outside form for x (N x D).
template <precision_policy P, tensor_like X>
[[nodiscard]] add_one_norm_outside_chain<value_t<P>> run_add_one_norm_outside(const X& x,
                                                                              const add_one_norm_params& p = {}) {
  detail::require_features(shape_of(x));
  const detail::op_input<P, X> in(x, "add_one_norm");
  const auto features = static_cast<float>(in.shape()[1]);
  auto input = make_tensor<value_t<P>>(in.shape());
  std::copy_n(in.view().data(), in.view().size(), input.data());
  add_one_norm_outside_chain<value_t<P>> c;
  c.square = power<P>(input, {.exponent = 2, .scale = p.scale});
  c.mean = reduce_mean<P>(c.square, {.axes = {1}});
  c.root = power<P>(c.mean, {.exponent = 0.5F, .scale = features});
  c.reciprocal = power<P>(c.root, {.exponent = -1, .shift = p.constant});
  c.output = detail::times_per_sample<P>(input, c.reciprocal);
  return c;
}

/// Every layer of the inside form for x (N x D).
template <precision_policy P, tensor_like X>
[[nodiscard]] add_one_norm_inside_chain<value_t<P>> run_add_one_norm_inside(const X& x, float constant = 1.0F) {
  detail::require_features(shape_of(x));
  const detail::op_input<P, X> in(x, "add_one_norm");
  auto input = make_tensor<value_t<P>>(in.shape());
  std::copy_n(in.view().data(), in.view().size(), input.data());
  add_one_norm_inside_chain<value_t<P>> c;
  c.square = power<P>(input, {.exponent = 2});
  c.mean = reduce_mean<P>(c.square, {.axes = {1}});
  c.root = power<P>(c.mean, {.exponent = 0.5F, .shift = constant});
  c.reciprocal = power<P>(c.root, {.exponent = -1});
  c.output = detail::times_per_sample<P>(input, c.reciprocal);
  return c;
}

/// y = x / (a + ||x|| s), layer by layer.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> add_one_norm_outside(const X& x, const add_one_norm_params& p = {}) {
  return run_add_one_norm_outside<P>(x, p).output;
}

/// y = x / sqrt(mean(x^2) + a), layer by layer.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> add_one_norm_inside(const X& x, float constant = 1.0F) {
  return run_add_one_norm_inside<P>(x, constant).output;
}

NNIESIM_END_NAMESPACE
