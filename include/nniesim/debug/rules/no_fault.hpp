// Nothing was found: that says something only of what was compared.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Outputs of the network that could not be compared; without the network, the last layer.
[[nodiscard]] inline std::vector<std::string> unseen_outputs(const case_file& file) {
  std::vector<std::string> names;
  if (file.lab() == nullptr) {
    const compared_row* const last = file.runs().last_row();
    if (last != nullptr && !last->shown.result) names.push_back(last->shown.name);
    return names;
  }
  const network& net = file.lab()->net;
  for (const auto& [l, o] : network_outputs(net)) {
    const compared_row* const r = file.runs().row_of(l, o);
    const bool is_seen = (r != nullptr && r->shown.result) || file.trial_of(l, o) != nullptr;
    if (!is_seen) names.push_back(output_name(net.layers[l], o));
  }
  return names;
}

[[nodiscard]] inline std::vector<found> find_no_fault(const case_file& file, const findings_so_far&) {
  const run_pair& runs = file.runs();
  const diagnose_options& o = file.options();
  const std::vector<std::string> unseen = unseen_outputs(file);
  const std::vector<unmatched_layer>& alone = runs.matching().only_reference;
  const auto unreadable =
      std::find_if(alone.begin(), alone.end(), [](const unmatched_layer& u) { return u.is_unreadable; });
  const bool is_damaged = unreadable != alone.end();
  const bool are_few = file.lab() == nullptr && o.ordered == 0 && alone.size() > runs.compared();
  finding f{unseen.empty() && !is_damaged && !are_few ? fault::none : fault::inconclusive};
  double lowest = 1;
  std::string at;
  for (const compared_row& r : runs.rows()) {
    if (!r.shown.result || !(r.shown.result->cosine <= lowest)) continue;
    lowest = r.shown.result->cosine;
    at = r.shown.name;
  }
  if (is_damaged) {
    f.layer = runs.reference_name(unreadable->index);
    f.summary = concat("what could be read agrees, but '", f.layer, "' could not be");
    f.next = concat("dump '", f.layer, "' again");
  } else if (are_few) {
    f.summary = concat("what could be compared agrees, but ", alone.size(), " of ", runs.rows().size(),
                       " layers could not be, and which is the output is not known");
    f.next = "dump all layers of both runs, or give the network to the diagnosis";
  } else if (unseen.empty()) {
    f.summary = "the runs agree but for what the format costs";
    f.next = file.decision()
                 ? "where the board decides otherwise on these data, the fault is in its code of the post-processing"
                 : "where results are wrong nevertheless it is the post-processing: give it to the diagnosis";
  } else {
    f.layer = unseen.front();
    f.summary = concat("what could be compared agrees, but the output '", f.layer, "' could not be");
    f.next = concat("dump '", f.layer, "' of both runs, in the same shape");
  }
  f.evidence.push_back(concat("the lowest cosine of ", runs.compared(), runs.compared() == 1 ? " layer" : " layers",
                              " is ", cosine_text(lowest), " ('", at, "')"));
  for (const compared_row* r : runs.judged_rows()) {
    const comparison& c = *r->shown.result;
    if (c.count < 2 || !(std::fabs(c.norm_error) >= o.norm_error)) continue;
    f.against.push_back(concat("the norm of '", r->shown.name, "' is off by ", percent_with_sign(c.norm_error, 2),
                               ", which is not most of its error"));
    break;
  }
  return {{.what = std::move(f)}};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
