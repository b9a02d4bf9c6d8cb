// Operators: what layers take and write, in Python's arrays.
#pragma once

#include <array>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/ops/input.hpp>
#include <nniesim/ops/padding.hpp>
#include <nniesim/ops/pooling.hpp>
#include <nniesim/precision/function_rule.hpp>
#include <nniesim/precision/policy.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "arrays.hpp"

namespace nniesim_python {

/// Calls f.operator()<P>() with the policy of that name. Throws TypeError or format_error for no name of one.
template <class F>
[[nodiscard]] nb::object with_policy(nb::handle name, F f) {
  const std::string p = text_argument(name, "policy");
  if (p == float32::name) return f.template operator()<float32>();
  if (p == w8a8::name) return f.template operator()<w8a8>();
  if (p == w16a16::name) return f.template operator()<w16a16>();
  if (p == uniform_w8a8::name) return f.template operator()<uniform_w8a8>();
  if (p == uniform_w16a16::name) return f.template operator()<uniform_w16a16>();
  throw format_error(nniesim::detail::message("policy is ", nniesim::detail::excerpt(p),
                                              ", expected float32, w8a8, w16a16, uniform_w8a8 or uniform_w16a16"));
}

/// What layers of the accelerator write, as it stands in Python's arrays.
[[nodiscard]] inline std::span<const q20_12> layer_values(std::span<const std::int32_t> raw) noexcept {
  static_assert(sizeof(q20_12) == sizeof(std::int32_t) && std::is_trivially_copyable_v<q20_12>);
  return {reinterpret_cast<const q20_12*>(raw.data()), raw.size()};
}

/// Whether an argument has layer values, int32 in units of 1/4096, rather than floats. Throws TypeError where a policy
/// that computes in floats would be given them.
template <precision_policy P>
[[nodiscard]] bool has_layer_values(nb::handle x, std::string_view what) {
  if (detail::array_of(x, what).dtype() != nb::dtype<std::int32_t>()) return false;
  if constexpr (is_reference<P>) {
    throw nb::type_error(
        nniesim::detail::message(what, " has element type int32, expected float32: policy float32 computes in floats")
            .c_str());
  }
  return true;
}

/// An argument as what the layer before wrote: floats are written in the policy's output format first, as operators do
/// it.
template <precision_policy P>
class layer_argument {
 public:
  layer_argument(nb::handle x, std::string_view function, std::string_view argument = "x") {
    const std::string what = nniesim::detail::message(function, ": ", argument);
    if (has_layer_values<P>(x, what)) {
      raw_.emplace(x, what);
    } else {
      floats_.emplace(x, what);
    }
    if constexpr (!is_reference<P>) {
      if (raw_) {
        view_ = {layer_values(raw_->span()), raw_->shape()};
      } else {
        const nb::gil_scoped_release released;
        written_.emplace(floats_->view(), function);
        view_ = written_->view();
      }
    } else {
      view_ = floats_->view();
    }
  }
  [[nodiscard]] const tensor_view<const value_t<P>>& view() const noexcept { return view_; }

 private:
  std::optional<array_argument<float>> floats_;
  std::optional<array_argument<std::int32_t>> raw_;
  std::optional<nniesim::detail::op_input<P, tensor_view<const float>>> written_;
  tensor_view<const value_t<P>> view_;
};

/// Throws where values of a policy that computes in floats hold NaN: of arguments that their operator takes unseen.
template <precision_policy P>
void refuse_nan_of(const layer_argument<P>& in, std::string_view what) {
  if constexpr (is_reference<P>) nniesim::detail::refuse_nan(in.view(), what);
}

/// Calls f with x as it is given, floats or what a layer wrote: layers that multiply and accumulate encode floats at
/// once.
template <precision_policy P, class F>
[[nodiscard]] auto on_input(nb::handle x, std::string_view function, F f, std::string_view argument = "x") {
  const std::string what = nniesim::detail::message(function, ": ", argument);
  if constexpr (!is_reference<P>) {
    if (has_layer_values<P>(x, what)) {
      const array_argument<std::int32_t> in(x, what);
      return f(tensor_view<const q20_12>(layer_values(in.span()), in.shape()));
    }
  } else {
    (void)has_layer_values<P>(x, what);
  }
  const array_argument<float> in(x, what);
  return f(in.view());
}

/// What a layer wrote: float32, or int32 in units of 1/4096 where the caller wants it `raw`.
[[nodiscard]] nb::object layer_result(tensor<float>&& y, bool raw);
[[nodiscard]] nb::object layer_result(tensor<q20_12>&& y, bool raw);

/// Calls f(x) without the interpreter's lock, x being what the layer before wrote.
template <class F>
[[nodiscard]] nb::object run_layer(nb::handle policy, nb::handle x, std::string_view function, bool raw, F f) {
  return with_policy(policy, [&]<precision_policy P>() {
    const layer_argument<P> in(x, function);
    auto y = [&] {
      const nb::gil_scoped_release released;
      return f.template operator()<P>(in.view());
    }();
    return layer_result(std::move(y), raw);
  });
}

/// The library's sizes: an int or a sequence of ints, none negative.
[[nodiscard]] std::vector<std::size_t> sizes_argument(nb::handle object, std::string_view what);
/// One for both, or rows and columns.
[[nodiscard]] std::array<std::size_t, 2> pair_argument(nb::handle object, std::string_view what);
/// One for all sides, rows and columns, or top, left, bottom and right.
[[nodiscard]] padding padding_argument(nb::handle object, std::string_view what);
/// A name of a list, by its index in it.
[[nodiscard]] std::size_t choice_argument(nb::handle object, std::string_view what,
                                          std::span<const std::string_view> names);
/// Values of a list as float32: none for None.
[[nodiscard]] std::vector<float> values_argument(nb::handle object, std::string_view what);
[[nodiscard]] double number_argument(nb::handle object, std::string_view what);
[[nodiscard]] inline float float_argument(nb::handle object, std::string_view what) {
  return static_cast<float>(number_argument(object, what));
}
/// A float or a sequence of floats.
[[nodiscard]] std::vector<float> floats_argument(nb::handle object, std::string_view what);
/// Nothing for None.
[[nodiscard]] std::optional<std::size_t> count_argument(nb::handle object, std::string_view what);
[[nodiscard]] std::size_t axis_argument(nb::handle axis, std::string_view what);
/// How a function is computed: "hardware", "nearest_entry" or "exact".
[[nodiscard]] function_rule rule_argument(nb::handle rule, std::string_view what);
/// What a pooling takes of its windows: "maximum", "average" or "average_inside".
[[nodiscard]] pooling_operation pooling_operation_argument(nb::handle operation, std::string_view what);
/// The windows of a pooling; its operation is left as it is. Errors name `function`.
[[nodiscard]] pooling_params pooling_argument(nb::handle kernel, nb::handle stride, nb::handle pad, nb::handle size,
                                              bool global, std::string_view function);
/// Throws shape_error for a result of more than 2^30 elements, where numbers say how large it is: those need no memory
/// of the caller's.
void require_room(const tensor_shape& y, std::string_view function);

}  // namespace nniesim_python
