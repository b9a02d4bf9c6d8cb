// Nothing was found: that says something only of what was compared.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

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
    // What an affine explains has no cosine; the layer by itself tells then.
    const bool is_seen = r != nullptr && (r->shown.result || (r->other && file.trial_of(l, o) != nullptr));
    if (!is_seen) names.push_back(output_name(net.layers[l], o));
  }
  return names;
}

/// Whether a row is one of the network's outputs; without the network, the last layer.
[[nodiscard]] inline bool is_an_output(const case_file& file, const compared_row& r) {
  if (file.lab() == nullptr) return &r == file.runs().last_row();
  const std::vector<layer_output> outputs = network_outputs(file.lab()->net);
  return r.layer && std::find(outputs.begin(), outputs.end(), layer_output{*r.layer, r.output}) != outputs.end();
}

/// Layers of the reference that nothing of the other run shows, under any name.
[[nodiscard]] inline std::vector<std::string> uncompared_layers(const run_pair& runs) {
  std::vector<std::string> names;
  for (const unmatched_layer& u : runs.matching().only_reference) {
    if (!u.is_explained && !u.is_unreadable) names.push_back(runs.reference_name(u.index));
  }
  return names;
}

/// Beside faults that were found: outputs of which nothing is known.
[[nodiscard]] inline std::vector<found> find_uncompared_outputs(const case_file& file, const findings_so_far& so_far) {
  if (so_far.empty()) return {};  // then it is the verdict
  const std::vector<std::string> unseen = unseen_outputs(file);
  if (unseen.empty()) return {};
  finding f{fault::inconclusive, unseen.front()};
  f.summary = {fact_kind::output_not_compared, {{"layer", unseen.front()}}};
  f.evidence.push_back(
      {fact_kind::layers_compared, {{"count", file.runs().compared()}, {"of", file.runs().rows().size()}}});
  f.next = {fact_kind::dump_in_both, {{"layer", unseen.front()}, {"or_network", false}}};
  return {{.what = std::move(f)}};
}

/// Of outputs of few values, as networks' own often are, what was judged; and the first norm that is off.
inline void add_judged_outputs(const case_file& file, finding& f) {
  const run_pair& runs = file.runs();
  std::size_t told = 0;
  for (const compared_row* r : runs.judged_rows()) {
    const comparison& c = *r->shown.result;
    if (!has_few_values(c.count) || !is_an_output(file, *r) || told == limit::few_outputs_told) continue;
    const aligned_values v = runs.compared_values(*r);
    f.evidence.push_back(few_values_fact(r->shown.name, c, v.reference, v.other));
    ++told;
  }
  for (const compared_row* r : runs.judged_rows()) {
    const comparison& c = *r->shown.result;
    if (c.count < 2 || !(std::fabs(c.norm_error) >= file.options().norm_error)) continue;
    f.against.push_back({fact_kind::norm_off_in_part, {{"layer", r->shown.name}, {"norm_error", c.norm_error}}});
    break;
  }
}

[[nodiscard]] inline std::vector<found> find_no_fault(const case_file& file, const findings_so_far&) {
  const run_pair& runs = file.runs();
  const diagnose_options& o = file.options();
  const std::vector<std::string> unseen = unseen_outputs(file);
  const std::vector<unmatched_layer>& alone = runs.matching().only_reference;
  const auto unreadable =
      std::find_if(alone.begin(), alone.end(), [](const unmatched_layer& u) { return u.is_unreadable; });
  const bool is_damaged = unreadable != alone.end();
  // Without the network nothing tells that what is behind a layer without partner needs it not.
  const std::vector<std::string> uncompared =
      file.lab() == nullptr ? uncompared_layers(runs) : std::vector<std::string>();
  const bool are_few = file.lab() == nullptr && o.ordered == 0 && alone.size() > runs.compared();
  const bool is_all = unseen.empty() && !is_damaged && !are_few && uncompared.empty();
  finding f{is_all ? fault::none : fault::inconclusive};
  double lowest = 1;
  std::string at;
  for (const compared_row& r : runs.rows()) {
    if (!r.shown.result || !(r.shown.result->cosine <= lowest)) continue;
    lowest = r.shown.result->cosine;
    at = r.shown.name;
  }
  if (is_damaged) {
    f.layer = runs.reference_name(unreadable->index);
    f.summary = {fact_kind::agree_but_unread, {{"layer", f.layer}}};
    f.next = {fact_kind::dump_again, {{"layer", f.layer}}};
  } else if (are_few) {
    f.summary = {fact_kind::agree_but_unknown, {{"count", alone.size()}, {"of", runs.rows().size()}}};
    f.next = fact_kind::dump_all_or_network;
  } else if (is_all) {
    // Of layers in between nothing is said: the outputs agree with them or without.
    const std::size_t compared = runs.compared(), all = runs.rows().size();
    f.summary = compared == all ? fact_kind::agree : fact(fact_kind::outputs_agree, {{"count", compared}, {"of", all}});
    f.next = {fact_kind::judge_post_processing, {{"decided", file.decision().has_value()}}};
  } else if (unseen.empty()) {
    f.layer = uncompared.front();
    f.summary = {fact_kind::agree_but_layers,
                 {{"count", uncompared.size()}, {"of", runs.rows().size()}, {"layer", f.layer}}};
    f.next = {fact_kind::dump_in_both, {{"layer", f.layer}, {"or_network", true}}};
  } else {
    f.layer = unseen.front();
    f.summary = {fact_kind::agree_but_output, {{"layer", f.layer}}};
    f.next = {fact_kind::dump_in_both, {{"layer", f.layer}, {"or_network", false}}};
  }
  f.evidence.push_back({fact_kind::layers_compared,
                        {{"count", runs.compared()}, {"of", runs.rows().size()}, {"cosine", lowest}, {"layer", at}}});
  const auto tried = static_cast<std::size_t>(std::count_if(file.trials().begin(), file.trials().end(),
                                                            [](const layer_trial& t) { return t.is_input_finite; }));
  if (!is_all && tried != 0) f.evidence.push_back({fact_kind::layers_do_as_they_must, {{"count", tried}}});
  add_judged_outputs(file, f);
  return {{.what = std::move(f)}};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
