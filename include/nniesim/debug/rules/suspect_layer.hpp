// Step 6 of the procedure: layers that are off by themselves, each tried out.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <nniesim/debug/layer_verdict.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// What else was looked at before a layer is called wrong.
inline void add_exclusions(const case_file& file, const layer_trial& t, finding& f) {
  const network& net = file.lab()->net;
  const auto has_rival = [&](fault cause) {
    return std::any_of(f.rivals.begin(), f.rivals.end(), [&](const auto& r) { return r.cause == cause; });
  };
  const reference_trial* const reference = file.of_reference().of(t.layer, t.output);
  if (reference == nullptr) {
    f.against.push_back(fact_kind::reference_untried);
  } else if (!reference->is_off) {
    f.rivals.push_back(
        {fault::wrong_reference, {fact_kind::reference_is_right, {{"left", reference->result.relative_l2_error}}}});
  }
  const std::size_t blob = net.layers[t.layer].outputs[t.output];
  const bool is_read = std::any_of(net.layers.begin(), net.layers.end(), [&](const layer& l) {
    return std::find(l.inputs.begin(), l.inputs.end(), blob) != l.inputs.end();
  });
  if (is_read) {
    f.rivals.push_back({fault::layer_mapping, fact_kind::readers_do_not_follow});
  } else {
    f.against.push_back(fact_kind::nothing_reads_it);
  }
  if (!has_rival(fault::bits_not_as_planned) && file.lab()->plan.layers[t.layer].encodes()) {
    f.rivals.push_back(
        {fault::bits_not_as_planned, std::isfinite(t.from_other_width)
                                         ? fact(fact_kind::other_bits_leave, {{"away", t.from_other_width}})
                                         : fact_kind::no_other_bits});
  }
}

[[nodiscard]] inline std::vector<found> find_suspect_layers(const case_file& file, const findings_so_far& so_far) {
  std::vector<found> result;
  const suspicions& s = file.suspects();
  const std::size_t all = s.off.size() + s.off_as_planned.size();
  std::map<std::size_t, std::size_t> first_of_blob;  // results, by the blob whose range is wrong
  for (const auto& [t, judged] : file.judged()) {
    layer_verdict v = judged;
    if (v.what.cause == fault::none) continue;
    // One of many with other weights.
    const bool is_of_model = so_far.accuses(t->layer) && so_far.has(fault::other_weights) &&
                             (v.what.cause == fault::other_weights || v.what.cause == fault::suspect_layer);
    if (is_of_model) continue;
    if (v.what.cause == fault::suspect_layer) add_exclusions(file, *t, v.what);
    if (&t == &file.judged().back().trial && all > file.judged().size()) {
      v.what.evidence.push_back({fact_kind::more_layers_off, {{"count", all - file.judged().size()}}});
    }
    // With ranges between the two, as another network's calibration may find them, the simulation errs as much.
    const bool as_simulated = v.as_simulated || t->result.relative_l2_error <= t->loosest;
    // One range that is wrong shows in all readers of the blob.
    if (v.blob) {
      const auto [known, is_new] = first_of_blob.try_emplace(*v.blob, result.size());
      if (!is_new) {
        found& first = result[known->second];
        first.what.evidence.push_back({fact_kind::reads_the_same, {{"layer", v.what.layer}}});
        first.also_accused.insert(t->layer);
        continue;
      }
    }
    result.push_back({.what = std::move(v.what), .position = t->layer, .as_simulated = as_simulated});
  }
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
