// Mean-variance normalization.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/mvn.hpp>

NNIESIM_BEGIN_NAMESPACE

/// MVN: mean-variance normalization.
template <>
struct layer_kind<mvn_params> : basic_kind {
  /// The shape of its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const mvn_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls mvn_into().
  template <precision_policy P>
  static void run(const mvn_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    mvn_into<P>(r.x(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
