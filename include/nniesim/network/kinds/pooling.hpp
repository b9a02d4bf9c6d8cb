// Pooling: the maximum or the average of windows; the second output of a maximum is its mask.
#pragma once

#include <nniesim/network/kinds/maps.hpp>
#include <nniesim/ops/pooling.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Pooling: the maximum or the average of windows.
template <>
struct layer_kind<pooling_params> : basic_kind {
  static constexpr bool reads_stored_codes = true,  ///< its run reads blobs that stand as codes
      writes_stored_codes = true;                   ///< its run writes codes
  /// A maximum reads codes: seen in compiled models.
  [[nodiscard]] static bool reads_codes(const pooling_params& p) noexcept {
    return p.operation == pooling_operation::maximum;
  }
  /// Allows kernels and strides of 1 to 255, padding up to 255, and the ceil rule for the output size.
  static void check_rules(const layer_facts& l, const pooling_params& p, detail::hardware_rules& rules) {
    if (p.global) {
      rules.small("kernel", std::max(l.inputs[0][2], l.inputs[0][3]));
    } else {
      rules.small("kernel", std::max(p.kernel[0], p.kernel[1]));
      rules.small("stride", std::max(p.stride[0], p.stride[1]));
      rules.small("padding", std::max(std::max(p.pad.top, p.pad.bottom), std::max(p.pad.left, p.pad.right)), 0);
    }
    rules.require(p.size == pooling_size::ceil, "the ceil rule for the output size", detail::from_toolkit,
                  "the floor rule");
  }
  /// What infer_shape() gives for its one input; a maximum's mask has the same shape.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const pooling_params& p) {
    l.expect_inputs(1);
    detail::require<shape_error>(l.outputs <= 2 && (l.outputs < 2 || p.operation == pooling_operation::maximum), l.type,
                                 ": ", l.outputs, " outputs, expected 1, or 2 of a maximum: its mask");
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Throws format_error where the output format does not hold the places of a mask.
  template <precision_policy P>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts& l, const pooling_params&) {
    if (l.outputs == 2) check_places<P>(l.inputs[0][2] * l.inputs[0][3], l.type);
    return {};
  }
  /// Memory for maps at hand where blobs may be stored as codes.
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const pooling_params& p, std::size_t workers) {
    return detail::maps_need<P>(l, p, workers);
  }
  /// Pools, as many maps at a time as there is room for; elements that are encoded already are not encoded again.
  template <precision_policy P>
  static void run(const pooling_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    using scale = typename P::activations::scale;
    const scale s = r.scales.empty() ? scale{} : r.scales[0];
    const bool is_encoded = r.is_encoded(0) || r.has_codes_of(0);
    detail::for_maps<P>(r, [&](const auto& x, const auto& y, std::size_t from) {
      if (is_encoded) pooling_into<detail::encoded_already<P>>(x, {}, p, y);
      else pooling_into<P>(x, s, p, y);
      if (r.outputs.size() < 2) return;
      const tensor_view<value_t<P>> places(r.outputs[1].span().subspan(from, y.size()), y.shape());
      if (is_encoded) pooling_places_into<detail::encoded_already<P>>(x, {}, p, places);
      else pooling_places_into<P>(x, s, p, places);
    });
  }
};

NNIESIM_END_NAMESPACE
