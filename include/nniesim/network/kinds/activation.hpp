// Sigmoid, TanH, ELU, AbsVal, Exp, Log, BNLL, Threshold; ReLU6, Swish, HardSwish and Mish, which the host runs.
#pragma once

#include <string_view>

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/activation.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Activations but ReLU and PReLU, element by element.
template <>
struct layer_kind<activation_params> : basic_kind {
  static constexpr bool reads_stored_codes = true,                 ///< its run reads blobs that stand as codes
      writes_stored_codes = true,                                  ///< its run writes codes
      is_pointwise = true;                                         ///< element by element
  static constexpr bool is_allowed_behind_fully_connected = true;  ///< an activation may stand there
  /// It may always write where its first input stands.
  [[nodiscard]] static bool works_in_place(const activation_params&) noexcept { return true; }
  /// What the compiler takes in place of ReLU6, Swish, HardSwish and Mish.
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
  /// The shape of its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const activation_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls activation_into() for parts that the threads share.
  template <precision_policy P>
  static void run(const activation_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::for_values(r, [&](const auto& x, const auto& y) { activation_into<P>(x[0], p, y); });
  }
};

NNIESIM_END_NAMESPACE
