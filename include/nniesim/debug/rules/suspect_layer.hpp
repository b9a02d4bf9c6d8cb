// Step 6 of the procedure: layers that are off by themselves, each tried out.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <nniesim/debug/layer_verdict.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline std::vector<found> find_suspect_layers(const case_file& file, const findings_so_far&) {
  std::vector<found> result;
  const suspicions& s = file.suspects();
  const std::size_t all = s.off.size() + s.off_as_planned.size();
  // Each takes many runs of the layer; what does something else than the simulation comes first.
  std::size_t judged = 0;
  std::map<std::size_t, std::size_t> first_of_blob;  // results, by the blob whose range is wrong
  for (const auto* list : {&s.off, &s.off_as_planned}) {
    for (const layer_trial* t : *list) {
      if (judged == limit::layers_judged) return result;
      layer_verdict v = layer_judge(file.runs(), *file.lab(), *t).judge();
      if (++judged == limit::layers_judged && all > judged) {
        v.what.evidence.push_back(concat(all - judged, " more layers are off by themselves and were not tried"));
      }
      // With ranges between the two, as another network's calibration may find them, the simulation errs as much.
      const bool as_simulated = v.as_simulated || t->result.relative_l2_error <= t->loosest;
      // One range that is wrong shows in all readers of the blob.
      if (v.blob) {
        const auto [known, is_new] = first_of_blob.try_emplace(*v.blob, result.size());
        if (!is_new) {
          found& first = result[known->second];
          first.what.evidence.push_back(concat("'", v.what.layer, "' reads the same blob and shows the same"));
          first.also_accused.insert(t->layer);
          continue;
        }
      }
      result.push_back({.what = std::move(v.what), .position = t->layer, .as_simulated = as_simulated});
    }
  }
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
