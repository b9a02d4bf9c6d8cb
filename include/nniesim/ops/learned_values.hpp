// Weights and biases as layers are given them.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/kernels/weight_codes.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A tag for layers without a bias, where one has to be passed on. Not made from {}, which means parameters.
struct no_bias_t {
  /// Makes the tag; the number means nothing.
  constexpr explicit no_bias_t(int) noexcept {}
};
/// The bias of layers that have none.
inline constexpr no_bias_t no_bias{0};

/// What is taken as a bias: a tensor or list of one value per output, or no_bias.
template <class B>
concept layer_bias = tensor_like<B> || std::same_as<B, no_bias_t>;

namespace detail {

/// Float parameters of a layer where they stand, or, of other elements, rounded. `e` must outlive the object.
template <class E>
class float_values {
 public:
  explicit float_values(const E& e) : source_(e) {
    using element = element_t<E>;
    if constexpr (std::same_as<element, float>) {
      values_ = source_.view().span();
    } else {
      rounded_.reserve(source_.view().size());
      for (const element& v : source_.view().span()) rounded_.push_back(static_cast<float>(v));
      values_ = rounded_;
    }
  }
  [[nodiscard]] std::span<const float> span() const noexcept { return values_; }

  /// Throws format_error unless all are finite, as the bits of their largest magnitude tell.
  void require_finite(std::uint32_t largest_bits, std::string_view where, std::string_view what = "") const {
    if (largest_bits < 0x7f800000U) return;
    const auto bad = std::find_if(values_.begin(), values_.end(), [](float v) { return !std::isfinite(v); });
    const tensor_shape shape = source_.view().shape();
    throw format_error(message(where, what, ": ", *bad, " at ",
                               coordinates(shape, static_cast<std::size_t>(bad - values_.begin())), " of shape ", shape,
                               ", expected finite numbers"));
  }

 private:
  dense<element_t<E>> source_;
  std::vector<float> rounded_;
  std::span<const float> values_;
};

/// The same; throws format_error unless they are all finite.
template <class E>
class finite_values : public float_values<E> {
 public:
  finite_values(const E& e, std::string_view where) : float_values<E>(e) {
    this->require_finite(kernels::largest_magnitude_bits(this->span()), where);
  }
};

/// encodings() of weights, which must be finite: one pass finds out both. Throws format_error where they are not.
template <quantized_format F, class E>
[[nodiscard]] std::vector<group_weights<F>> finite_encodings(const float_values<E>& weights,
                                                             std::vector<group_weights<F>> given, std::size_t groups,
                                                             std::string_view where, const executor& threads = {}) {
  const std::vector<std::uint32_t> bits = largest_bits_of(weights.span(), groups, threads);
  for (const std::uint32_t b : bits) weights.require_finite(b, where, " weights");
  return encodings<F>(std::move(given), weights.span(), bits, where);
}

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
