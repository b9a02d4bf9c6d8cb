// The policies that the tool has beside the standard ones. Each is a network's operators once more, so that they stand
// in a file of their own.
#include "arithmetic.hpp"

namespace nnie_debug {

namespace {

/// The same sum in float64.
struct w8a8_in_fp64 : precision<gfpq8, gfpq8, fp64_chain, q20_12> {
  static constexpr std::string_view name = "w8a8 with fp64_chain";
};
struct w16a16_in_fp64 : precision<gfpq16, gfpq16, fp64_chain, q20_12> {
  static constexpr std::string_view name = "w16a16 with fp64_chain";
};
/// Each product rounded to a whole number of units, the sum an integer of 40 bits that saturates.
using units40 = fixed_accumulator<40, 0, nearest_even, saturate>;
struct w8a8_in_units : precision<gfpq8, gfpq8, units40, q20_12> {
  static constexpr std::string_view name = "w8a8 with units40";
};
struct w16a16_in_units : precision<gfpq16, gfpq16, units40, q20_12> {
  static constexpr std::string_view name = "w16a16 with units40";
};

template <precision_policy In8, precision_policy In16>
accumulator_policies policies_of() {
  return {layer_precision::of<In8>(), layer_precision::of<In16>(), policy_set::of<In8, In16>()};
}

}  // namespace

precision_plan accumulator_policies::of(precision_plan plan) const {
  for (layer_precision& p : plan.layers) {
    if (p == layer_precision::w8a8) p = in_8bit;
    else if (p == layer_precision::w16a16) p = in_16bit;
  }
  return plan;
}

void arithmetic_options::add_to(CLI::App& command) {
  command
      .add_option("--accumulator", accumulator,
                  "how products are summed: fused multiply-adds in float32 or float64; or whole units (products "
                  "rounded, 40 bits that saturate; slow)")
      ->check(CLI::IsMember({"fp32_chain", "fp64_chain", "units40"}))
      ->capture_default_str();
  command.add_option("--sum-rounding", sums, "of a finished sum to whole units")
      ->check(CLI::IsMember({"none", "nearest", "truncate"}))
      ->capture_default_str();
  command
      .add_option("--functions", functions,
                  "sigmoid, tanh, exp, log, softmax: the hardware's tables with a line between entries, their nearest "
                  "entry, or exact")
      ->check(CLI::IsMember({"hardware", "nearest_entry", "exact"}))
      ->capture_default_str();
}

bool arithmetic_options::is_default() const {
  return accumulator == "fp32_chain" && sums == "none" && functions == "hardware";
}

arithmetic_rules arithmetic_options::rules() const {
  return {sums == "nearest"    ? sum_rounding::nearest
          : sums == "truncate" ? sum_rounding::truncate
                               : sum_rounding::none,
          functions == "exact"           ? function_rule::exact
          : functions == "nearest_entry" ? function_rule::nearest_entry
                                         : function_rule::hardware};
}

accumulator_policies arithmetic_options::policies() const {
  if (accumulator == "fp64_chain") return policies_of<w8a8_in_fp64, w16a16_in_fp64>();
  if (accumulator == "units40") return policies_of<w8a8_in_units, w16a16_in_units>();
  return {};
}

std::vector<std::string> arithmetic_options::remarks() const { return remarks_of(rules(), accumulator); }

json arithmetic_options::as_json() const {
  return {{"accumulator", accumulator}, {"sum_rounding", sums}, {"functions", functions}};
}

}  // namespace nnie_debug
