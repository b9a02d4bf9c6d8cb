// DetectionOutput, which the host runs.
#pragma once

#include <nniesim/network/kinds/host_kind.hpp>
#include <nniesim/ops/detection_output.hpp>

NNIESIM_BEGIN_NAMESPACE

/// DetectionOutput: the detections of corrections, scores and priors.
template <>
struct layer_kind<detection_output_params> : host_kind {
  /// Memory for boxes, lists and detections of all priors.
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const detection_output_params& p, std::size_t) {
    if (l.inputs.size() != 3) return {};
    // Boxes and lists of one class, detections of all classes, while lists grow and are sorted.
    const std::size_t one = sizeof(box) + 6 * sizeof(std::size_t);
    const std::size_t found = detail::product_of(4 * sizeof(detail::detection), p.classes);
    return {0, 0, detail::product_of(l.inputs[2].size() / 8, detail::sum_of(one, found))};
  }
  /// What infer_shape() gives for its three inputs: corrections, scores, priors.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const detection_output_params& p) {
    l.expect_inputs(3);
    return l.all(infer_shape(p, l.inputs[0], l.inputs[1], l.inputs[2]));
  }
  /// Calls detection_output_into().
  template <precision_policy P>
  static void run(const detection_output_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    if constexpr (std::same_as<value_t<P>, float>) {
      detection_output_into(r.inputs[0], r.inputs[1], r.inputs[2], p, r.y());
    }
  }
};

NNIESIM_END_NAMESPACE
