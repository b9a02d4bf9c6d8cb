// Whether BatchNorm should be merged into the weights before compiling: the network quantized in both ways.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/metrics/compare.hpp>
#include <nniesim/network/fold.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// From this difference of the worst outputs' cosines on a rule is worth a change of the network's files: what the
/// vendor calls a good layer is within ten times that.
inline constexpr double batch_norm_choice_matters = 0.001;

/// One output of the network under two rules, its cosines with the float network's.
struct batch_norm_output {
  std::string name;  ///< as output_name
  double kept = 0,   ///< with BatchNorm kept; -1 where the output is not finite
      merged = 0;    ///< with BatchNorm merged into the weights; -1 likewise
};

/// What the two rules cost the network's outputs, as choose_batch_norm measures it on one picture.
struct batch_norm_choice {
  batch_norm_rule kept_rule = batch_norm_rule::fused;  ///< what the compiler does with layers that are not merged
  std::vector<batch_norm_output> outputs{};            ///< every output of the network, in its order
  double kept = 1,                                     ///< the worst output's cosine with BatchNorm kept
      merged = 1;                                      ///< the worst output's cosine with BatchNorm merged

  /// The rule whose worst output has the larger cosine; where both are equal the one that keeps BatchNorm.
  [[nodiscard]] batch_norm_rule better() const noexcept { return merged > kept ? batch_norm_rule::merged : kept_rule; }
  /// Whether the worst outputs' cosines differ by batch_norm_choice_matters or more.
  [[nodiscard]] bool matters() const noexcept { return std::fabs(merged - kept) >= batch_norm_choice_matters; }
};

/// How the networks are run that are compared.
struct batch_norm_problem {
  const network& original;                                   ///< of the files, not folded
  std::vector<tensor_view<const float>> inputs{};            ///< one picture: the network's inputs in order
  std::function<precision_plan(const network&)> plan_for{};  ///< of a folded network
  std::function<activation_ranges(const network&, batch_norm_rule)> ranges_for{};  ///< of each, calibrated by itself
  batch_norm_rule kept = batch_norm_rule::fused;                                   ///< or own_layers
  executor threads{};                                                              ///< for the layers of all three runs
  policy_set policies{};  ///< of the quantized runs: those that the plans name
};

/// Runs the network with BatchNorm kept and merged and compares its outputs with the float network's; nothing where
/// there is no BatchNorm, Scale or Bias to merge. An output with NaN or infinity in it counts as cosine -1.
/// Throws as network_runner and the problem's functions, format_error where `kept` is merged.
[[nodiscard]] inline std::optional<batch_norm_choice> choose_batch_norm(const batch_norm_problem& p) {
  detail::require<format_error>(p.kept != batch_norm_rule::merged,
                                "choose_batch_norm: got the rule merged, expected fused or own_layers to compare with");
  const network merged = fold_batch_norm(p.original, batch_norm_rule::merged);
  if (merged.layers.size() == p.original.layers.size()) return std::nullopt;
  const network kept = fold_batch_norm(p.original, p.kept);
  batch_norm_choice result{.kept_rule = p.kept};
  network_runner reference(p.original, float_plan(p.original), {.threads = p.threads});
  reference.run(p.inputs);
  std::vector<std::size_t> blobs;
  for (const auto& [l, o] : network_outputs(p.original)) {
    blobs.push_back(p.original.layers[l].outputs[o]);
    result.outputs.push_back({output_name(p.original.layers[l], o)});
  }
  const auto judge = [&](const network& net, batch_norm_rule rule, double batch_norm_output::*of_output,
                         double& worst) {
    precision_plan plan = p.plan_for(net);
    const activation_ranges ranges = p.ranges_for(net, rule);
    network_runner quantized(net, std::move(plan), {.threads = p.threads, .policies = p.policies});
    quantized.use(ranges);
    quantized.run(p.inputs);
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      const double cosine = compare(reference.value(blobs[i]), quantized.value(blobs[i])).cosine;
      result.outputs[i].*of_output = std::isnan(cosine) ? -1 : cosine;
      worst = std::min(worst, result.outputs[i].*of_output);
    }
  };
  judge(kept, p.kept, &batch_norm_output::kept, result.kept);
  judge(merged, batch_norm_rule::merged, &batch_norm_output::merged, result.merged);
  return result;
}

NNIESIM_END_NAMESPACE
