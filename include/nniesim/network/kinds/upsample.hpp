// Upsampling by repetition.
#pragma once

#include <nniesim/network/kinds/maps.hpp>
#include <nniesim/ops/upsample.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Upsample: each element repeated in rows and columns.
template <>
struct layer_kind<upsample_params> : basic_kind {
  static constexpr bool reads_stored_codes = true,  ///< its run reads blobs that stand as codes
      writes_stored_codes = true;                   ///< its run writes codes
  /// Its inputs are always read as codes.
  [[nodiscard]] static bool reads_codes(const upsample_params&) noexcept { return true; }
  /// Its codes are always those of the input, repeated.
  [[nodiscard]] static bool keeps_scale(const layer_facts&, const upsample_params&) noexcept { return true; }
  /// Throws format_error, but for float references, for a size that the hardware does not give.
  template <precision_policy P>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts& l, const upsample_params& p) {
    check<P>(p, l.inputs[0]);
    return {};
  }
  /// Allows a factor of 2 alone.
  static void check_rules(const layer_facts& l, const upsample_params& p, detail::hardware_rules& rules) {
    const tensor_shape &x = l.inputs[0], y = infer_shape(p, x);
    rules.require(y[2] == 2 * x[2] && y[3] == 2 * x[3], "upsampling by 2, nearest", detail::from_toolkit,
                  p.size ? detail::message("size ", y[2], " x ", y[3]) : detail::message("factor ", p.factor));
  }
  /// What infer_shape() gives for its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const upsample_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Memory for maps at hand where blobs may be stored as codes.
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const upsample_params& p, std::size_t workers) {
    return detail::maps_need<P>(l, p, workers);
  }
  /// Upsamples, as many maps at a time as there is room for; elements that are encoded already are not encoded again.
  template <precision_policy P>
  static void run(const upsample_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::for_maps<P>(r, [&](const auto& x, const auto& y, std::size_t) {
      if (r.is_encoded(0) || r.has_codes_of(0)) upsample_into<detail::encoded_already<P>>(x, {}, p, y);
      else upsample_into<P>(x, r.scales[0], p, y);
    });
  }
};

NNIESIM_END_NAMESPACE
