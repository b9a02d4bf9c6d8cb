// Normalize: each sample over its norm.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// Each sample over its norm, then times `factor`: one value, or one per channel.
struct normalize {
  l2_normalize_params params{};     ///< over what the norm is taken, and epsilon
  std::vector<float> factor{1.0F};  ///< one, or one per channel (axis 1)
};

}  // namespace layers

/// Normalize: each sample over its norm, then times a factor.
template <>
struct layer_kind<layers::normalize> : basic_kind {
  /// Counts its factors.
  [[nodiscard]] static std::size_t weights(const layers::normalize& p) noexcept { return p.factor.size(); }
  /// The shape of its one input, which must have as many channels as there are factors, unless there is one.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::normalize& p) {
    l.expect_inputs(1);
    l.expect_values(p.factor.size(), p.factor.size() == 1 ? 1 : l.channels(), "factors");
    return l.all(infer_shape(p.params, l.inputs[0]));
  }
  /// Takes the factors, with shifts of 0.
  template <precision_policy P>
  [[nodiscard]] static channel_affine prepare(const layer_facts&, const layers::normalize& p) {
    return detail::affine_of(p.factor, {});
  }
  /// Calls l2_normalize_into(), then multiplies, unless the only factor is 1.
  template <precision_policy P>
  static void run(const layers::normalize& p, const channel_affine& a, const kind_run<P>& r) {
    l2_normalize_into<P>(r.x(), p.params, r.y());
    if (p.factor != std::vector<float>{1.0F}) detail::run_affine<P>(r.y(), a, 1, r.y(), r.threads);
  }
};

NNIESIM_END_NAMESPACE
