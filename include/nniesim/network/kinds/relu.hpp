// ReLU, plain or leaky.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/relu.hpp>

NNIESIM_BEGIN_NAMESPACE

/// ReLU, plain or leaky, element by element.
template <>
struct layer_kind<relu_params> : basic_kind {
  static constexpr bool reads_stored_codes = true,                 ///< its run reads blobs that stand as codes
      writes_stored_codes = true,                                  ///< its run writes codes
      is_pointwise = true;                                         ///< element by element
  static constexpr bool is_allowed_behind_fully_connected = true;  ///< an activation may stand there
  /// It may always write where its first input stands.
  [[nodiscard]] static bool works_in_place(const relu_params&) noexcept { return true; }
  /// The shape of its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const relu_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls relu_into() for parts that the threads share.
  template <precision_policy P>
  static void run(const relu_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::for_values(r, [&](const auto& x, const auto& y) { relu_into<P>(x[0], p, y); });
  }
};

NNIESIM_END_NAMESPACE
