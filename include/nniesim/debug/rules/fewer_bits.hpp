// Layers that show what fewer bits give than they are to have.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/precision_runs.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Whether a layer shows another width than the planned one. Of several outputs the first tells.
[[nodiscard]] inline bool shows_other_width(const layer_trial& t) { return t.is_other_width() && t.output == 0; }

[[nodiscard]] inline std::vector<found> find_fewer_bits(const case_file& file, const findings_so_far&) {
  const laboratory& lab = *file.lab();
  finding f{fault::bits_not_as_planned};
  std::size_t count = 0, position = 0;
  std::string bits;
  bool is_vendors = false;
  for (const layer_trial& t : file.trials()) {
    const layer_precision planned = lab.plan.layers[t.layer];
    if (!shows_other_width(t) || is_finer(t.other_width, planned)) continue;
    const std::string& name = lab.net.layers[t.layer].name;
    if (++count == 1) {
      f.layer = name;
      position = t.layer;
      bits = concat("to have ", bits_text(planned), ", but ", "was computed in ", bits_text(t.other_width));
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
  f.summary = count == 1 ? concat("'", f.layer, "' is ", bits)
                         : concat(count, " layers have fewer bits than planned, '", f.layer, "' is ", bits);
  f.rivals.push_back({fault::suspect_layer, "the simulation of those bits gives what the run shows"});
  if (is_vendors) {
    f.change.push_back("compile again with the cfg's compile_mode (1, or 2 for the mark _hp)");
    f.change.push_back("put _hp into the prototxt that is compiled: RuyiStudio writes one of its own (mark_prototxt)");
  } else {
    f.change.push_back(concat("compile '", f.layer, "' again with the planned precision"));
  }
  f.next = "compare the sizes of the compiled models: with more bits a layer's weights take more room";
  return {{.what = std::move(f), .position = position}};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
