// Convolution.
#pragma once

#include <array>
#include <nniesim/kernels/engine.hpp>
#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// Weights OC x C/groups x KH x KW; `bias` is empty or has OC values.
/// `affine` is what a BatchNorm or Scale behind the layer became: y = (sum + bias) * factor + shift; empty: 1 and 0.
struct convolution {
  conv2d_params geometry{};
  tensor<float> weights{};
  std::vector<float> bias{};
  channel_affine affine{};
  sum_rounding rounding = sum_rounding::none;
};

}  // namespace layers

namespace detail {

/// A layer of the operators, with its weights and bias.
template <class Layer, class Params, class... Geometry>
[[nodiscard]] Layer mac_layer(const Params& p, const Geometry&... geometry) {
  mac_options options{p.affine, p.rounding};
  if (p.bias.empty()) return Layer(p.weights, no_bias, geometry..., std::move(options));
  return Layer(p.weights, tensor_view<const float>(p.bias, {p.bias.size()}), geometry..., std::move(options));
}
/// Its floats, the affine's doubles taken for two.
template <class Params>
[[nodiscard]] std::size_t mac_weights(const Params& p) noexcept {
  return p.weights.size() + p.bias.size() + 4 * p.affine.factor.size();
}

/// As they count for costs: an affine is a factor and a shift per output.
template <class Params>
[[nodiscard]] std::size_t mac_parameters(const Params& p) noexcept {
  return p.weights.size() + p.bias.size() + 2 * p.affine.factor.size();
}
/// Throws shape_error unless bias and affine are empty or have a value for each output.
template <class Params>
void check_mac_outputs(const layer_facts& l, const Params& p, std::size_t outputs) {
  if (!p.bias.empty()) l.expect_values(p.bias.size(), outputs, "values of bias");
  require_affine(p.affine, outputs, l.type);
}

using extents_4 = std::array<std::size_t, 4>;  // whose product may be too large for a tensor_shape
[[nodiscard]] inline extents_4 extents_of(const tensor_shape& s) { return {s[0], s[1], s[2], s[3]}; }

/// Whether there are extents from which a convolution's need can be told.
[[nodiscard]] inline bool has_extents(const conv2d_params& p, const tensor_shape& x, const tensor_shape& w) {
  return x.rank() == 4 && w.rank() == 4 && x.size() != 0 && w.size() != 0 && p.groups != 0;
}

/// `x` is N x C x H x W, `w` OC x C/groups x KH x KW.
template <class P>
[[nodiscard]] operator_need conv_need(const conv2d_params& p, const extents_4& x, const extents_4& w,
                                      std::size_t workers) {
  using engine = kernels::engine<P>;
  constexpr std::size_t bytes = std::max(sizeof(typename engine::operand), sizeof(typename engine::channel_operand));
  constexpr std::size_t cache = 512 * 1024;  // what conv2d_plan gives a part
  constexpr std::size_t slack = 128;
  const kernels::tile_shape tile = engine::tile(active_isa());
  const std::size_t outputs = w[0] / p.groups;
  const std::size_t lanes = outputs == 1 ? 1 : tile.lanes;
  const std::size_t stored = product_of((outputs + lanes - 1) / lanes * lanes, p.groups);
  const std::size_t steps = product_of(w[1], w[2], w[3]);
  const std::size_t row = sum_of(x[3], p.pad.left, p.pad.right, p.stride[1]);
  const std::size_t reach = sum_of(1, product_of(w[2] - 1, p.dilation[0]));
  const std::size_t line = product_of(w[1], row, reach, bytes);
  const std::size_t whole = product_of(w[1], row, sum_of(x[2], p.pad.top, p.pad.bottom, reach), bytes);
  const std::size_t planes = std::min(whole, std::max(cache, line));
  const std::size_t part = sum_of(planes, product_of(w[1], tile.max_rows, bytes), (slack + 64) * bytes);
  return {product_of(stored, steps, bytes), sum_of(product_of(part, workers), product_of(steps, 4), 2048), 0};
}

}  // namespace detail

template <>
struct layer_kind<layers::convolution> : basic_kind {
  using params = layers::convolution;
  static constexpr bool is_mac = true;

  [[nodiscard]] static bool reads_codes(const params&) noexcept { return true; }
  [[nodiscard]] static std::size_t weights(const params& p) noexcept { return detail::mac_weights(p); }
  static void add_work(const layer_facts&, const tensor_shape& y, const params& p, layer_work& work) {
    const tensor_shape s = shape_of(p.weights);
    work.parameters = detail::mac_parameters(p);
    work.add_products(y.size() / y[1] * s[2] * s[3], p.geometry.groups, s[1], s[0] / p.geometry.groups);
  }
  static void check_rules(const layer_facts&, const params& p, detail::hardware_rules& rules) {
    rules.window(p.geometry, shape_of(p.weights));
  }
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const params& p) {
    l.expect_inputs(1);
    const tensor_shape y = infer_shape(p.geometry, l.inputs[0], shape_of(p.weights));
    detail::check_mac_outputs(l, p, y[1]);
    return l.all(y);
  }
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const params& p, std::size_t workers) {
    const tensor_shape &x = l.inputs[0], w = shape_of(p.weights);
    if (!detail::has_extents(p.geometry, x, w)) return {};
    return detail::conv_need<P>(p.geometry, detail::extents_of(x), detail::extents_of(w), workers);
  }
  template <precision_policy P>
  [[nodiscard]] static conv2d_layer<P> prepare(const layer_facts&, const params& p) {
    return detail::mac_layer<conv2d_layer<P>>(p, p.geometry);
  }
  template <precision_policy P>
  [[nodiscard]] static std::size_t workspace_bytes(const params&, const conv2d_layer<P>& layer, const tensor_shape& x,
                                                   const executor& threads) {
    return layer.workspace_bytes(x, threads);
  }
  template <precision_policy P>
  static void run(const params&, const conv2d_layer<P>& layer, const kind_run<P>& r) {
    r.with_codes_of([&](auto x) { layer.run(x, r.scales[0], r.y(), r.workspace, r.threads, r.stage); });
  }
};

NNIESIM_END_NAMESPACE
