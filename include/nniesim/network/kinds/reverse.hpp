// Reverse, which the host runs.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/reverse.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Reverse: turns some axes around.
template <>
struct layer_kind<reverse_params> : basic_kind {
  /// The shape of its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const reverse_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls reverse_into().
  template <precision_policy P>
  static void run(const reverse_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    reverse_into<value_t<P>>(r.x(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
