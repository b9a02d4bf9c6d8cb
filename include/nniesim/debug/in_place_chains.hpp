// Layers that write where their input stands: which of them a dump of the blob shows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/aligned_values.hpp>
#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/match_layers.hpp>
#include <nniesim/network/runner.hpp>
#include <nniesim/network/single_layer.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Whether a prototxt may let a layer write where its only input stands, element by element.
[[nodiscard]] inline bool may_be_in_place(const network& net, const layer& l) {
  return l.inputs.size() == 1 && l.outputs.size() == 1 &&
         (works_in_place(l) || std::holds_alternative<layers::identity>(l.params)) &&
         net.blobs[l.inputs[0]].shape == net.blobs[l.outputs[0]].shape;
}

/// What is shown under the names of layers that work in place.
struct in_place_chain {
  std::size_t first = 0;               ///< the layer that wrote the blob first
  std::vector<std::size_t> writers{};  ///< those behind it, in order
  bool is_declared = true;             ///< their blobs have one name; else they might have in another prototxt
};

/// The blobs that several layers write under one name of the file, each with its writers.
[[nodiscard]] inline std::vector<in_place_chain> in_place_chains(const network& net) {
  std::vector<in_place_chain> all;
  std::map<std::size_t, std::size_t> chain_of;  // by the blob written last
  std::vector<std::size_t> readers(net.blobs.size());
  for (const layer& l : net.layers) {
    for (const std::size_t b : l.inputs) ++readers[b];
  }
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    const layer& x = net.layers[l];
    const bool is_declared =
        x.inputs.size() >= 1 && x.outputs.size() == 1 && net.blobs[x.inputs[0]].name == net.blobs[x.outputs[0]].name;
    // The reference's prototxt may have in place what the compiled one has not, as the vendor advises.
    const bool in_place = is_declared || (may_be_in_place(net, x) && readers[x.inputs[0]] == 1);
    const auto before = in_place ? chain_of.find(x.inputs[0]) : chain_of.end();
    std::size_t index = all.size();
    if (before != chain_of.end()) {
      index = before->second;
      all[index].writers.push_back(l);
      all[index].is_declared = all[index].is_declared && is_declared;
      chain_of.erase(before);
    } else {
      if (x.outputs.size() != 1 || std::holds_alternative<layers::input>(x.params)) continue;
      all.push_back({l});
    }
    chain_of[x.outputs[0]] = index;
  }
  // What a plain ReLU left is seen from the content alone, and match_layers does.
  std::erase_if(all, [&](const in_place_chain& c) {
    return std::all_of(c.writers.begin(), c.writers.end(), [&](std::size_t l) {
      const auto* const relu = std::get_if<relu_params>(&net.layers[l].params);
      return relu != nullptr && relu->negative_slope == 0;
    });
  });
  return all;
}

/// Which dump of a list is called like a layer's output; nothing where there is none.
[[nodiscard]] inline std::optional<std::size_t> dump_of(std::span<const named_values> list, const layer& x) {
  const std::string own = match_key(x.name), last = x.merged.empty() ? own : match_key(x.merged.back());
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string key = match_key(list[i].name);
    if (key == last) return i;
    if (key == own) found = i;
  }
  return found;
}

/// The writer of a chain (0: the first layer) whose float result from these inputs a dump shows, of several the last
/// that has no dump of its own; nothing where that is not clear.
[[nodiscard]] inline std::optional<std::size_t> writer_shown(const std::vector<tensor<float>>& made,
                                                             std::span<const float> dump,
                                                             const std::vector<bool>& has_own) {
  std::vector<double> errors;
  for (const tensor<float>& t : made) {
    if (t.size() != dump.size()) return std::nullopt;
    errors.push_back(compare_values(view_of(t).span(), dump).relative_l2_error);
  }
  const double least = *std::min_element(errors.begin(), errors.end());
  std::optional<std::size_t> shown;
  double others = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (!(errors[i] <= limit::as_good_a_writer * least)) others = std::min(others, errors[i]);
    else if (!shown || !has_own[i]) shown = i;  // of a Dropout's two the last
  }
  return shown && errors[*shown] < limit::other_writer * others ? shown : std::nullopt;
}

/// What the layers of a chain give in float, the first from `inputs`.
[[nodiscard]] inline std::vector<tensor<float>> run_chain(const experiment_context& lab, const in_place_chain& c,
                                                          std::vector<tensor<float>> inputs) {
  std::vector<tensor<float>> made;
  const auto run = [&](std::size_t l) {
    return single_layer(lab.net, l, layer_precision::float32, lab.threads, lab.policies).run(inputs);
  };
  made.push_back(std::move(run(c.first)[0]));
  for (const std::size_t l : c.writers) {
    if (lab.net.layers[l].inputs.size() != 1) break;
    inputs.clear();
    inputs.push_back(made.back());
    made.push_back(std::move(run(l)[0]));
  }
  return made;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
