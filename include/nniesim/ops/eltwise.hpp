// Eltwise: sum with coefficients, product or maximum of tensors of one shape, element by element.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What is computed of the inputs' elements.
enum class eltwise_operation { sum, product, maximum };

/// Parameters of Caffe's Eltwise.
struct eltwise_params {
  eltwise_operation operation = eltwise_operation::sum;  ///< of all inputs
  std::vector<float> coefficients{};                     ///< for sum: one per input, or none for all 1
};

/// The common shape. Throws shape_error for fewer than two inputs, differing shapes, or a wrong count of coefficients.
[[nodiscard]] inline tensor_shape infer_shape(const eltwise_params& p, std::span<const tensor_shape> inputs) {
  detail::require<shape_error>(inputs.size() >= 2, "eltwise: ", inputs.size(), " inputs, expected at least 2");
  for (const tensor_shape& s : inputs) {
    detail::require<shape_error>(s == inputs[0] && s.size() != 0, "eltwise: inputs of shapes ", inputs[0], " and ", s,
                                 ", expected equal shapes with no empty axis");
  }
  const bool is_sum = p.operation == eltwise_operation::sum;
  detail::require<shape_error>(p.coefficients.empty() || (is_sum && p.coefficients.size() == inputs.size()),
                               "eltwise: ", p.coefficients.size(), " coefficients for ", inputs.size(), " inputs of ",
                               is_sum ? "a sum" : "an operation without coefficients");
  for (const float c : p.coefficients) {
    detail::require<format_error>(std::isfinite(c), "eltwise: coefficient ", c, ", expected a finite number");
  }
  return inputs[0];
}

namespace reference {

/// The scalar specification, in float64 (our assumption), inputs in order: sum = fma(c_i, x_i, sum) from 0;
/// product from the first input on; maximum; then the output format.
template <precision_policy P>
void eltwise(std::span<const tensor_view<const value_t<P>>> inputs, const eltwise_params& p,
             tensor_view<value_t<P>> y) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    double result = P::output::to_double(inputs[0][i]);
    if (p.operation == eltwise_operation::sum) {
      const auto coefficient = [&](std::size_t k) {
        return p.coefficients.empty() ? 1.0 : static_cast<double>(p.coefficients[k]);
      };
      result *= coefficient(0);
      for (std::size_t k = 1; k < inputs.size(); ++k) {
        result = std::fma(coefficient(k), P::output::to_double(inputs[k][i]), result);
      }
    } else {
      for (std::size_t k = 1; k < inputs.size(); ++k) {
        const double v = P::output::to_double(inputs[k][i]);
        result = p.operation == eltwise_operation::product ? result * v : std::max(result, v);
      }
    }
    y[i] = P::output::from(result);
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none.
template <precision_policy P>
bool vector_eltwise(std::span<const tensor_view<const value_t<P>>> inputs, const eltwise_params& p,
                    tensor_view<value_t<P>> y) {
  return run_layerwise<P>([&](auto k) {
    switch (p.operation) {
      case eltwise_operation::sum:
        k.weighted_sum(inputs, p.coefficients.empty() ? nullptr : p.coefficients.data(), y.data(), y.size());
        break;
      case eltwise_operation::product: k.product(inputs, y.data(), y.size()); break;
      case eltwise_operation::maximum: k.maximum(inputs, y.data(), y.size()); break;
    }
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which must have the common shape and may be one of the inputs. Allocates nothing
/// but the list of shapes.
template <precision_policy P>
void eltwise_into(std::span<const tensor_view<const value_t<P>>> inputs, const eltwise_params& p,
                  tensor_view<value_t<P>> y) {
  std::vector<tensor_shape> shapes;
  for (const auto& x : inputs) shapes.push_back(x.shape());
  detail::require_output(y.shape(), infer_shape(p, shapes), "eltwise");
  if (!detail::vector_eltwise<P>(inputs, p, y)) reference::eltwise<P>(inputs, p, y);
}

/// Eltwise of two tensors; more go through eltwise_into.
template <precision_policy P, tensor_like A, tensor_like B>
[[nodiscard]] tensor<value_t<P>> eltwise(const A& a, const B& b, const eltwise_params& p) {
  const detail::op_input<P, A> in_a(a, "eltwise input 0");
  const detail::op_input<P, B> in_b(b, "eltwise input 1");
  const std::array inputs = {in_a.view(), in_b.view()};
  const std::array shapes = {in_a.shape(), in_b.shape()};
  auto y = make_tensor<value_t<P>>(infer_shape(p, shapes));
  eltwise_into<P>(inputs, p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
