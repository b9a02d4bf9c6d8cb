// Weights of a group to codes, with the vector kernels where a format has them: the same codes as
// group_weights::encode.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include <nniesim/kernels/quantize.hpp>
#include <nniesim/precision/group_weights.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// The bits of the largest |w|: with a NaN among them more than infinity's. 0 of no weights.
[[nodiscard]] inline std::uint32_t largest_magnitude_bits(std::span<const float> w) noexcept {
  constexpr std::size_t lanes = 16;  // chains, for the compiler's vectors
  std::int32_t most[lanes] = {};
  std::size_t i = 0;
  const auto magnitude = [](float v) { return std::bit_cast<std::int32_t>(v) & 0x7fffffff; };
  for (; i + lanes <= w.size(); i += lanes) {
    for (std::size_t j = 0; j < lanes; ++j) {
      const std::int32_t m = magnitude(w[i + j]);
      most[j] = m > most[j] ? m : most[j];
    }
  }
  for (; i < w.size(); ++i) most[0] = std::max(most[0], magnitude(w[i]));
  return static_cast<std::uint32_t>(*std::max_element(std::begin(most), std::end(most)));
}

/// group_weights<F>::of finite weights, without its search for the least magnitude where two weights show that they
/// differ.
template <quantized_format F>
[[nodiscard]] group_weights<F> encoding_of(std::span<const float> w) {
  if constexpr (is_log_format<F>) {
    const float most = std::bit_cast<float>(largest_magnitude_bits(w));
    const bool differ = std::any_of(
        w.begin(), w.end(), [most](float v) { return !(most - std::abs(v) < group_weights<F>::constant_spread); });
    if (!differ) return group_weights<F>::of(w);
    return {F::scale_of_max(most), 1.0, false};
  } else {
    return group_weights<F>::of(w);
  }
}

/// codes[i] = group.encode(w[i]).
template <quantized_format F>
void encode_weights(const group_weights<F>& group, std::span<const float> w, std::span<typename F::code> codes) {
  if (group.is_constant) {
    std::transform(w.begin(), w.end(), codes.begin(), [&](float v) { return group.encode(v); });
  } else {
    encode<F>(w, codes, group.scale);
  }
}

}  // namespace kernels

namespace detail {

/// The encoding of each group, whose weights lie one behind the other, as many in each: the given ones, one for each or
/// one for all, or, where none are given, derived ones. Throws shape_error for another number.
template <quantized_format F>
[[nodiscard]] std::vector<group_weights<F>> encodings(std::vector<group_weights<F>> given, std::span<const float> w,
                                                      std::size_t groups, std::string_view where) {
  require<shape_error>(given.size() <= 1 || given.size() == groups, where, ": ", given.size(),
                       " encodings of weights for ", groups, " groups, expected one for each or one for all");
  if (given.size() == 1) given.resize(groups, given[0]);
  const std::size_t each = w.size() / groups;
  for (std::size_t g = given.size(); g < groups; ++g) {
    given.push_back(kernels::encoding_of<F>(w.subspan(g * each, each)));
  }
  return given;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
