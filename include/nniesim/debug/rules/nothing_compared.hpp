// Runs of which no layer has a partner.
#pragma once

#include <utility>
#include <vector>

#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/rules/other_size.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline std::vector<found> find_nothing_compared(const case_file& file, const findings_so_far& so_far) {
  const run_pair& runs = file.runs();
  if (runs.compared() != 0) return {};
  if (!runs.size_mismatches().empty()) {
    std::vector<found> sizes = find_other_size(file, so_far);
    for (found& f : sizes) f.is_last = true;
    return sizes;
  }
  finding f{fault::inconclusive};
  f.summary = fact_kind::nothing_compared;
  f.next = fact_kind::give_same_names;
  for (const unmatched_layer& u : runs.matching().only_reference) {
    if (f.evidence.size() == limit::unmatched_told) break;
    f.evidence.push_back({fact_kind::unmatched_layer, {{"layer", runs.reference_name(u.index)}, {"reason", u.reason}}});
  }
  f.evidence.push_back(
      {fact_kind::layers_of_runs,
       {{"reference", runs.matching().only_reference.size()}, {"other", runs.matching().only_other.size()}}});
  return {{.what = std::move(f), .is_last = true}};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
