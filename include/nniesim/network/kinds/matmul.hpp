// MatMul.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/matmul.hpp>

NNIESIM_BEGIN_NAMESPACE

template <>
struct layer_kind<matmul_params> : basic_kind {
  [[nodiscard]] static bool reads_codes(const matmul_params&) noexcept { return true; }
  static void add_work(const layer_facts& l, const tensor_shape&, const matmul_params& p, layer_work& work) {
    const detail::matmul_sizes s = detail::sizes_of(p, l.inputs[0], l.inputs[1]);
    work.add_products(s.m, s.count, s.k, s.n);
  }
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const matmul_params& p) {
    l.expect_inputs(2);
    return l.all(infer_shape(p, l.inputs[0], l.inputs[1]));
  }
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const matmul_params&, std::size_t) {
    const std::size_t values = detail::sum_of(l.inputs[0].size(), l.inputs.back().size(), l.inputs.back().size());
    return {0, 0, detail::product_of(values, sizeof(double))};  // operands, and a row of sums
  }
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
