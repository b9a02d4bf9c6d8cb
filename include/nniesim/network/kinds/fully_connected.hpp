// Fully connected: InnerProduct.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <nniesim/network/kinds/convolution.hpp>
#include <nniesim/network/kinds/flatten.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// Weights OUT x IN over the input's axes from `axis` on, taken as one; `bias` is empty or has OUT values.
/// `affine` is what a BatchNorm or Scale behind the layer became: y = (sum + bias) * factor + shift; empty: 1 and 0.
/// `sparse_rate` is the share of the weights, 0 .. 1, that the compiler sets to zero; see smallest_set_to_zero.
struct fully_connected {
  std::size_t axis = 1;                        ///< the first axis that is taken as IN
  tensor<float> weights{};                     ///< OUT x IN
  std::vector<float> bias{};                   ///< OUT values, or none
  channel_affine affine{};                     ///< OUT factors and shifts, or none
  sum_rounding rounding = sum_rounding::none;  ///< of policies with the integer stage
  float sparse_rate = 0.0F;                    ///< 0 .. 1; of policies that encode weights
};

}  // namespace layers

/// The weights with the share `rate`, 0 .. 1, of them set to zero. Known of the compiler (its guide): that share of the
/// weights of fully connected layers becomes zero, so that they compress better. Our assumptions: it is the smallest in
/// magnitude of each layer by itself, floor(rate * count) of them, those that come first of equal ones, before the
/// scale is taken and the rest encoded. Throws shape_error for another rate, NaN too. NaN among the weights counts as
/// largest.
[[nodiscard]] inline tensor<float> smallest_set_to_zero(tensor<float> weights, float rate) {
  detail::require<shape_error>(rate >= 0.0F && rate <= 1.0F, "sparse rate: got ", rate, ", expected 0 .. 1");
  const auto count =
      static_cast<std::size_t>(std::floor(static_cast<double>(rate) * static_cast<double>(weights.size())));
  if (count == 0) return weights;
  // Magnitudes are ordered as their bits are; the largest that goes is found in two halves, with no copy of them.
  const auto bits = [&](std::size_t i) { return std::bit_cast<std::uint32_t>(weights.data()[i]) & 0x7fffffffU; };
  std::uint32_t last = 0;    // bits of the largest that goes
  std::size_t left = count;  // how many go that have its upper half, then how many that are it
  for (const unsigned shift : {16U, 0U}) {
    std::vector<std::size_t> found(std::size_t{1} << 16U);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (shift == 16 || bits(i) >> 16U == last >> 16U) ++found[bits(i) >> shift & 0xffffU];
    }
    std::uint32_t half = 0;
    while (found[half] < left) left -= found[half++];
    last |= half << shift;
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const bool is_last = bits(i) == last && left != 0;
    if (is_last) --left;
    if (is_last || bits(i) < last) weights.data()[i] = 0.0F;
  }
  return weights;
}

namespace detail {

/// N x IN: the axes from `axis` on taken as one, those before as the batch.
[[nodiscard]] inline tensor_shape as_rows(const tensor_shape& x, std::size_t axis) {
  require<shape_error>(axis < x.rank() && x.size() != 0, "fully_connected: axis ", axis, " of input ", x,
                       ", expected one under ", x.rank(), " and no empty axis");
  std::size_t rows = 1;
  for (std::size_t a = 0; a < axis; ++a) rows *= x[a];
  return {rows, x.size() / rows};
}

/// What the product of `batch` rows with weights OUT x IN takes.
template <precision_policy P>
[[nodiscard]] operator_need product_need(std::size_t batch, const tensor_shape& w, std::size_t workers) {
  using engine = kernels::engine<P>;
  constexpr std::size_t bytes = sizeof(typename engine::operand);
  const kernels::tile_shape tile = engine::tile(active_isa());
  const bool as_codes = fully_connected_layer<P>::keeps_codes(active_isa());
  const std::size_t width = as_codes ? 64 : tile.lanes;
  const std::size_t panels =
      product_of((w[0] + width - 1) / width * width, w[1], as_codes ? sizeof(typename P::weights::code) : bytes);
  const std::size_t rows = product_of(sum_of(batch, tile.max_rows), sum_of(w[1], 32), bytes);
  const std::size_t sums = (std::min<std::size_t>(batch, 1024) + tile.max_rows + 64) * 64 * sizeof(float);
  return {panels, sum_of(rows, product_of(sums, workers), 2048), 0};
}

/// Outputs whose weights are laid out at once where they are in pieces: whole panels, which are of 64 at most.
[[nodiscard]] constexpr std::size_t outputs_per_piece(std::size_t inputs) noexcept {
  constexpr std::size_t most_floats = std::size_t{1} << 22U;
  return std::max<std::size_t>(most_floats / inputs / 64, 1) * 64;
}

/// A layer whose weights are laid out once, or piece by piece in every run.
template <precision_policy P>
class prepared_fully_connected {
  using whole_layer = fully_connected_layer<P>;

 public:
  /// `p` must outlive the object where its weights are laid out in pieces.
  prepared_fully_connected(const layers::fully_connected& p, const preparation& how)
      : how_{how.in_pieces, how.change, {}} {
    if (how_.in_pieces) params_ = &p;
    require<format_error>(!how_.change || how_.in_pieces, "fully_connected: weights are changed piece by piece alone");
    if (!how_.in_pieces) whole_.emplace(mac_layer<whole_layer>(p, how.threads));
    else if constexpr (!std::same_as<typename P::weights, binary32>) encoding_ = encoding_of_all(how.threads);
  }

  [[nodiscard]] std::size_t workspace_bytes(const tensor_shape& x, const executor& threads) const {
    return whole_ ? whole_->workspace_bytes(x, threads) : 0;
  }
  template <class In>
  void run(tensor_view<const In> x, const typename P::activations::scale& s, const kind_run<P>& r) const {
    if (whole_) {
      const tensor_view<value_t<P>> y(r.y().span(), whole_->output_shape(x.shape()));
      return whole_->run(x, s, y, r.workspace, r.threads, r.stage);
    }
    const tensor_shape all = shape_of(params_->weights);
    const std::size_t outputs = all[0], batch = x.shape()[0], each = outputs_per_piece(all[1]);
    std::vector<value_t<P>> rows;
    std::vector<std::byte> workspace;
    for (std::size_t first = 0; first < outputs; first += each) {
      const std::size_t n = std::min(each, outputs - first);
      const whole_layer piece = layer_of(first, n, r.threads);
      workspace.resize(piece.workspace_bytes(x.shape(), r.threads));
      if (batch == 1) {
        piece.run(x, s, {r.y().span().subspan(first, n), {1, n}}, workspace, r.threads, r.stage);
        continue;
      }
      rows.resize(batch * n);
      piece.run(x, s, {std::span(rows), {batch, n}}, workspace, r.threads, r.stage);
      for (std::size_t b = 0; b < batch; ++b) {
        std::copy_n(rows.data() + b * n, n, r.y().data() + b * outputs + first);
      }
    }
  }

 private:
  using encoding = group_weights<typename P::weights>;

  [[nodiscard]] encoding encoding_of_all(const executor& threads) const {
    require<format_error>(!how_.change, "fully_connected: weights that are changed are encoded by no policy");
    const float_values<tensor<float>> weights(params_->weights);
    return finite_encodings<typename P::weights>(weights, {}, 1, "fully_connected", threads)[0];
  }
  /// Of the outputs from `first` on, `n` of them.
  [[nodiscard]] whole_layer layer_of(std::size_t first, std::size_t n, const executor& threads) const {
    const std::size_t inputs = shape_of(params_->weights)[1];
    std::span<const float> w(params_->weights.data() + first * inputs, n * inputs);
    std::vector<float> changed;
    if (how_.change) {
      changed.assign(w.begin(), w.end());
      how_.change(first * inputs, changed);
      w = changed;
    }
    const auto part = [&]<class T>(const std::vector<T>& v) {
      const auto at = v.begin() + static_cast<std::ptrdiff_t>(v.empty() ? 0 : first);
      return std::vector<T>(at, v.empty() ? at : at + static_cast<std::ptrdiff_t>(n));
    };
    mac_options options{{part(params_->affine.factor), part(params_->affine.shift)}, params_->rounding};
    const tensor_view<const float> weights(w, {n, inputs});
    if (params_->bias.empty()) return whole_layer(weights, no_bias, std::move(options), encoding_, threads);
    return whole_layer(weights, part(params_->bias), std::move(options), encoding_, threads);
  }

  const layers::fully_connected* params_ = nullptr;
  preparation how_{};
  std::optional<whole_layer> whole_{};
  std::optional<encoding> encoding_{};
};

}  // namespace detail

/// Fully connected: InnerProduct.
template <>
struct layer_kind<layers::fully_connected> : basic_kind {
  using params = layers::fully_connected;                          ///< its parameters
  static constexpr bool is_mac = true,                             ///< it multiplies and accumulates
      takes_relu = true;                                           ///< it does the work of a ReLU behind it
  static constexpr bool reads_stored_codes = true;                 ///< blobs that are stored as codes are read as such
  static constexpr bool limits_readers = true;                     ///< the only kind that does
  static constexpr bool is_allowed_behind_fully_connected = true;  ///< another one may stand there

  /// Its inputs are always read as codes.
  [[nodiscard]] static bool reads_codes(const params&) noexcept { return true; }
  /// The smallest weights of all go first.
  [[nodiscard]] static bool lays_out_in_pieces(const params& p) noexcept { return p.sparse_rate == 0.0F; }
  /// Counts weights, biases, and the factors and shifts of `affine` as two floats each.
  [[nodiscard]] static std::size_t weights(const params& p) noexcept { return detail::mac_weights(p); }
  /// One copy is made where weights are set to zero.
  [[nodiscard]] static std::size_t weight_copies(const params& p) noexcept { return p.sparse_rate == 0.0F ? 0 : 1; }
  /// Adds OUT x IN products for each row.
  static void add_work(const layer_facts& l, const tensor_shape&, const params& p, layer_work& work) {
    const tensor_shape s = shape_of(p.weights);
    work.parameters = detail::mac_parameters(p);
    work.add_products(l.inputs[0].size() / s[1], 1, s[1], s[0]);
  }
  /// Forbids the batch axis.
  static void check_rules(const layer_facts&, const params& p, detail::hardware_rules& rules) {
    rules.not_batch(p.axis);
  }
  /// The input's axes before `axis`, then OUT.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const params& p) {
    l.expect_inputs(1);
    const tensor_shape& x = l.inputs[0];
    const tensor_shape y = infer_fully_connected_shape(detail::as_rows(x, p.axis), shape_of(p.weights));
    detail::check_mac_outputs(l, p, y[1]);
    return l.all(detail::replace_axes(x, p.axis, x.rank() - 1, std::array{y[1]}));
  }
  /// Memory for the layer's weights and workspace, and for a run that lays the weights out in pieces.
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const params& p, std::size_t workers) {
    const tensor_shape w = shape_of(p.weights);
    if (w.rank() != 2 || w.size() == 0) return {};
    using namespace detail;
    const std::size_t batch = l.inputs[0].size() / w[1];
    operator_need all = product_need<P>(batch, w, workers);
    const std::size_t outputs = std::min(w[0], outputs_per_piece(w[1]));
    const operator_need piece = product_need<P>(batch, {outputs, w[1]}, workers);
    all.pieces = sum_of(piece.prepared, piece.workspace, product_of(batch, outputs, sizeof(float)));
    all.piece_weights = product_of(w[1], outputs, sizeof(float));
    return all;
  }
  /// Lays out the weights, unless that is done in pieces. Policies that encode weights set the share sparse_rate of
  /// them to zero before.
  template <precision_policy P>
  [[nodiscard]] static detail::prepared_fully_connected<P> prepare(const layer_facts& l, const params& p) {
    if constexpr (!std::same_as<typename P::weights, binary32>) {
      if (p.sparse_rate != 0.0F) {
        params sparse = p;
        sparse.weights = smallest_set_to_zero(std::move(sparse.weights), p.sparse_rate);
        return {sparse, {.threads = l.threads()}};
      }
    }
    return {p, l.how == nullptr ? preparation{} : *l.how};
  }
  /// What the layer needs; 0 where weights are laid out in pieces, for which a run allocates memory itself.
  template <precision_policy P>
  [[nodiscard]] static std::size_t workspace_bytes(const params& p, const detail::prepared_fully_connected<P>& layer,
                                                   const tensor_shape& x, const executor& threads) {
    return layer.workspace_bytes(detail::as_rows(x, p.axis), threads);
  }
  /// Runs the layer on rows of IN.
  template <precision_policy P>
  static void run(const params& p, const detail::prepared_fully_connected<P>& layer, const kind_run<P>& r) {
    r.as_stored_input([&]<class V>(const tensor_view<const V>& in) {
      layer.run(tensor_view<const V>(in.span(), detail::as_rows(in.shape(), p.axis)), r.scales[0], r);
    });
  }
};

NNIESIM_END_NAMESPACE
