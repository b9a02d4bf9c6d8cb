// Which compiled layer is which layer of a network: compiled models hold no names of layers, so that order and shape
// decide. And what follows from it: the scale of each blob.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/io/wk.hpp>
#include <nniesim/io/wk_codes.hpp>
#include <nniesim/network/fold.hpp>
#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A convolution, deconvolution or fully connected layer of the network and what it was compiled to.
struct wk_pair {
  std::size_t layer = 0;              ///< of the network
  std::vector<std::size_t> compiled;  ///< of the model: one, or one per group
  std::size_t blob = 0;               ///< the network's blob that holds what they store
  std::vector<std::size_t> affine{};  ///< the network's BatchNorm, Scale and Bias layers in between
  std::vector<double> slopes{};       ///< of negative values, where the activation in between is a leaky one: one or
                                      ///< one per channel
};

/// Which compiled layer is which of the network: what match_wk finds.
struct wk_matching {
  std::vector<wk_pair> pairs;  ///< in the network's order
  std::vector<std::optional<std::size_t>>
      stored;                     ///< of each blob the compiled layer that stores it, where it is known
  bool keeps_batch_norm = false;  ///< the model has BatchNorm or Scale layers of their own
};

namespace detail {

/// Weights and bias of a layer that multiplies.
struct wk_weights {
  const tensor<float>* weights = nullptr;
  const std::vector<float>* bias = nullptr;
};
[[nodiscard]] inline std::optional<wk_weights> wk_weights_of(const layer& l) {
  return std::visit(overloaded{
                        [](const layers::convolution& p) {
                          return std::optional(wk_weights{&p.weights, &p.bias});
                        },
                        [](const layers::deconvolution& p) {
                          return std::optional(wk_weights{&p.weights, &p.bias});
                        },
                        [](const layers::fully_connected& p) {
                          return std::optional(wk_weights{&p.weights, &p.bias});
                        },
                        [](const auto&) { return std::optional<wk_weights>(); },
                    },
                    l.params);
}

/// Weights of one layer as the compiler sees them: outputs x channels x rows x columns of each group.
struct wk_geometry {
  wk_type type{};
  std::size_t groups = 1;
  wk_kernel kernel;  ///< of one group
  conv2d_params params{};

  [[nodiscard]] static std::optional<wk_geometry> of(const layer& l) {
    wk_geometry g;
    if (const auto* conv = std::get_if<layers::convolution>(&l.params)) {
      const tensor_shape w = shape_of(conv->weights);
      g = {wk_type::convolution,
           conv->geometry.groups,
           {w[0] / conv->geometry.groups, w[1], w[2], w[3]},
           conv->geometry};
    } else if (const auto* deconv = std::get_if<layers::deconvolution>(&l.params)) {
      const tensor_shape w = shape_of(deconv->weights);
      g = {wk_type::deconvolution,
           deconv->geometry.groups,
           {w[1], w[0] / deconv->geometry.groups, w[2], w[3]},
           deconv->geometry};
    } else if (const auto* fc = std::get_if<layers::fully_connected>(&l.params)) {
      const tensor_shape w = shape_of(fc->weights);
      g = {wk_type::fully_connected, 1, {w[0], w[1], 1, 1}, {}};
    } else {
      return std::nullopt;
    }
    return g;
  }
  [[nodiscard]] bool is_depthwise() const noexcept {
    return type == wk_type::convolution && groups > 1 && kernel.outputs == 1 && kernel.channels == 1;
  }
  /// Whether a layer of type `depthwise` may stand for it, all groups together.
  [[nodiscard]] bool is_one_layer(wk_type as) const noexcept {
    return groups == 1 || (as == wk_type::depthwise && is_depthwise());
  }
  [[nodiscard]] bool has_merged_rows(const wk_layer& c) const noexcept {
    return c.descriptor && c.descriptor->has_merged_rows() && params.stride[0] == 2 && params.stride[1] == 2;
  }
};

/// What does not fit between a network's layer, whose output is C x H x W of `shape`, and a compiled one; "" where all
/// does that the model says.
[[nodiscard]] inline std::string wk_misfit(const wk_geometry& g, const tensor_shape& shape, const wk_layer& c) {
  const bool is_type = c.type == g.type || (c.type == wk_type::depthwise && g.is_depthwise());
  if (!is_type) return message("it is ", to_string(c.type));
  const std::size_t outputs = c.type == wk_type::depthwise ? g.groups : g.kernel.outputs;
  if (g.type == wk_type::fully_connected) {
    const std::uint64_t stored = std::uint64_t{c.width} * c.height * c.channels;
    return stored == outputs ? "" : message("it stores ", stored, " values");
  }
  if (c.channels != outputs || c.height != shape[2] || c.width != shape[3]) {
    return message("it stores ", c.channels, "x", c.height, "x", c.width);
  }
  const bool merged = g.has_merged_rows(c);
  const bool is_deconvolution = g.type == wk_type::deconvolution;
  if (c.descriptor) {
    const wk_descriptor& d = *c.descriptor;
    const auto is = [](const std::array<std::uint32_t, 2>& a, std::size_t rows, std::size_t columns) {
      return a[0] == rows && a[1] == columns;
    };
    if (!is(d.kernel, merged ? divided_up(g.kernel.rows, 2) : g.kernel.rows, g.kernel.columns)) {
      return message("its kernel is ", d.kernel[0], "x", d.kernel[1]);
    }
    if (!is(d.dilation, g.params.dilation[0], g.params.dilation[1])) {
      return message("its dilation is ", d.dilation[0], "x", d.dilation[1]);
    }
    const auto& up = is_deconvolution ? d.upsampling : d.stride;
    if (!is(up, merged ? 1 : g.params.stride[0], g.params.stride[1]))
      return message("its stride is ", up[0], "x", up[1]);
  }
  if (c.window) {
    const auto pad = [&](std::size_t axis, std::size_t given) {
      const std::size_t reach = ((axis == 0 ? g.kernel.rows : g.kernel.columns) - 1) * g.params.dilation[axis];
      return is_deconvolution ? reach - given : given;
    };
    if (c.window->left_pad != pad(1, g.params.pad.left)) return message("its left pad is ", c.window->left_pad);
    if (!merged && c.window->top_pad != pad(0, g.params.pad.top)) return message("its top pad is ", c.window->top_pad);
  }
  if (const auto bits = c.bits(); bits && c.type != wk_type::depthwise) {
    const std::size_t blocks = divided_up(outputs, *bits == 8 ? 4 : 1);
    if (c.block_count != blocks) return message("it has ", c.block_count, " weight blocks, expected ", blocks);
  }
  return "";
}

class wk_matcher {
 public:
  wk_matcher(const wk_model& model, const network& net) : model_(model), net_(net), taken_(model.layers.size()) {
    result_.stored.resize(net.blobs.size());
    readers_.resize(net.blobs.size());
    for (std::size_t l = 0; l < net.layers.size(); ++l) {
      for (const std::size_t b : net.layers[l].inputs) readers_[b].push_back(l);
    }
  }

  [[nodiscard]] wk_matching match() {
    result_.keeps_batch_norm = keeps_batch_norm();
    for (std::size_t l = 0; l < net_.layers.size(); ++l) match_weighted(l);
    for (std::size_t c = 0; c < taken_.size(); ++c) {
      const wk_layer& left = model_.layers[c];
      require<format_error>(taken_[c] || !has_weights(left.type), model_.file, ": byte ", left.at, ": layer ", c,
                            ", a ", to_string(left.type), " that stores ", left.channels, "x", left.height, "x",
                            left.width, ", has none in network ", excerpt(net_.name), " that fits it");
    }
    match_others();
    return std::move(result_);
  }

 private:
  [[nodiscard]] static bool has_weights(wk_type t) noexcept {
    return t == wk_type::convolution || t == wk_type::deconvolution || t == wk_type::depthwise ||
           t == wk_type::fully_connected;
  }

  /// A Scale of two blobs stands in every model.
  [[nodiscard]] bool keeps_batch_norm() const {
    std::size_t in_network = 0, in_model = 0;
    for (const layer& l : net_.layers) {
      if (std::holds_alternative<layers::scale>(l.params) && !channel_affine_of(l)) ++in_network;
    }
    for (const wk_layer& c : model_.layers) {
      if (c.type == wk_type::batch_norm || c.type == wk_type::scale) ++in_model;
    }
    return in_model > in_network;
  }

  void match_weighted(std::size_t index) {
    const layer& l = net_.layers[index];
    const auto g = wk_geometry::of(l);
    if (!g || l.on_cpu) return;
    const tensor_shape& shape = net_.blobs[l.outputs[0]].shape;
    std::optional<std::size_t> next;  // the first that is left
    for (std::size_t c = 0; c < model_.layers.size(); ++c) {
      if (taken_[c] || !has_weights(model_.layers[c].type)) continue;
      if (!next) next = c;
      const std::vector<std::size_t> run = run_from(c, *g, shape);
      if (run.empty()) continue;
      for (const std::size_t i : run) taken_[i] = true;
      wk_pair pair{.layer = index, .compiled = run};
      follow(l, model_.layers[run[0]], pair);
      result_.stored[pair.blob] = run[0];
      result_.pairs.push_back(std::move(pair));
      return;
    }
    const std::string what = message(l.where, ": layer ", excerpt(l.name), " (", l.type, ", ", shape,
                                     ") has no compiled ", "layer in ", model_.file, " that fits it");
    if (!next) throw format_error(what + ", all of them are taken");
    const std::string why = wk_misfit(*g, shape, model_.layers[*next]);
    throw format_error(message(what, "; the next one, layer ", *next, ", does not: ",
                               why.empty() ? message("it is not followed by ", g->groups, " such groups") : why));
  }

  /// The compiled layers of all groups from the one at c on; none where they do not fit.
  [[nodiscard]] std::vector<std::size_t> run_from(std::size_t c, const wk_geometry& g,
                                                  const tensor_shape& shape) const {
    const std::size_t count = g.is_one_layer(model_.layers[c].type) ? 1 : g.groups;
    std::vector<std::size_t> run;
    for (; run.size() < count && c < model_.layers.size(); ++c) {
      if (!has_weights(model_.layers[c].type)) continue;
      if (taken_[c] || !wk_misfit(g, shape, model_.layers[c]).empty()) break;
      run.push_back(c);
    }
    return run.size() == count ? run : std::vector<std::size_t>();
  }

  /// Finds the blob that a compiled layer stores, behind the BatchNorm, Scale and activation that it took in.
  void follow(const layer& l, const wk_layer& c, wk_pair& pair) const {
    pair.blob = l.outputs[0];
    // Without a store instruction it is not known whether an activation was taken in.
    const bool is_known = c.store && c.store->activation != wk_activation::none;
    bool activated = false;
    while (!activated && readers_[pair.blob].size() == 1) {
      const std::size_t reader = readers_[pair.blob][0];
      const layer& r = net_.layers[reader];
      if (r.on_cpu || r.outputs.size() != 1) return;
      if (channel_affine_of(r) && !result_.keeps_batch_norm) {
        pair.affine.push_back(reader);
      } else if (is_known && is_activation(r)) {
        activated = true;
        if (const auto* relu = std::get_if<relu_params>(&r.params); relu != nullptr && relu->negative_slope != 0) {
          pair.slopes = {static_cast<double>(relu->negative_slope)};
        }
        if (const auto* prelu = std::get_if<layers::prelu>(&r.params)) {
          pair.slopes.assign(prelu->slope.begin(), prelu->slope.end());
        }
      } else {
        return;
      }
      pair.blob = r.outputs[0];
    }
  }
  [[nodiscard]] static bool is_activation(const layer& l) noexcept {
    return std::holds_alternative<relu_params>(l.params) || std::holds_alternative<layers::prelu>(l.params) ||
           std::holds_alternative<activation_params>(l.params);
  }

  [[nodiscard]] static std::optional<wk_type> type_of(const layer& l) {
    return std::visit(overloaded{
                          [](const layers::input&) { return std::optional(wk_type::input); },
                          [](const layers::batch_norm&) { return std::optional(wk_type::batch_norm); },
                          [](const layers::scale&) { return std::optional(wk_type::scale); },
                          [](const layers::prelu&) { return std::optional(wk_type::relu); },
                          [](const relu_params&) { return std::optional(wk_type::relu); },
                          [](const pooling_params&) { return std::optional(wk_type::pooling); },
                          [](const eltwise_params&) { return std::optional(wk_type::eltwise); },
                          [](const lrn_params&) { return std::optional(wk_type::lrn); },
                          [](const auto&) { return std::optional<wk_type>(); },
                      },
                      l.params);
  }

  using type_and_shape = std::tuple<wk_type, std::size_t, std::size_t, std::size_t>;

  /// Layers without weights, in order, where as many of a type and shape are left on either side. Where there are fewer
  /// compiled ones, some were taken into layers before, and it is not known which.
  void match_others() {
    std::map<type_and_shape, std::vector<std::size_t>> blobs, compiled;
    for (const layer& l : net_.layers) {
      const auto type = type_of(l);
      if (!type || l.on_cpu || l.outputs.size() != 1 || result_.stored[l.outputs[0]]) continue;
      const tensor_shape& shape = net_.blobs[l.outputs[0]].shape;
      if (shape.rank() < 2) continue;
      const std::size_t height = shape.rank() > 2 ? shape[2] : 1, width = shape.rank() > 3 ? shape[3] : 1;
      blobs[{*type, shape[1], height, width}].push_back(l.outputs[0]);
    }
    for (std::size_t c = 0; c < model_.layers.size(); ++c) {
      const wk_layer& m = model_.layers[c];
      if (!taken_[c]) compiled[{m.type, m.channels, m.height, m.width}].push_back(c);
    }
    for (const auto& [key, of_network] : blobs) {
      const auto found = compiled.find(key);
      if (found == compiled.end() || found->second.size() != of_network.size()) continue;
      for (std::size_t i = 0; i < of_network.size(); ++i) result_.stored[of_network[i]] = found->second[i];
    }
  }

  const wk_model& model_;
  const network& net_;
  std::vector<bool> taken_;                        ///< of the compiled layers
  std::vector<std::vector<std::size_t>> readers_;  ///< of each blob
  wk_matching result_;
};

}  // namespace detail

/// Matches by order and shape, kernel, stride, dilation, pad and number of weight blocks: each layer of the network
/// with weights gets the first compiled layers that fit and are left, so that some may stand in another order. `net` is
/// the network of the files, not folded. Throws format_error with the first layer of either side for which there is
/// none.
[[nodiscard]] inline wk_matching match_wk(const wk_model& model, const network& net) {
  return detail::wk_matcher(model, net).match();
}

/// A blob's scale as the compiler chose it.
struct wk_range {
  int bits = 8;  ///< 8: z is gfpq8's, 16: gfpq16's
  int z = 0;     ///< of the scale: within its min_z .. max_z
  /// Compares both.
  [[nodiscard]] friend bool operator==(const wk_range&, const wk_range&) = default;
};

/// The scales of the network's blobs, by index: of those that stand as codes in the model and whose layer is known;
/// where the layer that stores a blob is not, those that its reader reads with. Throws format_error for a scale that
/// the format has not.
[[nodiscard]] inline std::map<std::size_t, wk_range> wk_ranges(const wk_model& model, const network& net,
                                                               const wk_matching& matching) {
  std::map<std::size_t, wk_range> ranges;
  const auto add = [&](std::size_t blob, int bits, wk_scale scale, const wk_layer& c) {
    const auto z = scale.z(bits);
    const int low = bits == 8 ? gfpq8::scale::min_z : gfpq16::scale::min_z;
    const int high = bits == 8 ? gfpq8::scale::max_z : gfpq16::scale::max_z;
    detail::require<format_error>(z && *z >= low && *z <= high, model.file, ": byte ", c.at, ": blob ",
                                  detail::excerpt(net.blobs[blob].name), " has a scale of ", scale.steps,
                                  "/128 octave, expected z from ", low, " to ", high, " of ", bits, " bits");
    ranges.try_emplace(blob, wk_range{bits, *z});
  };
  for (std::size_t b = 0; b < net.blobs.size(); ++b) {
    if (!matching.stored[b]) continue;
    const wk_layer& c = model.layers[*matching.stored[b]];
    if (c.element_bytes != 4) add(b, 8 * c.element_bytes, c.scale, c);
  }
  for (const wk_pair& p : matching.pairs) {
    const wk_layer& c = model.layers[p.compiled[0]];
    const std::size_t blob = net.layers[p.layer].inputs[0];
    if (c.bits() && !c.input_scales.empty() && !matching.stored[blob]) add(blob, *c.bits(), c.input_scales[0], c);
  }
  // The same codes under other names and shapes.
  for (const layer& l : net.layers) {
    const bool keeps = std::holds_alternative<layers::identity>(l.params) ||
                       std::holds_alternative<layers::flatten>(l.params) ||
                       std::holds_alternative<layers::reshape>(l.params);
    if (!keeps || !ranges.contains(l.inputs[0])) continue;
    const wk_range range = ranges.at(l.inputs[0]);
    for (const std::size_t b : l.outputs) ranges.try_emplace(b, range);
  }
  return ranges;
}
/// The same, matched by match_wk, whose errors it throws too.
[[nodiscard]] inline std::map<std::size_t, wk_range> wk_ranges(const wk_model& model, const network& net) {
  return wk_ranges(model, net, match_wk(model, net));
}

NNIESIM_END_NAMESPACE
