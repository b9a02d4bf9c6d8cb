// Im2col, which the host runs.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/im2col.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Im2col: the windows that a convolution looks at, as channels.
template <>
struct layer_kind<im2col_params> : basic_kind {
  /// What infer_shape() gives for its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const im2col_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls im2col_into().
  template <precision_policy P>
  static void run(const im2col_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    im2col_into<value_t<P>>(r.x(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
