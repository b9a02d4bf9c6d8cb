// A network's layers compared, float against quantized: with every layer quantized before them, or each by itself.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <nniesim/metrics/format_error.hpp>
#include <nniesim/metrics/table.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// One output of one layer.
struct layer_comparison {
  std::size_t layer = 0;   ///< index in the network
  std::size_t output = 0;  ///< of the layer
  comparison result{};     ///< the quantized values against the reference
  /// The error as a multiple of what one encoding of the output in the format of the layer's activations makes
  /// unavoidable; none for layers in float and where the comparison is not a number.
  std::optional<double> floor_ratio{};
};

namespace detail {

template <tensor_like X>
[[nodiscard]] layer_comparison compare_output(const network_runner& reference, const network_runner& quantized,
                                              std::size_t layer, std::size_t output, const X& x) {
  layer_comparison c{layer, output, {}, {}};
  reference.visit(reference.net().layers[layer].outputs[output], [&](auto r) {
    c.result = compare(r, x);
    if (c.result.bad_reference + c.result.bad_other != 0) return;
    if constexpr (std::same_as<element_t<decltype(r)>, float>) {
      const layer_precision p = quantized.plan().layers[layer];
      if (p.encodes()) c.floor_ratio = quantized.policies()[p].floor_ratio(r, x);
    }
  });
  return c;
}

}  // namespace detail

/// Accumulated: the outputs of both runners' last runs, every layer that both kept, in order of execution. `reference`
/// runs the same network in float. The network's inputs come first: how far the data layers are apart.
[[nodiscard]] inline std::vector<layer_comparison> compare_accumulated(const network_runner& reference,
                                                                       const network_runner& quantized) {
  const network& net = reference.net();
  detail::require<format_error>(&quantized.net() == &net, "compare_accumulated: runners of different networks");
  std::vector<layer_comparison> result;
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    for (std::size_t o = 0; o < net.layers[l].outputs.size(); ++o) {
      const std::size_t b = net.layers[l].outputs[o];
      if (!reference.is_kept(b) || !quantized.is_kept(b)) continue;
      quantized.visit(b, [&](auto x) { result.push_back(detail::compare_output(reference, quantized, l, o, x)); });
    }
  }
  return result;
}

/// The same layer by layer, in the memory of two forwards: runs both on one picture, side by side, and calls
/// f(layer_comparison) for each output while its blob can be read from both. Both need {.one_by_one = true}.
template <class F>
void compare_side_by_side(network_runner& reference, network_runner& quantized,
                          std::span<const tensor_view<const float>> inputs, F&& f) {
  const network& net = reference.net();
  detail::require<format_error>(&quantized.net() == &net, "compare_side_by_side: runners of different networks");
  const auto compare_layer = [&](std::size_t l) {
    for (std::size_t o = 0; o < net.layers[l].outputs.size(); ++o) {
      quantized.visit(net.layers[l].outputs[o],
                      [&](auto x) { f(detail::compare_output(reference, quantized, l, o, x)); });
    }
  };
  reference.begin(inputs);
  quantized.begin(inputs);
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    if (std::holds_alternative<layers::input>(net.layers[l].params)) compare_layer(l);
  }
  while (const std::optional<std::size_t> l = reference.advance()) {
    (void)quantized.advance();
    compare_layer(*l);
  }
}

/// Isolated: every layer fed with what it had in `reference`'s last run (a float run that keeps all blobs).
[[nodiscard]] inline std::vector<layer_comparison> compare_isolated(const network_runner& reference,
                                                                    network_runner& quantized) {
  std::vector<layer_comparison> result;
  quantized.run_isolated(reference, [&](std::size_t l, std::size_t o, auto x) {
    result.push_back(detail::compare_output(reference, quantized, l, o, x));
  });
  return result;
}

/// The comparisons as a table, rows named after the layers; a layer's further outputs are numbered.
[[nodiscard]] inline layer_table table_of(const network& net, const std::vector<layer_comparison>& comparisons,
                                          layer_thresholds thresholds = {}) {
  layer_table table(thresholds);
  for (const layer_comparison& c : comparisons) {
    std::string name = net.layers[c.layer].name;
    if (net.layers[c.layer].outputs.size() > 1) name += ":" + std::to_string(c.output);
    table.add(std::move(name), c.result, c.floor_ratio);
  }
  return table;
}

NNIESIM_END_NAMESPACE
