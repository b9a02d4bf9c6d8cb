// How operators take their tensors: as what the preceding layer would have written under the same policy.
#pragma once

#include <concepts>
#include <string_view>
#include <vector>

#include <nniesim/precision/policy.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A value as double, whatever tensor it stands in.
template <class T>
[[nodiscard]] constexpr double as_double(const T& x) noexcept {
  return static_cast<double>(x);
}

/// Throws format_error where a tensor holds NaN, with the first one's place.
template <std::floating_point T>
void refuse_nan(tensor_view<const T> x, std::string_view where) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    require<format_error>(x[i] == x[i], where, ": NaN at ", coordinates(x.shape(), i), " of shape ", x.shape(),
                          ", expected numbers");
  }
}

/// An operator's input: a view of the argument where its elements are of the policy's value type already, else a copy
/// written in the policy's output format, as the layer before would have written it. NaN is refused.
template <precision_policy P, tensor_like E>
class op_input {
  using value = value_t<P>;

 public:
  op_input(const E& e, std::string_view where) : source_(e) {
    const auto& x = source_.view();
    if constexpr (std::floating_point<element_t<E>>) refuse_nan(x, where);
    if constexpr (std::same_as<element_t<E>, value>) {
      view_ = x;
    } else {
      converted_.reserve(x.size());
      for (const auto& v : x.span()) converted_.push_back(P::output::from(as_double(v)));
      view_ = {std::span<const value>(converted_), x.shape()};
    }
  }

  [[nodiscard]] const tensor_view<const value>& view() const noexcept { return view_; }
  [[nodiscard]] const tensor_shape& shape() const noexcept { return view_.shape(); }

 private:
  dense<element_t<E>> source_;
  std::vector<value> converted_;
  tensor_view<const value> view_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
