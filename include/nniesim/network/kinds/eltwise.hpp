// Eltwise: the sum, product or maximum of its inputs, element by element.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Eltwise: the sum, product or maximum of its inputs.
template <>
struct layer_kind<eltwise_params> : basic_kind {
  static constexpr bool reads_stored_codes = true,  ///< its run reads blobs that stand as codes
      writes_stored_codes = true,                   ///< its run writes codes
      is_pointwise = true,                          ///< element by element
      takes_relu = true;                            ///< it does the work of a ReLU behind it
  /// It may always write where its first input stands.
  [[nodiscard]] static bool works_in_place(const eltwise_params&) noexcept { return true; }
  /// Its inputs are always read as codes.
  [[nodiscard]] static bool reads_codes(const eltwise_params&) noexcept { return true; }
  /// The common shape of all inputs.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const eltwise_params& p) {
    return l.all(infer_shape(p, l.inputs));
  }
  /// Calls eltwise_into() for parts that the threads share.
  template <precision_policy P>
  static void run(const eltwise_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::for_values(r, [&](const auto& x, const auto& y) { eltwise_into<P>(x, p, y); });
  }
};

NNIESIM_END_NAMESPACE
