// Two-dimensional deconvolution (transposed convolution), as Caffe defines it: every input element adds its kernel into
// the output map.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
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
/// input row and input column, in this order, of the products that fall on it; then bias and output format.
template <precision_policy P>
void deconv2d(tensor_view<const value_t<P>> x, std::span<const typename P::activations::scale> sx,
              tensor_view<const float> w, const typename P::weights::scale& sw, std::span<const float> bias,
              const conv2d_params& p, tensor_view<value_t<P>> y) {
  using accumulator = typename P::accumulator;
  using operand = typename accumulator::operand;
  const tensor_shape &xs = x.shape(), &ws = w.shape(), &ys = y.shape();
  detail::require_output(ys, infer_deconv2d_shape(p, xs, ws), "reference::deconv2d");
  detail::require_specification(sx.size(), p.groups, bias.size(), ys[1], "reference::deconv2d");
  const std::size_t group_inputs = ws[0] / p.groups;
  for (std::size_t n = 0; n < ys[0]; ++n) {
    for (std::size_t oc = 0; oc < ys[1]; ++oc) {
      const std::size_t group = oc / ws[1];
      const typename P::activations::scale& s = sx[sx.size() == 1 ? 0 : group];
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
                const float a = P::output::to_float(x[((n * xs[1] + ic) * xs[2] + iy) * xs[3] + ix]);
                const std::size_t tap = ty / p.dilation[0] * ws[3] + tx / p.dilation[1];
                const float b = w[(ic * ws[1] + oc % ws[1]) * ws[2] * ws[3] + tap];
                sum = accumulator::add(
                    sum, kernels::operand_of<operand, typename P::weights>(P::weights::encode(b, sw), sw),
                    kernels::operand_of<operand, typename P::activations>(P::activations::encode(a, s), s));
              }
            }
          }
          const double scale = kernels::engine<P>::sum_scale(sw, s);
          y[((n * ys[1] + oc) * ys[2] + oy) * ys[3] + ox] =
              P::output::from(accumulator::total(sum, bias.empty() ? 0.0F : bias[oc], scale));
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
  using weight_scale = typename P::weights::scale;
  using activation_scale = typename P::activations::scale;

  /// `w` is C x OC/groups x KH x KW, `bias` OC values or no_bias. The weight scale is derived from all of `w` unless
  /// given.
  template <tensor_like W, layer_bias B>
  deconv2d_layer(const W& w, const B& bias, const conv2d_params& p = {}, std::optional<weight_scale> scale = {})
      : params_(p), w_shape_(checked(shape_of(w), p)), convolution_(turned(w, p), bias, inner(p, w_shape_), scale) {}
  /// Without a bias.
  template <tensor_like W>
  explicit deconv2d_layer(const W& w, const conv2d_params& p = {}, std::optional<weight_scale> scale = {})
      : deconv2d_layer(w, no_bias, p, scale) {}

  [[nodiscard]] const conv2d_params& params() const noexcept { return params_; }
  [[nodiscard]] const weight_scale& weights_scale() const noexcept { return convolution_.weights_scale(); }
  [[nodiscard]] isa instruction_set() const noexcept { return convolution_.instruction_set(); }
  [[nodiscard]] tensor_shape output_shape(const tensor_shape& x) const {
    return infer_deconv2d_shape(params_, x, w_shape_);
  }
  /// One scale per group, derived from the input.
  [[nodiscard]] std::vector<activation_scale> activation_scales(tensor_view<const value> x) const {
    (void)output_shape(x.shape());
    // Not the convolution's, which takes no input that, without the zeros between its values, is under its kernel.
    return detail::group_scales<P>(instruction_set(), x, params_.groups);
  }

  /// Bytes that run() needs for an input of this shape and these threads.
  [[nodiscard]] std::size_t workspace_bytes(const tensor_shape& x, const executor& threads = {}) const {
    (void)output_shape(x);
    const tensor_shape wide = widened(x);
    return kernels::arena::alignment + kernels::arena::rounded(wide.size() * sizeof(value)) +
           convolution_.workspace_bytes(wide, threads);
  }

  /// Evaluates into `y` (of output_shape) without allocating; as conv2d_layer::run.
  void run(tensor_view<const value> x, std::span<const activation_scale> scales, tensor_view<value> y,
           std::span<std::byte> workspace, const executor& threads = {}, const output_stage& stage = {}) const {
    detail::require_output(y.shape(), output_shape(x.shape()), "deconv2d");
    const tensor_shape wide = widened(x.shape());
    kernels::arena memory(workspace);
    value* stuffed = memory.take<value>(wide.size(), "deconv2d");
    const tensor_shape& xs = x.shape();
    threads(xs[0] * xs[1], [&](std::size_t map) {
      value* out = stuffed + map * wide[2] * wide[3];
      std::fill_n(out, wide[2] * wide[3], P::output::from(0.0));
      const value* in = x.data() + map * xs[2] * xs[3];
      for (std::size_t r = 0; r < xs[2]; ++r) {
        value* line = out + r * params_.stride[0] * wide[3];
        for (std::size_t c = 0; c < xs[3]; ++c) line[c * params_.stride[1]] = in[r * xs[3] + c];
      }
    });
    convolution_.run(tensor_view<const value>(std::span<const value>(stuffed, wide.size()), wide), scales, y,
                     memory.rest(), threads, stage);
  }

  /// The layer's output, with activation scales derived from x.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, const executor& threads = {}) const {
    const detail::op_input<P, X> in(x, "deconv2d");
    return allocate_and_run(in.view(), activation_scales(in.view()), threads);
  }
  /// The layer's output, with the given activation scales: one, or one per group.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, std::span<const activation_scale> scales,
                                         const executor& threads = {}) const {
    const detail::op_input<P, X> in(x, "deconv2d");
    return allocate_and_run(in.view(), scales, threads);
  }

 private:
  /// Weights of the convolution: outputs first, the kernel turned round.
  template <class W>
  [[nodiscard]] static tensor<float> turned(const W& w, const conv2d_params& p) {
    const std::vector<float> values = detail::finite_floats(w, "deconv2d weights");
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

  [[nodiscard]] tensor<value> allocate_and_run(tensor_view<const value> x, std::span<const activation_scale> scales,
                                               const executor& threads) const {
    auto y = make_tensor<value>(output_shape(x.shape()));
    std::vector<std::byte> workspace(workspace_bytes(x.shape(), threads));
    run(x, scales, view_of(y), workspace, threads);
    return y;
  }

  conv2d_params params_;
  tensor_shape w_shape_;
  conv2d_layer<P> convolution_;
};

/// Deconvolution of x (N x C x H x W) with w (C x OC/groups x KH x KW) and a bias (OC values or no_bias).
template <precision_policy P, tensor_like X, tensor_like W, layer_bias B>
[[nodiscard]] tensor<value_t<P>> deconv2d(const X& x, const W& w, const B& bias, const conv2d_params& p = {}) {
  (void)infer_deconv2d_shape(p, shape_of(x), shape_of(w));
  return deconv2d_layer<P>(w, bias, p)(x);
}
/// Without a bias.
template <precision_policy P, tensor_like X, tensor_like W>
[[nodiscard]] tensor<value_t<P>> deconv2d(const X& x, const W& w, const conv2d_params& p = {}) {
  return deconv2d<P>(x, w, no_bias, p);
}

NNIESIM_END_NAMESPACE
