// Step 1 of the procedure: a reference that is no reference.
#pragma once

#include <utility>
#include <vector>

#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline std::vector<found> find_reference_not_a_number(const case_file& file, const findings_so_far&) {
  for (const compared_row& r : file.runs().rows()) {
    if (!r.shown.result || r.shown.result->bad_reference == 0) continue;
    finding f{fault::not_a_number, r.shown.name};
    f.summary = {fact_kind::reference_not_a_number,
                 {{"count", r.shown.result->bad_reference}, {"layer", r.shown.name}}};
    f.evidence.push_back({fact_kind::other_not_a_number, {{"count", r.shown.result->bad_other}}});
    f.next = fact_kind::find_not_a_number;
    return {{.what = std::move(f)}};
  }
  return {};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
