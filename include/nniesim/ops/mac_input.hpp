// What multiply-accumulate layers take as input: what the layer before wrote, or the floats of a network's input, which
// are encoded at once.
#pragma once

#include <concepts>
#include <string_view>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A view of the argument where its elements are values of the policy or floats, else a copy in floats. NaN is refused.
template <precision_policy P, tensor_like E>
class mac_input {
 public:
  using element = std::conditional_t<std::same_as<element_t<E>, value_t<P>>, value_t<P>, float>;

  mac_input(const E& e, std::string_view where) : source_(e) {
    const auto& x = source_.view();
    if constexpr (std::floating_point<element_t<E>>) refuse_nan(x, where);
    if constexpr (std::same_as<element_t<E>, element>) {
      view_ = x;
    } else {
      converted_.reserve(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) converted_.push_back(static_cast<float>(as_double(x[i])));
      view_ = {std::span<const float>(converted_), x.shape()};
    }
  }

  [[nodiscard]] const tensor_view<const element>& view() const noexcept { return view_; }
  [[nodiscard]] const tensor_shape& shape() const noexcept { return view_.shape(); }

 private:
  dense<element_t<E>> source_;
  std::vector<float> converted_;
  tensor_view<const element> view_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
