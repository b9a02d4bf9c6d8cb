// Which policy every layer of a network runs under.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <nniesim/network/layer.hpp>
#include <nniesim/network/layer_precision.hpp>
#include <nniesim/precision/compile_mode.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A network's precisions. In a float plan blobs are floats, and all policies write floats; in all others blobs are
/// q20_12, but for those of the host (blob_storage), and a policy that writes floats (float32) marks the layers that
/// the host runs.
struct precision_plan {
  bool is_float = true;                   ///< all blobs are floats
  std::vector<layer_precision> layers{};  ///< one per layer

  /// Compares all fields.
  [[nodiscard]] bool operator==(const precision_plan&) const = default;
};

/// The policy of all layers that encode, or "mixed"; "float32" where none does.
[[nodiscard]] inline std::string plan_name(const precision_plan& plan) {
  std::optional<layer_precision> one;
  for (const layer_precision p : plan.layers) {
    if (!p.encodes()) continue;
    if (one && *one != p) return "mixed";
    one = p;
  }
  return std::string(one.value_or(layer_precision::float32).name());
}

/// Everything in float32: the reference.
[[nodiscard]] inline precision_plan float_plan(const network& net) {
  return {true, std::vector<layer_precision>(net.layers.size(), layer_precision::float32)};
}

/// All layers under one policy; those on the CPU are the host's.
[[nodiscard]] inline precision_plan plan_of(const network& net, layer_precision policy) {
  precision_plan plan{policy.writes_floats(), std::vector<layer_precision>(net.layers.size(), policy)};
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    if (net.layers[l].on_cpu) plan.layers[l] = layer_precision::host;
  }
  return plan;
}

/// What the vendor's compiler makes of a compile mode; layers on the CPU are the host's. Throws format_error for a
/// layer marked _hp outside mode 2, as the compiler does.
[[nodiscard]] inline precision_plan plan_of(const network& net, compile_mode mode) {
  precision_plan plan{false, {}};
  for (const layer& l : net.layers) {
    const int bits = layer_bits(mode, l.name);
    plan.layers.push_back(l.on_cpu     ? layer_precision::host
                          : bits == 16 ? layer_precision::w16a16
                                       : layer_precision::w8a8);
  }
  return plan;
}

NNIESIM_END_NAMESPACE
