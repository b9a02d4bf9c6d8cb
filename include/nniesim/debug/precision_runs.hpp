// The network as planned and with every layer in the most bits that can be had, both against float.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nniesim/debug/agreement.hpp>
#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/metrics/compare.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Whether a mark _hp takes a layer from one precision to the other.
[[nodiscard]] constexpr bool is_marked_width(layer_precision from, layer_precision to) noexcept {
  return from == layer_precision::w8a8 && to == layer_precision::w16a16;
}

using output_comparisons = std::map<layer_output, comparison>;

struct precision_runs {
  output_comparisons planned{}, in_most_bits{};  ///< with float: accumulated, of every output
  double worst_in_most_bits = 1;                 ///< agreement()
  std::set<std::string> coarse{}, fine{};  ///< bits that layers have and could have more of; those that they would have
  bool are_marks = true;                   ///< whether marks _hp bring all of them
};

/// A plan's run against the float one.
[[nodiscard]] inline output_comparisons compared_with(const experiment_context& lab, const network_runner& reference,
                                                      const precision_plan& plan) {
  network_runner quantized(lab.net, plan, {.keep_all = true, .threads = lab.threads, .policies = lab.policies});
  // Ranges that are given for the planned formats alone say nothing of others: those then come from the picture.
  const bool fits = std::all_of(plan.layers.begin(), plan.layers.end(), [&](layer_precision p) {
    return !p.encodes() || have_scales(lab.ranges, lab.policies[p]);
  });
  if (!plan.is_float && (fits || plan.layers == lab.plan.layers)) quantized.use(lab.ranges);
  quantized.run(lab.inputs);
  output_comparisons result;
  for (std::size_t l = 0; l < lab.net.layers.size(); ++l) {
    const std::vector<std::size_t>& outputs = lab.net.layers[l].outputs;
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      quantized.visit(outputs[o], [&](auto x) {
        reference.visit(outputs[o], [&](auto r) { result[{l, o}] = compare(r, x); });
      });
    }
  }
  return result;
}

/// Throws as network_runner and its use().
[[nodiscard]] inline precision_runs run_precisions(const experiment_context& lab) {
  precision_runs result;
  precision_plan high = lab.plan;
  for (std::size_t l = 0; l < high.layers.size(); ++l) {
    const layer_precision planned = high.layers[l];
    const bool counts = planned.encodes() && reads_codes(lab.net.layers[l]);
    const std::optional<layer_precision> finer = finest_precision(lab.policies, planned);
    if (counts) result.fine.insert(bits_text(finer.value_or(planned)));
    if (!finer) continue;
    high.layers[l] = *finer;
    if (!counts) continue;
    result.coarse.insert(bits_text(planned));
    result.are_marks = result.are_marks && is_marked_width(planned, *finer);
  }
  network_runner reference(lab.net, float_plan(lab.net), {.keep_all = true, .threads = lab.threads});
  reference.run(lab.inputs);
  result.planned = compared_with(lab, reference, lab.plan);
  result.in_most_bits = compared_with(lab, reference, high);
  for (const auto& [where, c] : result.in_most_bits) {
    if (agreement(c) < result.worst_in_most_bits) result.worst_in_most_bits = agreement(c);
  }
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
