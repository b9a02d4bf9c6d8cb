// Steps 3, 4 and 6 of the procedure where no network is at hand: the vendor's table of cosines.
#pragma once

#include <algorithm>
#include <vector>

#include <nniesim/debug/cosine_pattern.hpp>
#include <nniesim/debug/rules/precision.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline std::vector<found> find_by_cosines(const case_file& file, const findings_so_far& so_far) {
  const auto rows = unexplained_rows(file, so_far);
  const bool any =
      std::any_of(rows.begin(), rows.end(), [&](const auto* r) { return file.runs().is_bad(*r->shown.result); });
  if (!any) return {};
  auto f = cosine_pattern(file.runs()).judge();
  if (!f) return {};
  add_few_values(file.runs(), rows, *f);
  return {{.what = *std::move(f)}};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
