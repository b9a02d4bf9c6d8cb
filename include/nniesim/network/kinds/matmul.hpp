// MatMul.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/matmul.hpp>

NNIESIM_BEGIN_NAMESPACE

/// MatMul: products of matrices of its two inputs.
template <>
struct layer_kind<matmul_params> : basic_kind {
  /// Its inputs are always read as codes.
  [[nodiscard]] static bool reads_codes(const matmul_params&) noexcept { return true; }
  /// Adds products of M x K and K x N matrices.
  static void add_work(const layer_facts& l, const tensor_shape&, const matmul_params& p, layer_work& work) {
    const detail::matmul_sizes s = detail::sizes_of(p, l.inputs[0], l.inputs[1]);
    work.add_products(s.m, s.count, s.k, s.n);
  }
  /// What infer_shape() gives for its two inputs.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const matmul_params& p) {
    l.expect_inputs(2);
    return l.all(infer_shape(p, l.inputs[0], l.inputs[1]));
  }
  /// Memory for both inputs' operands, and for a row of sums.
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const matmul_params&, std::size_t) {
    const std::size_t values = detail::sum_of(l.inputs[0].size(), l.inputs.back().size(), l.inputs.back().size());
    return {0, 0, detail::product_of(values, sizeof(double))};
  }
  /// Calls matmul_into(); inputs that are the network's are read as the floats that were given.
  template <precision_policy P>
  static void run(const matmul_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    const auto with = [&](std::size_t i, auto&& f) {
      if constexpr (!std::same_as<value_t<P>, float>) {
        if (r.is_encoded(i)) return f(r.floats[i]);
      }
      f(r.inputs[i]);
    };
    with(0, [&](const auto& a) {
      with(1, [&](const auto& b) { matmul_into<P>(a, r.scales[0], b, r.scales[1], p, r.y()); });
    });
  }
};

NNIESIM_END_NAMESPACE
