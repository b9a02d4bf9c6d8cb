// The vendor's procedure as a decision: two runs of a network, and the network itself where it is at hand, to the cause
// of what differs. With the network every layer is judged on the input that it really had.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/ablation.hpp>
#include <nniesim/debug/case_file.hpp>
#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/postprocess_probe.hpp>
#include <nniesim/debug/rules/all.hpp>
#include <nniesim/debug/rules/remarks.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Compares two runs of a network on one picture and names the cause of what differs. The lists are in execution order.
/// The findings come in the order of the rules (rules/all.hpp), each with its evidence: NaN in the reference, the
/// network's input (step 2); by their place in the network NaN, a layer of zeros and layers that are wrong for the
/// input that they had (a wrong activation range, too few bits, or something else: step 6), the want of bits in general
/// (step 3), layers that do not correspond (step 4), norms; the first is the verdict. What a fault brings about further
/// down is not reported as another one. Without a laboratory the vendor's table decides, and says what would confirm
/// it.
///
/// Throws format_error for empty lists and for data_layers that are not there; as match_layers; with a laboratory also
/// as network_runner and calibration's use().
[[nodiscard]] inline diagnosis diagnose(std::span<const named_values> reference, std::span<const named_values> other,
                                        const diagnose_options& options = {}, const laboratory* lab = nullptr) {
  const detail::case_file file(reference, other, options, lab);
  std::vector<finding> found = detail::apply(detail::all_rules, file);
  diagnosis d;
  d.verdict = std::move(found.front());
  d.also.assign(std::make_move_iterator(found.begin() + 1), std::make_move_iterator(found.end()));
  const std::vector<std::string> remarks = detail::remarks_of(file);
  d.verdict.against.insert(d.verdict.against.end(), remarks.begin(), remarks.end());
  d.layers = file.evidence();
  return d;
}

/// Adds what weight-only and activation-only runs of the laboratory's network show, to the layers and to a verdict of
/// too few bits. Throws as ablate.
inline void add_ablation(diagnosis& d, const laboratory& lab) {
  std::map<std::string, layer_evidence*> rows;
  for (layer_evidence& e : d.layers) rows.emplace(detail::layer_key(e.name), &e);
  double weights = 1, activations = 1;
  for (const layer_ablation& a : ablate(lab.net, lab.plan, lab.ranges, lab.inputs, lab.threads, lab.policies)) {
    weights = std::min(weights, a.weights_only.cosine);
    activations = std::min(activations, a.activations_only.cosine);
    const auto row = rows.find(detail::layer_key(output_name(lab.net.layers[a.layer], a.output)));
    if (row == rows.end()) continue;
    row->second->weights_only = a.weights_only.cosine;
    row->second->activations_only = a.activations_only.cosine;
  }
  if (d.verdict.cause != fault::precision) return;
  d.verdict.evidence.push_back(detail::concat("with only the weights encoded the lowest cosine is ",
                                              detail::fixed_text(weights, 5), ", with only the activations ",
                                              detail::fixed_text(activations, 5)));
}

/// Step 5: takes what a probe of the post-processing `name` found into a diagnosis. Where the data had no fault, a
/// decision that their small errors flip, or one of the board's that is not that of the other run's data, becomes the
/// verdict; else it is a further finding.
inline void add_postprocessing(diagnosis& d, const probe_result& p, std::string_view name,
                               const std::optional<std::string>& board_decision = {}) {
  finding f{fault::post_processing};
  f.evidence.push_back(detail::concat(name, " decides ", detail::excerpt(p.reference_decision),
                                      " on the reference and ", detail::excerpt(p.other_decision),
                                      " on the other run's data"));
  if (p.margin) {
    const bool is_uneven = *p.margin > detail::limit::wide_margin && p.flip_rate > detail::limit::flips_despite_margin;
    f.evidence.push_back(detail::concat("the reference is ", detail::number_text(*p.margin, 3),
                                        " standard deviations of the error away from another decision",
                                        is_uneven ? ", but the errors are larger where it is made" : ""));
  }
  f.evidence.push_back(detail::concat(detail::number_text(p.flip_rate * 100, 3), " % of ", p.trials,
                                      " trials with errors of that size decide otherwise"));
  const bool board_differs = board_decision && *board_decision != p.other_decision;
  if (board_differs) {
    f.evidence.push_back(detail::concat("the board decided ", detail::excerpt(*board_decision)));
  }
  const auto add_evidence = [&](finding& to) {
    to.evidence.insert(to.evidence.end(), f.evidence.begin(), f.evidence.end());
  };
  if (p.verdict == probe_verdict::data_fault && d.verdict.cause == fault::none) {
    d.verdict.cause = fault::inconclusive;
    d.verdict.summary = "no layer misses a limit, but the outputs are too far apart to judge the post-processing";
    d.verdict.next = "compare the outputs themselves, norms too, and lower the limits of the diagnosis";
  }
  if (p.verdict == probe_verdict::data_fault || (p.verdict == probe_verdict::board_side && !board_differs)) {
    if (d.verdict.cause == fault::none) {
      d.verdict.next =
          "where the board decides otherwise on these data, the fault is in its code of the post-processing";
    }
    return add_evidence(d.verdict);
  }
  if (p.verdict == probe_verdict::sensitive) {
    f.summary = "the data agree, but the post-processing is sensitive: errors of that size change its decision";
    f.change.push_back("widen the margin: a softer threshold, hysteresis, or more bits for the last layers (_hp)");
    f.rivals.push_back({fault::suspect_layer, "the outputs agree to what the format costs"});
    f.next = "count the flips over many pictures: how often is the margin that small?";
    if (board_differs && std::find(p.decisions.begin(), p.decisions.end(), *board_decision) == p.decisions.end()) {
      f.against.push_back(
          detail::concat("none of the trials decides as the board did: its own code may be wrong, too"));
    }
  } else {
    f.summary = "the data and the post-processing are right: the board's own code decides otherwise on the same data";
    f.change.push_back("run the board's post-processing on the dumped outputs and compare it with the reference's");
    f.rivals.push_back({fault::precision, "the decision is the same on both data, and stable"});
    f.next = "dump what the board's post-processing reads: stride, order of channels, the factor 4096 of Q20.12";
  }
  if (d.verdict.cause == fault::none) {
    f.against.insert(f.against.end(), d.verdict.against.begin(), d.verdict.against.end());
    d.verdict = std::move(f);
  } else {
    d.also.push_back(std::move(f));
  }
}

NNIESIM_END_NAMESPACE
