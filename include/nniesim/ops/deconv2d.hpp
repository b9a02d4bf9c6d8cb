// Two-dimensional deconvolution (transposed convolution), as Caffe defines it: every input element adds its kernel into
// the output map.
#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include <nniesim/ops/conv2d.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The shape N x OC x OH x OW for an input N x C x H x W and weights C x OC/groups x KH x KW, with
/// OH = (H - 1) * stride - top - bottom + dilation * (KH - 1) + 1. Throws shape_error where they do not fit.
[[nodiscard]] inline tensor_shape infer_deconv2d_shape(const conv2d_params& p, const tensor_shape& x,
                                                       const tensor_shape& w) {
  require_rank(x, 4, "deconv2d input", "batch, channels, rows, columns");
  require_rank(w, 4, "deconv2d weights", "channels, outputs per group, kernel rows, kernel columns");
  detail::require<shape_error>(p.groups >= 1 && w[0] % p.groups == 0 && x[1] == w[0], "deconv2d: ", p.groups,
                               " groups for input ", x, " and weights ", w,
                               ", expected as many channels in both and a divisor of them");
  constexpr std::size_t limit = std::size_t{1} << 24U;
  const std::size_t before[2] = {p.pad.top, p.pad.left};
  const std::size_t after[2] = {p.pad.bottom, p.pad.right};
  std::size_t out[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const bool sane = p.stride[i] >= 1 && p.stride[i] < limit && p.dilation[i] >= 1 && p.dilation[i] < limit &&
                      before[i] < limit && after[i] < limit && w[2 + i] >= 1 && w[2 + i] < limit && x[2 + i] >= 1 &&
                      x[2 + i] < limit;
    const std::size_t reach = sane ? (w[2 + i] - 1) * p.dilation[i] + 1 : 0;
    const std::size_t full = sane ? (x[2 + i] - 1) * p.stride[i] + reach : 0;
    // Padding beyond the kernel would cut inputs off; Caffe allows it, the convolution that computes this does not.
    detail::require<shape_error>(
        sane && before[i] < reach && after[i] < reach && before[i] + after[i] < full && full < limit, "deconv2d ",
        i == 0 ? "rows" : "columns", ": stride ", p.stride[i], ", dilation ", p.dilation[i], ", padding ", before[i],
        " and ", after[i], ", input ", x, ", weights ", w,
        ", expected padding smaller than the kernel's reach and an output under ", limit);
    out[i] = full - before[i] - after[i];
  }
  return {x[0], w[1] * p.groups, out[0], out[1]};
}

namespace reference {

/// The scalar specification. Inputs and weights are encoded as by conv2d; each output is one chain over input channel,
/// input row and input column, in this order, of the products that fall on it; then finished_sum.
template <precision_policy P, class In>
void deconv2d(tensor_view<const In> x, const typename P::activations::scale& sx, tensor_view<const float> w,
              std::span<const group_weights<typename P::weights>> groups, std::span<const float> bias,
              const conv2d_params& p, const mac_options& options, tensor_view<value_t<P>> y) {
  using engine = kernels::engine<P>;
  using accumulator = typename P::accumulator;
  using operand = typename accumulator::operand;
  const tensor_shape &xs = x.shape(), &ws = w.shape(), &ys = y.shape();
  detail::require_output(ys, infer_deconv2d_shape(p, xs, ws), "reference::deconv2d");
  detail::require_specification(groups.size(), p.groups, bias.size(), ys[1], options, "reference::deconv2d");
  const std::size_t group_inputs = ws[0] / p.groups;
  for (std::size_t n = 0; n < ys[0]; ++n) {
    for (std::size_t oc = 0; oc < ys[1]; ++oc) {
      const std::size_t group = oc / ws[1];
      const auto& sw = groups[group];
      for (std::size_t oy = 0; oy < ys[2]; ++oy) {
        for (std::size_t ox = 0; ox < ys[3]; ++ox) {
          typename accumulator::sum sum{};
          for (std::size_t ic = group * group_inputs; ic < (group + 1) * group_inputs; ++ic) {
            for (std::size_t iy = 0; iy < xs[2]; ++iy) {
              // Unsigned: what lies before the kernel wraps to huge values and is refused with what lies behind it.
              const std::size_t ty = oy + p.pad.top - iy * p.stride[0];
              if (ty % p.dilation[0] != 0 || ty / p.dilation[0] >= ws[2]) continue;
              for (std::size_t ix = 0; ix < xs[3]; ++ix) {
                const std::size_t tx = ox + p.pad.left - ix * p.stride[1];
                if (tx % p.dilation[1] != 0 || tx / p.dilation[1] >= ws[3]) continue;
                const float a = engine::float_of(x[((n * xs[1] + ic) * xs[2] + iy) * xs[3] + ix]);
                const std::size_t tap = ty / p.dilation[0] * ws[3] + tx / p.dilation[1];
                const float b = w[(ic * ws[1] + oc % ws[1]) * ws[2] * ws[3] + tap];
                sum = accumulator::add(sum, operand_of<operand, typename P::weights>(sw.encode(b), sw.scale),
                                       operand_of<operand, typename P::activations>(P::activations::encode(a, sx), sx));
              }
            }
          }
          y[((n * ys[1] + oc) * ys[2] + oy) * ys[3] + ox] =
              finished_sum<P>(sum, engine::unit(sw, sx), bias.empty() ? 0.0F : bias[oc], oc, options);
        }
      }
    }
  }
}

}  // namespace reference

/// A deconvolution whose weights are quantized and laid out once: the convolution, at stride 1 and with the kernel
/// turned round, of the input with zeros between its elements. (A product with such a zero leaves a chain as it is.)
template <precision_policy P>
class deconv2d_layer {
  using value = value_t<P>;

 public:
  using weights_encoding = group_weights<typename P::weights>;  ///< how the weights of a group are encoded
  using activation_scale = typename P::activations::scale;      ///< of the input's codes

  /// `w` is C x OC/groups x KH x KW, `bias` OC values or no_bias. The weights of each group have a scale of their own,
  /// derived from them unless `groups` gives it: one for each, or one for all.
  template <tensor_like W, layer_bias B>
  deconv2d_layer(const W& w, const B& bias, const conv2d_params& p = {}, mac_options options = {},
                 std::vector<weights_encoding> groups = {}, const executor& threads = {})
      : params_(p),
        w_shape_(checked(shape_of(w), p)),
        convolution_(turned(w, p), bias, inner(p, w_shape_), std::move(options),
                     // Derived before the kernel is turned: of constant magnitudes the first weight's counts.
                     detail::finite_encodings<typename P::weights>(detail::float_values<W>(w), std::move(groups),
                                                                   p.groups, "deconv2d", threads),
                     threads) {}
  /// Without a bias.
  template <tensor_like W>
  explicit deconv2d_layer(const W& w, const conv2d_params& p = {}, mac_options options = {},
                          std::vector<weights_encoding> groups = {})
      : deconv2d_layer(w, no_bias, p, std::move(options), std::move(groups)) {}

  /// The geometry that the layer was made with.
  [[nodiscard]] const conv2d_params& params() const noexcept { return params_; }
  /// The options that the layer was made with.
  [[nodiscard]] const mac_options& options() const noexcept { return convolution_.options(); }
  /// How the weights are encoded, group by group.
  [[nodiscard]] std::span<const weights_encoding> weight_groups() const noexcept {
    return convolution_.weight_groups();
  }
  /// The instruction set that the layer was prepared for.
  [[nodiscard]] isa instruction_set() const noexcept { return convolution_.instruction_set(); }
  /// The shape of the output for an input of this shape. Throws shape_error where the input does not fit.
  [[nodiscard]] tensor_shape output_shape(const tensor_shape& x) const {
    return infer_deconv2d_shape(params_, x, w_shape_);
  }
  /// The scale of the whole input, derived from it.
  [[nodiscard]] activation_scale activation_scale_of(tensor_view<const value> x) const { return derived_scale(x); }
  /// The same of a network's input: floats.
  [[nodiscard]] activation_scale activation_scale_of(tensor_view<const float> x) const
      requires(!std::same_as<value, float>) {
    return derived_scale(x);
  }

  /// Bytes that run() needs for an input of this shape and these threads.
  [[nodiscard]] std::size_t workspace_bytes(const tensor_shape& x, const executor& threads = {}) const {
    (void)output_shape(x);
    const tensor_shape wide = widened(x);
    return kernels::arena::alignment + kernels::arena::rounded(wide.size() * std::max(sizeof(value), sizeof(float))) +
           convolution_.workspace_bytes(wide, threads);
  }

  /// Evaluates into `y` (of output_shape) without allocating; as conv2d_layer::run.
  void run(tensor_view<const value> x, const activation_scale& s, tensor_view<value> y, std::span<std::byte> workspace,
           const executor& threads = {}, const output_stage& stage = {}) const {
    run_on(x, P::output::from(0.0), s, y, workspace, threads, stage);
  }
  /// The same of a network's input: floats, which are encoded at once.
  void run(tensor_view<const float> x, const activation_scale& s, tensor_view<value> y, std::span<std::byte> workspace,
           const executor& threads = {}, const output_stage& stage = {}) const requires(!std::same_as<value, float>) {
    run_on(x, 0.0F, s, y, workspace, threads, stage);
  }

  /// The layer's output, with the activation scale derived from x.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, const executor& threads = {}) const {
    const detail::mac_input<P, X> in(x, "deconv2d");
    return allocate_and_run(in.view(), activation_scale_of(in.view()), threads);
  }
  /// The layer's output, with the given activation scale.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, const activation_scale& s, const executor& threads = {}) const {
    const detail::mac_input<P, X> in(x, "deconv2d");
    return allocate_and_run(in.view(), s, threads);
  }

 private:
  /// Weights of the convolution: outputs first, the kernel turned round.
  template <class W>
  [[nodiscard]] static tensor<float> turned(const W& w, const conv2d_params& p) {
    const detail::float_values<W> weights(w);
    const std::span<const float> values = weights.span();
    const tensor_shape s = shape_of(w);
    const std::size_t inputs = s[0] / p.groups;
    const std::size_t area = s[2] * s[3];
    auto t = make_tensor<float>({s[1] * p.groups, inputs, s[2], s[3]});
    for (std::size_t c = 0; c < s[0]; ++c) {
      for (std::size_t o = 0; o < s[1]; ++o) {
        for (std::size_t k = 0; k < area; ++k) {
          const std::size_t output = c / inputs * s[1] + o;
          t.data()[(output * inputs + c % inputs) * area + area - 1 - k] = values[(c * s[1] + o) * area + k];
        }
      }
    }
    return t;
  }
  [[nodiscard]] static tensor_shape checked(const tensor_shape& w, const conv2d_params& p) {
    require_rank(w, 4, "deconv2d weights", "channels, outputs per group, kernel rows, kernel columns");
    detail::require<shape_error>(p.groups >= 1 && w[0] % p.groups == 0 && w.size() != 0, "deconv2d: ", p.groups,
                                 " groups for weights ", w, ", expected a divisor of the channels");
    return w;
  }
  [[nodiscard]] static conv2d_params inner(const conv2d_params& p, const tensor_shape& w) {
    const std::size_t rows = (w[2] - 1) * p.dilation[0];
    const std::size_t columns = (w[3] - 1) * p.dilation[1];
    detail::require<shape_error>(
        p.pad.top <= rows && p.pad.bottom <= rows && p.pad.left <= columns && p.pad.right <= columns,
        "deconv2d: padding ", p.pad.top, ", ", p.pad.left, ", ", p.pad.bottom, ", ", p.pad.right, " for weights ", w,
        ", expected it smaller than the kernel's reach");
    return {.stride = {1, 1},
            .pad = padding(rows - p.pad.top, columns - p.pad.left, rows - p.pad.bottom, columns - p.pad.right),
            .dilation = p.dilation,
            .groups = p.groups};
  }
  [[nodiscard]] tensor_shape widened(const tensor_shape& x) const {
    return {x[0], x[1], (x[2] - 1) * params_.stride[0] + 1, (x[3] - 1) * params_.stride[1] + 1};
  }

  template <class In>
  [[nodiscard]] activation_scale derived_scale(tensor_view<const In> x) const {
    (void)output_shape(x.shape());
    // Not the convolution's, which takes no input that, without the zeros between its values, is under its kernel.
    return kernels::engine<P>::scale_of(instruction_set(), x.data(), x.size());
  }

  /// With `zero` between the inputs.
  template <class In>
  void run_on(tensor_view<const In> x, In zero, const activation_scale& s, tensor_view<value> y,
              std::span<std::byte> workspace, const executor& threads, const output_stage& stage) const {
    detail::require_output(y.shape(), output_shape(x.shape()), "deconv2d");
    const tensor_shape wide = widened(x.shape());
    kernels::arena memory(workspace);
    In* stuffed = memory.take<In>(wide.size(), "deconv2d");
    const tensor_shape& xs = x.shape();
    threads(xs[0] * xs[1], [&](std::size_t map) {
      In* out = stuffed + map * wide[2] * wide[3];
      std::fill_n(out, wide[2] * wide[3], zero);
      const In* in = x.data() + map * xs[2] * xs[3];
      for (std::size_t r = 0; r < xs[2]; ++r) {
        In* line = out + r * params_.stride[0] * wide[3];
        for (std::size_t c = 0; c < xs[3]; ++c) line[c * params_.stride[1]] = in[r * xs[3] + c];
      }
    });
    convolution_.run(tensor_view<const In>(std::span<const In>(stuffed, wide.size()), wide), s, y, memory.rest(),
                     threads, stage);
  }

  template <class In>
  [[nodiscard]] tensor<value> allocate_and_run(tensor_view<const In> x, const activation_scale& s,
                                               const executor& threads) const {
    auto y = make_tensor<value>(output_shape(x.shape()));
    std::vector<std::byte> workspace(workspace_bytes(x.shape(), threads));
    run(x, s, view_of(y), workspace, threads);
    return y;
  }

  conv2d_params params_;
  tensor_shape w_shape_;
  conv2d_layer<P> convolution_;
};

/// Deconvolution of x (N x C x H x W) with w (C x OC/groups x KH x KW) and a bias (OC values or no_bias).
template <precision_policy P, tensor_like X, tensor_like W, layer_bias B>
[[nodiscard]] tensor<value_t<P>> deconv2d(const X& x, const W& w, const B& bias, const conv2d_params& p = {},
                                          const mac_options& options = {}) {
  (void)infer_deconv2d_shape(p, shape_of(x), shape_of(w));
  return deconv2d_layer<P>(w, bias, p, options)(x);
}
/// Without a bias.
template <precision_policy P, tensor_like X, tensor_like W>
[[nodiscard]] tensor<value_t<P>> deconv2d(const X& x, const W& w, const conv2d_params& p = {},
                                          const mac_options& options = {}) {
  return deconv2d<P>(x, w, no_bias, p, options);
}

NNIESIM_END_NAMESPACE
