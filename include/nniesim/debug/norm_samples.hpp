// What the last run of a network says about its norm chains: the norms before and after each, and what it divides by.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <variant>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/norm_chain.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The L2 norm of each of equally many values in a row.
template <class V>
[[nodiscard]] std::vector<double> norms_of(tensor_view<const V> x, std::size_t samples) {
  std::vector<double> result(samples);
  const std::size_t each = x.size() / samples;
  for (std::size_t n = 0; n < samples; ++n) {
    double sum = 0;
    for (std::size_t i = 0; i < each; ++i) {
      const auto v = static_cast<double>(x[n * each + i]);
      sum = std::fma(v, v, sum);
    }
    result[n] = std::sqrt(sum);
  }
  return result;
}

/// Norms of a blob after a run.
[[nodiscard]] inline std::vector<double> norms_of(const network_runner& runner, std::size_t blob, std::size_t samples) {
  return runner.visit(blob, [&](auto x) { return norms_of(x, samples); });
}

/// What one sample says about a chain.
struct norm_sample {
  double reference = 0;  ///< norm of y in float
  double quantized = 0;  ///< norm of y
  double input = 0;      ///< norm of the quantized x
  double base = 0;       ///< what the holder takes, times its scale: r or r^2
};

/// The blobs that the next two functions read. Throws format_error for chains of another network.
[[nodiscard]] inline std::vector<std::size_t> chain_blobs(const network& net, std::span<const norm_chain> chains) {
  std::vector<std::size_t> result;
  for (const norm_chain& c : chains) {
    require<format_error>(c.product < net.layers.size() && c.holder < net.layers.size() &&
                              std::holds_alternative<power_params>(net.layers[c.holder].params),
                          "compensation: chain ", excerpt(c.name), " is not of this network");
    result.insert(result.end(), {c.input, net.layers[c.holder].inputs[0], net.layers[c.product].outputs[0]});
  }
  return result;
}

[[nodiscard]] inline std::vector<double> output_norms(const network_runner& runner, const norm_chain& c) {
  return norms_of(runner, runner.net().layers[c.product].outputs[0], c.samples);
}

/// All but the reference, of a quantized run.
[[nodiscard]] inline std::vector<norm_sample> samples_of(const network_runner& runner, const norm_chain& c) {
  const std::vector<double> input = norms_of(runner, c.input, c.samples);
  const std::vector<double> output = output_norms(runner, c);
  const layer& holder = runner.net().layers[c.holder];
  const tensor<float> base = runner.value(holder.inputs[0]);
  std::vector<norm_sample> result(c.samples);
  for (std::size_t n = 0; n < c.samples; ++n) {
    result[n] = {0, output[n], input[n],
                 std::get<power_params>(holder.params).scale * static_cast<double>(base.data()[n])};
  }
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
