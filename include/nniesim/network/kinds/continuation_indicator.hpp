// ContinuationIndicator, which the host runs.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/continuation_indicator.hpp>

NNIESIM_BEGIN_NAMESPACE

/// ContinuationIndicator: 0 in the first step of every sequence, 1 in all others.
template <>
struct layer_kind<continuation_indicator_params> : basic_kind {
  /// Of no input, or of one that says no more than how many sequences there are.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const continuation_indicator_params& p) {
    detail::require<shape_error>(l.inputs.size() <= 1, l.type, ": ", l.inputs.size(), " inputs, expected 0 or 1");
    detail::require<shape_error>(l.inputs.empty() || (l.inputs[0].rank() != 0 && l.inputs[0][0] == p.sequences), l.type,
                                 ": ", p.sequences, " sequences for input ",
                                 l.inputs.empty() ? tensor_shape{} : l.inputs[0], ", expected its first extent");
    return l.all(infer_shape(p));
  }
  /// Calls continuation_indicator_into().
  template <precision_policy P>
  static void run(const continuation_indicator_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    continuation_indicator_into<P>(p, r.y());
  }
};

NNIESIM_END_NAMESPACE
