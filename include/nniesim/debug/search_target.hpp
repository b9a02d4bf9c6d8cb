// What plans of precisions are judged by: cosines, norms, or a score of the user's own.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/nearest_names.hpp>
#include <nniesim/debug/agreement.hpp>
#include <nniesim/metrics/compare.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What a plan is judged by: larger is better.
struct search_target {
  std::string name;                ///< in the state file: what `score` computes, so that no two targets have the same
  std::vector<std::size_t> blobs;  ///< what `score` reads, by index in the network
  /// The score of one picture, from the values of `blobs` in float, in that order, and the quantized network after its
  /// run, which kept them. NaN counts as -infinity.
  std::function<double(std::span<const tensor<float>> reference, const network_runner& quantized)> score;
};

namespace detail {

/// The network's outputs.
[[nodiscard]] inline std::vector<std::size_t> output_blobs(const network& net) {
  std::vector<std::size_t> result;
  for (const auto& [layer, output] : network_outputs(net)) result.push_back(net.layers[layer].outputs[output]);
  require<format_error>(!result.empty(), "search: a network without outputs, expected at least one");
  return result;
}

/// The smaller of two scores, of which NaN is -infinity.
[[nodiscard]] inline double smaller_score(double a, double b) noexcept {
  return std::isnan(a) || std::isnan(b) ? -std::numeric_limits<double>::infinity() : std::min(a, b);
}

/// The smallest of f(comparison) over the blobs; -infinity where one is NaN.
template <class F>
[[nodiscard]] search_target smallest_over_blobs(std::string name, std::vector<std::size_t> blobs, F f) {
  auto score = [blobs, f](std::span<const tensor<float>> reference, const network_runner& quantized) {
    double worst = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      quantized.visit(blobs[i], [&](auto x) { worst = smaller_score(worst, f(compare(reference[i], x))); });
    }
    return worst;
  };
  return {std::move(name), std::move(blobs), std::move(score)};
}

/// The smallest agreement() over the blobs.
[[nodiscard]] inline search_target smallest_agreement(const network& net, std::string name,
                                                      std::vector<std::size_t> blobs) {
  const bool any_has_few =
      std::any_of(blobs.begin(), blobs.end(), [&](std::size_t b) { return has_few_values(net.blobs[b].shape.size()); });
  if (any_has_few) name += ", of few values their error";
  return smallest_over_blobs(std::move(name), std::move(blobs), [](const comparison& c) { return agreement(c); });
}

/// A layer whose `what` is a target.
[[nodiscard]] inline const layer& layer_named(const network& net, std::string_view name, std::string_view what) {
  const auto found = std::find_if(net.layers.begin(), net.layers.end(), [&](const layer& l) { return l.name == name; });
  if (found != net.layers.end()) return *found;
  std::vector<std::string_view> names;
  for (const layer& l : net.layers) names.push_back(l.name);
  throw format_error(
      message("search: no layer ", excerpt(name), " whose ", what, " could be the target", nearest_names(name, names)));
}

/// The values of blobs after a run.
[[nodiscard]] inline std::vector<tensor<float>> values_of(const network_runner& runner,
                                                          std::span<const std::size_t> blobs) {
  std::vector<tensor<float>> values;
  for (const std::size_t b : blobs) values.push_back(runner.value(b));
  return values;
}

}  // namespace detail

/// The score of a plan: the smallest over the pictures, of each the network's inputs in order; NaN as -infinity. Throws
/// as network_runner.
[[nodiscard]] inline double score_of(const search_target& target, const network& net, const precision_plan& plan,
                                     const activation_ranges& ranges,
                                     std::span<const std::vector<tensor_view<const float>>> pictures,
                                     const executor& threads = {}) {
  network_runner reference(net, float_plan(net), {.keep = target.blobs, .threads = threads});
  network_runner quantized(net, plan, {.keep = target.blobs, .threads = threads});
  quantized.use(ranges);
  double worst = std::numeric_limits<double>::infinity();
  for (const auto& picture : pictures) {
    reference.run(picture);
    quantized.run(picture);
    worst = detail::smaller_score(worst, target.score(detail::values_of(reference, target.blobs), quantized));
  }
  return worst;
}

/// The smallest cosine over the network's outputs, or over those of the layers that are named; of outputs of few values
/// their agreement(), which the target's name says. Throws format_error for a network without outputs, and for a layer
/// that is not there.
[[nodiscard]] inline search_target output_cosine(const network& net, std::span<const std::string> layer_names = {}) {
  std::string name = "output cosine";
  std::vector<std::size_t> blobs = layer_names.empty() ? detail::output_blobs(net) : std::vector<std::size_t>();
  for (const std::string& layer_name : layer_names) {
    const std::vector<std::size_t>& own = detail::layer_named(net, layer_name, "cosine").outputs;
    blobs.insert(blobs.end(), own.begin(), own.end());
    name += detail::message(&layer_name == layer_names.data() ? " of " : ", ", layer_name);
  }
  return detail::smallest_agreement(net, std::move(name), std::move(blobs));
}

/// The smallest cosine over the outputs of all layers, as output_cosine takes it. Throws as output_cosine. Memory: all
/// blobs of all pictures.
[[nodiscard]] inline search_target worst_layer_cosine(const network& net) {
  (void)detail::output_blobs(net);
  std::vector<std::size_t> blobs;
  for (const layer& l : net.layers) {
    if (!std::holds_alternative<layers::input>(l.params)) {
      blobs.insert(blobs.end(), l.outputs.begin(), l.outputs.end());
    }
  }
  return detail::smallest_agreement(net, "worst layer cosine", std::move(blobs));
}

/// -|norm_error|, the error of the norms, the largest over the outputs of a layer or, without a name, of the network:
/// a goal of -0.01 asks for norms within 1 %. Throws format_error for a layer that is not there, and as output_cosine.
[[nodiscard]] inline search_target norm_error(const network& net, std::string_view layer_name = {}) {
  std::vector<std::size_t> blobs;
  if (layer_name.empty()) {
    blobs = detail::output_blobs(net);
  } else {
    blobs = detail::layer_named(net, layer_name, "norm").outputs;
  }
  const std::string name = layer_name.empty() ? "norm error" : detail::message("norm error of ", layer_name);
  return detail::smallest_over_blobs(name, std::move(blobs),
                                     [](const comparison& c) { return -std::fabs(c.norm_error); });
}

NNIESIM_END_NAMESPACE
