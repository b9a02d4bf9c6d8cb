// Which policy every layer of a network runs under.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/network/layer.hpp>
#include <nniesim/precision/compile_mode.hpp>

NNIESIM_BEGIN_NAMESPACE

enum class layer_precision { float32, w8a8, w16a16 };

[[nodiscard]] constexpr std::string_view to_string(layer_precision p) noexcept {
  switch (p) {
    case layer_precision::float32: return float32::name;
    case layer_precision::w8a8: return w8a8::name;
    case layer_precision::w16a16: return w16a16::name;
  }
  return "?";
}

/// Calls f with the policy: float32{}, w8a8{} or w16a16{}.
template <class F>
decltype(auto) with_policy(layer_precision p, F&& f) {
  switch (p) {
    case layer_precision::w8a8: return std::forward<F>(f)(w8a8{});
    case layer_precision::w16a16: return std::forward<F>(f)(w16a16{});
    default: return std::forward<F>(f)(float32{});
  }
}

/// A network's precisions. In a float plan blobs are floats; in all others they are q20_12, and float32 marks the
/// layers that the host runs.
struct precision_plan {
  bool is_float = true;
  std::vector<layer_precision> layers{};  ///< one per layer

  [[nodiscard]] bool operator==(const precision_plan&) const = default;
};

/// Everything in float32: the reference.
[[nodiscard]] inline precision_plan float_plan(const network& net) {
  return {true, std::vector<layer_precision>(net.layers.size(), layer_precision::float32)};
}

/// What the vendor's compiler makes of a compile mode; layers on the CPU are float32. Throws format_error for a layer
/// marked _hp outside mode 2, as the compiler does.
[[nodiscard]] inline precision_plan plan_of(const network& net, compile_mode mode) {
  precision_plan plan{false, {}};
  for (const layer& l : net.layers) {
    const int bits = layer_bits(mode, l.name);
    plan.layers.push_back(l.on_cpu     ? layer_precision::float32
                          : bits == 16 ? layer_precision::w16a16
                                       : layer_precision::w8a8);
  }
  return plan;
}

NNIESIM_END_NAMESPACE
