// Step 5 of the procedure: what is made of data that agree.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/decision_probe.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// What a probe says, whatever follows from it.
[[nodiscard]] inline std::vector<fact> decision_evidence(const decision_facts& d) {
  const probe_result& p = d.probe;
  std::vector<fact> evidence = {
      {fact_kind::decisions, {{"name", d.name}, {"reference", p.reference_decision}, {"other", p.other_decision}}}};
  if (p.margin) {
    const bool is_uneven = *p.margin > limit::wide_margin && p.flip_rate > limit::flips_despite_margin;
    evidence.push_back({fact_kind::margin, {{"deviations", *p.margin}, {"uneven", is_uneven}}});
  }
  evidence.push_back({fact_kind::flips, {{"share", p.flip_rate}, {"trials", p.trials}}});
  if (d.board_differs()) evidence.push_back({fact_kind::board_decided, {{"decision", *d.board_decision}}});
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
    f.summary = fact_kind::outputs_too_far;
    f.next = fact_kind::compare_outputs;
    return {{.what = std::move(f)}};
  }
  finding f{fault::post_processing};
  f.evidence = decision_evidence(d);
  if (p.verdict == probe_verdict::sensitive) {
    f.summary = fact_kind::sensitive;
    f.change.push_back({fact_kind::widen_margin, {{"more_bits", can_have_more_bits}}});
    f.rivals.push_back({fault::suspect_layer, fact_kind::outputs_differ_little});
    f.next = fact_kind::count_flips;
    if (d.board_differs() &&
        std::find(p.decisions.begin(), p.decisions.end(), *d.board_decision) == p.decisions.end()) {
      f.against.push_back(fact_kind::no_trial_decides_so);
    }
  } else {
    f.summary = fact_kind::board_code_wrong;
    f.change.push_back(fact_kind::run_board_code);
    f.rivals.push_back({fault::precision, fact_kind::decision_is_stable});
    f.next = fact_kind::dump_what_board_reads;
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
