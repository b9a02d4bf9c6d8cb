// Which layers are off by themselves, and of which only the dump is: what reads them agrees with the reference.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <variant>
#include <vector>

#include <nniesim/debug/dump_trials.hpp>
#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/run_pair.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Much further from float than the simulation of the layer is: rounding does not look like that. Or as far as that,
/// and too far.
[[nodiscard]] inline bool is_off_by_itself(const run_pair& runs, const layer_trial& t) {
  if (t.result.l2_reference == 0 && t.result.l2_other == 0) return false;
  if (t.has_channels_off) return true;
  if (t.is_as_planned()) return runs.is_bad(t.result);
  return runs.is_bad(t.result) || t.is_far_from_planned() ||
         t.result.relative_l2_error >
             std::max(limit::suspect_error, limit::suspect_factor * t.expected.relative_l2_error) ||
         std::fabs(t.result.norm_error - t.expected.norm_error) >= runs.limits().norm_error;
}

/// Whether the layers that read an output, of which there is at least one, agree with the reference although it does
/// not, and do not follow from what is shown of it: they read something else.
[[nodiscard]] inline bool is_only_shown_wrongly(const run_pair& runs, const experiment_context& lab,
                                                const layer_trials& trials, std::size_t layer_index,
                                                std::size_t output) {
  const compared_row* const own = runs.row_of(layer_index, output);
  const auto is_off = [&](const comparison& c) { return runs.is_bad(c) || runs.is_gain(c); };
  if (own == nullptr || !own->shown.result || !is_off(*own->shown.result)) return false;
  const std::size_t blob = lab.net.layers[layer_index].outputs[output];
  bool any = false;
  for (std::size_t l = 0; l < lab.net.layers.size(); ++l) {
    const layer& reader = lab.net.layers[l];
    if (std::find(reader.inputs.begin(), reader.inputs.end(), blob) == reader.inputs.end()) continue;
    for (std::size_t o = 0; o < reader.outputs.size(); ++o) {
      const compared_row* const r = runs.row_of(l, o);
      const layer_trial* const trial = trials.of(l, o);
      if (r == nullptr || !r->shown.result || is_off(*r->shown.result)) return false;
      if (trial != nullptr && !is_off_by_itself(runs, *trial)) return false;
      any = true;
    }
  }
  return any;
}

/// The outputs from one on that are off, where all that reads them from outside, of which there is something, agrees
/// with the reference and does not follow from them: a fault cannot heal, so that these dumps are of another run. Empty
/// where it is not so, or not known, as of outputs that nothing reads.
[[nodiscard]] inline std::set<layer_output> dumps_of_another_run(const run_pair& runs, const experiment_context& lab,
                                                                 const layer_trials& trials, layer_output first) {
  const auto is_off = [&](const comparison& c) { return runs.is_bad(c) || runs.is_gain(c); };
  const compared_row* const own = runs.row_of(first.layer, first.output);
  if (own == nullptr || !own->shown.result || !is_off(*own->shown.result)) return {};
  std::set<layer_output> region = {first};
  std::vector<layer_output> left = {first};
  bool has_end = false;
  while (!left.empty()) {
    const std::size_t blob = lab.net.layers[left.back().layer].outputs[left.back().output];
    left.pop_back();
    bool is_read = false;
    for (std::size_t l = 0; l < lab.net.layers.size(); ++l) {
      const layer& reader = lab.net.layers[l];
      if (std::find(reader.inputs.begin(), reader.inputs.end(), blob) == reader.inputs.end()) continue;
      for (std::size_t o = 0; o < reader.outputs.size(); ++o) {
        const compared_row* const r = runs.row_of(l, o);
        if (r == nullptr || !r->shown.result) return {};
        is_read = true;
        if (is_off(*r->shown.result)) {
          if (region.insert({l, o}).second) left.push_back({l, o});
          continue;
        }
        const layer_trial* const trial = trials.of(l, o);
        if (trial != nullptr && !is_off_by_itself(runs, *trial)) return {};
        has_end = has_end || trial != nullptr;
      }
    }
    if (!is_read) return {};
  }
  return has_end ? region : std::set<layer_output>();
}

struct suspicions {
  std::set<layer_output> only_shown_wrongly{};           ///< whose dump is not what was computed
  std::vector<std::set<layer_output>> of_another_run{};  ///< of those, several that follow from each other
  /// Layers that are off by themselves: what does something else than the simulation, and what does the same.
  std::vector<const layer_trial*> off{}, off_as_planned{};
};

[[nodiscard]] inline suspicions find_suspicions(const run_pair& runs, const experiment_context& lab,
                                                const layer_trials& trials) {
  suspicions s;
  std::set<std::size_t> blobs;  // whose dump is not what was computed
  for (std::size_t l = 0; l < lab.net.layers.size(); ++l) {
    const bool is_input = std::holds_alternative<layers::input>(lab.net.layers[l].params);
    for (std::size_t o = 0; o < lab.net.layers[l].outputs.size(); ++o) {
      const compared_row* const r = runs.row_of(l, o);
      const bool is_zero_alone = r != nullptr && r->other_is_zero && !r->reference_is_zero;
      if (is_input && r != nullptr && !is_zero_alone) {
        if (const auto region = dumps_of_another_run(runs, lab, trials, {l, o}); region.size() > 1) {
          for (const layer_output& x : region) blobs.insert(lab.net.layers[x.layer].outputs[x.output]);
          s.only_shown_wrongly.insert(region.begin(), region.end());
          s.of_another_run.push_back(region);
          continue;
        }
      }
      if (!(is_input || is_zero_alone) || !is_only_shown_wrongly(runs, lab, trials, l, o)) continue;
      blobs.insert(lab.net.layers[l].outputs[o]);
      if (!is_zero_alone) s.only_shown_wrongly.insert({l, o});
    }
  }
  for (const layer_trial& t : trials.all()) {
    const layer& l = lab.net.layers[t.layer];
    const bool is_number = t.is_input_finite && t.result.bad_other + t.result.bad_reference == 0;
    if (!is_number || t.is_zero || t.is_other_width() || !is_off_by_itself(runs, t)) continue;
    // Fed with a blob that the dump shows wrongly a layer must look wrong too.
    if (std::any_of(l.inputs.begin(), l.inputs.end(), [&](std::size_t b) { return blobs.contains(b); })) continue;
    // What the simulation gives was computed, however little of it is left for its readers.
    const bool is_simulated = t.from_expected <= limit::same_as_simulated || t.steps <= limit::same_in_steps;
    if (!is_simulated && (is_only_shown_wrongly(runs, lab, trials, t.layer, t.output) ||
                          find_wrong_dump(runs, lab, t.layer, t.output, run_side::other))) {
      blobs.insert(l.outputs[t.output]);
      s.only_shown_wrongly.insert({t.layer, t.output});
      continue;
    }
    if (const auto region = dumps_of_another_run(runs, lab, trials, {t.layer, t.output}); region.size() > 1) {
      for (const layer_output& x : region) blobs.insert(lab.net.layers[x.layer].outputs[x.output]);
      s.only_shown_wrongly.insert(region.begin(), region.end());
      s.of_another_run.push_back(region);
      continue;
    }
    (t.is_as_planned() ? s.off_as_planned : s.off).push_back(&t);
  }
  return s;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
