// Upsampling by repetition.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/upsample.hpp>

NNIESIM_BEGIN_NAMESPACE

template <>
struct layer_kind<upsample_params> : basic_kind {
  [[nodiscard]] static bool reads_codes(const upsample_params&) noexcept { return true; }
  [[nodiscard]] static bool keeps_scale(const layer_facts&, const upsample_params&) noexcept { return true; }
  template <precision_policy P>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts& l, const upsample_params& p) {
    check<P>(p, l.inputs[0]);
    return {};
  }
  static void check_rules(const layer_facts& l, const upsample_params& p, detail::hardware_rules& rules) {
    const tensor_shape &x = l.inputs[0], y = infer_shape(p, x);
    rules.require(y[2] == 2 * x[2] && y[3] == 2 * x[3], "upsampling by 2, nearest", detail::from_toolkit,
                  p.size ? detail::concat("size ", y[2], " x ", y[3]) : detail::concat("factor ", p.factor));
  }
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const upsample_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  template <precision_policy P>
  static void run(const upsample_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    if (r.is_encoded(0)) upsample_into<detail::encoded_already<P>>(r.x(), {}, p, r.y());
    else upsample_into<P>(r.x(), r.scales[0], p, r.y());
  }
};

NNIESIM_END_NAMESPACE
