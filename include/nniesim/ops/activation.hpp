// Activations but ReLU (relu.hpp): sigmoid, tanh, ELU, absolute value, exp, log, and PReLU with a slope per
// channel.
#pragma once

#include <cmath>
#include <string_view>

#include <nniesim/core/exp.hpp>
#include <nniesim/core/log.hpp>
#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

enum class activation_function { sigmoid, tanh, elu, absolute, exponential, logarithm };

[[nodiscard]] constexpr std::string_view to_string(activation_function f) noexcept {
  switch (f) {
    case activation_function::sigmoid: return "sigmoid";
    case activation_function::tanh: return "tanh";
    case activation_function::elu: return "elu";
    case activation_function::absolute: return "absolute value";
    case activation_function::exponential: return "exp";
    case activation_function::logarithm: return "log";
  }
  return "?";
}

struct activation_params {
  activation_function function = activation_function::sigmoid;
  float alpha = 1.0F;  ///< of elu: what exp(x) - 1 is multiplied by for x < 0
  // Of exp, base^(scale * x + shift), and log, log_base(scale * x + shift), as in Caffe.
  float base = -1.0F;  ///< -1: e
  float scale = 1.0F;
  float shift = 0.0F;
};

/// Same shape as the input. Throws for an empty axis, numbers that are not finite, a base that is neither -1 nor
/// positive, or a logarithm to base 1.
[[nodiscard]] inline tensor_shape infer_shape(const activation_params& p, const tensor_shape& x) {
  detail::require<format_error>(std::isfinite(p.alpha), to_string(p.function), ": alpha ", p.alpha,
                                ", expected a finite number");
  detail::require<format_error>(std::isfinite(p.scale) && std::isfinite(p.shift), to_string(p.function), ": scale ",
                                p.scale, ", shift ", p.shift, ", expected finite numbers");
  const bool has_base = p.base == -1.0F || (std::isfinite(p.base) && p.base > 0.0F);
  detail::require<format_error>(has_base && (p.base != 1.0F || p.function != activation_function::logarithm),
                                to_string(p.function), ": base ", p.base,
                                ", expected -1 for e, or a positive number (not 1 for a logarithm)");
  detail::require<shape_error>(x.size() != 0, to_string(p.function), ": got shape ", x, ", expected no empty axis");
  return x;
}

namespace reference {

/// The scalar specification: the function in float64, from an exponential and a logarithm with the same bits
/// everywhere, then the output format. (Our assumption: the hardware has tables, of which nothing is published.)
/// Logarithms of numbers that are not positive are -infinity or NaN and written as such.
[[nodiscard]] inline double activation_of(double x, const activation_params& p) noexcept {
  switch (p.function) {
    case activation_function::sigmoid: {
      // e^-|x| cannot overflow.
      const double e = exact_bits_exp(-std::fabs(x));
      return x < 0 ? e / (1.0 + e) : 1.0 / (1.0 + e);
    }
    case activation_function::tanh: {
      const double size = std::fabs(x);
      if (size < 0.01) {  // the quotient would lose digits: x - x^3/3 + 2 x^5/15 - 17 x^7/315
        const double s = x * x;
        return std::fma(x * s, std::fma(s, std::fma(s, -17.0 / 315.0, 2.0 / 15.0), -1.0 / 3.0), x);
      }
      const double e = exact_bits_exp(-2.0 * size);
      const double t = (1.0 - e) / (1.0 + e);
      return x < 0 ? -t : t;
    }
    case activation_function::elu: return x > 0 ? x : static_cast<double>(p.alpha) * (exact_bits_exp(x) - 1.0);
    case activation_function::absolute: return std::fabs(x);
    case activation_function::exponential: {
      const double at = std::fma(static_cast<double>(p.scale), x, static_cast<double>(p.shift));
      return exact_bits_exp(p.base == -1.0F ? at : at * exact_bits_log(static_cast<double>(p.base)));
    }
    case activation_function::logarithm: {
      const double log = exact_bits_log(std::fma(static_cast<double>(p.scale), x, static_cast<double>(p.shift)));
      return p.base == -1.0F ? log : log / exact_bits_log(static_cast<double>(p.base));
    }
  }
  return x;
}

template <precision_policy P>
void activation(tensor_view<const value_t<P>> x, const activation_params& p, tensor_view<value_t<P>> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = P::output::from(activation_of(P::output::to_double(x[i]), p));
}

}  // namespace reference

/// Checks, then evaluates into `y`, which may be `x` itself. Allocates nothing.
template <precision_policy P>
void activation_into(tensor_view<const value_t<P>> x, const activation_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), to_string(p.function));
  reference::activation<P>(x, p, y);
}

/// The function of every element.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> activation(const X& x, const activation_params& p) {
  const detail::op_input<P, X> in(x, to_string(p.function));
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  activation_into<P>(in.view(), p, view_of(y));
  return y;
}

/// PReLU: x where x > 0, else x times the slope of its channel (axis 1), in float64, in the output format. `slope` has
/// one value per channel, or one for all. `y` may be `x` itself. Throws shape_error where they do not fit.
template <precision_policy P>
void prelu_into(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> slope, tensor_view<value_t<P>> y) {
  const tensor_shape& s = x.shape();
  detail::require<shape_error>(s.rank() >= 2 && s.size() != 0 && (slope.size() == 1 || slope.size() == s[1]),
                               "prelu: slopes of shape ", slope.shape(), " for input ", s,
                               ", expected one, or one per channel");
  detail::require_output(y.shape(), s, "prelu");
  const std::size_t inner = s.size() / s[0] / s[1];
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = P::output::to_double(x[i]);
    const double a = P::output::to_double(slope[slope.size() == 1 ? 0 : i / inner % s[1]]);
    y[i] = v > 0 ? x[i] : P::output::from(v * a);
  }
}

template <precision_policy P, tensor_like X, tensor_like S>
[[nodiscard]] tensor<value_t<P>> prelu(const X& x, const S& slope) {
  const detail::op_input<P, X> in(x, "prelu");
  const detail::op_input<P, S> slopes(slope, "prelu slopes");
  auto y = make_tensor<value_t<P>>(in.shape());
  prelu_into<P>(in.view(), slopes.view(), view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
