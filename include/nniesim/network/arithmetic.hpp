// What is not known of the accelerator's arithmetic, chosen for a whole network at run time.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Rules for all layers that have them; what is left out stays as each layer has it. How sums are accumulated is the
/// policy's: plan_of(net, layer_precision::of<P>()).
struct arithmetic_rules {
  std::optional<sum_rounding> sums{};        ///< of multiply-accumulate layers under policies with the integer stage
  std::optional<function_rule> functions{};  ///< of sigmoid, tanh, exp, log and softmax
  std::optional<float> sparse_rate{};        ///< of fully connected layers: layers::fully_connected::sparse_rate
};

/// A line for each rule that is not the default, and for an accumulator that is not the one of w8a8 and w16a16.
[[nodiscard]] inline std::vector<std::string> remarks_of(const arithmetic_rules& rules,
                                                         std::string_view accumulator = "fp32_chain") {
  std::vector<std::string> lines;
  const auto remark = [&](std::string_view what, std::string_view chosen, std::string_view usual) {
    if (chosen != usual) lines.push_back(detail::message(what, chosen, ", the default is ", usual));
  };
  remark("accumulator ", accumulator, "fp32_chain");
  remark("finished sums are rounded: ", to_string(rules.sums.value_or(sum_rounding::none)), "none");
  remark("functions by the rule ", to_string(rules.functions.value_or(function_rule::hardware)), "hardware");
  return lines;
}

/// The network with these rules in its layers.
[[nodiscard]] inline network with_arithmetic(network net, const arithmetic_rules& rules) {
  for (layer& l : net.layers) {
    std::visit(
        [&]<class Params>(Params& p) {
          if constexpr (requires {
                          { p.rounding } -> std::same_as<sum_rounding&>;
                        }) {
            p.rounding = rules.sums.value_or(p.rounding);
          }
          if constexpr (requires {
                          { p.rule } -> std::same_as<function_rule&>;
                        }) {
            p.rule = rules.functions.value_or(p.rule);
          }
          if constexpr (requires { p.sparse_rate; }) p.sparse_rate = rules.sparse_rate.value_or(p.sparse_rate);
        },
        l.params);
  }
  return net;
}

/// The network with the weights of fully connected layers as the compiler stores them: the share `rate` is zero, as
/// smallest_set_to_zero has it. Throws as that.
[[nodiscard]] inline network with_sparse_weights(network net, float rate) {
  for (layer& l : net.layers) {
    auto* fc = std::get_if<layers::fully_connected>(&l.params);
    if (fc != nullptr) fc->weights = smallest_set_to_zero(std::move(fc->weights), rate);
  }
  return net;
}

NNIESIM_END_NAMESPACE
