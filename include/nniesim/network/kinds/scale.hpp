// Scale and Bias: a factor and a shift, learned or the layer's second input.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <optional>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// y = x * factor + shift. `factor` (of any rank; none: the layer's second input) covers the input's axes from `axis`
/// on; `shift` is empty or has as many values. Caffe's Bias is a scale with factors of 1.
struct scale {
  scale_params params{};                  ///< the first axis that the factors cover
  std::optional<tensor<float>> factor{};  ///< learned, or none
  std::vector<float> shift{};             ///< learned, or empty
};

}  // namespace layers

/// Scale and Bias: a factor and a shift.
template <>
struct layer_kind<layers::scale> : basic_kind {
  /// It may write where its input stands if its factors are learned.
  [[nodiscard]] static bool works_in_place(const layers::scale& p) noexcept { return p.factor.has_value(); }
  /// What the compiler takes in place of a layer of type BN.
  [[nodiscard]] static std::string_view rewrite(std::string_view type, const layers::scale&) noexcept {
    return type == "BN" ? "Scale with bias_term: the same two blobs" : "";
  }
  /// Counts its learned factors and shifts.
  [[nodiscard]] static std::size_t weights(const layers::scale& p) noexcept {
    return (p.factor ? p.factor->size() : 0) + p.shift.size();
  }
  /// Forbids factors that cover the batch axis.
  static void check_rules(const layer_facts& l, const layers::scale& p, detail::hardware_rules& rules) {
    const std::size_t rank = p.factor ? p.factor->dimension() : l.inputs[1].rank();
    if (rank != 0) rules.not_batch(p.params.axis);
  }
  /// One factor and one shift per channel (axis 1), where it is that.
  [[nodiscard]] static std::optional<channel_affine> as_channel_affine(const layers::scale& p) {
    if (!p.factor || p.params.axis != 1 || p.factor->dimension() != 1) return std::nullopt;
    return detail::affine_of(view_of(*p.factor).span(), p.shift);
  }
  /// What infer_shape() gives for the input and the factors.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::scale& p) {
    l.expect_inputs(p.factor ? 1 : 2);
    const tensor_shape factor = p.factor ? shape_of(*p.factor) : l.inputs[1];
    if (!p.shift.empty()) l.expect_values(p.shift.size(), factor.size(), "shifts");
    return l.all(infer_shape(p.params, l.inputs[0], factor));
  }
  /// Takes learned factors with their shifts; nothing where the factors are an input.
  template <precision_policy P>
  [[nodiscard]] static channel_affine prepare(const layer_facts&, const layers::scale& p) {
    return p.factor ? detail::affine_of(view_of(*p.factor).span(), p.shift) : channel_affine{};
  }
  /// Multiplies and shifts; calls scale_into() where the factors are an input.
  template <precision_policy P>
  static void run(const layers::scale& p, const channel_affine& a, const kind_run<P>& r) {
    if (p.factor) {
      detail::run_affine<P>(r.x(), a, p.params.axis, r.y(), r.threads);
    } else {
      scale_into<P>(r.x(), r.inputs[1], detail::written<P>(p.shift), p.params, r.y());
    }
  }
};

NNIESIM_END_NAMESPACE
