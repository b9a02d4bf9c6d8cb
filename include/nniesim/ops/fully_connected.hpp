// Fully connected layer (InnerProduct): y = W x + b for every sample.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <nniesim/core/machine_memory.hpp>
#include <nniesim/kernels/arena.hpp>
#include <nniesim/kernels/code_panels.hpp>
#include <nniesim/kernels/executor.hpp>
#include <nniesim/kernels/panels.hpp>
#include <nniesim/ops/finished_sum.hpp>
#include <nniesim/ops/learned_values.hpp>
#include <nniesim/ops/mac_input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The shape N x OUT for an input N x ... (all axes behind the first are one feature vector) and weights OUT x IN.
/// Throws shape_error where they do not fit.
[[nodiscard]] inline tensor_shape infer_fully_connected_shape(const tensor_shape& x, const tensor_shape& w) {
  detail::require<shape_error>(x.rank() >= 2 && x.size() != 0, "fully_connected input: got shape ", x,
                               ", expected batch and features with no empty axis");
  require_rank(w, 2, "fully_connected weights", "outputs, inputs");
  detail::require<shape_error>(x.size() / x[0] == w[1], "fully_connected: weights ", w, " take ", w[1],
                               " features, but input ", x, " has ", x.size() / x[0], " per sample");
  return {x[0], w[0]};
}

namespace reference {

/// The scalar specification: per output one chain over the input features in memory order, then finished_sum. `sw` says
/// how all weights are encoded.
template <precision_policy P, class In>
void fully_connected(tensor_view<const In> x, const typename P::activations::scale& sx, tensor_view<const float> w,
                     const group_weights<typename P::weights>& sw, std::span<const float> bias,
                     const mac_options& options, tensor_view<value_t<P>> y) {
  using engine = kernels::engine<P>;
  using accumulator = typename P::accumulator;
  using operand = typename accumulator::operand;
  detail::require_output(y.shape(), infer_fully_connected_shape(x.shape(), w.shape()), "reference::fully_connected");
  detail::require_specification(1, 1, bias.size(), w.shape()[0], options, "reference::fully_connected");
  const std::size_t inputs = w.shape()[1];
  const std::size_t outputs = w.shape()[0];
  for (std::size_t n = 0; n < y.shape()[0]; ++n) {
    for (std::size_t o = 0; o < outputs; ++o) {
      typename accumulator::sum sum{};
      for (std::size_t k = 0; k < inputs; ++k) {
        const float a = engine::float_of(x[n * inputs + k]);
        sum = accumulator::add(sum, operand_of<operand, typename P::weights>(sw.encode(w[o * inputs + k]), sw.scale),
                               operand_of<operand, typename P::activations>(P::activations::encode(a, sx), sx));
      }
      y[n * outputs + o] = finished_sum<P>(sum, engine::unit(sw, sx), bias.empty() ? 0.0F : bias[o], o, options);
    }
  }
}

}  // namespace reference

/// A fully connected layer whose weights are quantized and laid out once. Const member functions may run at the same
/// time.
template <precision_policy P>
class fully_connected_layer {
  using engine = kernels::engine<P>;
  using value = value_t<P>;
  using operand = typename engine::operand;

 public:
  using weights_encoding = group_weights<typename P::weights>;  ///< how the weights are encoded
  using activation_scale = typename P::activations::scale;      ///< of the input's codes

  /// `w` is OUT x IN, `bias` OUT values or no_bias. All weights have one scale, derived from them unless `encoding`
  /// gives it.
  template <tensor_like W, layer_bias B>
  fully_connected_layer(const W& w, const B& bias, mac_options options = {},
                        std::optional<weights_encoding> encoding = {}, const executor& threads = {})
      : w_shape_(shape_of(w)), isa_(active_isa()), options_(std::move(options)) {
    require_rank(w_shape_, 2, "fully_connected weights", "outputs, inputs");
    bias_ = detail::bias_values(bias, w_shape_[0], "fully_connected bias");
    bias_.resize(w_shape_[0] + kernels::finish_slack);
    detail::require_affine(options_.affine, w_shape_[0], "fully_connected");
    const detail::float_values<W> weights(w);
    const std::span<const float> values = weights.span();
    std::vector<weights_encoding> given;
    if (encoding) given.push_back(*encoding);
    encoding_ =
        detail::finite_encodings<typename P::weights>(weights, std::move(given), 1, "fully_connected", threads)[0];
    if constexpr (has_codes) codes_ = {isa_, values, w_shape_[0], w_shape_[1], encoding_, threads};
    if (codes_.empty()) panels_ = {isa_, values.data(), w_shape_[0], w_shape_[1], 1, encoding_, threads};
  }

  /// Without a bias.
  template <tensor_like W>
  explicit fully_connected_layer(const W& w, mac_options options = {}, std::optional<weights_encoding> encoding = {})
      : fully_connected_layer(w, no_bias, std::move(options), std::move(encoding)) {}

  /// The options that the layer was made with.
  [[nodiscard]] const mac_options& options() const noexcept { return options_; }
  /// How the weights are encoded.
  [[nodiscard]] const weights_encoding& weight_group() const noexcept { return encoding_; }
  /// The instruction set that the layer was prepared for.
  [[nodiscard]] isa instruction_set() const noexcept { return isa_; }
  /// Whether weights are kept as codes, in panels of 64 outputs, where these kernels run.
  [[nodiscard]] static bool keeps_codes(isa i) noexcept {
    return has_codes && kernels::select(i, [](auto set) { return decltype(set)::has_code_panels; });
  }
  /// The shape of the output for an input of this shape. Throws shape_error where the input does not fit.
  [[nodiscard]] tensor_shape output_shape(const tensor_shape& x) const {
    return infer_fully_connected_shape(x, w_shape_);
  }

  /// The scale of the whole input, derived from it.
  [[nodiscard]] activation_scale activation_scale_of(tensor_view<const value> x) const {
    return engine::scale_of(isa_, x.data(), x.size());
  }
  /// The same of a network's input: floats.
  [[nodiscard]] activation_scale activation_scale_of(tensor_view<const float> x) const
      requires(!std::same_as<value, float>) {
    return engine::scale_of(isa_, x.data(), x.size());
  }

  /// Bytes that run() needs for an input of this shape and these threads.
  [[nodiscard]] std::size_t workspace_bytes(const tensor_shape& x, const executor& threads = {}) const {
    const plan g(*this, output_shape(x)[0], threads.max_workers);
    return kernels::arena::alignment + kernels::arena::rounded(g.rows() * stride() * sizeof(operand)) +
           kernels::arena::rounded(g.parts * g.scratch * sizeof(typename engine::sum));
  }

  /// Evaluates into `y` (of output_shape) without allocating: x, what the layer before wrote, encoded with `s`. Throws
  /// where the arguments do not fit.
  void run(tensor_view<const value> x, const activation_scale& s, tensor_view<value> y, std::span<std::byte> workspace,
           const executor& threads = {}, const output_stage& stage = {}) const {
    run_on(x, s, y, workspace, threads, stage);
  }
  /// The same of a network's input: floats, which are encoded at once.
  void run(tensor_view<const float> x, const activation_scale& s, tensor_view<value> y, std::span<std::byte> workspace,
           const executor& threads = {}, const output_stage& stage = {}) const requires(!std::same_as<value, float>) {
    run_on(x, s, y, workspace, threads, stage);
  }

  /// The same where inputs are stored as codes of `s` (engine::stores_codes).
  template <class In>
  requires kernels::stored<In>::is_code void run(tensor_view<const In> x, const activation_scale& s,
                                                 tensor_view<value> y, std::span<std::byte> workspace,
                                                 const executor& threads = {}, const output_stage& stage = {}) const {
    run_on(x, s, y, workspace, threads, stage);
  }

  /// The layer's output, with the activation scale derived from x.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, const executor& threads = {}) const {
    const detail::mac_input<P, X> in(x, "fully_connected");
    (void)output_shape(in.shape());
    return allocate_and_run(in.view(), activation_scale_of(in.view()), threads);
  }
  /// The layer's output, with the given activation scale.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, const activation_scale& s, const executor& threads = {}) const {
    const detail::mac_input<P, X> in(x, "fully_connected");
    return allocate_and_run(in.view(), s, threads);
  }

 private:
  /// Weights of GFPQ formats are kept as codes where the instruction set decodes them on the fly.
  static constexpr bool has_codes =
      std::same_as<operand, float> && engine::has_kernels &&
      (std::same_as<typename P::weights, gfpq8> || std::same_as<typename P::weights, gfpq16>);
  using code_panels = kernels::code_panels<std::conditional_t<has_codes, typename P::weights, gfpq8>>;

  /// How the work is cut: into blocks of rows, whose operands stay in the second-level cache while panels of outputs
  /// pass over them, and those into pieces of the chains, whose weights stay in the first-level cache while rows do.
  struct plan {
    plan(const fully_connected_layer& layer, std::size_t samples, std::size_t workers) : batch(samples) {
      const kernels::tile_shape tile = engine::tile(layer.isa_);
      tile_rows = tile.max_rows;
      const std::size_t codes = engine::packing(layer.isa_).codes;
      const bool as_codes = !layer.codes_.empty();
      steps = (layer.w_shape_[1] + codes - 1) / codes;
      panels = as_codes ? layer.codes_.count() : layer.panels_.count();
      width = as_codes ? code_panels::width : tile.lanes * tile.max_vectors;
      const std::size_t tiles =
          std::max<std::size_t>(1, nniesim::second_level_cache() / 2 / (layer.stride() * sizeof(operand) * tile_rows));
      blocks = (batch + tiles * tile_rows - 1) / (tiles * tile_rows);
      if (workers > 1 && panels < 2 * workers) {  // few panels: more blocks
        blocks = std::max(blocks, std::min((batch + tile_rows - 1) / tile_rows, (2 * workers + panels - 1) / panels));
      }
      parts = std::clamp<std::size_t>(workers, 1, panels * blocks);
      const std::size_t rows = (batch + blocks - 1) / blocks;
      const std::size_t row_tiles = (rows + tile_rows - 1) / tile_rows;
      // Weights that pass once or twice are read as they come. Sums of two halves are not cut shorter than they are.
      constexpr std::size_t first_level = 16 * 1024, few_tiles = 4;
      std::size_t most = std::max<std::size_t>(1, steps);
      decodes_in_tile = as_codes && rows <= kernels::most_code_rows;
      if (as_codes && !decodes_in_tile) {
        most = row_tiles < few_tiles ? 64 : 256;
      } else if (!as_codes && row_tiles >= few_tiles) {
        most = engine::parts > 1 ? kernels::split_steps : first_level / (width * sizeof(operand));
      }
      pieces = (steps + most - 1) / most;
      piece = (steps + pieces - 1) / pieces;
      if (as_codes || pieces > 1) {
        sums = row_tiles * tile_rows * width;
        scratch = sums + (as_codes && !decodes_in_tile ? piece * width : 0);
      }
    }
    /// Rows of operands, and as many more as a tile may read behind the last.
    [[nodiscard]] std::size_t rows() const noexcept { return batch + tile_rows; }

    std::size_t batch, tile_rows, steps, panels, width, blocks, parts, pieces, piece;
    std::size_t sums = 0;          ///< per part: those of a block's rows of a panel
    std::size_t scratch = 0;       ///< of a sum's size per part: sums and decoded weights
    bool decodes_in_tile = false;  ///< codes of weights, as few rows are multiplied with them
  };

  template <class In>
  void run_on(tensor_view<const In> x, const activation_scale& s, tensor_view<value> y, std::span<std::byte> workspace,
              const executor& threads, const output_stage& stage) const {
    const tensor_shape out = output_shape(x.shape());
    detail::require_output(y.shape(), out, "fully_connected");
    P::accumulator::check_capacity(w_shape_[1], engine::largest_product(encoding_, s), "fully_connected");
    const plan g(*this, out[0], threads.max_workers);
    kernels::arena memory(workspace);
    const kernels::mac_constants<P> constants({&encoding_, 1}, s, bias_, w_shape_[1], options_);
    auto* a = memory.take<operand>(g.rows() * stride(), "fully_connected");
    auto* scratch = memory.take<typename engine::sum>(g.parts * g.scratch, "fully_connected");
    const std::size_t inputs = w_shape_[1];
    threads(g.batch, [&](std::size_t n) {
      engine::quantize_features(isa_, x.data() + n * inputs, a + n * stride(), inputs, s);
    });
    // What tiles compute for rows that are not there is left alone.
    std::fill_n(a + g.batch * stride(), (g.rows() - g.batch) * stride(), operand{});
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    threads(g.parts, [&](std::size_t part) {
      event_counts events;
      const output_stage own{stage.relu, stage.events != nullptr ? &events : nullptr};
      for (std::size_t unit = next++; unit < g.panels * g.blocks; unit = next++) {
        const std::size_t panel = unit % g.panels;
        const std::size_t row0 = g.batch * (unit / g.panels) / g.blocks;
        const std::size_t row1 = g.batch * (unit / g.panels + 1) / g.blocks;
        if constexpr (has_codes) {
          if (!codes_.empty()) {
            run_codes(g, a, scratch + part * g.scratch, constants, panel, row0, row1, y, own);
            continue;
          }
        }
        run_panel(g, a, scratch + part * g.scratch, constants, panel, row0, row1, y, own);
      }
      if (stage.events != nullptr) {
        const std::lock_guard lock(mutex);
        *stage.events += events;
      }
    });
  }

  void run_panel(const plan& g, const operand* a, typename engine::sum* scratch,
                 const kernels::mac_constants<P>& constants, std::size_t panel, std::size_t row0, std::size_t row1,
                 tensor_view<value> y, const output_stage& stage) const {
    const kernels::tile_shape tile = engine::tile(isa_);
    const auto run_tile = engine::strided(isa_);
    const auto finish = engine::finish(isa_, constants.rule());
    const std::size_t output = panel * panels_.width();
    const std::size_t vectors = panels_.vectors_of(output);
    const std::size_t columns = std::min(panels_.width(), panels_.outputs() - output);
    const std::size_t tiles = (row1 - row0 + tile.max_rows - 1) / tile.max_rows;
    const auto outputs = static_cast<std::ptrdiff_t>(w_shape_[0]);
    alignas(64) typename engine::sum only[kernels::max_tile];
    typename kernels::mac_constants<P>::panel numbers;
    const kernels::finish_constants of_panel = constants.of(0, output, columns, numbers);
    for (std::size_t k = 0; k < g.steps; k += g.piece) {
      const std::size_t steps = std::min(g.piece, g.steps - k);
      const std::size_t each = vectors * tile.lanes * engine::parts;
      const operand* w = panels_.panel(output) + k * each;
      // The next piece comes from far while this one is multiplied.
      const auto ahead = reinterpret_cast<std::uintptr_t>(w + steps * each);
      const std::size_t lines = g.pieces > 1 ? steps * each * sizeof(operand) / 64 : 0;
      for (std::size_t i = 0; i < tiles; ++i) {
        for (std::size_t l = lines * i / tiles; l < lines * (i + 1) / tiles; ++l) {
          __builtin_prefetch(reinterpret_cast<const void*>(ahead + 64 * l));
        }
        const std::size_t r0 = row0 + kernels::cut(row1 - row0, tiles, i, tile.max_rows);
        const std::size_t r1 = row0 + kernels::cut(row1 - row0, tiles, i + 1, tile.max_rows);
        auto* sum = g.pieces > 1 ? scratch + i * tile.max_rows * g.width : only;
        run_tile(a + r0 * stride() + k, static_cast<std::ptrdiff_t>(stride()), w, steps, r1 - r0, vectors, sum, k != 0);
        if (k + steps < g.steps) continue;
        finish({sum, vectors * tile.lanes, r1 - r0, columns, of_panel, panels_.correction(output),
                y.data() + r0 * w_shape_[0] + output, outputs, 1, stage});
      }
    }
  }

  /// 64 outputs whose weights are codes, piece by piece of the chains: for few rows multiplied as they are decoded; for
  /// more, decoded into the cache, where every tile of rows goes on with its chains.
  void run_codes(const plan& g, const float* a, float* scratch, const kernels::mac_constants<P>& constants,
                 std::size_t panel, std::size_t row0, std::size_t row1, tensor_view<value> y,
                 const output_stage& stage) const requires has_codes {
    using format = typename P::weights;
    constexpr std::size_t width = code_panels::width;
    const kernels::tile_shape tile = engine::tile(isa_);
    const auto finish = engine::finish(isa_, constants.rule());
    const std::size_t output = panel * width;
    const std::size_t outputs = w_shape_[0];
    const std::size_t inputs = w_shape_[1];
    const auto* w = codes_.panel(panel);
    typename kernels::mac_constants<P>::panel numbers;
    const kernels::finish_constants of_panel = constants.of(0, output, std::min(width, outputs - output), numbers);
    const auto finish_rows = [&](float* sum, std::size_t sum_columns, std::size_t first, std::size_t r0,
                                 std::size_t r1) {
      finish({sum, sum_columns, r1 - r0, std::min(sum_columns, outputs - first), of_panel.from(first - output), nullptr,
              y.data() + r0 * outputs + first, static_cast<std::ptrdiff_t>(outputs), 1, stage});
    };
    kernels::select(isa_, [&](auto set) {
      using Set = decltype(set);
      if constexpr (Set::has_code_panels) {
        if (g.decodes_in_tile) {
          Set::template multiply_codes<format>(a + row0 * stride(), static_cast<std::ptrdiff_t>(stride()), w,
                                               codes_.tables(), inputs, row1 - row0, scratch);
          return finish_rows(scratch, width, output, row0, row1);
        }
        constexpr std::size_t half = width / 2;  // two vectors, as a panel of tiles has them
        const std::size_t tiles = (row1 - row0 + tile.max_rows - 1) / tile.max_rows;
        float* decoded = scratch + g.sums;
        const std::size_t each = tile.max_rows * half;  // sums of a tile
        for (std::size_t k = 0; k < inputs; k += g.piece) {
          const std::size_t steps = std::min(g.piece, inputs - k);
          Set::template decode_codes<format>(w + k * width, codes_.tables(), steps, decoded);
          // The next piece comes from far while this one is multiplied.
          const auto* ahead = reinterpret_cast<const std::byte*>(w + (k + steps) * width);
          const std::size_t bytes = std::min(steps, inputs - k - steps) * width * sizeof(*w);
          for (std::size_t b = 0; b < bytes; b += 64) __builtin_prefetch(ahead + b, 0, 2);
          for (std::size_t h = 0; h < 2 && output + h * half < outputs; ++h) {
            for (std::size_t i = 0; i < tiles; ++i) {
              const std::size_t r0 = row0 + kernels::cut(row1 - row0, tiles, i, tile.max_rows);
              const std::size_t r1 = row0 + kernels::cut(row1 - row0, tiles, i + 1, tile.max_rows);
              float* sum = scratch + (h * tiles + i) * each;
              Set::template strided<float>(a + r0 * stride() + k, static_cast<std::ptrdiff_t>(stride()),
                                           decoded + h * half * steps, steps, r1 - r0, 2, sum, k != 0);
              if (k + steps == inputs) finish_rows(sum, half, output + h * half, r0, r1);
            }
          }
        }
      }
    });
  }

  /// Distance between the rows of operands: not a multiple of a page, or rows would fight for the same cache lines.
  [[nodiscard]] std::size_t stride() const noexcept {
    const std::size_t codes = engine::packing(isa_).codes;
    return ((w_shape_[1] + codes - 1) / codes + 15) / 16 * 16 + 16;
  }

  template <class In>
  [[nodiscard]] tensor<value> allocate_and_run(tensor_view<const In> x, const activation_scale& s,
                                               const executor& threads) const {
    auto y = make_tensor<value>(output_shape(x.shape()));
    std::vector<std::byte> workspace(workspace_bytes(x.shape(), threads));
    run(x, s, view_of(y), workspace, threads);
    return y;
  }

  tensor_shape w_shape_;
  isa isa_;
  mac_options options_;
  weights_encoding encoding_{};
  std::vector<float> bias_;    // with slack
  kernels::panels<P> panels_;  // unless the weights are
  code_panels codes_;
};

/// y = W x + b for x (N x ...), w (OUT x IN) and a bias (OUT values or no_bias), with scales derived from the data.
template <precision_policy P, tensor_like X, tensor_like W, layer_bias B>
[[nodiscard]] tensor<value_t<P>> fully_connected(const X& x, const W& w, const B& bias,
                                                 const mac_options& options = {}) {
  (void)infer_fully_connected_shape(shape_of(x), shape_of(w));
  return fully_connected_layer<P>(w, bias, options)(x);
}
/// Without a bias.
template <precision_policy P, tensor_like X, tensor_like W>
[[nodiscard]] tensor<value_t<P>> fully_connected(const X& x, const W& w, const mac_options& options = {}) {
  return fully_connected<P>(x, w, no_bias, options);
}

NNIESIM_END_NAMESPACE
