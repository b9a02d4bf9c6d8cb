// Softmax.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/softmax.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Softmax along an axis.
template <>
struct layer_kind<softmax_params> : basic_kind {
  static constexpr bool is_allowed_behind_fully_connected = true;  ///< a softmax may stand there
  /// It may always write where its first input stands.
  [[nodiscard]] static bool works_in_place(const softmax_params&) noexcept { return true; }
  /// Forbids the batch axis.
  static void check_rules(const layer_facts&, const softmax_params& p, detail::hardware_rules& rules) {
    rules.not_batch(p.axis);
  }
  /// The shape of its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const softmax_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls softmax_into().
  template <precision_policy P>
  static void run(const softmax_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    softmax_into<P>(r.x(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
