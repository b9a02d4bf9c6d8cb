// SPP, of which the compiler makes poolings and a concat.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/spp.hpp>

NNIESIM_BEGIN_NAMESPACE

/// SPP: poolings of a pyramid of windows, one behind the other.
template <>
struct layer_kind<spp_params> : basic_kind {
  /// As its poolings.
  [[nodiscard]] static bool reads_codes(const spp_params& p) noexcept {
    return p.operation == pooling_operation::maximum;
  }
  /// Allows 1 to 255 rows and columns for the window over the whole map.
  static void check_rules(const layer_facts& l, const spp_params& p, detail::hardware_rules& rules) {
    const pooling_params whole = detail::pooling_of(p, 0, l.inputs[0]);
    rules.small("kernel", std::max(whole.kernel[0], whole.kernel[1]));
  }
  /// What infer_shape() gives for its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const spp_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls spp_into(); elements that are encoded already are not encoded again.
  template <precision_policy P>
  static void run(const spp_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    using scale = typename P::activations::scale;
    if (r.is_encoded(0)) spp_into<detail::encoded_already<P>>(r.x(), {}, p, r.y());
    else spp_into<P>(r.x(), r.scales.empty() ? scale{} : r.scales[0], p, r.y());
  }
};

NNIESIM_END_NAMESPACE
