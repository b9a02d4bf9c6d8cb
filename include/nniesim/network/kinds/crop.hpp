// Crop: as much of the first input as the second one is large.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Crop: the part of the first input that is as large as the second one.
template <>
struct layer_kind<crop_params> : basic_kind {
  /// What infer_shape() gives for its two inputs.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const crop_params& p) {
    l.expect_inputs(2);
    return l.all(infer_shape(p, l.inputs[0], l.inputs[1]));
  }
  /// Calls crop_into(); of the second input only the shape counts.
  template <precision_policy P>
  static void run(const crop_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    crop_into<value_t<P>>(r.x(), r.inputs[1].shape(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
