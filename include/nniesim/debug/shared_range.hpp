// Parts of a blob that lose all they have because another part takes the range that they share: branches of a
// concatenation, or channels of a layer.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A part of a blob: a branch of a concatenation, by the layer that writes it, or a channel.
struct range_part {
  std::string name;       ///< of the layer that writes the branch; empty: of channels
  std::size_t first = 0,  ///< channel of the blob that it begins with
      count = 0;          ///< how many channels it has
  double largest = 0;     ///< magnitude
};

/// A range that one part takes from the others.
struct shared_range {
  std::size_t input = 0;                ///< of the layer that reads the blob
  std::string blob{};                   ///< the layer that joins the branches, or writes the channels
  range_part taking{};                  ///< the one with the largest values
  std::vector<range_part> vanishing{};  ///< those whose values are all rounded to zero
  /// How much larger a vanishing part has to be to use the range as the taking one does: a power of two.
  double factor = 1;
};

namespace detail {

/// The parts of a blob in the order of its channels: the branches where a concatenation of channels writes it, perhaps
/// with layers behind it that keep channels apart; else each channel. Largest magnitudes are not filled in.
[[nodiscard]] inline std::pair<std::string, std::vector<range_part>> parts_of(const network& net, std::size_t blob) {
  const auto channels = [&](std::size_t b) { return net.blobs[b].shape.rank() >= 2 ? net.blobs[b].shape[1] : 1; };
  const std::size_t count = channels(blob);
  const auto writer_of = [&](std::size_t b) {
    return std::find_if(net.layers.begin(), net.layers.end(), [&](const layer& l) {
      return std::find(l.outputs.begin(), l.outputs.end(), b) != l.outputs.end();
    });
  };
  std::string first_name;
  for (std::size_t b = blob;;) {
    const auto writer = writer_of(b);
    if (writer == net.layers.end()) break;
    if (first_name.empty()) first_name = writer->name;
    if (const auto* concat = std::get_if<concat_params>(&writer->params); concat != nullptr && concat->axis == 1) {
      std::vector<range_part> parts;
      std::size_t at = 0;
      for (const std::size_t branch : writer->inputs) {
        const auto from = writer_of(branch);
        parts.push_back({from == net.layers.end() ? net.blobs[branch].name : from->name, at, channels(branch)});
        at += channels(branch);
      }
      return {writer->name, std::move(parts)};
    }
    const bool keeps_channels = writer->inputs.size() == 1 && writer->outputs.size() == 1 &&
                                channels(writer->inputs[0]) == count && !encodes_weights(*writer);
    if (!keeps_channels) break;
    b = writer->inputs[0];
  }
  std::vector<range_part> parts;
  for (std::size_t c = 0; c < count; ++c) parts.push_back({"", c, 1});
  return {first_name, std::move(parts)};
}

}  // namespace detail

/// Finds, among the blobs that a layer reads as codes of `octaves` below their largest value, one of which all parts
/// but one, or some of them, vanish. `inputs` are their values. Nothing where no part with values is lost.
[[nodiscard]] inline std::optional<shared_range> find_shared_range(const network& net, std::size_t layer_index,
                                                                   std::span<const tensor<float>> inputs,
                                                                   double octaves) {
  const layer& l = net.layers.at(layer_index);
  for (std::size_t i = 0; i < std::min(inputs.size(), l.inputs.size()); ++i) {
    auto [name, parts] = detail::parts_of(net, l.inputs[i]);
    const tensor_shape& shape = net.blobs[l.inputs[i]].shape;
    if (parts.size() < 2 || shape.rank() < 2 || shape.size() != inputs[i].size()) continue;
    const std::size_t channels = shape[1], plane = shape.size() / shape[0] / channels;
    const float* const x = inputs[i].data();
    for (range_part& p : parts) {
      for (std::size_t at = 0; at < shape.size(); ++at) {
        const std::size_t c = at / plane % channels;
        if (c < p.first || c >= p.first + p.count) continue;
        p.largest = std::max(p.largest, std::fabs(static_cast<double>(x[at])));
      }
    }
    const auto most = std::max_element(parts.begin(), parts.end(),
                                       [](const range_part& a, const range_part& b) { return a.largest < b.largest; });
    // Half a level below the last one codes are zero.
    const double least = most->largest * std::exp2(-octaves - 0.5);
    shared_range found{i, name, *most, {}, 1};
    double smallest = most->largest;
    for (const range_part& p : parts) {
      if (!(p.largest > 0 && p.largest < least)) continue;
      found.vanishing.push_back(p);
      smallest = std::min(smallest, p.largest);
    }
    if (found.vanishing.empty()) continue;
    found.factor = std::exp2(std::floor(std::log2(most->largest / smallest)));
    return found;
  }
  return std::nullopt;
}

NNIESIM_END_NAMESPACE
