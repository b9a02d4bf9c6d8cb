// Power: (scale * x + shift)^exponent.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/power.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Power: (scale * x + shift)^exponent, element by element.
template <>
struct layer_kind<power_params> : basic_kind {
  static constexpr bool reads_stored_codes = true,  ///< its run reads blobs that stand as codes
      writes_stored_codes = true,                   ///< its run writes codes
      is_pointwise = true;                          ///< element by element
  /// It may always write where its first input stands.
  [[nodiscard]] static bool works_in_place(const power_params&) noexcept { return true; }
  /// Throws format_error for numbers that are not finite and, but for float references, for exponents that the hardware
  /// does not have.
  template <precision_policy P>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts&, const power_params& p) {
    check<P>(p);
    return {};
  }
  /// Allows the exponents that the hardware has.
  static void check_rules(const layer_facts&, const power_params& p, detail::hardware_rules& rules) {
    bool known = false;
    for (const double e : {-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0}) known |= e == p.exponent;
    rules.require(known, "exponents -3, -2, -1, -1/2, 1/2, 1, 2, 3", detail::from_guide, "exponent ", p.exponent);
  }
  /// The shape of its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const power_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls power_into() for parts that the threads share.
  template <precision_policy P>
  static void run(const power_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::for_values(r, [&](const auto& x, const auto& y) { power_into<P>(x[0], p, y); });
  }
};

NNIESIM_END_NAMESPACE
