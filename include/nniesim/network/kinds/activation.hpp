// Sigmoid, TanH, ELU, AbsVal, Exp, Log, BNLL, Threshold; ReLU6, Swish, HardSwish and Mish, which the host runs.
#pragma once

#include <string_view>

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/activation.hpp>

NNIESIM_BEGIN_NAMESPACE

template <>
struct layer_kind<activation_params> : basic_kind {
  static constexpr bool is_allowed_behind_fully_connected = true;
  [[nodiscard]] static bool works_in_place(const activation_params&) noexcept { return true; }
  [[nodiscard]] static std::string_view rewrite(std::string_view, const activation_params& p) noexcept {
    switch (p.function) {
      case activation_function::relu6:
        return "ReLU, Power (scale -1, shift 6), ReLU, Power (scale -1, shift 6); or Threshold at 6, Power (scale -1, "
               "shift 1), Eltwise PROD with the ReLU, and Eltwise SUM with 6 times the Threshold";
      case activation_function::swish: return "Sigmoid, then Eltwise PROD with the input";
      case activation_function::hard_swish:
        return "Power (shift 3), ReLU, Power (scale -1, shift 6), ReLU, Power (scale -1/6, shift 1), then Eltwise PROD "
               "with the input";
      case activation_function::mish: return "BNLL, TanH, then Eltwise PROD with the input";
      default: return {};
    }
  }
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const activation_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  template <precision_policy P>
  static void run(const activation_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::share(r.y().size(), 1, r.threads, [&](std::size_t at, std::size_t n) {
      activation_into<P>(detail::part(r.x(), at, n), p, detail::part(r.y(), at, n));
    });
  }
};

NNIESIM_END_NAMESPACE
