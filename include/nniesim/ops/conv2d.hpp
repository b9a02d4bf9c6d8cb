// Two-dimensional convolution: stride, asymmetric padding, dilation, groups (depthwise included).
#pragma once

#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <mutex>
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

namespace detail {

/// What a scalar specification is given beside tensors: one scale or one per group, a bias for each output or none.
inline void require_specification(std::size_t scales, std::size_t groups, std::size_t bias, std::size_t outputs,
                                  std::string_view where) {
  require<shape_error>(scales == 1 || scales == groups, where, ": ", scales, " activation scales for ", groups,
                       " groups, expected one, or one per group");
  require<shape_error>(bias == 0 || bias == outputs, where, ": bias has ", bias, " values for ", outputs,
                       " outputs, expected one per output or none");
}

}  // namespace detail

namespace reference {

/// The scalar specification. Inputs are encoded with the scale of their group (`sx` holds one for all, or one per
/// group), weights with `sw`; each output is one chain over input channel, kernel row, kernel column, in this order,
/// taps on the padding left out; then bias and output format. (A tap on the padding would add fma(w, 0, sum) = sum: a
/// sum that starts at +0 never becomes -0, so leaving it out or computing it gives the same bits.)
template <precision_policy P>
void conv2d(tensor_view<const value_t<P>> x, std::span<const typename P::activations::scale> sx,
            tensor_view<const float> w, const typename P::weights::scale& sw, std::span<const float> bias,
            const conv2d_params& p, tensor_view<value_t<P>> y) {
  using accumulator = typename P::accumulator;
  using operand = typename accumulator::operand;
  const tensor_shape &xs = x.shape(), &ws = w.shape(), &ys = y.shape();
  detail::require_output(ys, infer_shape(p, xs, ws), "reference::conv2d");
  detail::require_specification(sx.size(), p.groups, bias.size(), ys[1], "reference::conv2d");
  const std::size_t group_inputs = ws[1];
  const std::size_t group_outputs = ws[0] / p.groups;
  for (std::size_t n = 0; n < ys[0]; ++n) {
    for (std::size_t oc = 0; oc < ys[1]; ++oc) {
      const std::size_t group = oc / group_outputs;
      const typename P::activations::scale& s = sx[sx.size() == 1 ? 0 : group];
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

using kernels::output_stage;

/// A tag for layers without a bias, where one has to be passed on. Not made from {}, which means parameters.
struct no_bias_t {
  constexpr explicit no_bias_t(int) noexcept {}
};
inline constexpr no_bias_t no_bias{0};

/// What is taken as a bias: a tensor or list of one value per output, or no_bias.
template <class B>
concept layer_bias = tensor_like<B> || std::same_as<B, no_bias_t>;

namespace detail {

/// Float parameters of a layer; throws format_error unless they are all finite.
template <class E>
[[nodiscard]] std::vector<float> finite_floats(const E& e, std::string_view where) {
  const dense<element_t<E>> source(e);
  std::vector<float> values;
  values.reserve(source.view().size());
  for (const auto& v : source.view().span()) values.push_back(static_cast<float>(v));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) [[likely]]
      continue;
    throw format_error(concat(where, ": ", values[i], " at ", coordinates(source.view().shape(), i), " of shape ",
                              source.view().shape(), ", expected finite numbers"));
  }
  return values;
}

/// A bias of `outputs` values, or zeros for no_bias.
template <layer_bias B>
[[nodiscard]] std::vector<float> bias_values(const B& bias, std::size_t outputs, std::string_view where) {
  if constexpr (std::same_as<B, no_bias_t>) {
    return std::vector<float>(outputs);
  } else {
    const tensor_shape shape = shape_of(bias);
    require<shape_error>(shape.size() == outputs, where, ": bias has shape ", shape, ", expected ", outputs, " values");
    return finite_floats(bias, where);
  }
}

/// One activation scale per group of channels, derived from a whole input.
template <precision_policy P>
[[nodiscard]] std::vector<typename P::activations::scale> group_scales(isa i, tensor_view<const value_t<P>> x,
                                                                       std::size_t groups) {
  using engine = kernels::engine<P>;
  std::vector<typename P::activations::scale> scales;
  const std::size_t batch = x.shape()[0];
  const std::size_t group = x.size() / batch / groups;
  for (std::size_t g = 0; g < groups; ++g) {
    if constexpr (std::same_as<typename P::activations::scale, no_scale>) {
      scales.emplace_back();
    } else if (batch == 1) {
      scales.push_back(engine::scale_of(i, x.data() + g * group, group));
    } else {
      std::vector<value_t<P>> all;
      all.reserve(batch * group);
      for (std::size_t n = 0; n < batch; ++n) {
        const value_t<P>* begin = x.data() + (n * groups + g) * group;
        all.insert(all.end(), begin, begin + group);
      }
      scales.push_back(engine::scale_of(i, all.data(), all.size()));
    }
  }
  return scales;
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
  template <tensor_like W, layer_bias B>
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
    if (outputs == 1 && each <= engine::longest_channel) {
      channel_weights_.reserve(values.size());
      for (const float v : values) {
        using stored = typename engine::channel_operand;
        const auto code = P::weights::encode(v, scale_);
        if constexpr (engine::is_packed) channel_weights_.push_back(static_cast<stored>(code));
        else channel_weights_.push_back(kernels::operand_of<stored, typename P::weights>(code, scale_));
      }
      return;
    }
    for (std::size_t g = 0; g < p.groups; ++g) {
      panels_.emplace_back(isa_, values.data() + g * outputs * each, outputs, w_shape_[1], w_shape_[2] * w_shape_[3],
                           scale_);
    }
  }

  /// Without a bias.
  template <tensor_like W>
  explicit conv2d_layer(const W& w, const conv2d_params& p = {}, std::optional<weight_scale> scale = {})
      : conv2d_layer(w, no_bias, p, scale) {}

  [[nodiscard]] const conv2d_params& params() const noexcept { return params_; }
  [[nodiscard]] const weight_scale& weights_scale() const noexcept { return scale_; }
  [[nodiscard]] isa instruction_set() const noexcept { return isa_; }
  [[nodiscard]] tensor_shape output_shape(const tensor_shape& x) const { return infer_shape(params_, x, w_shape_); }

  /// One scale per group, derived from the input: the accelerator gives each group of a grouped convolution a range of
  /// its own (seen in the parameter files of a public quantization toolkit).
  [[nodiscard]] std::vector<activation_scale> activation_scales(tensor_view<const value> x) const {
    (void)output_shape(x.shape());
    return detail::group_scales<P>(isa_, x, params_.groups);
  }

  /// Bytes that run() needs for an input of this shape and these threads.
  [[nodiscard]] std::size_t workspace_bytes(const tensor_shape& x, const executor& threads = {}) const {
    const plan g(*this, x, threads.workers);
    return kernels::arena::alignment + kernels::arena::rounded(g.parts * g.planes_bytes()) +
           kernels::arena::rounded(g.steps * sizeof(std::int32_t));
  }

  /// Evaluates into `y` (of output_shape) without allocating. `scales` holds one activation scale per group, or one for
  /// all. Throws shape_error or format_error where the arguments do not fit.
  void run(tensor_view<const value> x, std::span<const activation_scale> scales, tensor_view<value> y,
           std::span<std::byte> workspace, const executor& threads = {}, const output_stage& stage = {}) const {
    const plan g(*this, x.shape(), threads.workers);
    detail::require_output(y.shape(), g.y, "conv2d");
    detail::require<shape_error>(scales.size() == 1 || scales.size() == params_.groups, "conv2d: ", scales.size(),
                                 " activation scales, expected 1 or one for each of ", params_.groups, " groups");
    for (const auto& s : scales) {
      P::accumulator::check_capacity(g.w[1] * g.w[2] * g.w[3], engine::largest_product(scale_, s), "conv2d");
    }
    kernels::arena memory(workspace);
    if (g.single) {
      evaluate(g, memory.take<typename engine::channel_operand>(g.parts * g.plane_elements, "conv2d"),
               memory.take<std::int32_t>(g.steps, "conv2d"), x, scales, y, threads, stage);
    } else {
      evaluate(g, memory.take<operand>(g.parts * g.plane_elements, "conv2d"),
               memory.take<std::int32_t>(g.steps, "conv2d"), x, scales, y, threads, stage);
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
  /// How the work is cut. A block is a band of output rows (of columns where the maps can be read as one long row) of
  /// one group of one sample; its input stands as operands in padded planes, small enough for the cache, whose columns
  /// are regrouped by stride phase, so that neighbouring outputs always read neighbouring elements.
  struct plan {
    plan(const conv2d_layer& layer, const tensor_shape& input, std::size_t workers)
        : params(layer.params_), x(input), w(layer.w_shape_), y(layer.output_shape(input)) {
      single = !layer.channel_weights_.empty();
      codes = single ? 1 : engine::packing(layer.isa_).codes;
      channels = (w[1] + codes - 1) / codes;
      steps = channels * w[2] * w[3];
      // A 1x1 kernel at stride 1 without padding reads the map as one long row.
      flat = w[2] == 1 && w[3] == 1 && params.stride == std::array<std::size_t, 2>{1, 1} && params.pad.top == 0 &&
             params.pad.left == 0 && params.pad.bottom == 0 && params.pad.right == 0;
      stride = flat ? 1 : params.stride[1];
      const std::size_t columns = x[3] + params.pad.left + params.pad.right;
      phase = (columns + stride - 1) / stride;
      row = flat ? 1 : phase * stride;
      const std::size_t step = flat ? 1 : params.stride[0];
      const std::size_t reach = flat ? 1 : (w[2] - 1) * params.dilation[0] + 1;
      extent = flat ? y[2] * y[3] : y[2];
      // As many lines as the cache takes, and enough blocks for the workers.
      const std::size_t cache = single ? 32 * 1024 : 512 * 1024;
      const std::size_t fitting = cache / sizeof(operand) / (channels * row);
      lines = fitting < reach + step ? 1 : (fitting - reach) / step + 1;
      const std::size_t others = y[0] * params.groups;
      if (workers > 1) lines = std::min(lines, (extent * others + workers - 1) / workers);
      if (flat) {  // whole tiles
        const std::size_t tile = engine::tile(layer.isa_).max_rows;
        lines = (lines + tile - 1) / tile * tile;
      }
      lines = std::min(lines, extent);
      blocks = (extent + lines - 1) / lines;
      lines = (extent + blocks - 1) / blocks;  // evenly
      const bool fits = row * ((lines - 1) * step + reach) <= (static_cast<std::size_t>(INT32_MAX) - slack) / channels;
      detail::require<shape_error>(fits, "conv2d: input ", x, " has a padded group of ", channels, " planes of ",
                                   row * reach, " elements or more, expected at most ", INT32_MAX, " in all");
      plane = row * ((lines - 1) * step + reach);
      plane_elements = channels * plane + slack;
      const std::size_t panels = single ? 1 : layer.panels_[0].count();
      all_blocks = others * blocks;
      splits = workers > 1 && all_blocks < 4 * workers ? std::min(panels, 4 * workers / all_blocks) : 1;
      units = all_blocks * splits;
      parts = std::clamp<std::size_t>(workers, 1, units);
    }

    [[nodiscard]] std::size_t planes_bytes() const noexcept {
      return plane_elements * (single ? sizeof(typename engine::channel_operand) : sizeof(operand));
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

    /// The planes of lines line0 .. line1-1 from one group of the input. Columns of padding hold `zero` already.
    template <class Operand>
    void fill_planes(void (*quantize)(const kernels::quantize_job<value, Operand>&, activation_scale), const value* in,
                     std::size_t line0, std::size_t line1, const activation_scale& s, Operand zero,
                     Operand* out) const {
      const std::size_t map = x[2] * x[3];
      for (std::size_t c = 0; c < channels; ++c, in += codes * map, out += plane) {
        const std::size_t count = std::min(codes, w[1] - c * codes);
        if (flat) {
          quantize({in + line0, 0, count, map, out, 0, 1, line1 - line0}, s);
          continue;
        }
        const std::size_t top = line0 * params.stride[0];  // in the padded map
        const std::size_t bottom = (line1 - 1) * params.stride[0] + (w[2] - 1) * params.dilation[0] + 1;
        const std::size_t first = std::clamp(params.pad.top, top, bottom);
        const std::size_t last = std::clamp(params.pad.top + x[2], first, bottom);
        std::fill_n(out, (first - top) * row, zero);
        std::fill_n(out + (last - top) * row, (bottom - last) * row, zero);
        if (last == first) continue;  // nothing but padding: no place in the input
        const value* from = in + (first - params.pad.top) * x[3];
        if (stride == 1) {
          quantize({from, static_cast<std::ptrdiff_t>(x[3]), count, map, out + (first - top) * row + params.pad.left,
                    static_cast<std::ptrdiff_t>(row), last - first, x[3]},
                   s);
          continue;
        }
        constexpr std::size_t piece = 256;
        Operand buffer[piece];
        for (std::size_t r = first; r < last; ++r, from += x[3]) {
          Operand* line = out + (r - top) * row;
          for (std::size_t at = 0; at < x[3]; at += piece) {
            const std::size_t n = std::min(piece, x[3] - at);
            quantize({from + at, 0, count, map, buffer, 0, 1, n}, s);
            for (std::size_t k0 = 0; k0 < std::min(stride, n); ++k0) {
              const std::size_t column = params.pad.left + at + k0;
              Operand* to = line + column % stride * phase + column / stride;
              if (stride == 2) {  // a number that compilers know how to vectorise
                for (std::size_t i = 0; i < (n - k0 + 1) / 2; ++i) to[i] = buffer[k0 + 2 * i];
              } else {
                for (std::size_t k = k0; k < n; k += stride) *to++ = buffer[k];
              }
            }
          }
        }
      }
    }

    /// The steps of an output row: all, or only those off the padding, with the first of them.
    [[nodiscard]] std::pair<kernels::chain_steps, std::size_t> chain(std::size_t line, bool skip) const {
      const std::size_t first = line * params.stride[0];
      const auto inside = [&](std::size_t ky) {
        const std::size_t at = first + ky * params.dilation[0];
        return at >= params.pad.top && at < params.pad.top + x[2];
      };
      if (flat || !skip || (inside(0) && inside(w[2] - 1))) return {{1, steps, 0}, 0};
      std::size_t begin = 0;
      std::size_t end = w[2];
      while (begin < end && !inside(begin)) ++begin;
      while (end > begin && !inside(end - 1)) --end;
      return {{channels, (end - begin) * w[3], w[2] * w[3]}, begin * w[3]};
    }

    /// Elements behind the planes that kernels may read.
    static constexpr std::size_t slack = 128;

    const conv2d_params& params;
    tensor_shape x, w, y;
    bool single;        ///< one output per group: depthwise
    bool flat;          ///< maps as one long row
    std::size_t codes;  ///< channels in an operand
    std::size_t channels, steps, stride, phase, row, plane, plane_elements;
    std::size_t extent, lines, blocks;  ///< lines of output (rows or, if flat, columns): all, in a block; blocks
    std::size_t all_blocks;             ///< of all samples and groups
    std::size_t splits;                 ///< panels are shared out too where there are few blocks
    std::size_t units, parts;           ///< of work; workers at most
  };

  template <class Operand>
  void evaluate(const plan& g, Operand* planes, std::int32_t* offsets, tensor_view<const value> x,
                std::span<const activation_scale> scales, tensor_view<value> y, const executor& threads,
                const output_stage& stage) const {
    g.fill_offsets(offsets);
    const Operand zero = g.single ? Operand{} : static_cast<Operand>(engine::zero_operand(isa_));
    std::fill_n(planes, g.parts * g.plane_elements, zero);  // padding, and what kernels read behind the last column
    constexpr std::size_t nothing = ~std::size_t{0};
    std::mutex mutex;
    std::atomic<std::size_t> next{0};
    threads(g.parts, [&](std::size_t part) {
      Operand* own = planes + part * g.plane_elements;
      std::size_t loaded = nothing;
      event_counts events;
      const output_stage own_stage{stage.relu, stage.events != nullptr ? &events : nullptr};
      for (std::size_t unit = next++; unit < g.units; unit = next++) {
        const std::size_t block = unit % g.all_blocks;  // a worker that comes back finds its block loaded
        const std::size_t map = block / g.blocks;       // sample and group
        const std::size_t group = map % params_.groups;
        const std::size_t line0 = block % g.blocks * g.lines;
        const std::size_t line1 = std::min(line0 + g.lines, g.extent);
        const activation_scale& s = scales[scales.size() == 1 ? 0 : group];
        if (loaded != block) {
          const value* in = x.data() + map * g.w[1] * g.x[2] * g.x[3];
          if constexpr (std::same_as<Operand, operand>) {
            if (!g.single) g.fill_planes(engine::quantize(isa_), in, line0, line1, s, zero, own);
          }
          if constexpr (std::same_as<Operand, typename engine::channel_operand>) {
            if (g.single) g.fill_planes(engine::quantize_channel(isa_), in, line0, line1, s, zero, own);
          }
          loaded = block;
        }
        value* out = y.data() + map * (g.y[1] / params_.groups) * g.y[2] * g.y[3];
        if constexpr (std::same_as<Operand, typename engine::channel_operand>) {
          if (g.single) run_channel(g, own, offsets, s, group, line0, line1, out, own_stage);
        }
        if constexpr (std::same_as<Operand, operand>) {
          if (!g.single) run_block(g, own, offsets, s, group, line0, line1, unit / g.all_blocks, out, own_stage);
        }
      }
      if (stage.events != nullptr) {
        const std::lock_guard lock(mutex);
        *stage.events += events;
      }
    });
  }

  /// The outputs of a block: every panel of weights passes over it.
  void run_block(const plan& g, const operand* planes, const std::int32_t* offsets, const activation_scale& s,
                 std::size_t group, std::size_t line0, std::size_t line1, std::size_t split, value* y,
                 const output_stage& stage) const {
    const kernels::panels<P>& w = panels_[group];
    const kernels::tile_shape tile = engine::tile(isa_);
    const auto run_tile = engine::adjacent(isa_);
    const auto finish = engine::finish(isa_);
    const double scale = engine::sum_scale(scale_, s);
    const bool skip = engine::packing(isa_).bias == 0;  // else the padding's codes are part of the correction
    const std::size_t area = g.y[2] * g.y[3];
    const std::size_t rows = g.flat ? 1 : line1 - line0;
    const std::size_t row_length = g.flat ? line1 - line0 : g.y[3];
    const std::size_t pieces = (row_length + tile.max_rows - 1) / tile.max_rows;
    const std::size_t panels = w.count();
    alignas(64) typename engine::sum sum[kernels::max_tile];
    for (std::size_t panel = panels * split / g.splits; panel < panels * (split + 1) / g.splits; ++panel) {
      const std::size_t output = panel * w.width();
      const std::size_t vectors = w.vectors_of(output);
      const std::size_t columns = std::min(w.width(), w.outputs() - output);
      const std::size_t channel = group * w.outputs() + output;
      for (std::size_t r = 0; r < rows; ++r) {
        const auto [chain, first] = g.chain(line0 + r, skip);
        const operand* a = planes + r * g.params.stride[0] * g.row;
        value* out = y + output * area + (g.flat ? line0 : (line0 + r) * g.y[3]);
        for (std::size_t piece = 0; piece < pieces; ++piece) {
          const std::size_t c0 = kernels::cut(row_length, pieces, piece, tile.max_rows);
          const std::size_t c1 = kernels::cut(row_length, pieces, piece + 1, tile.max_rows);
          run_tile(a + c0, offsets + first, w.panel(output) + first * vectors * tile.lanes * engine::parts, chain,
                   c1 - c0, vectors, sum);
          finish({sum, vectors * tile.lanes, c1 - c0, columns, bias_.data() + channel, w.correction(output), scale,
                  out + c0, 1, static_cast<std::ptrdiff_t>(area), stage});
        }
      }
    }
  }

  /// The outputs of a block of one channel alone: neighbouring outputs stand in neighbouring lanes.
  void run_channel(const plan& g, const typename engine::channel_operand* planes, const std::int32_t* offsets,
                   const activation_scale& s, std::size_t group, std::size_t line0, std::size_t line1, value* y,
                   const output_stage& stage) const {
    const std::size_t rows = g.flat ? 1 : line1 - line0;
    engine::channel(isa_)({planes, static_cast<std::ptrdiff_t>(g.params.stride[0] * g.row), offsets,
                           channel_weights_.data() + group * g.steps, g.steps,
                           g.channels == 1 && g.w[2] == 3 && g.w[3] == 3, rows, g.flat ? line1 - line0 : g.y[3],
                           bias_[group], engine::sum_scale(scale_, s), y + (g.flat ? line0 : line0 * g.y[3]), stage});
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
  std::vector<kernels::panels<P>> panels_;                         // one per group,
  std::vector<typename engine::channel_operand> channel_weights_;  // or all weights as they are, for one output each
};

/// Convolution of x (N x C x H x W) with w (OC x C/groups x KH x KW) and a bias (OC values or no_bias). Scales are
/// derived from the data; weights that are used again belong in a conv2d_layer.
template <precision_policy P, tensor_like X, tensor_like W, layer_bias B>
[[nodiscard]] tensor<value_t<P>> conv2d(const X& x, const W& w, const B& bias, const conv2d_params& p = {}) {
  (void)infer_shape(p, shape_of(x), shape_of(w));
  return conv2d_layer<P>(w, bias, p)(x);
}
/// Without a bias.
template <precision_policy P, tensor_like X, tensor_like W>
[[nodiscard]] tensor<value_t<P>> conv2d(const X& x, const W& w, const conv2d_params& p = {}) {
  return conv2d<P>(x, w, no_bias, p);
}

NNIESIM_END_NAMESPACE
