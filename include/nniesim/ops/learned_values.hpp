// Weights and biases as layers are given them.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <nniesim/kernels/weight_codes.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A tag for layers without a bias, where one has to be passed on. Not made from {}, which means parameters.
struct no_bias_t {
  constexpr explicit no_bias_t(int) noexcept {}
};
inline constexpr no_bias_t no_bias{0};

/// What is taken as a bias: a tensor or list of one value per output, or no_bias.
template <class B>
concept layer_bias = tensor_like<B> || std::same_as<B, no_bias_t>;

namespace detail {

/// Float parameters of a layer where they stand, or, of other elements, rounded. Throws format_error unless they are
/// all finite. `e` must outlive the object.
template <class E>
class finite_values {
 public:
  finite_values(const E& e, std::string_view where) : source_(e) {
    using element = element_t<E>;
    if constexpr (std::same_as<element, float>) {
      values_ = source_.view().span();
    } else {
      for (const element& v : source_.view().span()) rounded_.push_back(static_cast<float>(v));
      values_ = rounded_;
    }
    if (kernels::largest_magnitude_bits(values_) < 0x7f800000U) return;
    const auto bad = std::find_if(values_.begin(), values_.end(), [](float v) { return !std::isfinite(v); });
    const tensor_shape shape = source_.view().shape();
    throw format_error(concat(where, ": ", *bad, " at ",
                              coordinates(shape, static_cast<std::size_t>(bad - values_.begin())), " of shape ", shape,
                              ", expected finite numbers"));
  }
  [[nodiscard]] std::span<const float> span() const noexcept { return values_; }

 private:
  dense<element_t<E>> source_;
  std::vector<float> rounded_;
  std::span<const float> values_;
};

/// The same, copied.
template <class E>
[[nodiscard]] std::vector<float> finite_floats(const E& e, std::string_view where) {
  const finite_values<E> values(e, where);
  return {values.span().begin(), values.span().end()};
}

/// A bias of `outputs` values, or zeros for no_bias.
template <layer_bias B>
[[nodiscard]] std::vector<float> bias_values(const B& bias, std::size_t outputs, std::string_view where) {
  if constexpr (std::same_as<B, no_bias_t>) {
    return std::vector<float>(outputs);
  } else {
    const tensor_shape shape = shape_of(bias);
    require<shape_error>(shape.size() == outputs, where, ": bias has shape ", shape, ", expected ", outputs, " values");
    return finite_floats(bias, where);
  }
}

}  // namespace detail

NNIESIM_END_NAMESPACE
