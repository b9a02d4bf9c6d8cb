// Deconvolution.
#pragma once

#include <nniesim/network/kinds/convolution.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// Weights C x OC/groups x KH x KW; `bias` is empty or has OC values.
/// `affine` is what a BatchNorm or Scale behind the layer became: y = (sum + bias) * factor + shift; empty: 1 and 0.
struct deconvolution {
  conv2d_params geometry{};                    ///< stride, padding, dilation, groups
  tensor<float> weights{};                     ///< C x OC/groups x KH x KW
  std::vector<float> bias{};                   ///< OC values, or none
  channel_affine affine{};                     ///< OC factors and shifts, or none
  sum_rounding rounding = sum_rounding::none;  ///< of policies with the integer stage
};

}  // namespace layers

/// Deconvolution of N x C x H x W.
template <>
struct layer_kind<layers::deconvolution> : basic_kind {
  using params = layers::deconvolution;  ///< its parameters
  static constexpr bool is_mac = true,   ///< it multiplies and accumulates
      takes_relu = true;                 ///< it does the work of a ReLU behind it
  /// One copy is made, with turned kernels.
  [[nodiscard]] static std::size_t weight_copies(const params&) noexcept { return 1; }

  /// Its inputs are always read as codes.
  [[nodiscard]] static bool reads_codes(const params&) noexcept { return true; }
  /// One that upsamples: each channel by itself, with a stride.
  [[nodiscard]] static bool keeps_scale(const layer_facts& l, const params& p) noexcept {
    const conv2d_params& g = p.geometry;
    const bool is_depthwise = l.inputs[0].rank() == 4 && p.weights.dimension() == 4 && g.groups == l.inputs[0][1] &&
                              p.weights.shape()[1] == 1;
    return is_depthwise && (g.stride[0] > 1 || g.stride[1] > 1);
  }
  /// Counts weights, biases, and the factors and shifts of `affine` as two floats each.
  [[nodiscard]] static std::size_t weights(const params& p) noexcept { return detail::mac_weights(p); }
  /// Adds products for each position of the input and of the kernel.
  static void add_work(const layer_facts& l, const tensor_shape&, const params& p, layer_work& work) {
    const tensor_shape s = shape_of(p.weights);
    const tensor_shape& x = l.inputs[0];
    work.parameters = detail::mac_parameters(p);
    work.add_products(x.size() / x[1] * s[2] * s[3], p.geometry.groups, s[0] / p.geometry.groups, s[1]);
  }
  /// Checks kernel, stride, dilation, padding and groups.
  static void check_rules(const layer_facts&, const params& p, detail::hardware_rules& rules) {
    rules.window(p.geometry, shape_of(p.weights));
  }
  /// What infer_deconv2d_shape() gives for its one input: N x OC x OH x OW.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const params& p) {
    l.expect_inputs(1);
    const tensor_shape y = infer_deconv2d_shape(p.geometry, l.inputs[0], shape_of(p.weights));
    detail::check_mac_outputs(l, p, y[1]);
    return l.all(y);
  }
  /// That of its convolution: at stride 1, of the input with zeros between its values.
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const params& p, std::size_t workers) {
    using namespace detail;
    const conv2d_params& g = p.geometry;
    const tensor_shape &x = l.inputs[0], w = shape_of(p.weights);
    if (!has_extents(g, x, w)) return {};
    const extents_4 wide{x[0], x[1], sum_of(1, product_of(x[2] - 1, g.stride[0])),
                         sum_of(1, product_of(x[3] - 1, g.stride[1]))};
    const std::size_t rows = product_of(w[2] - 1, g.dilation[0]);
    const std::size_t columns = product_of(w[3] - 1, g.dilation[1]);
    const conv2d_params inner{.pad = padding(rows, columns, rows, columns), .dilation = g.dilation, .groups = g.groups};
    operator_need need = conv_need<P>(inner, wide, {product_of(w[1], g.groups), w[0] / g.groups, w[2], w[3]}, workers);
    need.workspace = sum_of(need.workspace, product_of(wide[0], wide[1], wide[2], wide[3], sizeof(value_t<P>)), 128);
    return need;
  }
  /// Lays out the weights.
  template <precision_policy P>
  [[nodiscard]] static deconv2d_layer<P> prepare(const layer_facts& l, const params& p) {
    return detail::mac_layer<deconv2d_layer<P>>(p, l.threads(), p.geometry);
  }
  /// What the deconv2d_layer needs.
  template <precision_policy P>
  [[nodiscard]] static std::size_t workspace_bytes(const params&, const deconv2d_layer<P>& layer, const tensor_shape& x,
                                                   const executor& threads) {
    return layer.workspace_bytes(x, threads);
  }
  /// Runs the deconv2d_layer.
  template <precision_policy P>
  static void run(const params&, const deconv2d_layer<P>& layer, const kind_run<P>& r) {
    r.with_codes_of([&](auto x) { layer.run(x, r.scales[0], r.y(), r.workspace, r.threads, r.stage); });
  }
};

NNIESIM_END_NAMESPACE
