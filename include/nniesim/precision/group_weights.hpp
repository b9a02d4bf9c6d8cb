// How the weights of one group of a layer are encoded: one scale for all of them, as compiled models have it.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

#include <nniesim/formats/gfpq.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The encoding of one group of weights (a layer without groups is one). Log formats have a rule for weights of
/// constant magnitude, seen in compiled models in every such group: they stand as signs, codes of +-1 at z = -levels,
/// zeros as zeros, and the magnitude, that of the first weight, goes into the multiplier.
template <quantized_format F>
struct group_weights {
  typename F::scale scale{};  ///< of the codes
  double magnitude = 1.0;     ///< what a decoded weight is multiplied by; of weights of constant magnitude not 1
  bool is_constant = false;   ///< whether they stand as signs

  /// Weights whose magnitudes differ by no more are constant: groups that differ by 7.8e-7 were taken as constant, one
  /// of 2.7e-6 not.
  static constexpr float constant_spread = 1e-6F;

  /// Derived from the group's weights, of which there is one at least.
  [[nodiscard]] static group_weights of(std::span<const float> w) {
    if constexpr (is_log_format<F>) {
      const auto [least, most] =
          std::minmax_element(w.begin(), w.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
      if (std::abs(*most) - std::abs(*least) < constant_spread) {
        return {typename F::scale(-F::levels), static_cast<double>(std::abs(w[0])), true};
      }
    }
    return {F::scale_of(w), 1.0, false};
  }

  /// The code of one weight of the group.
  [[nodiscard]] typename F::code encode(float w) const {
    if (is_constant) w = w == 0.0F ? 0.0F : std::copysign(1.0F, w);
    return F::encode(w, scale);
  }
};

NNIESIM_END_NAMESPACE
