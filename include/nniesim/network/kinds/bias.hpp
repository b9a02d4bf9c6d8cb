// Bias with shifts that are a second input; learned ones are a scale with factors of 1.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/bias.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Bias whose shifts are its second input.
template <>
struct layer_kind<bias_params> : basic_kind {
  /// Forbids shifts that cover the batch axis.
  static void check_rules(const layer_facts& l, const bias_params& p, detail::hardware_rules& rules) {
    if (l.inputs[1].rank() != 0) rules.not_batch(p.axis);
  }
  /// It may always write where its first input stands.
  [[nodiscard]] static bool works_in_place(const bias_params&) noexcept { return true; }
  /// What infer_shape() gives for x and the shifts.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const bias_params& p) {
    l.expect_inputs(2);
    return l.all(infer_shape(p, l.inputs[0], l.inputs[1]));
  }
  /// Calls bias_into().
  template <precision_policy P>
  static void run(const bias_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    bias_into<P>(r.x(), r.inputs[1], p, r.y());
  }
};

NNIESIM_END_NAMESPACE
