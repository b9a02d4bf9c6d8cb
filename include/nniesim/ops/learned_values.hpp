// Weights and biases as layers are given them.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <vector>

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

/// Float parameters of a layer; throws format_error unless they are all finite.
template <class E>
[[nodiscard]] std::vector<float> finite_floats(const E& e, std::string_view where) {
  const dense<element_t<E>> source(e);
  std::vector<float> values;
  values.reserve(source.view().size());
  for (const auto& v : source.view().span()) values.push_back(static_cast<float>(v));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) [[likely]]
      continue;
    throw format_error(concat(where, ": ", values[i], " at ", coordinates(source.view().shape(), i), " of shape ",
                              source.view().shape(), ", expected finite numbers"));
  }
  return values;
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
