// The vendor's procedure as a decision: two runs of a network, and the network itself where it is at hand, to the cause
// of what differs. With the network every layer is judged on the input that it really had.
#pragma once

#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include <nniesim/debug/case_file.hpp>
#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/rules/all.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What the rules and supplements say of a case.
[[nodiscard]] inline diagnosis diagnose(const detail::case_file& file) {
  std::vector<finding> found = detail::apply(detail::all_rules, file);
  diagnosis d;
  d.verdict = std::move(found.front());
  d.also.assign(std::make_move_iterator(found.begin() + 1), std::make_move_iterator(found.end()));
  detail::apply(detail::all_supplements, file, d.verdict);
  if (file.extras().ablation == case_extras::ablations::all) (void)file.ablation();
  d.layers = file.evidence();
  d.compared = file.runs().compared();
  return d;
}

/// Compares two runs of a network on one picture and names the cause of what differs. The lists are in execution order.
/// The findings come in the order of the rules (rules/all.hpp), each with its evidence: NaN in the reference, the
/// network's input (step 2); by their place in the network NaN, a layer of zeros and layers that are wrong for the
/// input that they had (a wrong activation range, too few bits, or something else: step 6), the want of bits in general
/// (step 3), layers that do not correspond (step 4), norms; the first is the verdict. What a fault brings about further
/// down is not reported as another one. Without an experiment context the vendor's table decides, and says what would
/// confirm it.
///
/// Throws format_error for empty lists and for data_layers that are not there; as match_layers; with an experiment
/// context also as network_runner and calibration's use().
[[nodiscard]] inline diagnosis diagnose(std::span<const named_values> reference, std::span<const named_values> other,
                                        const diagnose_options& options = {}, const experiment_context* lab = nullptr,
                                        case_extras extras = {}) {
  return diagnose(detail::case_file(reference, other, options, lab, std::move(extras)));
}

NNIESIM_END_NAMESPACE
