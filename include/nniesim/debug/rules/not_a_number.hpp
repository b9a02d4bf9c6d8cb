// NaN or infinity that enters in a layer.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline std::vector<found> find_not_a_number(const case_file& file, const findings_so_far&) {
  const auto report = [](const std::string& entry, std::size_t position, const comparison& c, bool has_trial) {
    finding f{fault::not_a_number, entry};
    f.summary = {fact_kind::not_a_number, {{"layer", entry}}};
    f.evidence.push_back({fact_kind::not_a_number_values, {{"count", c.bad_other}, {"of", c.count}}});
    if (has_trial) f.evidence.push_back(fact_kind::inputs_are_finite);
    f.against.push_back(fact_kind::damage_looks_like_that);
    f.rivals.push_back({fault::suspect_layer, fact_kind::would_be_number});
    f.next = fact_kind::look_at_memory;
    f.change.push_back({fact_kind::write_words, {{"layer", entry}}});
    return std::vector<found>{{.what = std::move(f), .position = position}};
  };
  for (const layer_trial& t : file.trials()) {
    if (!t.is_input_finite || t.result.bad_other == 0 || t.result.bad_reference != 0) continue;
    return report(output_name(file.lab()->net.layers[t.layer], t.output), t.layer, t.result, true);
  }
  for (const compared_row& r : file.runs().rows()) {
    if (!r.shown.result || r.shown.result->bad_other == 0 || r.shown.result->bad_reference != 0) continue;
    return report(r.shown.name, file.position_of(r), *r.shown.result, false);
  }
  return {};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
