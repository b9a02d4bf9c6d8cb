// ReLU, plain or leaky.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/relu.hpp>

NNIESIM_BEGIN_NAMESPACE

template <>
struct layer_kind<relu_params> : basic_kind {
  static constexpr bool is_allowed_behind_fully_connected = true;
  [[nodiscard]] static bool works_in_place(const relu_params&) noexcept { return true; }
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const relu_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  template <precision_policy P>
  static void run(const relu_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::share(r.y().size(), 1, r.threads, [&](std::size_t at, std::size_t n) {
      relu_into<P>(detail::part(r.x(), at, n), p, detail::part(r.y(), at, n));
    });
  }
};

NNIESIM_END_NAMESPACE
