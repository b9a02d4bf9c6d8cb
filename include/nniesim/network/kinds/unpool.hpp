// Unpooling: Upsample with the mask of a max pooling as second input.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/pooling.hpp>
#include <nniesim/ops/unpool.hpp>

NNIESIM_BEGIN_NAMESPACE

/// It reads values, not codes: a mask in codes would not tell places apart (our assumption).
template <>
struct layer_kind<unpool_params> : basic_kind {
  /// What infer_shape() gives for the values and the mask.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const unpool_params& p) {
    l.expect_inputs(2);
    return l.all(infer_shape(p, l.inputs[0], l.inputs[1]));
  }
  /// Throws format_error where the output format does not hold the places of the output.
  template <precision_policy P>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts& l, const unpool_params& p) {
    check_places<P>(p.size[0] * p.size[1], l.type);
    return {};
  }
  /// Calls unpool_into().
  template <precision_policy P>
  static void run(const unpool_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    unpool_into<P>(r.x(), r.inputs[1], p, r.y());
  }
};

NNIESIM_END_NAMESPACE
