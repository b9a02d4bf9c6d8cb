// Slice.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Slice: parts of the input along an axis.
template <>
struct layer_kind<slice_params> : basic_kind {
  /// Forbids the batch axis.
  static void check_rules(const layer_facts&, const slice_params& p, detail::hardware_rules& rules) {
    rules.not_batch(p.axis);
  }
  /// What infer_shapes() gives for its one input: a part for each output.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const slice_params& p) {
    l.expect_inputs(1);
    std::vector<tensor_shape> parts = infer_shapes(p, l.inputs[0]);
    detail::require<shape_error>(parts.size() == l.outputs, l.type, ": ", l.outputs, " outputs for ", parts.size(),
                                 " parts");
    return parts;
  }
  /// Calls slice_into().
  template <precision_policy P>
  static void run(const slice_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    slice_into<value_t<P>>(r.x(), p, r.outputs);
  }
};

NNIESIM_END_NAMESPACE
