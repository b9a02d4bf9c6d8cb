// PassThrough, Reorg and the pixel shuffle.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/pass_through.hpp>

NNIESIM_BEGIN_NAMESPACE

/// It moves values that are stored already; what it writes is stored anew, in the range that it has, which is the
/// input's (our assumption).
template <>
struct layer_kind<pass_through_params> : basic_kind {
  /// Allows blocks of 1 to 255 rows and columns.
  static void check_rules(const layer_facts&, const pass_through_params& p, detail::hardware_rules& rules) {
    rules.small("block", std::max(p.block[0], p.block[1]));
  }
  /// What infer_shape() gives for its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const pass_through_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls pass_through_into().
  template <precision_policy P>
  static void run(const pass_through_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    pass_through_into<value_t<P>>(r.x(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
