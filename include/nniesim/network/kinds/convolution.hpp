// Convolution.
#pragma once

#include <array>
#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// Weights OC x C/groups x KH x KW; `bias` is empty or has OC values.
/// `affine` is what a BatchNorm or Scale behind the layer became: y = (sum + bias) * factor + shift; empty: 1 and 0.
struct convolution {
  conv2d_params geometry{};                    ///< stride, padding, dilation, groups
  tensor<float> weights{};                     ///< OC x C/groups x KH x KW
  std::vector<float> bias{};                   ///< OC values, or none
  channel_affine affine{};                     ///< OC factors and shifts, or none
  sum_rounding rounding = sum_rounding::none;  ///< of policies with the integer stage
};

}  // namespace layers

namespace detail {

/// A layer of the operators, with its weights and bias, made ready by `threads`.
template <class Layer, class Params, class... Geometry>
[[nodiscard]] Layer mac_layer(const Params& p, const executor& threads, const Geometry&... geometry) {
  mac_options options{p.affine, p.rounding};
  if (p.bias.empty()) return Layer(p.weights, no_bias, geometry..., std::move(options), {}, threads);
  const tensor_view<const float> bias(p.bias, {p.bias.size()});
  return Layer(p.weights, bias, geometry..., std::move(options), {}, threads);
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
  constexpr std::size_t bytes = std::max(sizeof(typename engine::operand), sizeof(typename engine::pixel_operand));
  const std::size_t cache = conv2d_plan::cache_for(false, false, 1);  // the most that a part is given
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
  const std::size_t part =
      sum_of(planes, product_of(w[1], std::max(tile.max_rows, kernels::pixel_slack), bytes), (slack + 64) * bytes);
  const std::size_t constants = product_of(w[0], sizeof(kernels::finish_constants) + 3 * sizeof(double));
  return {product_of(stored, steps, bytes), sum_of(product_of(part, workers), product_of(steps, 4), constants, 4096),
          0};
}

}  // namespace detail

/// Convolution of N x C x H x W.
template <>
struct layer_kind<layers::convolution> : basic_kind {
  using params = layers::convolution;               ///< its parameters
  static constexpr bool is_mac = true;              ///< it multiplies and accumulates
  static constexpr bool reads_stored_codes = true,  ///< its run reads blobs that stand as codes
      writes_stored_codes = true,                   ///< its run writes codes
      takes_relu = true;                            ///< it does the work of a ReLU behind it

  /// Its inputs are always read as codes.
  [[nodiscard]] static bool reads_codes(const params&) noexcept { return true; }
  /// Counts weights, biases, and the factors and shifts of `affine` as two floats each.
  [[nodiscard]] static std::size_t weights(const params& p) noexcept { return detail::mac_weights(p); }
  /// Adds products for each position of the output and of the kernel.
  static void add_work(const layer_facts&, const tensor_shape& y, const params& p, layer_work& work) {
    const tensor_shape s = shape_of(p.weights);
    work.parameters = detail::mac_parameters(p);
    work.add_products(y.size() / y[1] * s[2] * s[3], p.geometry.groups, s[1], s[0] / p.geometry.groups);
  }
  /// Checks kernel, stride, dilation, padding and groups.
  static void check_rules(const layer_facts&, const params& p, detail::hardware_rules& rules) {
    rules.window(p.geometry, shape_of(p.weights));
  }
  /// What infer_shape() gives for its one input: N x OC x OH x OW.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const params& p) {
    l.expect_inputs(1);
    const tensor_shape y = infer_shape(p.geometry, l.inputs[0], shape_of(p.weights));
    detail::check_mac_outputs(l, p, y[1]);
    return l.all(y);
  }
  /// Memory for the weights as the kernels read them, and for the workspace of a run.
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const params& p, std::size_t workers) {
    const tensor_shape &x = l.inputs[0], w = shape_of(p.weights);
    if (!detail::has_extents(p.geometry, x, w)) return {};
    return detail::conv_need<P>(p.geometry, detail::extents_of(x), detail::extents_of(w), workers);
  }
  /// Lays out the weights.
  template <precision_policy P>
  [[nodiscard]] static conv2d_layer<P> prepare(const layer_facts& l, const params& p) {
    return detail::mac_layer<conv2d_layer<P>>(p, l.threads(), p.geometry);
  }
  /// What the conv2d_layer needs.
  template <precision_policy P>
  [[nodiscard]] static std::size_t workspace_bytes(const params&, const conv2d_layer<P>& layer, const tensor_shape& x,
                                                   const executor& threads) {
    return layer.workspace_bytes(x, threads);
  }
  /// Runs the conv2d_layer.
  template <precision_policy P>
  static void run(const params&, const conv2d_layer<P>& layer, const kind_run<P>& r) {
    r.as_stored([&](auto x, auto y) { layer.run(x, r.scales[0], y, r.workspace, r.threads, r.stage); });
  }
};

NNIESIM_END_NAMESPACE
