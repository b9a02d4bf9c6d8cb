// ArgMax, which the host runs.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/arg_max.hpp>

NNIESIM_BEGIN_NAMESPACE

/// ArgMax, in float: the places, or the values, of the largest elements.
template <>
struct layer_kind<arg_max_params> : basic_kind {
  /// Throws format_error under policies that do not write floats.
  template <precision_policy P>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts& l, const arg_max_params&) {
    detail::require<format_error>(std::same_as<value_t<P>, float>, l.type, ": under policy ", policy_name<P>(),
                                  ", expected it on the host, in float32");
    return {};
  }
  /// Memory for a list of the places along an axis.
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const arg_max_params&, std::size_t) {
    return {0, 0, detail::product_of(l.inputs[0].size(), sizeof(std::size_t))};
  }
  /// What infer_shape() gives for its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const arg_max_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls arg_max_into().
  template <precision_policy P>
  static void run(const arg_max_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    if constexpr (std::same_as<value_t<P>, float>) arg_max_into<P>(r.x(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
