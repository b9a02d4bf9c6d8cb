// Permute.
#pragma once

#include <string>
#include <vector>

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/permute.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Permute: the axes in another order.
template <>
struct layer_kind<permute_params> : basic_kind {
  /// What infer_shape() gives for its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const permute_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Allows the order 0 2 3 1 alone.
  static void check_rules(const layer_facts&, const permute_params& p, detail::hardware_rules& rules) {
    std::string order;
    for (const std::size_t axis : p.order) order += (order.empty() ? "" : " ") + std::to_string(axis);
    rules.require(p.order == std::vector<std::size_t>{0, 2, 3, 1}, "the order 0 2 3 1", detail::from_users, "order ",
                  order);
  }
  /// Calls permute_into().
  template <precision_policy P>
  static void run(const permute_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    permute_into<value_t<P>>(r.x(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
