// Pooling: the maximum or the average of windows; the second output of a maximum is its mask.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/pooling.hpp>

NNIESIM_BEGIN_NAMESPACE

template <>
struct layer_kind<pooling_params> : basic_kind {
  /// A maximum reads codes: seen in compiled models.
  [[nodiscard]] static bool reads_codes(const pooling_params& p) noexcept {
    return p.operation == pooling_operation::maximum;
  }
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
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const pooling_params& p) {
    l.expect_inputs(1);
    detail::require<shape_error>(l.outputs <= 2 && (l.outputs < 2 || p.operation == pooling_operation::maximum), l.type,
                                 ": ", l.outputs, " outputs, expected 1, or 2 of a maximum: its mask");
    return l.all(infer_shape(p, l.inputs[0]));
  }
  template <precision_policy P>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts& l, const pooling_params&) {
    if (l.outputs == 2) check_places<P>(l.inputs[0][2] * l.inputs[0][3], l.type);
    return {};
  }
  template <precision_policy P>
  static void run(const pooling_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    using scale = typename P::activations::scale;
    const scale s = r.scales.empty() ? scale{} : r.scales[0];
    const tensor_shape &xs = r.x().shape(), &ys = r.y().shape();
    const std::size_t in = xs[2] * xs[3];
    const std::size_t out = ys[2] * ys[3];
    detail::share(r.x().size(), in, r.threads, [&](std::size_t at, std::size_t n) {
      const std::size_t maps = n / in;
      const tensor_view<const value_t<P>> x(r.x().span().subspan(at, n), {1, maps, xs[2], xs[3]});
      const auto part_of = [&](const tensor_view<value_t<P>>& whole) {
        return tensor_view<value_t<P>>(whole.span().subspan(at / in * out, maps * out), {1, maps, ys[2], ys[3]});
      };
      if (r.is_encoded(0)) pooling_into<detail::encoded_already<P>>(x, {}, p, part_of(r.y()));
      else pooling_into<P>(x, s, p, part_of(r.y()));
      if (r.outputs.size() < 2) return;
      if (r.is_encoded(0)) pooling_places_into<detail::encoded_already<P>>(x, {}, p, part_of(r.outputs[1]));
      else pooling_places_into<P>(x, s, p, part_of(r.outputs[1]));
    });
  }
};

NNIESIM_END_NAMESPACE
