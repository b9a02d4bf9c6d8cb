// What of a network the accelerator does not run: why not, and what the compiler takes instead.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Whether the compiler knows that the host runs the layer: it is marked _cpu or of a type that stands for a program of
/// the host, and the compiler itself makes segments of what is around it (the vendor's guide, as transcribed publicly).
[[nodiscard]] inline bool is_host_by_compiler(const layer& l) {
  return l.name.ends_with("_cpu") || l.type == "Custom" || l.type == "Proposal";
}

/// What the compiler takes in place of a layer of the host, as users write it; "" for layers that it runs or knows, and
/// where nothing is usual.
[[nodiscard]] inline std::string_view usual_rewrite(const layer& l) {
  if (!l.on_cpu || is_host_by_compiler(l)) return {};
  return visit_kind(l, [&](auto kind, const auto& p) { return decltype(kind)::rewrite(l.type, p); });
}

/// The first layer that the compiler does not know, in the file's order: there it wants the network cut, or rewritten.
/// In-place activations behind a layer of the host belong to it.
[[nodiscard]] inline std::optional<std::size_t> first_unknown_to_compiler(const network& net) {
  std::vector<bool> by_compiler(net.blobs.size());  // blobs that the host makes, as the compiler knows
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer& l = net.layers[i];
    if (!l.on_cpu) continue;
    const bool is_in_place = !l.inputs.empty() && !l.outputs.empty() && by_compiler[l.inputs[0]] &&
                             net.blobs[l.inputs[0]].name == net.blobs[l.outputs[0]].name;
    if (!is_host_by_compiler(l) && !is_in_place) return i;
    for (const std::size_t b : l.outputs) by_compiler[b] = true;
  }
  return std::nullopt;
}

NNIESIM_END_NAMESPACE
