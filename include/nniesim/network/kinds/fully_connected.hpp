// Fully connected: InnerProduct.
#pragma once

#include <array>
#include <nniesim/network/kinds/convolution.hpp>
#include <nniesim/network/kinds/flatten.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// Weights OUT x IN over the input's axes from `axis` on, taken as one; `bias` is empty or has OUT values.
/// `affine` is what a BatchNorm or Scale behind the layer became: y = (sum + bias) * factor + shift; empty: 1 and 0.
struct fully_connected {
  std::size_t axis = 1;
  tensor<float> weights{};
  std::vector<float> bias{};
  channel_affine affine{};
  sum_rounding rounding = sum_rounding::none;
};

}  // namespace layers

namespace detail {

/// N x IN: the axes from `axis` on taken as one, those before as the batch.
[[nodiscard]] inline tensor_shape as_rows(const tensor_shape& x, std::size_t axis) {
  require<shape_error>(axis < x.rank() && x.size() != 0, "fully_connected: axis ", axis, " of input ", x,
                       ", expected one under ", x.rank(), " and no empty axis");
  std::size_t rows = 1;
  for (std::size_t a = 0; a < axis; ++a) rows *= x[a];
  return {rows, x.size() / rows};
}

}  // namespace detail

template <>
struct layer_kind<layers::fully_connected> : basic_kind {
  using params = layers::fully_connected;
  static constexpr bool is_mac = true;
  static constexpr std::size_t weight_copies = 1;
  static constexpr bool limits_readers = true;
  static constexpr bool is_allowed_behind_fully_connected = true;

  [[nodiscard]] static bool reads_codes(const params&) noexcept { return true; }
  [[nodiscard]] static std::size_t weights(const params& p) noexcept { return detail::mac_weights(p); }
  static void add_work(const layer_facts& l, const tensor_shape&, const params& p, layer_work& work) {
    const tensor_shape s = shape_of(p.weights);
    work.parameters = detail::mac_parameters(p);
    work.add_products(l.inputs[0].size() / s[1], 1, s[1], s[0]);
  }
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const params& p) {
    l.expect_inputs(1);
    const tensor_shape& x = l.inputs[0];
    const tensor_shape y = infer_fully_connected_shape(detail::as_rows(x, p.axis), shape_of(p.weights));
    detail::check_mac_outputs(l, p, y[1]);
    return l.all(detail::replace_axes(x, p.axis, x.rank() - 1, std::array{y[1]}));
  }
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const params& p, std::size_t workers) {
    using namespace detail;
    using engine = kernels::engine<P>;
    const tensor_shape w = shape_of(p.weights);
    if (w.rank() != 2 || w.size() == 0) return {};
    const std::size_t batch = l.inputs[0].size() / w[1];
    constexpr std::size_t bytes = sizeof(typename engine::operand);
    const kernels::tile_shape tile = engine::tile(active_isa());
    // Panels of operands, or of 64 outputs in two bytes each at most.
    const std::size_t panels = product_of((w[0] + tile.lanes - 1) / tile.lanes * tile.lanes, w[1], bytes);
    const std::size_t codes = product_of((w[0] + 63) / 64 * 64, w[1], 2);
    const std::size_t rows = product_of(sum_of(batch, tile.max_rows), sum_of(w[1], 32), bytes);
    const std::size_t sums = (std::min<std::size_t>(batch, 1024) + tile.max_rows + 64) * 64 * sizeof(float);
    return {std::max(panels, codes), sum_of(rows, product_of(sums, workers), 2048), 0};
  }
  template <precision_policy P>
  [[nodiscard]] static fully_connected_layer<P> prepare(const layer_facts&, const params& p) {
    return detail::mac_layer<fully_connected_layer<P>>(p);
  }
  template <precision_policy P>
  [[nodiscard]] static std::size_t workspace_bytes(const params& p, const fully_connected_layer<P>& layer,
                                                   const tensor_shape& x, const executor& threads) {
    return layer.workspace_bytes(detail::as_rows(x, p.axis), threads);
  }
  template <precision_policy P>
  static void run(const params& p, const fully_connected_layer<P>& layer, const kind_run<P>& r) {
    r.with_codes_of([&]<class V>(const tensor_view<const V>& in) {
      const tensor_view<const V> x(in.span(), detail::as_rows(in.shape(), p.axis));
      layer.run(x, r.scales[0], tensor_view<value_t<P>>(r.y().span(), layer.output_shape(x.shape())), r.workspace,
                r.threads, r.stage);
    });
  }
};

NNIESIM_END_NAMESPACE
