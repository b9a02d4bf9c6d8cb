// Local response normalization.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/lrn.hpp>

NNIESIM_BEGIN_NAMESPACE

/// LRN: local response normalization.
template <>
struct layer_kind<lrn_params> : basic_kind {
  /// The shape of its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const lrn_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls lrn_into().
  template <precision_policy P>
  static void run(const lrn_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    lrn_into<P>(r.x(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
