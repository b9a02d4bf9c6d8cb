// The reference is wrong, not the other run: its layers do not follow from its own inputs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include <nniesim/debug/dump_trials.hpp>
#include <nniesim/debug/reference_trials.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline std::vector<found> find_wrong_reference(const case_file& file, const findings_so_far&) {
  if (file.extras().meant != nullptr) return {};  // the reference is of another network than the compiled one
  const reference_trials& reference = file.of_reference();
  const std::vector<std::size_t> off = reference.off();
  if (off.empty()) return {};
  const experiment_context& lab = *file.lab();
  // Where both runs give what the network does not, the network is another one.
  const auto other_is_right = [&](std::size_t l) {
    const layer_trial* const t = file.trial_of(l, 0);
    return t == nullptr || t->is_as_planned() || !is_off_by_itself(file.runs(), *t);
  };
  std::vector<found> result;
  if (reference.is_another_model()) {
    if (!std::all_of(off.begin(), off.end(), other_is_right)) return {};
    result.push_back({.what = reference.explain_model(), .position = off.front()});
    result.back().also_accused.insert(off.begin(), off.end());
    return result;
  }
  std::set<std::size_t> only_shown;  // blobs that the reference computed otherwise
  for (const std::size_t l : off) {
    const layer& x = lab.net.layers[l];
    if (std::any_of(x.inputs.begin(), x.inputs.end(), [&](std::size_t b) { return only_shown.contains(b); })) continue;
    if (const auto dump = find_wrong_dump(file.runs(), lab, l, 0, run_side::reference)) {
      only_shown.insert(x.outputs[0]);
      result.push_back({.what = reference.explain_dump(l, *dump), .position = l, .is_shown_only = true});
      continue;
    }
    if (other_is_right(l)) result.push_back({.what = reference.explain(l), .position = l});
  }
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
