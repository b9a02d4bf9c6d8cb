// Proposal, which the host runs.
#pragma once

#include <array>

#include <nniesim/network/kinds/host_kind.hpp>
#include <nniesim/ops/proposal.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Inputs: scores, corrections, and the picture's height, width and scale; without the third (the compiler takes any
/// number) the picture is as large as the map times the stride, its scale 1 (our assumption). A second output has the
/// regions' scores.
template <>
struct layer_kind<proposal_params> : host_kind {
  /// Memory for boxes, values and lists of all anchors.
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const proposal_params&, std::size_t) {
    // Boxes, values and two lists of places of all anchors, while lists grow.
    const std::size_t one = 3 * (sizeof(box) + sizeof(float) + 2 * sizeof(std::size_t));
    return {0, 0, detail::product_of(l.inputs[0].size() / 2, one)};
  }
  /// What infer_shape() gives for the inputs; scores are regions x 1.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const proposal_params& p) {
    detail::require<shape_error>(l.inputs.size() == 2 || l.inputs.size() == 3, l.type, ": ", l.inputs.size(),
                                 " inputs, expected scores, corrections and the picture's size");
    detail::require<shape_error>(l.outputs <= 2, l.type, ": ", l.outputs,
                                 " outputs, expected regions and their scores");
    std::vector<tensor_shape> result{
        infer_shape(p, l.inputs[0], l.inputs[1], l.inputs.size() == 3 ? l.inputs[2] : tensor_shape{1, 3})};
    if (l.outputs == 2) result.push_back({p.regions, 1});
    return result;
  }
  /// Calls proposal_into().
  template <precision_policy P>
  static void run(const proposal_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    if constexpr (std::same_as<value_t<P>, float>) {
      const tensor_shape& map = r.x().shape();
      const std::array<float, 3> whole{static_cast<float>(map[2] * p.stride), static_cast<float>(map[3] * p.stride), 1};
      const tensor_view<const float> picture =
          r.inputs.size() == 3 ? r.inputs[2] : tensor_view<const float>(std::span<const float>(whole), {1, 3});
      proposal_into(r.x(), r.inputs[1], picture, p, r.y(),
                    r.outputs.size() == 2 ? r.outputs[1].span() : std::span<float>{});
    }
  }
};

NNIESIM_END_NAMESPACE
