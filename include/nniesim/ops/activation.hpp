// Activations but ReLU (relu.hpp): sigmoid, tanh, ELU, absolute value, exp, log, BNLL, threshold, those that the host
// runs, and PReLU with a slope per channel.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include <nniesim/core/cordic.hpp>
#include <nniesim/core/exp.hpp>
#include <nniesim/core/function_tables.hpp>
#include <nniesim/core/log.hpp>
#include <nniesim/kernels/layerwise.hpp>
#include <nniesim/ops/relu.hpp>
#include <nniesim/precision/function_rule.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The function that an activation layer computes of every element.
enum class activation_function {
  sigmoid,
  tanh,
  elu,
  absolute,
  exponential,
  logarithm,
  bnll,       ///< log(1 + exp(x))
  threshold,  ///< 1 where x is above the threshold, else 0
  // The accelerator does not have these.
  relu6,       ///< min(max(x, 0), 6)
  swish,       ///< x times the sigmoid of alpha * x
  hard_swish,  ///< x * relu6(x + 3) / 6
  mish,        ///< x * tanh(log(1 + exp(x)))
};

/// The function's name as error messages have it.
[[nodiscard]] constexpr std::string_view to_string(activation_function f) noexcept {
  switch (f) {
    case activation_function::sigmoid: return "sigmoid";
    case activation_function::tanh: return "tanh";
    case activation_function::elu: return "elu";
    case activation_function::absolute: return "absolute value";
    case activation_function::exponential: return "exp";
    case activation_function::logarithm: return "log";
    case activation_function::bnll: return "bnll";
    case activation_function::threshold: return "threshold";
    case activation_function::relu6: return "relu6";
    case activation_function::swish: return "swish";
    case activation_function::hard_swish: return "hard swish";
    case activation_function::mish: return "mish";
  }
  return "?";
}

/// Parameters of Caffe's Sigmoid, TanH, ELU, AbsVal, Exp, Log, BNLL and Threshold and of forks' further activations.
struct activation_params {
  activation_function function = activation_function::sigmoid;  ///< of every element
  float alpha = 1.0F;      ///< of elu: what exp(x) - 1 is multiplied by for x < 0; of swish: of the sigmoid's argument
  float threshold = 0.0F;  ///< of threshold
  // Of exp, base^(scale * x + shift), and log, log_base(scale * x + shift), as in Caffe.
  float base = -1.0F;  ///< -1: e
  float scale = 1.0F;  ///< factor of x
  float shift = 0.0F;  ///< added to scale * x
  /// Of sigmoid, tanh, exp and log. Nothing is known of the others, BNLL among them, which the accelerator may have of
  /// its exp and log: they are computed exactly (our assumption). A threshold is exact under any rule.
  function_rule rule = function_rule::hardware;
};

/// Same shape as the input. Throws for an empty axis, numbers that are not finite, a base that is neither -1 nor
/// positive, or a logarithm to base 1.
[[nodiscard]] inline tensor_shape infer_shape(const activation_params& p, const tensor_shape& x) {
  detail::require<format_error>(std::isfinite(p.alpha), to_string(p.function), ": alpha ", p.alpha,
                                ", expected a finite number");
  detail::require<format_error>(std::isfinite(p.threshold), to_string(p.function), ": threshold ", p.threshold,
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

/// log(1 + exp(x)) in float64, within some places of the last: log(1 + e) = log(u) * e / (u - 1) with u = 1 + e as it
/// is rounded.
[[nodiscard]] inline double softplus(double x) noexcept {
  const double e = exact_bits_exp(-std::fabs(x));  // cannot overflow
  const double u = 1.0 + e;
  const double log = u == 1.0 ? e : exact_bits_log(u) * e / (u - 1.0);
  return x > 0 ? x + log : log;
}

/// min(max(x, 0), 6); NaN gives 0, as a ReLU does.
[[nodiscard]] inline double relu6(double x) noexcept { return x > 0 ? (x < 6 ? x : 6.0) : 0.0; }

/// The exact form: the function in float64, from an exponential and a logarithm with the same bits everywhere. The only
/// one but of sigmoid, tanh, exp and log. Logarithms of numbers that are not positive are -infinity or NaN and written
/// as such.
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
    case activation_function::bnll: return softplus(x);
    case activation_function::threshold: return x > static_cast<double>(p.threshold) ? 1.0 : 0.0;
    case activation_function::relu6: return relu6(x);
    case activation_function::swish: {
      const double at = static_cast<double>(p.alpha) * x;
      const double e = exact_bits_exp(-std::fabs(at));
      return at < 0 ? x * e / (1.0 + e) : x / (1.0 + e);
    }
    case activation_function::hard_swish: return x * relu6(x + 3.0) / 6.0;
    case activation_function::mish: {
      if (x > 40) return x;  // the quotient is 1
      // tanh(log(1 + e)) = n / (n + 2) with n = e^2 + 2 e.
      const double e = exact_bits_exp(x);
      const double n = std::fma(e, e, 2.0 * e);
      return x * n / (n + 2.0);
    }
  }
  return x;
}

/// The argument of an exponential to base e, or of a logarithm, which is truncated to 1/4096: scale * x + shift, times
/// ln base of an exponential. (Our assumption, as is what else becomes of a base: nothing is known of these numbers in
/// compiled models.)
struct function_argument {
  double scale,  ///< the layer's, times ln base of an exponential
      shift;     ///< the layer's, times ln base of an exponential

  /// Takes scale, shift and base from the parameters.
  explicit function_argument(const activation_params& p) noexcept
      : scale(static_cast<double>(p.scale)), shift(static_cast<double>(p.shift)) {
    if (p.function != activation_function::exponential || p.base == -1.0F) return;
    const double log = exact_bits_log(static_cast<double>(p.base));
    scale *= log;
    shift *= log;
  }
  /// The argument for x, in 1/4096.
  [[nodiscard]] q20_12 of(q20_12 x) const noexcept {
    return q20_12::from(std::fma(scale, static_cast<double>(x), shift));
  }
};

/// The accelerator's form of sigmoid and tanh (tables of compiled models), exp and log (their CORDIC), in integers; the
/// exact form of the others. A logarithm to a base is the natural one, written, over ln base.
[[nodiscard]] inline q20_12 hardware_activation_of(q20_12 x, const activation_params& p) noexcept {
  const auto by = [&](const function_table& t) {
    return q20_12::from_raw(p.rule == function_rule::nearest_entry ? t.nearest(x.raw()) : t.linear(x.raw()));
  };
  switch (p.function) {
    case activation_function::sigmoid: return by(sigmoid_table);
    case activation_function::tanh: return by(tanh_table);
    case activation_function::exponential: return q20_12::from_raw(cordic::exp(function_argument(p).of(x).raw()));
    case activation_function::logarithm: {
      const q20_12 argument = function_argument(p).of(x);
      const q20_12 log = q20_12::from_raw(cordic::log(argument.raw()));
      if (p.base == -1.0F) return log;
      // Of 0 it is -infinity, over ln base.
      const double value = argument == 0 ? -std::numeric_limits<double>::infinity() : static_cast<double>(log);
      return q20_12::from(value / exact_bits_log(static_cast<double>(p.base)));
    }
    default: return q20_12::from(activation_of(static_cast<double>(x), p));
  }
}

/// The scalar specification.
template <precision_policy P>
void activation(tensor_view<const value_t<P>> x, const activation_params& p, tensor_view<value_t<P>> y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if constexpr (std::same_as<value_t<P>, q20_12>) {
      if (is_hardware<P>(p.rule)) {
        y[i] = hardware_activation_of(x[i], p);
        continue;
      }
    }
    y[i] = P::output::from(activation_of(P::output::to_double(x[i]), p));
  }
}

}  // namespace reference

namespace detail {

/// Logarithms of cordic::log to another base; the lowest number stands for the logarithm of 0.
inline void divide_logarithms(std::span<q20_12> y, double log_of_base) {
  constexpr std::size_t piece = 1024;
  q20_12 natural[piece];
  const q20_12 of_zero = q20_12::from(-std::numeric_limits<double>::infinity() / log_of_base);
  for (std::size_t at = 0; at < y.size(); at += piece) {
    const std::span<q20_12> part = y.subspan(at, std::min(piece, y.size() - at));
    std::copy(part.begin(), part.end(), natural);
    const bool done =
        kernels::layerwise::run([&](auto k) { k.quotients(natural, log_of_base, part.data(), part.size()); });
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (!done) part[i] = q20_12::from(static_cast<double>(natural[i]) / log_of_base);
      if (natural[i] == q20_12::lowest()) part[i] = of_zero;
    }
  }
}

/// The accelerator's form by the vector kernels; false where there are none.
[[nodiscard]] inline bool vector_hardware_activation(tensor_view<const q20_12> x, const activation_params& p,
                                                     tensor_view<q20_12> y) {
  using enum activation_function;
  const bool is_table = p.function == sigmoid || p.function == tanh;
  const bool is_cordic = p.function == exponential || p.function == logarithm;
  if (!is_table && !is_cordic) return false;
  return kernels::layerwise::run_functions([&](auto k) {
    const q20_12* in = x.data();
    const reference::function_argument argument(p);
    if (is_cordic && (argument.scale != 1.0 || argument.shift != 0.0)) {
      const bool done =
          kernels::layerwise::run([&](auto a) { a.affine(in, argument.scale, argument.shift, y.data(), y.size()); });
      if (!done) std::transform(in, in + x.size(), y.data(), [&](q20_12 v) { return argument.of(v); });
      in = y.data();
    }
    const function_table& table = p.function == tanh ? tanh_table : sigmoid_table;
    if (p.function == exponential) k.exp(in, y.data(), y.size());
    else if (p.function == logarithm) {
      k.log(in, y.data(), y.size());
      if (p.base != -1.0F) divide_logarithms(y.span(), exact_bits_log(static_cast<double>(p.base)));
    } else if (p.rule == function_rule::nearest_entry) k.nearest(in, table, y.data(), y.size());
    else k.linear(in, table, y.data(), y.size());
  });
}

/// By the vector kernels; false where there are none.
template <precision_policy P>
bool vector_activation(tensor_view<const value_t<P>> x, const activation_params& p, tensor_view<value_t<P>> y) {
  using enum activation_function;
  if constexpr (std::same_as<value_t<P>, q20_12>) {
    const bool is_exact =
        p.function != sigmoid && p.function != tanh && p.function != exponential && p.function != logarithm;
    if (is_hardware<P>(p.rule) && !is_exact) return vector_hardware_activation(x, p, y);
  }
  return run_layerwise<P>([&](auto k) {
    const value_t<P>* in = x.data();
    value_t<P>* out = y.data();
    const std::size_t n = y.size();
    const double scale = static_cast<double>(p.scale), shift = static_cast<double>(p.shift);
    const double log_of_base = p.base == -1.0F ? 1.0 : exact_bits_log(static_cast<double>(p.base));
    switch (p.function) {
      case sigmoid: return k.sigmoid(in, out, n);
      case tanh: return k.tanh(in, out, n);
      case elu: return k.elu(in, static_cast<double>(p.alpha), out, n);
      case absolute: return k.absolute(in, out, n);
      case exponential: return k.exponential(in, scale, shift, log_of_base, out, n);
      case logarithm: return k.logarithm(in, scale, shift, log_of_base, out, n);
      case bnll: return k.bnll(in, out, n);
      case threshold: return k.threshold(in, static_cast<double>(p.threshold), out, n);
      case relu6: return k.relu6(in, out, n);
      case swish: return k.swish(in, static_cast<double>(p.alpha), out, n);
      case hard_swish: return k.hard_swish(in, out, n);
      case mish: return k.mish(in, out, n);
    }
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which may be `x` itself. Allocates nothing.
template <precision_policy P>
void activation_into(tensor_view<const value_t<P>> x, const activation_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), to_string(p.function));
  if (!detail::vector_activation<P>(x, p, y)) reference::activation<P>(x, p, y);
}

/// The function of every element.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> activation(const X& x, const activation_params& p) {
  const detail::op_input<P, X> in(x, to_string(p.function));
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  activation_into<P>(in.view(), p, view_of(y));
  return y;
}

namespace reference {

/// The scalar specification of PReLU: x where x > 0, else x times the slope of its channel, in float64, in the output
/// format. In layers that write q20_12 that is mac_stage::activated.
template <precision_policy P>
void prelu(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> slope, tensor_view<value_t<P>> y) {
  const std::size_t inner = x.size() / x.shape()[0] / x.shape()[1];
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = P::output::to_double(x[i]);
    const double a = P::output::to_double(slope[slope.size() == 1 ? 0 : i / inner % x.shape()[1]]);
    y[i] = v > 0 ? x[i] : P::output::from(v * a);
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none.
template <precision_policy P>
bool vector_prelu(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> slope, tensor_view<value_t<P>> y) {
  const std::size_t channels = x.shape()[1], inner = x.size() / x.shape()[0] / channels;
  return run_layerwise<P>([&](auto k) {
    if (slope.size() == 1) return k.leaky(x.data(), P::output::to_double(slope[0]), y.data(), x.size());
    for (std::size_t n = 0; n < x.shape()[0]; ++n) {
      const std::size_t at = n * channels * inner;
      if (inner == 1) {
        k.leaky_each(x.data() + at, slope.data(), y.data() + at, channels);
        continue;
      }
      for (std::size_t c = 0; c < channels; ++c) {
        k.leaky(x.data() + at + c * inner, P::output::to_double(slope[c]), y.data() + at + c * inner, inner);
      }
    }
  });
}

}  // namespace detail

/// Slopes as layers of the policy hold them (negative_slope).
template <precision_policy P>
[[nodiscard]] std::vector<value_t<P>> prelu_slopes(std::span<const float> slopes) {
  std::vector<value_t<P>> result;
  for (const float s : slopes) result.push_back(P::output::from(negative_slope<P>(static_cast<double>(s))));
  return result;
}

/// PReLU: x where x > 0, else x times the slope of its channel (axis 1). `slope` has one value per channel, or one for
/// all. `y` may be `x` itself. Throws shape_error where they do not fit. Allocates nothing.
template <precision_policy P>
void prelu_into(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> slope, tensor_view<value_t<P>> y) {
  const tensor_shape& s = x.shape();
  detail::require<shape_error>(s.rank() >= 2 && s.size() != 0 && (slope.size() == 1 || slope.size() == s[1]),
                               "prelu: slopes of shape ", slope.shape(), " for input ", s,
                               ", expected one, or one per channel");
  detail::require_output(y.shape(), s, "prelu");
  if (!detail::vector_prelu<P>(x, slope, y)) reference::prelu<P>(x, slope, y);
}

/// Slopes that are no layer values are converted as the compiler does it (negative_slope).
template <precision_policy P, tensor_like X, tensor_like S>
[[nodiscard]] tensor<value_t<P>> prelu(const X& x, const S& slope) {
  const detail::op_input<P, X> in(x, "prelu");
  auto y = make_tensor<value_t<P>>(in.shape());
  if constexpr (std::same_as<element_t<S>, value_t<P>>) {
    const detail::op_input<P, S> slopes(slope, "prelu slopes");
    prelu_into<P>(in.view(), slopes.view(), view_of(y));
  } else {
    const dense<element_t<S>> source(slope);
    if constexpr (std::floating_point<element_t<S>>) detail::refuse_nan(source.view(), "prelu slopes");
    std::vector<value_t<P>> slopes;
    for (const auto& s : source.view().span()) {
      slopes.push_back(P::output::from(negative_slope<P>(detail::as_double(s))));
    }
    prelu_into<P>(in.view(), {std::span<const value_t<P>>(slopes), source.view().shape()}, view_of(y));
  }
  return y;
}

NNIESIM_END_NAMESPACE
