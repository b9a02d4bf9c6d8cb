// How transcendental functions (sigmoid, tanh, exp, log, softmax) are computed: as the accelerator does, or exactly.
#pragma once

#include <string_view>

#include <nniesim/precision/policy.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Of sigmoid, tanh, exp, log and softmax in layers that write q20_12; policies with other outputs are always exact.
enum class function_rule {
  hardware,       ///< the tables of compiled models with a line between entries (our assumption), and their CORDIC
  nearest_entry,  ///< the same without a line: the nearest entry
  exact,          ///< in float64, rounded once where it is written: tells what the hardware's tables cost
};

/// The enumerator's name.
[[nodiscard]] constexpr std::string_view to_string(function_rule r) noexcept {
  switch (r) {
    case function_rule::hardware: return "hardware";
    case function_rule::nearest_entry: return "nearest_entry";
    case function_rule::exact: return "exact";
  }
  return "?";
}

/// Whether layers of the policy compute a function of this rule as the hardware does.
template <precision_policy P>
[[nodiscard]] constexpr bool is_hardware(function_rule r) noexcept {
  return std::same_as<typename P::output, q20_12> && r != function_rule::exact;
}

NNIESIM_END_NAMESPACE
