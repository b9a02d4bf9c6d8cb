// Two-dimensional convolution: stride, asymmetric padding, dilation, groups (depthwise included).
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/kernels/engine.hpp>
#include <nniesim/kernels/executor.hpp>
#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Zeros around a feature map.
struct padding {
  std::size_t top = 0;
  std::size_t left = 0;
  std::size_t bottom = 0;
  std::size_t right = 0;

  constexpr padding() noexcept = default;
  constexpr padding(std::size_t rows, std::size_t columns) noexcept
      : top(rows), left(columns), bottom(rows), right(columns) {}
  constexpr padding(std::size_t t, std::size_t l, std::size_t b, std::size_t r) noexcept
      : top(t), left(l), bottom(b), right(r) {}
};

/// Geometry of a convolution; pairs are {rows, columns}.
struct conv2d_params {
  std::array<std::size_t, 2> stride{1, 1};
  padding pad{};
  std::array<std::size_t, 2> dilation{1, 1};
  std::size_t groups = 1;
};

/// The shape N x OC x OH x OW for an input N x C x H x W and weights OC x C/groups x KH x KW.
/// Throws shape_error where they do not fit.
[[nodiscard]] inline tensor_shape infer_shape(const conv2d_params& p, const tensor_shape& x, const tensor_shape& w) {
  require_rank(x, 4, "conv2d input", "batch, channels, rows, columns");
  require_rank(w, 4, "conv2d weights", "outputs, channels per group, kernel rows, kernel columns");
  detail::require<shape_error>(p.groups >= 1 && x[1] % p.groups == 0 && w[0] % p.groups == 0, "conv2d: ", p.groups,
                               " groups for input ", x, " and weights ", w,
                               ", expected a divisor of the input's channels and of the outputs");
  detail::require<shape_error>(w[1] == x[1] / p.groups, "conv2d: weights ", w, " take ", w[1],
                               " channels per group, but input ", x, " in ", p.groups, " groups has ", x[1] / p.groups);
  constexpr std::size_t limit = std::size_t{1} << 24U;
  const std::size_t before[2] = {p.pad.top, p.pad.left};
  const std::size_t after[2] = {p.pad.bottom, p.pad.right};
  std::size_t out[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string_view axis = i == 0 ? "rows" : "columns";
    detail::require<shape_error>(p.stride[i] >= 1 && p.stride[i] < limit && p.dilation[i] >= 1 &&
                                     p.dilation[i] < limit && before[i] < limit && after[i] < limit &&
                                     w[2 + i] < limit && x[2 + i] < limit,
                                 "conv2d ", axis, ": stride ", p.stride[i], ", dilation ", p.dilation[i], ", padding ",
                                 before[i], " and ", after[i], ", input ", x, ", weights ", w,
                                 ", expected strides and dilations of at least 1 and all of them under ", limit);
    const std::size_t reach = (w[2 + i] - 1) * p.dilation[i] + 1;
    const std::size_t padded = x[2 + i] + before[i] + after[i];
    detail::require<shape_error>(reach <= padded, "conv2d ", axis, ": kernel of weights ", w, " reaches over ", reach,
                                 ", but input ", x, " with padding has ", padded);
    out[i] = (padded - reach) / p.stride[i] + 1;
  }
  return {x[0], w[0], out[0], out[1]};
}

namespace reference {

/// The scalar specification. Inputs are encoded with the scale of their group (`sx` holds one per group), weights with
/// `sw`; each output is one chain over input channel, kernel row, kernel column, in this order, taps on the padding
/// left out; then bias and output format. (A tap on the padding would add fma(w, 0, sum) = sum: a sum that starts at
/// +0 never becomes -0, so leaving it out or computing it gives the same bits.)
template <precision_policy P>
void conv2d(tensor_view<const value_t<P>> x, std::span<const typename P::activations::scale> sx,
            tensor_view<const float> w, const typename P::weights::scale& sw, std::span<const float> bias,
            const conv2d_params& p, tensor_view<value_t<P>> y) {
  using accumulator = typename P::accumulator;
  using operand = typename accumulator::operand;
  const tensor_shape &xs = x.shape(), &ws = w.shape(), &ys = y.shape();
  const std::size_t group_inputs = ws[1];
  const std::size_t group_outputs = ws[0] / p.groups;
  for (std::size_t n = 0; n < ys[0]; ++n) {
    for (std::size_t oc = 0; oc < ys[1]; ++oc) {
      const std::size_t group = oc / group_outputs;
      for (std::size_t oy = 0; oy < ys[2]; ++oy) {
        for (std::size_t ox = 0; ox < ys[3]; ++ox) {
          typename accumulator::sum sum{};
          for (std::size_t ic = 0; ic < group_inputs; ++ic) {
            for (std::size_t ky = 0; ky < ws[2]; ++ky) {
              for (std::size_t kx = 0; kx < ws[3]; ++kx) {
                // Unsigned: coordinates before the map wrap to huge values and are refused with those behind it.
                const std::size_t iy = oy * p.stride[0] + ky * p.dilation[0] - p.pad.top;
                const std::size_t ix = ox * p.stride[1] + kx * p.dilation[1] - p.pad.left;
                if (iy >= xs[2] || ix >= xs[3]) continue;
                const std::size_t channel = group * group_inputs + ic;
                const float a = P::output::to_float(x[((n * xs[1] + channel) * xs[2] + iy) * xs[3] + ix]);
                const float b = w[((oc * ws[1] + ic) * ws[2] + ky) * ws[3] + kx];
                sum = accumulator::add(sum,
                                       kernels::operand_of<operand, typename P::weights>(P::weights::encode(b, sw), sw),
                                       kernels::operand_of<operand, typename P::activations>(
                                           P::activations::encode(a, sx[group]), sx[group]));
              }
            }
          }
          const double scale = kernels::engine<P>::sum_scale(sw, sx[group]);
          y[((n * ys[1] + oc) * ys[2] + oy) * ys[3] + ox] =
              P::output::from(accumulator::total(sum, bias.empty() ? 0.0F : bias[oc], scale));
        }
      }
    }
  }
}

}  // namespace reference

/// A tag for layers without a bias.
struct no_bias_t {};
inline constexpr no_bias_t no_bias{};

namespace detail {

/// Float parameters of a layer; throws format_error unless they are all finite.
template <class E>
[[nodiscard]] std::vector<float> finite_floats(const E& e, std::string_view where) {
  const dense<element_t<E>> source(e);
  std::vector<float> values;
  values.reserve(source.view().size());
  for (const auto& v : source.view().span()) values.push_back(static_cast<float>(v));
  for (std::size_t i = 0; i < values.size(); ++i) {
    require<format_error>(std::isfinite(values[i]), where, ": ", values[i], " at ",
                          coordinates(source.view().shape(), i), " of shape ", source.view().shape(),
                          ", expected finite numbers");
  }
  return values;
}

/// A bias of `outputs` values, or zeros for no_bias.
template <class B>
[[nodiscard]] std::vector<float> bias_values(const B& bias, std::size_t outputs, std::string_view where) {
  if constexpr (std::same_as<B, no_bias_t>) {
    return std::vector<float>(outputs);
  } else {
    const tensor_shape shape = shape_of(bias);
    require<shape_error>(shape.size() == outputs, where, ": bias has shape ", shape, ", expected ", outputs, " values");
    return finite_floats(bias, where);
  }
}

}  // namespace detail

/// A convolution whose weights are quantized and laid out once. Const member functions may run at the same time.
template <precision_policy P>
class conv2d_layer {
  using engine = kernels::engine<P>;
  using value = value_t<P>;
  using operand = typename engine::operand;

 public:
  using weight_scale = typename P::weights::scale;
  using activation_scale = typename P::activations::scale;

  /// `w` is OC x C/groups x KH x KW, `bias` OC values or no_bias. The weight scale is derived from all of `w` unless
  /// given: one per tensor, never per channel, as the vendor's compiler has it.
  template <tensor_like W, class B>
  conv2d_layer(const W& w, const B& bias, const conv2d_params& p = {}, std::optional<weight_scale> scale = {})
      : params_(p), w_shape_(shape_of(w)), isa_(active_isa()) {
    require_rank(w_shape_, 4, "conv2d weights", "outputs, channels per group, kernel rows, kernel columns");
    detail::require<shape_error>(p.groups >= 1 && w_shape_[0] % p.groups == 0, "conv2d: ", p.groups,
                                 " groups for weights ", w_shape_, ", expected a divisor of the outputs");
    bias_ = detail::bias_values(bias, w_shape_[0], "conv2d bias");
    const std::vector<float> values = detail::finite_floats(w, "conv2d weights");
    scale_ = scale ? *scale : P::weights::scale_of(values);
    const std::size_t outputs = w_shape_[0] / p.groups;
    const std::size_t each = w_shape_.size() / w_shape_[0];
    if (outputs == 1 && !engine::is_packed) {
      for (const float v : values)
        channel_weights_.push_back(
            kernels::operand_of<operand, typename P::weights>(P::weights::encode(v, scale_), scale_));
      return;
    }
    for (std::size_t g = 0; g < p.groups; ++g) {
      panels_.emplace_back(isa_, values.data() + g * outputs * each, outputs, w_shape_[1], w_shape_[2] * w_shape_[3],
                           scale_);
    }
  }

  [[nodiscard]] const conv2d_params& params() const noexcept { return params_; }
  [[nodiscard]] const weight_scale& weights_scale() const noexcept { return scale_; }
  [[nodiscard]] isa instruction_set() const noexcept { return isa_; }
  [[nodiscard]] tensor_shape output_shape(const tensor_shape& x) const { return infer_shape(params_, x, w_shape_); }

  /// One scale per group, derived from the input: the accelerator gives each group of a grouped convolution a range of
  /// its own (seen in the parameter files of a public quantization toolkit).
  [[nodiscard]] std::vector<activation_scale> activation_scales(tensor_view<const value> x) const {
    (void)output_shape(x.shape());
    std::vector<activation_scale> scales;
    const std::size_t batch = x.shape()[0];
    const std::size_t group = x.size() / batch / params_.groups;
    for (std::size_t g = 0; g < params_.groups; ++g) {
      if constexpr (std::same_as<activation_scale, no_scale>) {
        scales.emplace_back();
      } else if (batch == 1) {
        scales.push_back(engine::scale_of(isa_, x.data() + g * group, group));
      } else {
        std::vector<value> all;
        for (std::size_t n = 0; n < batch; ++n) {
          const value* begin = x.data() + (n * params_.groups + g) * group;
          all.insert(all.end(), begin, begin + group);
        }
        scales.push_back(engine::scale_of(isa_, all.data(), all.size()));
      }
    }
    return scales;
  }

  /// Bytes that run() needs for an input of this shape and these threads.
  [[nodiscard]] std::size_t workspace_bytes(const tensor_shape& x, const executor& threads = {}) const {
    const plan g(*this, x);
    return kernels::arena::alignment + kernels::arena::rounded(g.parts(threads) * g.plane_elements * sizeof(operand)) +
           kernels::arena::rounded(g.steps * sizeof(std::int32_t));
  }

  /// Evaluates into `y` (of output_shape) without allocating. `scales` holds one activation scale per group, or one for
  /// all. Throws shape_error or format_error where the arguments do not fit.
  void run(tensor_view<const value> x, std::span<const activation_scale> scales, tensor_view<value> y,
           std::span<std::byte> workspace, const executor& threads = {}) const {
    const plan g(*this, x.shape());
    detail::require_output(y.shape(), g.y, "conv2d");
    detail::require<shape_error>(scales.size() == 1 || scales.size() == params_.groups, "conv2d: ", scales.size(),
                                 " activation scales, expected 1 or one for each of ", params_.groups, " groups");
    for (const auto& s : scales) {
      P::accumulator::check_capacity(g.w[1] * g.w[2] * g.w[3], engine::largest_product(scale_, s), "conv2d");
    }
    kernels::arena memory(workspace);
    const std::size_t parts = g.parts(threads);
    auto* planes = memory.take<operand>(parts * g.plane_elements, "conv2d");
    auto* offsets = memory.take<std::int32_t>(g.steps, "conv2d");
    g.fill_offsets(offsets);
    if constexpr (!engine::is_packed) {
      if (g.single) return evaluate_channels(g, x, scales, planes, offsets, y, threads);
    }
    const auto quantize = engine::quantize(isa_);
    std::fill_n(planes + g.channels * g.plane, g.slack, g.zero);  // kernels may compute outputs that are not there
    for (std::size_t n = 0; n < g.y[0]; ++n) {
      for (std::size_t group = 0; group < params_.groups; ++group) {
        const activation_scale& s = scales[scales.size() == 1 ? 0 : group];
        threads(g.channels, [&](std::size_t c) {
          const std::size_t first = c * g.codes;
          const value* in = x.data() + ((n * params_.groups + group) * g.w[1] + first) * g.x[2] * g.x[3];
          g.fill_plane(quantize, in, std::min(g.codes, g.w[1] - first), s, planes + c * g.plane);
        });
        evaluate(g, planes, offsets, panels_[group], s, group, y.data() + n * g.y[1] * g.y[2] * g.y[3], threads);
      }
    }
  }

  /// The layer's output, with activation scales derived from x.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, const executor& threads = {}) const {
    const detail::op_input<P, X> in(x, "conv2d");
    return allocate_and_run(in.view(), activation_scales(in.view()), threads);
  }
  /// The layer's output, with the given activation scales: one, or one per group.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, std::span<const activation_scale> scales,
                                         const executor& threads = {}) const {
    const detail::op_input<P, X> in(x, "conv2d");
    return allocate_and_run(in.view(), scales, threads);
  }

 private:
  /// The input of one group as operands: padded planes, whose columns are regrouped by stride phase, so that
  /// neighbouring outputs always read neighbouring elements.
  struct plan {
    plan(const conv2d_layer& layer, const tensor_shape& input)
        : params(layer.params_), x(input), w(layer.w_shape_), y(layer.output_shape(input)) {
      codes = engine::packing(layer.isa_).codes;
      zero = engine::zero_operand(layer.isa_);
      single = w[0] == params.groups && !engine::is_packed;
      channels = (w[1] + codes - 1) / codes;
      steps = channels * w[2] * w[3];
      // A 1x1 kernel at stride 1 without padding reads the map as one long row.
      flat = w[2] == 1 && w[3] == 1 && params.stride == std::array<std::size_t, 2>{1, 1} && params.pad.top == 0 &&
             params.pad.left == 0 && params.pad.bottom == 0 && params.pad.right == 0;
      rows = flat ? 1 : x[2] + params.pad.top + params.pad.bottom;
      const std::size_t columns = flat ? x[2] * x[3] : x[3] + params.pad.left + params.pad.right;
      stride = flat ? 1 : params.stride[1];
      phase = (columns + stride - 1) / stride;
      row = phase * stride;
      plane = rows * row;
      out_rows = flat ? 1 : y[2];
      out_columns = flat ? y[2] * y[3] : y[3];
      const bool fits = channels <= (static_cast<std::size_t>(INT32_MAX) - slack) / std::max<std::size_t>(1, plane);
      detail::require<shape_error>(fits, "conv2d: input ", x, " has a padded group of ", channels, " planes of ", plane,
                                   " elements, expected at most ", INT32_MAX, " in all");
      plane_elements = channels * plane + slack;
    }

    void fill_offsets(std::int32_t* offset) const {
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t ky = 0; ky < w[2]; ++ky) {
          for (std::size_t kx = 0; kx < w[3]; ++kx) {
            const std::size_t column = kx * params.dilation[1];
            *offset++ = static_cast<std::int32_t>(c * plane + ky * params.dilation[0] * row +
                                                  (column % stride) * phase + column / stride);
          }
        }
      }
    }

    /// One plane: `count` channels of the input, as many as an operand holds or fewer.
    void fill_plane(typename engine::quantize_function quantize, const value* in, std::size_t count,
                    const activation_scale& s, operand* out) const {
      const std::size_t distance = x[2] * x[3];
      if (flat) return quantize(in, count, distance, out, plane, s);
      std::fill_n(out, params.pad.top * row, zero);
      for (std::size_t r = 0; r < x[2]; ++r) {
        operand* line = out + (params.pad.top + r) * row;
        if (stride == 1) {
          std::fill_n(line, params.pad.left, zero);
          quantize(in + r * x[3], count, distance, line + params.pad.left, x[3], s);
          std::fill_n(line + params.pad.left + x[3], params.pad.right, zero);
        } else {
          std::fill_n(line, row, zero);
          constexpr std::size_t piece = 256;
          operand buffer[piece];
          for (std::size_t c = 0; c < x[3]; c += piece) {
            const std::size_t n = std::min(piece, x[3] - c);
            quantize(in + r * x[3] + c, count, distance, buffer, n, s);
            for (std::size_t k = 0; k < n; ++k) {
              const std::size_t column = params.pad.left + c + k;
              line[(column % stride) * phase + column / stride] = buffer[k];
            }
          }
        }
      }
      std::fill_n(out + (params.pad.top + x[2]) * row, params.pad.bottom * row, zero);
    }

    /// Elements behind the planes that kernels may read.
    static constexpr std::size_t slack = kernels::row_length + 64;

    const conv2d_params& params;
    tensor_shape x, w, y;
    /// How many groups are worked on at once: each needs planes of its own.
    [[nodiscard]] std::size_t parts(const executor& threads) const noexcept {
      return single ? std::clamp<std::size_t>(threads.workers, 1, params.groups) : 1;
    }

    operand zero;
    bool single;        ///< one output per group: depthwise
    std::size_t codes;  ///< channels in an operand
    std::size_t channels, steps, rows, stride, phase, row, plane, plane_elements, out_rows, out_columns;
    bool flat;
  };

  /// All outputs of one group. The work is cut into blocks of output rows (or of columns, for the one long row of a
  /// flat plan) whose inputs stay in the cache while every panel passes over them.
  void evaluate(const plan& g, const operand* planes, const std::int32_t* offsets, const kernels::panels<P>& w,
                const activation_scale& s, std::size_t group, value* y, const executor& threads) const {
    const kernels::tile_shape tile = engine::tile(isa_);
    const auto run_tile = engine::adjacent(isa_);
    const auto finish = engine::finish(isa_);
    const double scale = engine::sum_scale(scale_, s);
    const std::size_t area = g.y[2] * g.y[3];
    constexpr std::size_t cache = 256 * 1024;
    const std::size_t column_bytes = g.channels * g.w[2] * g.stride * sizeof(operand);
    std::size_t block_columns = g.out_columns;
    std::size_t block_rows = 1;
    if (g.flat) {
      block_columns = std::max<std::size_t>(1, cache / column_bytes / tile.max_rows) * tile.max_rows;
    } else {
      block_rows =
          std::clamp<std::size_t>(cache / std::max<std::size_t>(1, column_bytes * g.out_columns), 1, g.out_rows);
    }
    const std::size_t row_blocks = (g.out_rows + block_rows - 1) / block_rows;
    const std::size_t column_blocks = (g.out_columns + block_columns - 1) / block_columns;
    // Few blocks for many workers: let each task take one panel of one block.
    const bool split_panels = threads.workers > 1 && row_blocks * column_blocks < 4 * threads.workers;
    const std::size_t parts = split_panels ? w.count() : 1;
    threads(row_blocks * column_blocks * parts, [&](std::size_t task) {
      const std::size_t part = task % parts;
      const std::size_t block = task / parts;
      const std::size_t row0 = block / column_blocks * block_rows;
      const std::size_t row1 = std::min(row0 + block_rows, g.out_rows);
      const std::size_t column0 = block % column_blocks * block_columns;
      const std::size_t column1 = std::min(column0 + block_columns, g.out_columns);
      const std::size_t pieces = (column1 - column0 + tile.max_rows - 1) / tile.max_rows;
      alignas(64) typename engine::sum sum[kernels::max_tile];
      const std::size_t first = split_panels ? part * w.width() : 0;
      const std::size_t last = split_panels ? std::min(first + w.width(), w.outputs()) : w.outputs();
      for (std::size_t output = first; output < last; output += w.width()) {
        const std::size_t vectors = w.vectors_of(output);
        const std::size_t columns = std::min(w.width(), w.outputs() - output);
        const std::size_t channel = group * w.outputs() + output;
        for (std::size_t r = row0; r < row1; ++r) {
          const operand* a = planes + r * g.params.stride[0] * g.row;
          for (std::size_t piece = 0; piece < pieces; ++piece) {
            const std::size_t c0 = column0 + (column1 - column0) * piece / pieces;
            const std::size_t c1 = column0 + (column1 - column0) * (piece + 1) / pieces;
            run_tile(a + c0, offsets, w.panel(output), g.steps, c1 - c0, vectors, sum, false);
            finish({sum, vectors * tile.lanes, c1 - c0, columns, bias_.data() + channel, w.correction(output), scale,
                    y + channel * area + r * g.out_columns + c0, 1, static_cast<std::ptrdiff_t>(area)});
          }
        }
      }
    });
  }

  /// One output per group: neighbouring outputs stand in neighbouring lanes, and the groups are shared out.
  void evaluate_channels(const plan& g, tensor_view<const value> x, std::span<const activation_scale> scales,
                         operand* planes, const std::int32_t* offsets, tensor_view<value> y,
                         const executor& threads) const {
    const auto quantize = engine::quantize(isa_);
    const auto run_row = engine::row(isa_);
    const auto finish = engine::finish_row(isa_);
    const std::size_t parts = g.parts(threads);
    threads(parts, [&](std::size_t part) {
      operand* own = planes + part * g.plane_elements;
      std::fill_n(own + g.channels * g.plane, g.slack, g.zero);
      alignas(64) typename engine::sum sum[kernels::row_length];
      for (std::size_t map = part; map < g.y[0] * params_.groups; map += parts) {
        const std::size_t group = map % params_.groups;
        const activation_scale& s = scales[scales.size() == 1 ? 0 : group];
        const double scale = engine::sum_scale(scale_, s);
        for (std::size_t c = 0; c < g.channels; ++c) {
          g.fill_plane(quantize, x.data() + (map * g.channels + c) * g.x[2] * g.x[3], 1, s, own + c * g.plane);
        }
        const operand* w = channel_weights_.data() + group * g.steps;
        value* out = y.data() + map * g.y[2] * g.y[3];
        for (std::size_t r = 0; r < g.out_rows; ++r) {
          for (std::size_t c = 0; c < g.out_columns; c += kernels::row_length) {
            const std::size_t n = std::min(kernels::row_length, g.out_columns - c);
            run_row(own + r * g.params.stride[0] * g.row + c, offsets, w, g.steps, n, sum);
            finish(sum, n, bias_[group], scale, out + r * g.out_columns + c);
          }
        }
      }
    });
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
  isa isa_;
  weight_scale scale_{};
  std::vector<float> bias_;
  std::vector<kernels::panels<P>> panels_;  // one per group,
  std::vector<operand> channel_weights_;    // or all weights as they are, for one output per group
};

/// Convolution of x (N x C x H x W) with w (OC x C/groups x KH x KW) and a bias (OC values or no_bias). Scales are
/// derived from the data; weights that are used again belong in a conv2d_layer.
template <precision_policy P, tensor_like X, tensor_like W, class B>
[[nodiscard]] tensor<value_t<P>> conv2d(const X& x, const W& w, const B& bias, const conv2d_params& p = {}) {
  (void)infer_shape(p, shape_of(x), shape_of(w));
  return conv2d_layer<P>(w, bias, p)(x);
}

NNIESIM_END_NAMESPACE
