// Supplement of norms that are off: the constants that bring them back, or what those in use do.
#pragma once

#include <algorithm>
#include <cmath>

#include <nniesim/debug/norm_compensation.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

inline void judge_constants_in_use(const compensation& used, double most, finding& verdict) {
  double largest = 0;
  for (const judged_chain& c : used.judged) {
    largest = std::max(largest, std::fabs(c.after.mean));
    verdict.evidence.push_back({fact_kind::norms_of_pictures,
                                {{"layer", c.name},
                                 {"pictures", used.held_out_pictures},
                                 {"norm_error", c.after.mean},
                                 {"meant_error", c.before.mean}}});
  }
  const bool are_right = largest <= most;
  verdict.change = {are_right ? fact_kind::change_no_constant : fact_kind::solve_again};
  verdict.next = are_right ? fact_kind::judge_remainder : fact_kind::compensate_meant;
}

inline void add_constants(const case_file& file, finding& verdict) {
  const auto& norms = file.norms();
  if (!norms || norms->constants.empty()) return;
  if (file.norms_are_in_use()) return judge_constants_in_use(*norms, file.options().norm_error, verdict);
  verdict.change.clear();
  for (const norm_constant& c : norms->constants) {
    verdict.change.push_back({fact_kind::set_shift, {{"layer", c.layer}, {"value", shortest(c.value)}}});
  }
  double before = 0, after = 0;
  for (const judged_chain& c : norms->judged) {
    before += std::fabs(c.before.mean);
    after += std::fabs(c.after.mean);
  }
  verdict.evidence.push_back(
      {fact_kind::constants_remove, {{"pictures", norms->held_out_pictures}, {"share", removed_share(before, after)}}});
  verdict.next = fact_kind::compensate;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
