// PriorBox, which the host runs.
#pragma once

#include <nniesim/network/kinds/host_kind.hpp>
#include <nniesim/ops/prior_box.hpp>

NNIESIM_BEGIN_NAMESPACE

/// PriorBox: boxes at every place of a map, over the size of a picture.
template <>
struct layer_kind<prior_box_params> : host_kind {
  /// What infer_shape() gives for the map and the picture.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const prior_box_params& p) {
    l.expect_inputs(2);
    return l.all(infer_shape(p, l.inputs[0], l.inputs[1]));
  }
  /// Calls prior_box_into(): only the inputs' shapes count.
  template <precision_policy P>
  static void run(const prior_box_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    if constexpr (std::same_as<value_t<P>, float>) prior_box_into(p, r.x().shape(), r.inputs[1].shape(), r.y());
  }
};

NNIESIM_END_NAMESPACE
