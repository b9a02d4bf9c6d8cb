// What the hardware and its compiler take, as far as it is publicly known: a network's violations, with the rule.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Behind a layer that limits its readers, a fully connected one, only activations, softmax and the like are allowed;
/// anything else wants a 1x1 convolution.
inline void check_readers(const network& net, const layer& l, hardware_rules& rules) {
  for (const layer& reader : net.layers) {
    const bool allowed =
        visit_kind(reader, [](auto kind, const auto&) { return decltype(kind)::is_allowed_behind_fully_connected; });
    for (const std::size_t b : reader.inputs) {
      rules.require(b != l.outputs[0] || allowed,
                    "only activations, softmax, a concat and the like behind a fully connected layer", from_users,
                    "layer '", reader.name, "' of type ", reader.type);
    }
  }
}

/// A segment, the layers between two of the host, has a limited number of inputs and of outputs. What breaks it is told
/// of the layer that makes, or reads, the first blob too many.
inline void check_segments(const network& net, std::vector<constraint_violation>& found) {
  constexpr std::size_t most = 16;
  std::vector<std::size_t> segment(net.layers.size(), 0);  // of hardware layers, by index
  std::vector<std::size_t> maker(net.blobs.size(), net.layers.size());
  std::size_t current = 0;
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    if (net.layers[l].on_cpu && l != 0 && !net.layers[l - 1].on_cpu) ++current;
    segment[l] = current;
    for (const std::size_t b : net.layers[l].outputs) maker[b] = l;
  }
  const auto is_outside = [&](std::size_t l) {
    return net.layers[l].on_cpu || std::holds_alternative<layers::input>(net.layers[l].params);
  };
  std::map<std::size_t, std::set<std::size_t>> inputs, outputs;  // blobs of each segment
  std::set<std::size_t> read(net.reported.begin(), net.reported.end());
  std::vector<bool> is_read(net.blobs.size());
  for (const layer& l : net.layers) {
    for (const std::size_t b : l.inputs) is_read[b] = true;
  }
  const auto note = [&](auto& blobs, std::size_t s, std::size_t blob, std::size_t l, std::string_view what) {
    if (!blobs[s].insert(blob).second || blobs[s].size() != most + 1) return;
    found.push_back(
        {l, message("more than ", most, " ", what, " of a segment"), message("at most ", most, " ", what), from_users});
  };
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    for (const std::size_t b : net.layers[l].inputs) {
      const std::size_t m = maker[b];
      if (m == net.layers.size() || is_outside(l)) continue;
      if (is_outside(m) || segment[m] != segment[l]) note(inputs, segment[l], b, l, "inputs");
      if (!is_outside(m) && segment[m] != segment[l]) note(outputs, segment[m], b, m, "outputs");
    }
    if (is_outside(l)) {
      for (const std::size_t b : net.layers[l].inputs) {
        if (maker[b] != net.layers.size() && !is_outside(maker[b]))
          note(outputs, segment[maker[b]], b, maker[b], "outputs");
      }
      continue;
    }
    for (const std::size_t b : net.layers[l].outputs) {
      if (!is_read[b] || read.contains(b)) note(outputs, segment[l], b, l, "outputs");
    }
  }
}

/// A network has a limited number of segments, and of layers that pool regions. What breaks it is told of the first
/// layer too many.
inline void check_counts(const network& net, std::vector<constraint_violation>& found) {
  constexpr std::size_t most_segments = 8, most_regions = 4;
  constexpr std::string_view source = "the SDK's headers, as an open driver has them";
  std::size_t segments = 0, regions = 0;
  bool is_inside = false;
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer& l = net.layers[i];
    if (std::holds_alternative<layers::input>(l.params)) continue;
    if (!l.on_cpu && !is_inside && ++segments == most_segments + 1)
      found.push_back({i, message("more than ", most_segments, " segments"),
                       message("at most ", most_segments, " segments between the host's layers"), source});
    is_inside = !l.on_cpu;
    const bool pools =
        std::holds_alternative<roi_pooling_params>(l.params) || std::holds_alternative<psroi_pooling_params>(l.params);
    if (pools && !l.on_cpu && ++regions == most_regions + 1)
      found.push_back({i, message("more than ", most_regions, " layers that pool regions"),
                       message("at most ", most_regions, " of ROIPooling and PSROIPooling"), source});
  }
}

/// Where the marks _cpu and _report may stand.
inline void check_marks(const network& net, std::vector<constraint_violation>& found) {
  constexpr std::string_view source = "a public book on such accelerators, and users' reports";
  std::vector<const layer*> maker(net.blobs.size());
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer& l = net.layers[i];
    const bool is_input = std::holds_alternative<layers::input>(l.params), is_marked = l.name.ends_with("_cpu");
    const auto add = [&](std::string got, std::string_view rule) {
      found.push_back({i, std::move(got), std::string(rule), source});
    };
    if (is_marked && is_input) add("the mark _cpu", "no mark _cpu on an input");
    for (const std::size_t b : l.inputs) {
      const layer* const before = maker[b];
      if (before == nullptr) continue;
      const std::string place = message("behind '", before->name, "' of type ", before->type);
      if (is_marked && (before->name.ends_with("_data") || before->type == "Custom" || before->type == "Proposal")) {
        add(message("the mark _cpu ", place), "no mark _cpu behind a Custom, a Proposal or what is marked _data");
      }
      if (!l.on_cpu && before->on_cpu && std::holds_alternative<upsample_params>(l.params)) {
        add(place, "no Upsample behind a layer of the host");
      }
    }
    for (const std::size_t b : l.outputs) {
      maker[b] = &l;
      if (!net.blobs[b].name.ends_with("_report")) continue;
      if (l.type == "Custom") {
        add(message("output '", net.blobs[b].name, "'"), "no mark _report on what a Custom gives");
      } else if (is_input || l.type == "Proposal" || is_marked) {
        add(message("output '", net.blobs[b].name, "'"), "no mark _report here: it has no effect");
      }
    }
  }
}

}  // namespace detail

/// What a network breaks, in the order of its layers; layers of the host are free but for their marks. An empty result
/// is no promise: only what is publicly known is checked.
[[nodiscard]] inline std::vector<constraint_violation> check_constraints(const network& net) {
  std::vector<constraint_violation> found;
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer& l = net.layers[i];
    if (l.on_cpu) continue;
    detail::hardware_rules rules(i, found);
    for (const auto* blobs : {&l.inputs, &l.outputs}) {
      for (const std::size_t b : *blobs) {
        const tensor_shape& s = net.blobs[b].shape;
        const bool is_map = s.rank() == 4;
        rules.require(!is_map || s[1] <= 4096, "at most 4096 channels", detail::from_guide, is_map ? s[1] : 0,
                      " channels");
      }
    }
    const std::vector<tensor_shape> inputs = input_shapes(net, l);
    visit_kind(l, [&](auto kind, const auto& p) {
      decltype(kind)::check_rules({l.type, inputs, l.outputs.size()}, p, rules);
      if constexpr (decltype(kind)::limits_readers) detail::check_readers(net, l, rules);
    });
  }
  detail::check_segments(net, found);
  detail::check_counts(net, found);
  detail::check_marks(net, found);
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.layer < b.layer; });
  return found;
}

NNIESIM_END_NAMESPACE
