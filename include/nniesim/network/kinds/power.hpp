// Power: (scale * x + shift)^exponent.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/power.hpp>

NNIESIM_BEGIN_NAMESPACE

template <>
struct layer_kind<power_params> : basic_kind {
  [[nodiscard]] static bool works_in_place(const power_params&) noexcept { return true; }
  template <precision_policy P>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts&, const power_params& p) {
    check<P>(p);
    return {};
  }
  static void check_rules(const layer_facts&, const power_params& p, detail::hardware_rules& rules) {
    bool known = false;
    for (const double e : {-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0}) known |= e == p.exponent;
    rules.require(known, "exponents -3, -2, -1, -1/2, 1/2, 1, 2, 3", detail::from_guide, "exponent ", p.exponent);
  }
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const power_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  template <precision_policy P>
  static void run(const power_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::share(r.y().size(), 1, r.threads, [&](std::size_t at, std::size_t n) {
      power_into<P>(detail::part(r.x(), at, n), p, detail::part(r.y(), at, n));
    });
  }
};

NNIESIM_END_NAMESPACE
