// A network's layers as data: what each one computes, with its weights, and which blobs it reads and writes.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nniesim/core/nearest_names.hpp>
#include <nniesim/network/kinds/all.hpp>
#include <nniesim/nniesim.hpp>

NNIESIM_BEGIN_NAMESPACE

/// One layer: what it computes, and which blobs it reads and writes.
struct layer {
  std::string name;                   ///< as the file has it, with its marks (_cpu, _hp)
  std::string type;                   ///< as the file calls it: "Convolution"
  std::string where;                  ///< of its definition: file:line:column
  std::vector<std::size_t> inputs;    ///< blobs, by index
  std::vector<std::size_t> outputs;   ///< the same
  layer_params params;                ///< its kind, with parameters and weights
  std::vector<std::string> merged{};  ///< the layers that folding took into this one
  bool on_cpu = false;                ///< the hardware does not run it, or its name ends in _cpu: in float, by the host
};

/// What layers hand on. A layer that works in place makes a new blob of the same name, so that every blob is written
/// once.
struct blob {
  std::string name;      ///< as the file has it; several may have one name
  tensor_shape shape{};  ///< of its values
};

/// Layers in an order in which each finds its inputs computed.
struct network {
  std::string name;                     ///< as the file has it
  std::vector<blob> blobs;              ///< which layers name by their indices
  std::vector<layer> layers;            ///< in order of execution
  std::vector<std::size_t> reported{};  ///< blobs with the mark _report, whose values the compiler is to give
  std::vector<std::string> remarks{};   ///< what the user is to know of how the file was read; whole sentences
};

/// What an output is called where layers stand for blobs: the layer's name, further ones with their number.
[[nodiscard]] inline std::string output_name(const layer& l, std::size_t output) {
  return output == 0 ? l.name : l.name + ":" + std::to_string(output);
}

/// One output of one layer of a network.
struct layer_output {
  std::size_t layer = 0;   ///< index in the network
  std::size_t output = 0;  ///< index among the layer's outputs
  /// By layer, then by output.
  friend auto operator<=>(const layer_output&, const layer_output&) = default;
};

/// What layers give and none reads, inputs apart; in order.
[[nodiscard]] inline std::vector<layer_output> network_outputs(const network& net) {
  std::vector<bool> is_read(net.blobs.size());
  for (const layer& l : net.layers) {
    for (const std::size_t b : l.inputs) is_read[b] = true;
  }
  std::vector<layer_output> result;
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    if (std::holds_alternative<layers::input>(net.layers[l].params)) continue;
    for (std::size_t o = 0; o < net.layers[l].outputs.size(); ++o) {
      if (!is_read[net.layers[l].outputs[o]]) result.push_back({l, o});
    }
  }
  return result;
}

/// The blobs that the network is given, in the order in which network_runner::run takes them: that of its input layers.
[[nodiscard]] inline std::vector<std::size_t> input_blobs(const network& net) {
  std::vector<std::size_t> result;
  for (const layer& l : net.layers) {
    if (std::holds_alternative<layers::input>(l.params)) result.push_back(l.outputs.at(0));
  }
  return result;
}

/// The index of the layer of that name, or of the one that took it in when it was folded. Throws format_error for an
/// unknown name, with the nearest ones.
[[nodiscard]] inline std::size_t layer_index(const network& net, std::string_view name) {
  std::vector<std::string_view> names;
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    const layer& x = net.layers[l];
    names.push_back(x.name);
    names.insert(names.end(), x.merged.begin(), x.merged.end());
    if (x.name == name || std::find(x.merged.begin(), x.merged.end(), name) != x.merged.end()) return l;
  }
  throw format_error(detail::message("network ", detail::excerpt(net.name), ": no layer ", detail::excerpt(name),
                                     detail::nearest_names(name, names)));
}

/// The index of the blob that holds an output: of the layer of that name the first, as output_name() calls it; else
/// the last one written under that name, which is how outputs of layers with several are told apart. Where a layer was
/// folded into another, that one's output is the last folded layer's. Throws format_error for an unknown name, with
/// the nearest ones, and for a folded layer whose output is not computed any more.
[[nodiscard]] inline std::size_t blob_index(const network& net, std::string_view name) {
  std::vector<std::string_view> names;
  std::optional<std::size_t> by_layer, by_blob;
  for (const layer& l : net.layers) {
    names.push_back(l.name);
    names.insert(names.end(), l.merged.begin(), l.merged.end());
    const auto folded = std::find(l.merged.begin(), l.merged.end(), name);
    detail::require<format_error>(folded == l.merged.end() || folded + 1 == l.merged.end(), "network ",
                                  detail::excerpt(net.name), ": layer ", detail::excerpt(name), " is folded into ",
                                  detail::excerpt(l.name), ", whose output is the one of ",
                                  l.merged.empty() ? "" : detail::excerpt(l.merged.back()));
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      const std::string& blob_name = net.blobs[l.outputs[o]].name;
      names.push_back(blob_name);
      if (blob_name == name) by_blob = l.outputs[o];
      if (output_name(l, o) == name || (o == 0 && folded != l.merged.end())) by_layer = l.outputs[o];
    }
  }
  detail::require<format_error>(by_layer || by_blob, "network ", detail::excerpt(net.name), ": no layer or blob ",
                                detail::excerpt(name), detail::nearest_names(name, names));
  return by_layer ? *by_layer : *by_blob;
}

/// The layers that the outputs of a layer depend on, itself among them.
[[nodiscard]] inline std::set<std::size_t> sources_of(const network& net, std::size_t index) {
  std::set<std::size_t> blobs(net.layers[index].inputs.begin(), net.layers[index].inputs.end());
  std::set<std::size_t> sources = {index};
  for (std::size_t l = index; l-- > 0;) {
    const layer& x = net.layers[l];
    if (std::none_of(x.outputs.begin(), x.outputs.end(), [&](std::size_t b) { return blobs.contains(b); })) continue;
    sources.insert(l);
    blobs.insert(x.inputs.begin(), x.inputs.end());
  }
  return sources;
}

namespace detail {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>  // for Clang before 17
overloaded(F...)->overloaded<F...>;

}  // namespace detail

/// Calls f(layer_kind<Params>(), parameters) with what the layer is.
template <class F>
decltype(auto) visit_kind(const layer& l, F&& f) {
  return std::visit([&]<class Params>(const Params& p) -> decltype(auto) { return f(layer_kind<Params>(), p); },
                    l.params);
}

/// Whether a layer multiplies and accumulates: convolution, deconvolution, fully connected.
[[nodiscard]] inline bool is_mac_layer(const layer& l) noexcept {
  return visit_kind(l, [](auto kind, const auto&) { return decltype(kind)::is_mac; });
}

/// Whether a layer's weights can be laid out piece by piece while it runs.
[[nodiscard]] inline bool lays_out_in_pieces(const layer& l) noexcept {
  return visit_kind(l, [](auto kind, const auto& p) { return decltype(kind)::lays_out_in_pieces(p); });
}

/// Whether a layer has weights that its policy encodes: one that multiplies and accumulates, or a recurrent one.
[[nodiscard]] inline bool encodes_weights(const layer& l) noexcept {
  return visit_kind(
      l, [](auto kind, const auto&) { return decltype(kind)::is_mac || decltype(kind)::encodes_several_weights; });
}

/// Whether a layer's outputs are its input under other names or shapes.
[[nodiscard]] inline bool is_renaming(const layer& l) noexcept {
  return visit_kind(l, [](auto kind, const auto&) { return decltype(kind)::is_renaming; });
}

/// The shapes of a layer's outputs. Throws shape_error or format_error, without the layer's name, where the inputs do
/// not fit its parameters or its weights.
[[nodiscard]] inline std::vector<tensor_shape> infer_shapes(const layer& l, std::span<const tensor_shape> inputs) {
  return visit_kind(l, [&](auto kind, const auto& p) {
    return decltype(kind)::shapes({l.type, inputs, l.outputs.size()}, p);
  });
}

/// The shapes of a layer's inputs.
[[nodiscard]] inline std::vector<tensor_shape> input_shapes(const network& net, const layer& l) {
  std::vector<tensor_shape> shapes;
  for (const std::size_t b : l.inputs) shapes.push_back(net.blobs[b].shape);
  return shapes;
}

NNIESIM_END_NAMESPACE
