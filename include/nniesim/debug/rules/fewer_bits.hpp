// Layers that show what fewer bits give than they are to have.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/precision_runs.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Whether a layer shows another width than the planned one. Of several outputs the first tells.
[[nodiscard]] inline bool shows_other_width(const layer_trial& t) { return t.is_other_width() && t.output == 0; }

[[nodiscard]] inline std::vector<found> find_fewer_bits(const case_file& file, const findings_so_far&) {
  const experiment_context& lab = *file.lab();
  finding f{fault::bits_not_as_planned};
  std::size_t count = 0, position = 0;
  std::string planned_bits, bits;
  bool is_vendors = false;
  for (const layer_trial& t : file.trials()) {
    const layer_precision planned = lab.plan.layers[t.layer];
    if (!shows_other_width(t) || is_finer(t.other_width, planned)) continue;
    const std::string& name = lab.net.layers[t.layer].name;
    if (++count == 1) {
      f.layer = name;
      position = t.layer;
      planned_bits = bits_text(planned);
      bits = bits_text(t.other_width);
      is_vendors = is_marked_width(t.other_width, planned);
    }
    if (count > limit::layers_told) continue;
    f.evidence.push_back({fact_kind::other_bits,
                          {{"layer", name},
                           {"from_planned", t.from_planned},
                           {"planned_bits", bits_text(planned)},
                           {"from_other", t.from_other_width},
                           {"other_bits", bits_text(t.other_width)}}});
  }
  if (count == 0) return {};
  if (count > limit::layers_told) {
    f.evidence.push_back({fact_kind::more_of_them, {{"count", count - limit::layers_told}}});
  }
  f.summary = {fact_kind::fewer_bits,
               {{"count", count}, {"layer", f.layer}, {"planned_bits", planned_bits}, {"bits", bits}}};
  f.rivals.push_back({fault::suspect_layer, fact_kind::those_bits_give_that});
  if (is_vendors) {
    f.change = {fact_kind::compile_in_mode, fact_kind::mark_prototxt};
  } else {
    f.change.push_back({fact_kind::compile_as_planned, {{"layer", f.layer}}});
  }
  f.next = fact_kind::compare_model_sizes;
  return {{.what = std::move(f), .position = position}};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
