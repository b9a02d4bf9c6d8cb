// TextProposal, which the host runs.
#pragma once

#include <nniesim/network/kinds/host_kind.hpp>
#include <nniesim/ops/text_proposal.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Inputs: scores, corrections, and the picture's height and width. A second output has the scores.
template <>
struct layer_kind<text_proposal_params> : host_kind {
  /// What infer_shape() gives for the inputs; scores are rows x 1.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const text_proposal_params& p) {
    l.expect_inputs(3);
    detail::require<shape_error>(l.outputs <= 2, l.type, ": ", l.outputs, " outputs, expected boxes and their scores");
    std::vector<tensor_shape> result{infer_shape(p, l.inputs[0], l.inputs[1], l.inputs[2])};
    if (l.outputs == 2) result.push_back({result[0][0], 1});
    return result;
  }
  /// Calls text_proposal_into().
  template <precision_policy P>
  static void run(const text_proposal_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    if constexpr (std::same_as<value_t<P>, float>) {
      text_proposal_into(r.inputs[0], r.inputs[1], r.inputs[2], p, r.y(),
                         r.outputs.size() == 2 ? r.outputs[1].span() : std::span<float>{});
    }
  }
};

NNIESIM_END_NAMESPACE
