// DenseBlock, which the host runs.
#pragma once

#include <algorithm>
#include <concepts>
#include <optional>

#include <nniesim/network/kinds/convolution.hpp>
#include <nniesim/ops/dense_block.hpp>

NNIESIM_BEGIN_NAMESPACE

/// DenseBlock: stages of normalization, ReLU and convolution, in float.
template <>
struct layer_kind<dense_block_params> : basic_kind {
  /// One copy is made.
  [[nodiscard]] static std::size_t weight_copies(const dense_block_params&) noexcept { return 1; }

  /// Counts filters, and two doubles for each channel of a normalization.
  [[nodiscard]] static std::size_t weights(const dense_block_params& p) noexcept {
    std::size_t all = 0;
    for (const dense_block_stage& s : p.stages) {
      all += s.filter.size() + 4 * (s.norm.mean.size() + s.narrow_norm.mean.size());
      if (s.narrow) all += s.narrow->size();
    }
    return all;
  }
  /// Adds the products of all stages' convolutions.
  static void add_work(const layer_facts&, const tensor_shape& y, const dense_block_params& p, layer_work& work) {
    const auto add = [&](const tensor<float>& w) {
      const tensor_shape s = shape_of(w);
      layer_work one;
      one.add_products(y.size() / y[1] * s[2] * s[3], 1, s[1], s[0]);
      work.macs += one.macs;
      work.padded_macs += one.padded_macs;
    };
    for (const dense_block_stage& s : p.stages) {
      if (s.narrow) add(*s.narrow);
      add(s.filter);
    }
  }
  /// What infer_shape() gives for its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const dense_block_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Memory for the weights of all stages, the largest workspace of a convolution, and one picture between
  /// convolutions.
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const dense_block_params& p,
                                                  std::size_t workers) {
    using namespace detail;
    const tensor_shape& x = l.inputs[0];
    operator_need all;
    std::size_t channels = 0;
    if (x.rank() != 4 || x.size() == 0) return {};
    for (const dense_block_stage& s : p.stages) {
      const auto add = [&](const tensor<float>& w, const conv2d_params& g) {
        const tensor_shape shape = shape_of(w);
        const tensor_shape in{1, shape.rank() == 4 ? shape[1] : 0, x[2], x[3]};
        if (!has_extents(g, in, shape)) return;
        const operator_need one = conv_need<P>(g, extents_of(in), extents_of(shape), workers);
        all.prepared = sum_of(all.prepared, one.prepared);
        all.workspace = std::max(all.workspace, one.workspace);
      };
      if (s.narrow) add(*s.narrow, {});
      add(s.filter, dense_block_window);
      channels = std::max(channels, sum_of(s.norm.mean.size(), s.narrow_norm.mean.size()));
    }
    all.workspace = sum_of(all.workspace, product_of(channels, x[2], x[3], sizeof(float)), 1024);
    return all;
  }
  /// Nothing but for the host.
  template <precision_policy P>
  [[nodiscard]] static std::optional<dense_block_layer> prepare(const layer_facts& l, const dense_block_params& p) {
    detail::require<format_error>(std::same_as<P, float32>, l.type, ": under policy ", policy_name<P>(),
                                  ", expected it on the host, in float32");
    return std::optional<dense_block_layer>(std::in_place, p);
  }
  /// What the dense_block_layer needs.
  [[nodiscard]] static std::size_t workspace_bytes(const dense_block_params&,
                                                   const std::optional<dense_block_layer>& layer, const tensor_shape& x,
                                                   const executor& threads) {
    return layer->workspace_bytes(x, threads);
  }
  /// Runs the dense_block_layer.
  template <precision_policy P>
  static void run(const dense_block_params&, const std::optional<dense_block_layer>& layer, const kind_run<P>& r) {
    if constexpr (std::same_as<P, float32>) layer->run(r.x(), r.y(), r.workspace, r.threads);
  }
};

NNIESIM_END_NAMESPACE
