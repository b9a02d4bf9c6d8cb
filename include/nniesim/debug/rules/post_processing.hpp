// Step 5 of the procedure: what is made of data that agree.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/decision_probe.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// What a probe says, whatever follows from it.
[[nodiscard]] inline std::vector<fact> decision_evidence(const decision_facts& d) {
  const probe_result& p = d.probe;
  std::vector<fact> evidence = {concat(d.name, " decides ", excerpt(p.reference_decision), " on the reference and ",
                                       excerpt(p.other_decision), " on the other run's data")};
  if (p.margin) {
    const bool is_uneven = *p.margin > limit::wide_margin && p.flip_rate > limit::flips_despite_margin;
    evidence.push_back(concat("the reference is ", number_text(*p.margin, 3),
                              " standard deviations of the error away from another decision",
                              is_uneven ? ", but the errors are larger where it is made" : ""));
  }
  evidence.push_back(concat(number_text(p.flip_rate * 100, 3), " % of ", p.trials,
                            " trials with errors of that size decide otherwise"));
  if (d.board_differs()) evidence.push_back(concat("the board decided ", excerpt(*d.board_decision)));
  return evidence;
}

/// Whether the post-processing is sensitive, or the board's own code is wrong.
[[nodiscard]] inline bool is_at_fault(const decision_facts& d) {
  return d.probe.verdict == probe_verdict::sensitive ||
         (d.probe.verdict == probe_verdict::board_side && d.board_differs());
}

/// Where the data had no fault, a decision that their small errors flip, or one of the board's that is not that of the
/// other run's data, is the verdict; else it is a further finding. More bits are advised where some can be had.
[[nodiscard]] inline std::vector<found> judge_decision(const decision_facts& d, bool is_first,
                                                       bool can_have_more_bits) {
  const probe_result& p = d.probe;
  if (!is_at_fault(d)) {
    if (p.verdict != probe_verdict::data_fault || !is_first) return {};
    finding f{fault::inconclusive};
    f.summary = "no layer misses a limit, but the outputs are too far apart to judge the post-processing";
    f.next = "compare the outputs themselves, norms too, and lower the limits of the diagnosis";
    return {{.what = std::move(f)}};
  }
  finding f{fault::post_processing};
  f.evidence = decision_evidence(d);
  if (p.verdict == probe_verdict::sensitive) {
    f.summary = "the data agree, but the post-processing is sensitive: errors of that size change its decision";
    f.change.push_back(
        concat("widen the margin: a softer threshold",
               can_have_more_bits ? ", hysteresis, or more bits for the last layers (_hp)" : " or hysteresis"));
    f.rivals.push_back({fault::suspect_layer, "the outputs agree to what the format costs"});
    f.next = "count the flips over many pictures: how often is the margin that small?";
    if (d.board_differs() &&
        std::find(p.decisions.begin(), p.decisions.end(), *d.board_decision) == p.decisions.end()) {
      f.against.push_back("none of the trials decides as the board did: its own code may be wrong, too");
    }
  } else {
    f.summary = "the data and the post-processing are right: the board's own code decides otherwise on the same data";
    f.change.push_back("run the board's post-processing on the dumped outputs and compare it with the reference's");
    f.rivals.push_back({fault::precision, "the decision is the same on both data, and stable"});
    f.next = "dump what the board's post-processing reads: stride, order of channels, the factor 4096 of Q20.12";
  }
  return {{.what = std::move(f)}};
}

[[nodiscard]] inline std::vector<found> find_post_processing(const case_file& file, const findings_so_far& so_far) {
  const auto& d = file.decision();
  if (!d) return {};
  return judge_decision(*d, so_far.empty(), file.lab() == nullptr || can_have_more_bits(*file.lab()));
}

/// Supplement: what the probe says where it is no finding of its own.
inline void add_decision(const case_file& file, finding& verdict) {
  const auto& d = file.decision();
  if (!d || is_at_fault(*d)) return;
  const std::vector<fact> evidence = decision_evidence(*d);
  verdict.evidence.insert(verdict.evidence.end(), evidence.begin(), evidence.end());
}

}  // namespace detail

NNIESIM_END_NAMESPACE
