// Fully connected layer (InnerProduct): y = W x + b for every sample.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include <nniesim/ops/conv2d.hpp>

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

/// The scalar specification: per output one chain over the input features in memory order, then bias and output format.
template <precision_policy P>
void fully_connected(tensor_view<const value_t<P>> x, const typename P::activations::scale& sx,
                     tensor_view<const float> w, const typename P::weights::scale& sw, std::span<const float> bias,
                     tensor_view<value_t<P>> y) {
  using accumulator = typename P::accumulator;
  using operand = typename accumulator::operand;
  const std::size_t inputs = w.shape()[1];
  const std::size_t outputs = w.shape()[0];
  for (std::size_t n = 0; n < y.shape()[0]; ++n) {
    for (std::size_t o = 0; o < outputs; ++o) {
      typename accumulator::sum sum{};
      for (std::size_t k = 0; k < inputs; ++k) {
        const float a = P::output::to_float(x[n * inputs + k]);
        sum = accumulator::add(
            sum, kernels::operand_of<operand, typename P::weights>(P::weights::encode(w[o * inputs + k], sw), sw),
            kernels::operand_of<operand, typename P::activations>(P::activations::encode(a, sx), sx));
      }
      const double scale = kernels::engine<P>::sum_scale(sw, sx);
      y[n * outputs + o] = P::output::from(accumulator::total(sum, bias.empty() ? 0.0F : bias[o], scale));
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
  using weight_scale = typename P::weights::scale;
  using activation_scale = typename P::activations::scale;

  /// `w` is OUT x IN, `bias` OUT values or no_bias; the weight scale is derived from all of `w` unless given.
  template <tensor_like W, class B>
  fully_connected_layer(const W& w, const B& bias, std::optional<weight_scale> scale = {})
      : w_shape_(shape_of(w)), isa_(active_isa()) {
    require_rank(w_shape_, 2, "fully_connected weights", "outputs, inputs");
    bias_ = detail::bias_values(bias, w_shape_[0], "fully_connected bias");
    const std::vector<float> values = detail::finite_floats(w, "fully_connected weights");
    scale_ = scale ? *scale : P::weights::scale_of(values);
    panels_ = kernels::panels<P>(isa_, values.data(), w_shape_[0], w_shape_[1], 1, scale_);
  }

  [[nodiscard]] const weight_scale& weights_scale() const noexcept { return scale_; }
  [[nodiscard]] isa instruction_set() const noexcept { return isa_; }
  [[nodiscard]] tensor_shape output_shape(const tensor_shape& x) const {
    return infer_fully_connected_shape(x, w_shape_);
  }

  /// The scale of the whole input, derived from it.
  [[nodiscard]] activation_scale activation_scale_of(tensor_view<const value> x) const {
    return engine::scale_of(isa_, x.data(), x.size());
  }

  /// Bytes that run() needs for an input of this shape.
  [[nodiscard]] std::size_t workspace_bytes(const tensor_shape& x) const {
    (void)output_shape(x);
    return kernels::arena::alignment +
           kernels::arena::rounded((x[0] + engine::tile(isa_).max_rows) * stride() * sizeof(operand));
  }

  /// Evaluates into `y` (of output_shape) without allocating. Throws where the arguments do not fit.
  void run(tensor_view<const value> x, const activation_scale& s, tensor_view<value> y, std::span<std::byte> workspace,
           const executor& threads = {}, const output_stage& stage = {}) const {
    const tensor_shape out = output_shape(x.shape());
    detail::require_output(y.shape(), out, "fully_connected");
    P::accumulator::check_capacity(w_shape_[1], engine::largest_product(scale_, s), "fully_connected");
    kernels::arena memory(workspace);
    const std::size_t batch = out[0];
    const std::size_t inputs = w_shape_[1];
    // A tile may compute rows that are not there: they are read, and their sums left alone.
    auto* a = memory.take<operand>((batch + engine::tile(isa_).max_rows) * stride(), "fully_connected");
    threads(batch, [&](std::size_t n) { engine::quantize_features(isa_, x.data() + n * inputs, a + n * stride(), inputs, s); });
    const kernels::tile_shape tile = engine::tile(isa_);
    const auto run_tile = engine::strided(isa_);
    const auto finish = engine::finish(isa_);
    const double scale = engine::sum_scale(scale_, s);
    const std::size_t pieces = (batch + tile.max_rows - 1) / tile.max_rows;
    // Rows whose operands stay in the second-level cache while all panels pass over them.
    constexpr std::size_t cache = 512 * 1024;
    const std::size_t block = std::clamp<std::size_t>(cache / (inputs * sizeof(operand) * tile.max_rows), 1, pieces);
    const std::size_t blocks = (pieces + block - 1) / block;
    threads(panels_.count() * blocks, [&](std::size_t task) {
      const std::size_t output = task % panels_.count() * panels_.width();
      const std::size_t piece0 = task / panels_.count() * block;
      const std::size_t piece1 = std::min(piece0 + block, pieces);
      const std::size_t vectors = panels_.vectors_of(output);
      const std::size_t columns = std::min(panels_.width(), panels_.outputs() - output);
      alignas(64) typename engine::sum sum[kernels::max_tile];
      for (std::size_t piece = piece0; piece < piece1; ++piece) {
        const std::size_t row0 = kernels::cut(batch, pieces, piece, tile.max_rows);
        const std::size_t row1 = kernels::cut(batch, pieces, piece + 1, tile.max_rows);
        run_tile(a + row0 * stride(), static_cast<std::ptrdiff_t>(stride()), panels_.panel(output), panels_.steps(),
                 row1 - row0, vectors, sum, false);
        finish({sum, vectors * tile.lanes, row1 - row0, columns, bias_.data() + output, panels_.correction(output),
                scale, y.data() + row0 * out[1] + output, static_cast<std::ptrdiff_t>(out[1]), 1, stage});
      }
    });
  }

  /// The layer's output, with the activation scale derived from x.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, const executor& threads = {}) const {
    const detail::op_input<P, X> in(x, "fully_connected");
    (void)output_shape(in.shape());
    return allocate_and_run(in.view(), activation_scale_of(in.view()), threads);
  }
  /// The layer's output, with the given activation scale.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, const activation_scale& s, const executor& threads = {}) const {
    const detail::op_input<P, X> in(x, "fully_connected");
    return allocate_and_run(in.view(), s, threads);
  }

 private:
  /// Distance between the rows of operands: not a multiple of a page, or rows would fight for the same cache lines.
  [[nodiscard]] std::size_t stride() const noexcept { return (panels_.steps() + 15) / 16 * 16 + 16; }

  [[nodiscard]] tensor<value> allocate_and_run(tensor_view<const value> x, const activation_scale& s,
                                               const executor& threads) const {
    auto y = make_tensor<value>(output_shape(x.shape()));
    std::vector<std::byte> workspace(workspace_bytes(x.shape()));
    run(x, s, view_of(y), workspace, threads);
    return y;
  }

  tensor_shape w_shape_;
  isa isa_;
  weight_scale scale_{};
  std::vector<float> bias_;
  kernels::panels<P> panels_;
};

/// y = W x + b for x (N x ...), w (OUT x IN) and a bias (OUT values or no_bias), with scales derived from the data.
template <precision_policy P, tensor_like X, tensor_like W, class B>
[[nodiscard]] tensor<value_t<P>> fully_connected(const X& x, const W& w, const B& bias) {
  (void)infer_fully_connected_shape(shape_of(x), shape_of(w));
  return fully_connected_layer<P>(w, bias)(x);
}

NNIESIM_END_NAMESPACE
