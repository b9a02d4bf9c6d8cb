// Step 2 of the procedure: the network's inputs.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// An input of which the dump alone is wrong was no other input. Where the dumps are words that were read as integers
/// all layers are, and nothing else can be told.
[[nodiscard]] inline std::vector<found> find_other_input(const case_file& file, const findings_so_far&) {
  std::vector<found> result;
  for (const finding& f : file.inputs().findings) {
    const bool is_taken_back =
        !file.inputs().is_raw &&
        std::any_of(file.runs().rows().begin(), file.runs().rows().end(), [&](const compared_row& r) {
          return r.is_input && r.shown.name == f.layer && file.is_only_shown_wrongly(r);
        });
    if (!is_taken_back) result.push_back({.what = f, .is_last = file.inputs().is_raw});
  }
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
