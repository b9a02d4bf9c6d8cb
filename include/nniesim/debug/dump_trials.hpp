// Whether a layer is wrong, or only what a run shows of it: replayed through the layers that read it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/limits.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// What was found of a dump that does not show what was computed.
struct wrong_dump {
  std::string reader{};      ///< a layer that follows from what the layer gives, and not from what is shown
  double with_computed = 0;  ///< its error, of the norm
  double with_shown = 0;     ///< the same, of what is shown
  bool is_input = false;     ///< it shows what goes into the layer
};

/// How far `reader` is from what a side shows of it, where it is fed with `x` in place of a blob and otherwise with
/// what the side shows: the least of what float and the planned bits leave; nothing where it cannot be tried.
[[nodiscard]] inline std::optional<double> error_of_reader(const run_pair& runs, const experiment_context& lab,
                                                           std::size_t reader_index, std::size_t blob,
                                                           const tensor<float>& x, run_side side) {
  const layer& reader = lab.net.layers[reader_index];
  std::vector<tensor<float>> inputs;
  for (const std::size_t b : reader.inputs) {
    if (b == blob) {
      inputs.push_back(x);
      continue;
    }
    auto other = runs.value(b, side);
    if (!other) return std::nullopt;
    inputs.push_back(std::move(*other));
  }
  const single_layer in_float(lab.net, reader_index, layer_precision::float32, lab.threads, lab.policies);
  std::vector<std::vector<tensor<float>>> ways = {in_float.run(inputs)};
  // What few bits and a list's range cost is no contradiction.
  const layer_precision planned = lab.plan.layers[reader_index];
  if (side == run_side::other && planned.encodes()) {
    ways.push_back(
        single_layer(lab.net, reader_index, planned, lab.threads, lab.policies, &lab.plan).run(inputs, &lab.ranges));
  }
  std::optional<double> least;
  for (const std::vector<tensor<float>>& out : ways) {
    std::optional<double> most;
    for (std::size_t o = 0; o < out.size(); ++o) {
      auto shown = runs.value(reader.outputs[o], side);
      if (!shown) continue;
      double d = compare_values(view_of(out[o]).span(), view_of(*shown).span()).relative_l2_error;
      // A ReLU behind it may stand in its dump, too.
      tensor<float> rectified_out = out[o];
      for (float& v : rectified_out) v = rectified(v);
      if (std::all_of(shown->begin(), shown->end(), [](float v) { return v >= 0; })) {
        d = std::min(d, compare_values(view_of(rectified_out).span(), view_of(*shown).span()).relative_l2_error);
      }
      if (std::isnan(d)) return std::nullopt;
      most = std::max(most.value_or(0), d);
    }
    if (most) least = std::min(least.value_or(*most), *most);
  }
  return least;
}

/// Whether the layers that read an output follow from what the layer gives for its input, and not from what a side
/// shows of it: then the dump alone is wrong. Nothing where they do not, or none of them can be tried.
[[nodiscard]] inline std::optional<wrong_dump> find_wrong_dump(const run_pair& runs, const experiment_context& lab,
                                                               std::size_t index, std::size_t output, run_side side) {
  const layer& writer = lab.net.layers[index];
  const layer_bench bench(runs, lab, index, side);
  if (!bench.has_inputs() || !bench.is_input_finite() || !bench.shown(output)) return std::nullopt;
  const std::size_t blob = writer.outputs[output];
  std::optional<wrong_dump> found;
  for (std::size_t r = 0; r < lab.net.layers.size(); ++r) {
    const layer& reader = lab.net.layers[r];
    if (std::find(reader.inputs.begin(), reader.inputs.end(), blob) == reader.inputs.end()) continue;
    const auto computed = error_of_reader(runs, lab, r, blob, bench.in_float()[output], side);
    if (!computed) continue;
    const auto shown = error_of_reader(runs, lab, r, blob, *bench.shown(output), side);
    if (!shown) continue;
    // A reader of few values may say nothing either way.
    if (*computed > std::max(limit::reader_follows, limit::reader_no_better * *shown)) return std::nullopt;
    if (*computed > limit::reader_follows || *computed > limit::reader_better * *shown) continue;
    if (!found || *shown > found->with_shown) found = wrong_dump{reader.name, *computed, *shown, false};
  }
  if (!found || writer.inputs.size() != 1) return found;
  const tensor<float>&x = *bench.shown(output), &in = bench.inputs()[0];
  found->is_input = x.size() == in.size() &&
                    compare_values(view_of(in).span(), view_of(x).span()).relative_l2_error <= limit::reader_follows;
  return found;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
