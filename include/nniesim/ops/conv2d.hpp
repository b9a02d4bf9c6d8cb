// Two-dimensional convolution: stride, asymmetric padding, dilation, groups (depthwise included).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/kernels/arena.hpp>
#include <nniesim/kernels/executor.hpp>
#include <nniesim/kernels/panels.hpp>
#include <nniesim/ops/conv2d_plan.hpp>
#include <nniesim/ops/finished_sum.hpp>
#include <nniesim/ops/learned_values.hpp>
#include <nniesim/ops/mac_input.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace reference {

/// The scalar specification. Inputs, values of a layer or floats, are encoded with `sx`, the weights of each group as
/// `groups` says; each output is one chain over input channel, kernel row, kernel column, in this order, taps on the
/// padding left out; then finished_sum. (A tap on the padding would add fma(w, 0, sum) = sum: a sum that starts at +0
/// never becomes -0, so leaving it out or computing it gives the same bits.)
template <precision_policy P, class In>
void conv2d(tensor_view<const In> x, const typename P::activations::scale& sx, tensor_view<const float> w,
            std::span<const group_weights<typename P::weights>> groups, std::span<const float> bias,
            const conv2d_params& p, const mac_options& options, tensor_view<value_t<P>> y) {
  using engine = kernels::engine<P>;
  using accumulator = typename P::accumulator;
  using operand = typename accumulator::operand;
  const tensor_shape &xs = x.shape(), &ws = w.shape(), &ys = y.shape();
  detail::require_output(ys, infer_shape(p, xs, ws), "reference::conv2d");
  detail::require_specification(groups.size(), p.groups, bias.size(), ys[1], options, "reference::conv2d");
  const std::size_t group_inputs = ws[1];
  const std::size_t group_outputs = ws[0] / p.groups;
  for (std::size_t n = 0; n < ys[0]; ++n) {
    for (std::size_t oc = 0; oc < ys[1]; ++oc) {
      const std::size_t group = oc / group_outputs;
      const auto& sw = groups[group];
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
                const float a = engine::float_of(x[((n * xs[1] + channel) * xs[2] + iy) * xs[3] + ix]);
                const float b = w[((oc * ws[1] + ic) * ws[2] + ky) * ws[3] + kx];
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

/// A convolution whose weights are quantized and laid out once. Const member functions may run at the same time.
template <precision_policy P>
class conv2d_layer {
  using engine = kernels::engine<P>;
  using value = value_t<P>;
  using operand = typename engine::operand;

 public:
  using weights_encoding = group_weights<typename P::weights>;  ///< how the weights of a group are encoded
  using activation_scale = typename P::activations::scale;      ///< of the input's codes

  /// `w` is OC x C/groups x KH x KW, `bias` OC values or no_bias. The weights of each group have a scale of their own,
  /// derived from them unless `groups` gives it: one for each, or one for all.
  template <tensor_like W, layer_bias B>
  conv2d_layer(const W& w, const B& bias, const conv2d_params& p = {}, mac_options options = {},
               std::vector<weights_encoding> groups = {}, const executor& threads = {})
      : params_(p),
        w_shape_(shape_of(w)),
        isa_(active_isa()),
        options_(std::move(options)),
        groups_(std::move(groups)) {
    require_rank(w_shape_, 4, "conv2d weights", "outputs, channels per group, kernel rows, kernel columns");
    detail::require<shape_error>(p.groups >= 1 && w_shape_.size() != 0 && w_shape_[0] % p.groups == 0,
                                 "conv2d: ", p.groups, " groups for weights ", w_shape_,
                                 ", expected a divisor of the outputs");
    bias_ = detail::bias_values(bias, w_shape_[0], "conv2d bias");
    bias_.resize(w_shape_[0] + kernels::finish_slack);
    detail::require_affine(options_.affine, w_shape_[0], "conv2d");
    const detail::float_values<W> weights(w);
    const std::span<const float> values = weights.span();
    const std::size_t outputs = w_shape_[0] / p.groups;
    const std::size_t each = w_shape_.size() / w_shape_[0];
    groups_ = detail::finite_encodings<typename P::weights>(weights, std::move(groups_), p.groups, "conv2d", threads);
    if (lies_in_pixels(p, w_shape_)) {
      lay_out_for_pixels(values);
      return;
    }
    panels_.resize(p.groups);
    const executor in_group = p.groups == 1 ? threads : executor{};
    const executor by_group = p.groups == 1 ? executor{} : kernels::shared(threads, values.size());
    by_group(p.groups, [&](std::size_t g) {
      panels_[g] = kernels::panels<P>(isa_, values.data() + g * outputs * each, outputs, w_shape_[1],
                                      w_shape_[2] * w_shape_[3], groups_[g], in_group);
    });
  }

  /// Without a bias.
  template <tensor_like W>
  explicit conv2d_layer(const W& w, const conv2d_params& p = {}, mac_options options = {},
                        std::vector<weights_encoding> groups = {})
      : conv2d_layer(w, no_bias, p, std::move(options), std::move(groups)) {}

  /// The geometry that the layer was made with.
  [[nodiscard]] const conv2d_params& params() const noexcept { return params_; }
  /// The options that the layer was made with.
  [[nodiscard]] const mac_options& options() const noexcept { return options_; }
  /// How the weights are encoded, group by group.
  [[nodiscard]] std::span<const weights_encoding> weight_groups() const noexcept { return groups_; }
  /// The instruction set that the layer was prepared for.
  [[nodiscard]] isa instruction_set() const noexcept { return isa_; }
  /// The shape of the output for an input of this shape. Throws shape_error where the input does not fit.
  [[nodiscard]] tensor_shape output_shape(const tensor_shape& x) const { return infer_shape(params_, x, w_shape_); }

  /// The scale of the whole input, derived from it: one for all groups, as compiled models have it.
  [[nodiscard]] activation_scale activation_scale_of(tensor_view<const value> x) const { return derived_scale(x); }
  /// The same of a network's input: floats.
  [[nodiscard]] activation_scale activation_scale_of(tensor_view<const float> x) const
      requires(!std::same_as<value, float>) {
    return derived_scale(x);
  }

  /// Bytes that run() needs for an input of this shape and these threads.
  [[nodiscard]] std::size_t workspace_bytes(const tensor_shape& x, const executor& threads = {}) const {
    const conv2d_plan g(params_, x, w_shape_, operands(), threads.max_workers);
    const std::size_t panels = pixel_panels();
    return kernels::arena::alignment + kernels::arena::rounded(g.parts * g.plane_elements * operands().bytes) +
           kernels::arena::rounded(g.steps * sizeof(std::int32_t)) +
           (panels == 0 ? 0
                        : kernels::arena::rounded(panels * sizeof(kernels::finish_constants)) +
                              kernels::arena::rounded(pixel_numbers() * sizeof(double)));
  }

  /// Evaluates into `y` (of output_shape) without allocating: x, what the layer before wrote, encoded with `s`. Throws
  /// shape_error or format_error where the arguments do not fit.
  void run(tensor_view<const value> x, const activation_scale& s, tensor_view<value> y, std::span<std::byte> workspace,
           const executor& threads = {}, const output_stage& stage = {}) const {
    run_on(x, s, y, workspace, threads, stage);
  }
  /// The same of a network's input: floats, which are encoded at once.
  void run(tensor_view<const float> x, const activation_scale& s, tensor_view<value> y, std::span<std::byte> workspace,
           const executor& threads = {}, const output_stage& stage = {}) const requires(!std::same_as<value, float>) {
    run_on(x, s, y, workspace, threads, stage);
  }
  /// The same where inputs, outputs or both are stored as codes (engine::stores_codes): inputs with `s`, outputs with
  /// stage.z.
  template <class In, class Out>
  requires(kernels::stored<In>::is_code ||
           kernels::stored<Out>::is_code) void run(tensor_view<const In> x, const activation_scale& s,
                                                   tensor_view<Out> y, std::span<std::byte> workspace,
                                                   const executor& threads = {}, const output_stage& stage = {}) const {
    run_on(x, s, y, workspace, threads, stage);
  }

  /// The layer's output, with the activation scale derived from x.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, const executor& threads = {}) const {
    const detail::mac_input<P, X> in(x, "conv2d");
    return allocate_and_run(in.view(), activation_scale_of(in.view()), threads);
  }
  /// The layer's output, with the given activation scale.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, const activation_scale& s, const executor& threads = {}) const {
    const detail::mac_input<P, X> in(x, "conv2d");
    return allocate_and_run(in.view(), s, threads);
  }

 private:
  using pixel_operand = typename engine::pixel_operand;

  /// Whether neighbouring outputs of a map stand in neighbouring lanes, rather than outputs of neighbouring channels:
  /// where a group has one output (depthwise); where the channels would leave half of a vector idle; where an output is
  /// the sum of so few products that its transposition is a part of the time. The numbers are measured, on AVX-512.
  [[nodiscard]] static bool lies_in_pixels(const conv2d_params& p, const tensor_shape& w) {
    const std::size_t outputs = w[0] / p.groups, products = w[1] * w[2] * w[3];
    if (outputs == 1) return products <= engine::longest_pixel_chain;
    if constexpr (engine::has_kernels && !engine::is_packed) {
      return outputs <= 8 || products <= 64 || (conv2d_plan::is_flat(p, w) && products <= 128);
    } else {
      return false;
    }
  }
  /// Weights of each group panel by panel, those of one step side by side.
  void lay_out_for_pixels(std::span<const float> values) {
    pixel_weights_.resize(values.size());
    const std::size_t outputs = w_shape_[0] / params_.groups, each = values.size() / w_shape_[0];
    for (std::size_t first = 0, width = 0; first < w_shape_[0]; first += width) {
      const std::size_t g = first / outputs;
      width = kernels::pixel_channels((g + 1) * outputs - first);
      kernels::lay_out_weights<P>(isa_, groups_[g], values.data() + first * each, each, width, width,
                                  pixel_weights_.data() + first * each, width);
    }
  }

  /// Of all groups; none where the outputs stand in the lanes.
  [[nodiscard]] std::size_t pixel_panels() const noexcept {
    if (pixel_weights_.empty()) return 0;
    std::size_t n = 0;
    for (std::size_t left = w_shape_[0] / params_.groups; left != 0; ++n) left -= kernels::pixel_channels(left);
    return n * params_.groups;
  }
  /// How many numbers their constants take.
  [[nodiscard]] std::size_t pixel_numbers() const noexcept { return 3 * (w_shape_[0] + kernels::finish_slack); }
  /// The constants of all of them.
  [[nodiscard]] std::span<const kernels::finish_constants> pixel_constants(const kernels::mac_constants<P>& constants,
                                                                           kernels::arena& memory) const {
    const std::span all(memory.take<kernels::finish_constants>(pixel_panels(), "conv2d"), pixel_panels());
    double* const numbers = memory.take<double>(pixel_numbers(), "conv2d");
    const std::size_t each = pixel_numbers() / 3, outputs = w_shape_[0] / params_.groups;
    for (std::size_t panel = 0, first = 0; panel < all.size(); ++panel) {
      const std::size_t group = first / outputs, width = kernels::pixel_channels((group + 1) * outputs - first);
      double* const at = numbers + first;
      all[panel] = constants.of(group, first, width, {at, at + each, at + 2 * each});
      first += width;
    }
    return all;
  }

  [[nodiscard]] conv2d_operands operands() const noexcept {
    if (!pixel_weights_.empty())
      return {.in_pixels = true,
              .bytes = sizeof(pixel_operand),
              .tile_rows = kernels::pixel_slack,
              .panels = pixel_panels() / params_.groups};
    return {.codes = engine::packing(isa_).codes,
            .bytes = sizeof(operand),
            .tile_rows = engine::tile(isa_).max_rows,
            .panels = panels_[0].count()};
  }

  template <class In>
  [[nodiscard]] activation_scale derived_scale(tensor_view<const In> x) const {
    (void)output_shape(x.shape());
    return engine::scale_of(isa_, x.data(), x.size());
  }

  template <class In, class Out>
  requires(engine::template is_input<In>&& engine::template is_output<Out>) void run_on(
      tensor_view<const In> x, const activation_scale& s, tensor_view<Out> y, std::span<std::byte> workspace,
      const executor& threads, const output_stage& stage) const {
    const conv2d_plan g(params_, x.shape(), w_shape_, operands(), threads.max_workers);
    detail::require_output(y.shape(), g.y, "conv2d");
    for (const weights_encoding& group : groups_) {
      P::accumulator::check_capacity(g.w[1] * g.w[2] * g.w[3], engine::largest_product(group, s), "conv2d");
    }
    kernels::arena memory(workspace);
    const kernels::mac_constants<P> constants(groups_, s, bias_, g.w[1] * g.w[2] * g.w[3], options_);
    auto* offsets = memory.take<std::int32_t>(g.steps, "conv2d");
    g.fill_offsets(offsets);
    if (g.in_pixels) {
      auto* planes = memory.take<pixel_operand>(g.parts * g.plane_elements, "conv2d");
      const std::span<const kernels::finish_constants> panels = pixel_constants(constants, memory);
      evaluate(g, planes, pixel_operand{}, engine::template quantize_channel<In>(isa_), x, s, y, threads, stage,
               [&](const pixel_operand* own, const part_of_block& part, Out* out, const output_stage& st) {
                 run_pixels(g, own, offsets, constants.rule(), panels, part, out, st);
               });
    } else {
      auto* planes = memory.take<operand>(g.parts * g.plane_elements, "conv2d");
      evaluate(g, planes, engine::zero_operand(isa_), engine::template quantize<In>(isa_), x, s, y, threads, stage,
               [&](const operand* own, const part_of_block& part, Out* out, const output_stage& st) {
                 run_block(g, own, offsets, constants, part, out, st);
               });
    }
  }

  /// A part of the outputs: lines of a group, `split` of its panels.
  struct part_of_block {
    std::size_t group, line0, line1, split;
  };
  /// Shares the units of work among the threads: fills the planes of a block, then calls `run_part` for its outputs.
  template <class In, class Operand, class Out, class Run>
  void evaluate(const conv2d_plan& g, Operand* planes, Operand zero,
                void (*quantize)(const kernels::quantize_job<In, Operand>&, activation_scale), tensor_view<const In> x,
                const activation_scale& s, tensor_view<Out> y, const executor& threads, const output_stage& stage,
                const Run& run_part) const {
    void (*by_turns)(const In*, std::size_t, Operand*, Operand*) = nullptr;
    if constexpr (std::same_as<Operand, pixel_operand>) by_turns = engine::template quantize_by_turns<In>(isa_);
    constexpr std::size_t nothing = ~std::size_t{0};
    std::mutex mutex;
    std::atomic<std::size_t> next{0};
    threads(g.parts, [&](std::size_t part) {
      Operand* own = planes + part * g.plane_elements;
      std::size_t loaded = nothing;
      event_counts events;
      output_stage own_stage = stage;
      if (stage.events != nullptr) own_stage.events = &events;
      for (std::size_t unit = next++; unit < g.units; unit = next++) {
        const std::size_t block = unit % g.all_blocks;  // a worker that comes back finds its block loaded
        const std::size_t map = block / g.blocks;       // sample and group
        const std::size_t line0 = block % g.blocks * g.lines;
        const std::size_t line1 = std::min(line0 + g.lines, g.extent);
        if (loaded == nothing) std::fill_n(own, g.plane_elements, zero);  // padding, and what is read behind columns
        if (loaded != block) {
          g.fill_planes(quantize, x.data() + map * g.w[1] * g.x[2] * g.x[3], line0, line1, s, zero, own, by_turns);
          loaded = block;
        }
        Out* out = y.data() + map * (g.y[1] / params_.groups) * g.y[2] * g.y[3];
        run_part(own, {map % params_.groups, line0, line1, unit / g.all_blocks}, out, own_stage);
      }
      if (stage.events != nullptr) {
        const std::lock_guard lock(mutex);
        *stage.events += events;
      }
    });
  }

  /// The outputs of a block: every panel of weights passes over it.
  template <class Out>
  void run_block(const conv2d_plan& g, const operand* planes, const std::int32_t* offsets,
                 const kernels::mac_constants<P>& constants, const part_of_block& part, Out* y,
                 const output_stage& stage) const {
    const auto [group, line0, line1, split] = part;
    const kernels::panels<P>& w = panels_[group];
    const kernels::tile_shape tile = engine::tile(isa_);
    const auto run_tile = engine::adjacent(isa_);
    const auto finish = engine::template finish<Out>(isa_, constants.rule());
    const bool skip = engine::packing(isa_).bias == 0;  // else the padding's codes are part of the correction
    const std::size_t area = g.y[2] * g.y[3];
    const std::size_t rows = g.flat ? 1 : line1 - line0;
    const std::size_t row_length = g.flat ? line1 - line0 : g.y[3];
    const std::size_t pieces = (row_length + tile.max_rows - 1) / tile.max_rows;
    const std::size_t panels = w.count();
    alignas(64) typename engine::sum sum[kernels::max_tile];
    typename kernels::mac_constants<P>::panel numbers;
    for (std::size_t panel = panels * split / g.splits; panel < panels * (split + 1) / g.splits; ++panel) {
      const std::size_t output = panel * w.width();
      const std::size_t vectors = w.vectors_of(output);
      const std::size_t columns = std::min(w.width(), w.outputs() - output);
      const kernels::finish_constants of_panel = constants.of(group, group * w.outputs() + output, columns, numbers);
      for (std::size_t r = 0; r < rows; ++r) {
        const auto [chain, first] = g.chain(line0 + r, skip);
        const operand* a = planes + r * g.params.stride[0] * g.row;
        Out* out = y + output * area + (g.flat ? line0 : (line0 + r) * g.y[3]);
        for (std::size_t piece = 0; piece < pieces; ++piece) {
          const std::size_t c0 = kernels::cut(row_length, pieces, piece, tile.max_rows);
          const std::size_t c1 = kernels::cut(row_length, pieces, piece + 1, tile.max_rows);
          run_tile(a + c0, offsets + first, w.panel(output) + first * vectors * tile.lanes * engine::parts, chain,
                   c1 - c0, vectors, sum);
          finish({sum, vectors * tile.lanes, c1 - c0, columns, of_panel, w.correction(output), out + c0, 1,
                  static_cast<std::ptrdiff_t>(area), stage});
        }
      }
    }
  }

  /// The outputs of a block with neighbouring ones in neighbouring lanes: every panel of weights passes over it.
  template <class Out>
  void run_pixels(const conv2d_plan& g, const pixel_operand* planes, const std::int32_t* offsets,
                  kernels::finish_rule rule, std::span<const kernels::finish_constants> panels,
                  const part_of_block& part, Out* y, const output_stage& stage) const {
    const auto [group, line0, line1, split] = part;
    const std::size_t area = g.y[2] * g.y[3];
    const std::size_t outputs = g.y[1] / params_.groups;
    const std::size_t rows = g.flat ? 1 : line1 - line0;
    const auto run = engine::template pixels<Out>(isa_, rule);
    const std::size_t each = panels.size() / params_.groups;
    std::size_t width = 0;
    for (std::size_t o = 0, panel = 0; o < outputs; o += width, ++panel) {
      width = kernels::pixel_channels(outputs - o);
      if (panel % g.splits != split) continue;
      run({planes, static_cast<std::ptrdiff_t>(g.params.stride[0] * g.row), offsets,
           pixel_weights_.data() + (group * outputs + o) * g.steps, g.steps,
           outputs == 1 && g.channels == 1 && g.w[2] == 3 && g.w[3] == 3, width, rows, g.flat ? line1 - line0 : g.y[3],
           panels[group * each + panel], y + o * area + (g.flat ? line0 : line0 * g.y[3]), area, stage});
    }
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
  isa isa_;
  mac_options options_;
  std::vector<weights_encoding> groups_;
  std::vector<float> bias_;                   // with slack
  std::vector<kernels::panels<P>> panels_;    // one per group,
  std::vector<pixel_operand> pixel_weights_;  // or those of all groups, panel by panel
};

/// Convolution of x (N x C x H x W) with w (OC x C/groups x KH x KW) and a bias (OC values or no_bias). Scales are
/// derived from the data; weights that are used again belong in a conv2d_layer.
template <precision_policy P, tensor_like X, tensor_like W, layer_bias B>
[[nodiscard]] tensor<value_t<P>> conv2d(const X& x, const W& w, const B& bias, const conv2d_params& p = {},
                                        const mac_options& options = {}) {
  (void)infer_shape(p, shape_of(x), shape_of(w));
  return conv2d_layer<P>(w, bias, p, options)(x);
}
/// Without a bias.
template <precision_policy P, tensor_like X, tensor_like W>
[[nodiscard]] tensor<value_t<P>> conv2d(const X& x, const W& w, const conv2d_params& p = {},
                                        const mac_options& options = {}) {
  return conv2d<P>(x, w, no_bias, p, options);
}

NNIESIM_END_NAMESPACE
