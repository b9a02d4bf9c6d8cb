// Norms that are off while cosines are intact.
#pragma once

#include <utility>
#include <vector>

#include <nniesim/debug/norm_check.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline std::vector<found> find_norm_gain(const case_file& file, const findings_so_far& so_far) {
  const bool is_explained = so_far.has({fault::precision, fault::inconclusive});
  auto rows = file.runs().judged_rows();
  std::erase_if(rows, [&](const compared_row* r) { return file.is_only_shown_wrongly(*r); });
  auto f = norm_check(file.runs(), file.lab(), file.trials()).find(rows, is_explained);
  if (!f) return {};
  return {{.what = *std::move(f)}};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
