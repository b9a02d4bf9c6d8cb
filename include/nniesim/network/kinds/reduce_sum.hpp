// Reduction to the sum.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/reduce_sum.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The sum over some axes.
template <>
struct layer_kind<reduce_sum_params> : basic_kind {
  /// Forbids the batch axis.
  static void check_rules(const layer_facts&, const reduce_sum_params& p, detail::hardware_rules& rules) {
    for (const std::size_t axis : p.axes) rules.not_batch(axis);
  }
  /// What infer_shape() gives for its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const reduce_sum_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls reduce_sum_into().
  template <precision_policy P>
  static void run(const reduce_sum_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    reduce_sum_into<P>(r.x(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
