// Power: y = (shift + scale * x)^exponent, element by element, as Caffe defines the layer.
#pragma once

#include <cmath>
#include <optional>
#include <string_view>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of Caffe's Power.
struct power_params {
  float exponent = 1.0F;  ///< any for float references, else one that the hardware has (see check)
  float scale = 1.0F;     ///< factor of x
  float shift = 0.0F;     ///< added to scale * x
};

/// Throws format_error for numbers that are not finite and, but for float references, for an exponent that the
/// hardware does not have: it has -3, -2, -1, -1/2, 1/2, 1, 2 and 3 (the vendor's guide, as transcribed publicly).
template <precision_policy P>
void check(const power_params& p) {
  detail::require<format_error>(std::isfinite(p.exponent) && std::isfinite(p.scale) && std::isfinite(p.shift),
                                "power: exponent ", p.exponent, ", scale ", p.scale, ", shift ", p.shift,
                                ", expected finite numbers");
  constexpr float supported[] = {-3.0F, -2.0F, -1.0F, -0.5F, 0.5F, 1.0F, 2.0F, 3.0F};
  bool found = is_reference<P>;
  for (const float e : supported) found = found || e == p.exponent;
  detail::require<format_error>(found, "power: exponent ", p.exponent, " under policy ", policy_name<P>(),
                                ", expected one that the hardware has: -3, -2, -1, -1/2, 1/2, 1, 2, 3");
}

/// Same shape as the input.
[[nodiscard]] inline tensor_shape infer_shape(const power_params&, const tensor_shape& x) {
  detail::require<shape_error>(x.size() != 0, "power: got shape ", x, ", expected no empty axis");
  return x;
}

namespace detail {

/// b^exponent in float64. The hardware's exponents take only correctly rounded operations (multiply, divide, square
/// root), so that they give the same bits everywhere; any other goes through std::pow.
[[nodiscard]] inline double power_of(double b, double exponent) noexcept {
  if (exponent == 1.0) return b;
  if (exponent == 2.0) return b * b;
  if (exponent == 3.0) return b * b * b;
  if (exponent == 0.5) return std::sqrt(b);
  if (exponent == -0.5) return 1.0 / std::sqrt(b);
  if (exponent == -1.0) return 1.0 / b;
  if (exponent == -2.0) return 1.0 / (b * b);
  if (exponent == -3.0) return 1.0 / (b * b * b);
  return std::pow(b, exponent);
}

/// The same exponents as the vector kernels take them; nothing for others.
[[nodiscard]] inline std::optional<kernels::layerwise::exact_power> exact_power_of(float exponent) noexcept {
  const float size = std::fabs(exponent);
  if (size != 0.5F && size != 1.0F && size != 2.0F && size != 3.0F) return std::nullopt;
  return kernels::layerwise::exact_power{static_cast<int>(size), exponent < 0.0F};
}

}  // namespace detail

namespace reference {

/// The scalar specification. Computed in float64 (our assumption): base = fma(scale, x, shift), its power, then
/// the policy's output format. A power that is undefined (a root of a negative number) is NaN and written as such.
template <precision_policy P>
void power(tensor_view<const value_t<P>> x, const power_params& p, tensor_view<value_t<P>> y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double base =
        std::fma(static_cast<double>(p.scale), P::output::to_double(x[i]), static_cast<double>(p.shift));
    y[i] = P::output::from(detail::power_of(base, static_cast<double>(p.exponent)));
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none.
template <precision_policy P>
bool vector_power(tensor_view<const value_t<P>> x, const power_params& p, tensor_view<value_t<P>> y) {
  const auto exponent = exact_power_of(p.exponent);
  return exponent && run_layerwise<P>([&](auto k) {
           k.power(x.data(), static_cast<double>(p.scale), static_cast<double>(p.shift), *exponent, y.data(), x.size());
         });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which must have the inferred shape and may be `x` itself. Allocates nothing.
template <precision_policy P>
void power_into(tensor_view<const value_t<P>> x, const power_params& p, tensor_view<value_t<P>> y) {
  check<P>(p);
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "power");
  if (!detail::vector_power<P>(x, p, y)) reference::power<P>(x, p, y);
}

/// y = (shift + scale * x)^exponent for a tensor of any rank.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> power(const X& x, const power_params& p) {
  const detail::op_input<P, X> in(x, "power");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  power_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
