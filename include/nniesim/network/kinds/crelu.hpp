// CReLU.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/crelu.hpp>

NNIESIM_BEGIN_NAMESPACE

/// CReLU: the ReLU of x and that of -x, one behind the other.
template <>
struct layer_kind<crelu_params> : basic_kind {
  /// Forbids the batch axis.
  static void check_rules(const layer_facts&, const crelu_params& p, detail::hardware_rules& rules) {
    rules.not_batch(p.axis);
  }
  /// What infer_shape() gives for its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const crelu_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls crelu_into().
  template <precision_policy P>
  static void run(const crelu_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    crelu_into<P>(r.x(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
