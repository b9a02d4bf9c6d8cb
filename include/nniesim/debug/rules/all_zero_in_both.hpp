// Runs that show nothing but zeros.
#pragma once

#include <utility>
#include <vector>

#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline std::vector<found> find_all_zero_in_both(const case_file& file, const findings_so_far&) {
  if (!file.is_all_zero()) return {};
  finding f{fault::inconclusive};
  f.summary = fact_kind::all_zero;
  f.next = fact_kind::give_picture;
  return {{.what = std::move(f), .is_last = true}};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
