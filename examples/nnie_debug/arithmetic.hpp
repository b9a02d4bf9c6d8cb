// What is not known of the accelerator's arithmetic, as options: accumulator, rounding of sums, functions.
#pragma once

#include <nniesim/network/arithmetic.hpp>
#include <nniesim/network/policy_set.hpp>
#include <nniesim/network/precision_plan.hpp>

#include "command.hpp"

namespace nnie_debug {

/// The accelerator's two widths with one accumulator, and the set that runs them.
struct accumulator_policies {
  layer_precision in_8bit = layer_precision::w8a8, in_16bit = layer_precision::w16a16;
  policy_set policies{};

  /// w8a8 and w16a16 replaced by these.
  [[nodiscard]] precision_plan of(precision_plan plan) const;
};

struct arithmetic_options {
  std::string accumulator = "fp32_chain", sums = "none", functions = "hardware";

  void add_to(CLI::App& command);
  [[nodiscard]] bool is_default() const;
  [[nodiscard]] arithmetic_rules rules() const;
  [[nodiscard]] accumulator_policies policies() const;
  /// One line for each that is not the default.
  [[nodiscard]] std::vector<std::string> remarks() const;
  [[nodiscard]] json as_json() const;
};

}  // namespace nnie_debug
