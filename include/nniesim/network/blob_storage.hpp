// How blobs stand between layers: as codes of one scale, as int32 in 1/4096, or, where the host has them, as floats.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <nniesim/network/layer.hpp>
#include <nniesim/network/precision_plan.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Whether a layer reads its inputs as codes (kinds/): convolutions, deconvolutions, fully connected layers, max
/// pooling, element-wise layers, upsampling. Source: compiled models. Recurrent layers: our assumption.
[[nodiscard]] inline bool reads_codes(const layer& l) noexcept {
  return visit_kind(l, [](auto kind, const auto& p) { return decltype(kind)::reads_codes(p); });
}

/// The same of one of its inputs: of recurrent layers neither continuation nor states are, of all others all or none.
[[nodiscard]] inline bool reads_codes(const layer& l, std::size_t input) noexcept {
  return visit_kind(l,
                    [&](auto kind, const auto& p) { return detail::reads_input_as_codes<decltype(kind)>(p, input); });
}

/// How many inputs there are up to the last one that a layer reads as codes.
[[nodiscard]] inline std::size_t code_inputs(const layer& l) noexcept {
  std::size_t count = reads_codes(l) ? l.inputs.size() : 0;
  while (count != 0 && !reads_codes(l, count - 1)) --count;
  return count;
}

/// One blob's.
struct blob_storage {
  /// The policies in whose formats of activations it is stored as codes, in the order of their first readers; none:
  /// int32 in 1/4096. There is one, unless layers of both widths read it: then it is stored once for each (our
  /// assumption).
  std::vector<layer_precision> codes{};
  std::size_t source = 0;  ///< the blob that it is another name of (Split, Dropout); itself where it is none
  std::size_t range = 0;   ///< the blob whose range its codes have: of an upsampling's output the input, else `source`
  /// It stands as floats: the network's input, and what a layer of the host leaves to the host alone.
  bool is_float = false;

  /// Whether it is stored as codes.
  [[nodiscard]] bool is_codes() const noexcept { return !codes.empty(); }
  /// The policy whose codes a layer gets: those of its own format, else the first.
  [[nodiscard]] layer_precision read_by(layer_precision reader) const {
    const auto own = std::find_if(codes.begin(), codes.end(),
                                  [&](layer_precision p) { return p.activations() == reader.activations(); });
    return own == codes.end() ? codes.front() : *own;
  }
};

/// "gfpq8", "gfpq8 and gfpq16", "int32", "float32".
[[nodiscard]] inline std::string to_string(const blob_storage& s) {
  std::string text;
  for (const layer_precision p : s.codes) text += (text.empty() ? "" : " and ") + std::string(p.activations());
  return !text.empty() ? text : s.is_float ? "float32" : "int32";
}

/// The storage of each blob of a network under a plan. A blob is stored once, by its producer, as its readers want it:
/// as codes if one of them reads codes, else as int32, as outputs are. Source: compiled models; those who read the
/// values of a blob of codes get decode(encode(x)). The codes of an upsampling's output are its input's, repeated
/// (seen), and so are those of a deconvolution that upsamples. Floats, where not all blobs are: our assumption.
[[nodiscard]] inline std::vector<blob_storage> blob_storage_of(const network& net, const precision_plan& plan) {
  std::vector<blob_storage> all(net.blobs.size());
  for (std::size_t b = 0; b < all.size(); ++b) all[b].source = all[b].range = b;
  const auto is_same = [](const layer& l) {
    return visit_kind(l, [](auto kind, const auto&) { return decltype(kind)::is_same_blob; });
  };
  for (const layer& l : net.layers) {
    for (const std::size_t b : l.outputs) {
      if (is_same(l) && !l.inputs.empty()) all[b].source = all[l.inputs[0]].source;
    }
  }
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer_precision p = plan.layers.at(i);
    if (!p.encodes_activations()) continue;
    for (std::size_t k = 0; k < code_inputs(net.layers[i]); ++k) {
      if (!reads_codes(net.layers[i], k)) continue;
      std::vector<layer_precision>& codes = all[all[net.layers[i].inputs[k]].source].codes;
      if (std::none_of(codes.begin(), codes.end(),
                       [&](layer_precision x) { return x.activations() == p.activations(); })) {
        codes.push_back(p);
      }
    }
  }
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer& l = net.layers[i];
    const std::vector<tensor_shape> shapes = input_shapes(net, l);
    const bool keeps = visit_kind(l, [&](auto kind, const auto& p) {
      return decltype(kind)::keeps_scale({l.type, shapes, l.outputs.size()}, p);
    });
    if (keeps && plan.layers[i].encodes_activations()) all[l.outputs[0]].range = all[all[l.inputs[0]].source].range;
  }
  if (!plan.is_float) {
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
      const bool writes = std::holds_alternative<layers::input>(net.layers[i].params) || plan.layers[i].writes_floats();
      for (const std::size_t b : net.layers[i].outputs) all[b].is_float = writes;
    }
    // Outputs of the host that the accelerator reads it gets as int32.
    const std::vector<std::size_t> given = input_blobs(net);
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
      if (plan.layers[i].writes_floats() || is_same(net.layers[i])) continue;
      for (const std::size_t b : net.layers[i].inputs) {
        const std::size_t source = all[b].source;
        if (std::find(given.begin(), given.end(), source) == given.end()) all[source].is_float = false;
      }
    }
  }
  for (blob_storage& s : all) {
    const blob_storage& source = all[s.source];
    if (&source == &s) continue;
    s.codes = source.codes;
    s.range = source.range;
    s.is_float = source.is_float;
  }
  return all;
}

/// Which of a layer's inputs a run hands to it as a copy: those that it does not read as they stand. A blob of codes,
/// of which it reads the values; floats that the network was given, where it is a layer of the accelerator but none of
/// products. In a float network that runs as another plan stores (`encodes_all`) each blob of codes.
[[nodiscard]] inline bool reads_copy(const network& net, const precision_plan& plan,
                                     const std::vector<blob_storage>& storage, std::size_t layer, std::size_t blob,
                                     bool encodes_all) {
  const nniesim::layer& l = net.layers[layer];
  if (visit_kind(l, [](auto kind, const auto&) { return decltype(kind)::is_same_blob; })) return false;
  const blob_storage& s = storage[blob];
  if (plan.is_float && encodes_all) return s.is_codes();
  bool encodes = false;  // in any of the places where it reads the blob
  for (std::size_t i = 0; i < l.inputs.size() && plan.layers[layer].encodes_activations(); ++i) {
    encodes = encodes || (l.inputs[i] == blob && reads_codes(l, i));
  }
  if (s.is_float) return !plan.layers[layer].writes_floats() && (!encodes || !is_mac_layer(l));
  return s.is_codes() && !encodes;
}

NNIESIM_END_NAMESPACE
