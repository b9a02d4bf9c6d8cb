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
#include <nniesim/nniesim.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What layers compute, one type per operator; the parameters are the operators' own.
namespace layers {

/// Where the network's input stands; its shape is the blob's.
struct input {};
/// Weights OC x C/groups x KH x KW; `bias` is empty or has OC values.
struct convolution {
  conv2d_params geometry{};
  tensor<float> weights{};
  std::vector<float> bias{};
};
/// Weights C x OC/groups x KH x KW; `bias` is empty or has OC values.
struct deconvolution {
  conv2d_params geometry{};
  tensor<float> weights{};
  std::vector<float> bias{};
};
/// Weights OUT x IN over the input's axes from `axis` on, taken as one; `bias` is empty or has OUT values.
struct fully_connected {
  std::size_t axis = 1;
  tensor<float> weights{};
  std::vector<float> bias{};
};
/// Stored statistics, one per channel (axis 1).
struct batch_norm {
  batch_norm_params statistics{};
};
/// y = x * factor + shift. `factor` (of any rank; none: the layer's second input) covers the input's axes from `axis`
/// on; `shift` is empty or has as many values. Caffe's Bias is a scale with factors of 1.
struct scale {
  scale_params params{};
  std::optional<tensor<float>> factor{};
  std::vector<float> shift{};
};
/// One slope per channel, or one for all.
struct prelu {
  std::vector<float> slope{};
};
/// Each sample over its norm, then times `factor`: one value, or one per channel.
struct normalize {
  l2_normalize_params params{};
  std::vector<float> factor{1.0F};
};
/// The same values: under as many names as the layer has outputs (Split), or as they are (Dropout).
struct identity {};
/// The axes axis .. end_axis taken as one.
struct flatten {
  std::size_t axis = 1;
  std::size_t end_axis = 3;
};
/// Caffe's Reshape: the input's axes axis .. axis + count - 1 get the extents of `params` (0 copies, -1 takes the
/// rest).
struct reshape {
  reshape_params params{};
  std::size_t axis = 0;
  std::size_t count = 4;
};

}  // namespace layers

using layer_params =
    std::variant<layers::input, layers::convolution, layers::deconvolution, layers::fully_connected, layers::batch_norm,
                 layers::scale, layers::prelu, layers::normalize, layers::identity, layers::flatten, layers::reshape,
                 relu_params, activation_params, power_params, softmax_params, pooling_params, eltwise_params,
                 concat_params, permute_params, reduce_mean_params, reduce_sum_params, slice_params, lrn_params,
                 mvn_params, upsample_params, crop_params, arg_max_params>;

struct layer {
  std::string name;
  std::string type;                 ///< as the file calls it: "Convolution"
  std::string where;                ///< of its definition: file:line:column
  std::vector<std::size_t> inputs;  ///< blobs, by index
  std::vector<std::size_t> outputs;
  layer_params params;
  std::vector<std::string> merged{};  ///< the layers that folding took into this one
  bool on_cpu = false;                ///< the hardware does not run it, or its name ends in _cpu: in float, by the host
};

/// What layers hand on. A layer that works in place makes a new blob of the same name, so that every blob is written
/// once.
struct blob {
  std::string name;
  tensor_shape shape{};
};

/// Layers in an order in which each finds its inputs computed.
struct network {
  std::string name;
  std::vector<blob> blobs;
  std::vector<layer> layers;
  std::vector<std::size_t> reported{};  ///< blobs with the mark _report, whose values the compiler is to give
};

/// What an output is called where layers stand for blobs: the layer's name, further ones with their number.
[[nodiscard]] inline std::string output_name(const layer& l, std::size_t output) {
  return output == 0 ? l.name : l.name + ":" + std::to_string(output);
}

/// One output of one layer of a network.
struct layer_output {
  std::size_t layer = 0;
  std::size_t output = 0;
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
  throw format_error(detail::concat("network ", detail::excerpt(net.name), ": no layer ", detail::excerpt(name),
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

/// Whether a layer multiplies and accumulates: convolution, deconvolution, fully connected.
[[nodiscard]] inline bool is_mac_layer(const layer& l) noexcept {
  return std::holds_alternative<layers::convolution>(l.params) ||
         std::holds_alternative<layers::deconvolution>(l.params) ||
         std::holds_alternative<layers::fully_connected>(l.params);
}

namespace detail {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>  // for Clang before 17
overloaded(F...)->overloaded<F...>;

/// A shape whose axes first .. last are replaced by `middle`.
[[nodiscard]] inline tensor_shape replace_axes(const tensor_shape& x, std::size_t first, std::size_t last,
                                               std::span<const std::size_t> middle) {
  std::vector<std::size_t> extents(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(first));
  extents.insert(extents.end(), middle.begin(), middle.end());
  extents.insert(extents.end(), x.begin() + static_cast<std::ptrdiff_t>(last) + 1, x.end());
  return tensor_shape(extents);
}

[[nodiscard]] inline tensor_shape infer_shape(const layers::flatten& p, const tensor_shape& x) {
  require<shape_error>(x.size() != 0 && p.axis <= p.end_axis && p.end_axis < x.rank(), "flatten: axes ", p.axis, " to ",
                       p.end_axis, " of input ", x, ", expected axes in order under ", x.rank(), " and no empty axis");
  std::size_t joined = 1;
  for (std::size_t a = p.axis; a <= p.end_axis; ++a) joined *= x[a];
  return replace_axes(x, p.axis, p.end_axis, std::array{joined});
}

[[nodiscard]] inline tensor_shape infer_shape(const layers::reshape& p, const tensor_shape& x) {
  require<shape_error>(p.axis <= x.rank() && p.count <= x.rank() - p.axis, "reshape: ", p.count, " axes from ", p.axis,
                       " on of input ", x, ", expected axes of the input");
  const std::span<const std::size_t> all(x.begin(), x.end());
  const tensor_shape part(all.subspan(p.axis, p.count));
  const tensor_shape changed = nniesim::infer_shape(p.params, part);
  std::vector<std::size_t> extents(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(p.axis));
  extents.insert(extents.end(), changed.begin(), changed.end());
  extents.insert(extents.end(), x.begin() + static_cast<std::ptrdiff_t>(p.axis + p.count), x.end());
  return tensor_shape(extents);
}

/// N x IN: the axes from `axis` on taken as one, those before as the batch.
[[nodiscard]] inline tensor_shape as_rows(const tensor_shape& x, std::size_t axis) {
  require<shape_error>(axis < x.rank() && x.size() != 0, "fully_connected: axis ", axis, " of input ", x,
                       ", expected one under ", x.rank(), " and no empty axis");
  std::size_t rows = 1;
  for (std::size_t a = 0; a < axis; ++a) rows *= x[a];
  return {rows, x.size() / rows};
}

}  // namespace detail

/// The shapes of a layer's outputs. Throws shape_error or format_error, without the layer's name, where the inputs do
/// not fit its parameters or its weights.
[[nodiscard]] inline std::vector<tensor_shape> infer_shapes(const layer& l, std::span<const tensor_shape> inputs) {
  const auto expect_inputs = [&](std::size_t count) {
    detail::require<shape_error>(inputs.size() == count, l.type, ": ", inputs.size(), " inputs, expected ", count);
  };
  const auto expect_values = [&](std::size_t got, std::size_t expected, std::string_view what) {
    detail::require<shape_error>(got == expected, l.type, ": ", got, " ", what, ", expected ", expected);
  };
  const auto channels = [&](const tensor_shape& x) {
    detail::require<shape_error>(x.rank() >= 2 && x.size() != 0, l.type, ": input ", x,
                                 ", expected batch and channels with no empty axis");
    return x[1];
  };
  const auto check_bias = [&](const std::vector<float>& bias, std::size_t outputs) {
    if (!bias.empty()) expect_values(bias.size(), outputs, "values of bias");
  };
  const auto one = [&](const tensor_shape& shape) { return std::vector<tensor_shape>(l.outputs.size(), shape); };
  return std::visit(detail::overloaded{
                        [&](const layers::input&) -> std::vector<tensor_shape> {
                          throw shape_error(l.type + ": its shape is given, not inferred");
                        },
                        [&](const layers::convolution& p) {
                          expect_inputs(1);
                          const tensor_shape y = infer_shape(p.geometry, inputs[0], shape_of(p.weights));
                          check_bias(p.bias, y[1]);
                          return one(y);
                        },
                        [&](const layers::deconvolution& p) {
                          expect_inputs(1);
                          const tensor_shape y = infer_deconv2d_shape(p.geometry, inputs[0], shape_of(p.weights));
                          check_bias(p.bias, y[1]);
                          return one(y);
                        },
                        [&](const layers::fully_connected& p) {
                          expect_inputs(1);
                          const tensor_shape y =
                              infer_fully_connected_shape(detail::as_rows(inputs[0], p.axis), shape_of(p.weights));
                          check_bias(p.bias, y[1]);
                          return one(detail::replace_axes(inputs[0], p.axis, inputs[0].rank() - 1, std::array{y[1]}));
                        },
                        [&](const layers::batch_norm& p) {
                          expect_inputs(1);
                          (void)as_affine(p.statistics);
                          expect_values(p.statistics.mean.size(), channels(inputs[0]), "means");
                          return one(inputs[0]);
                        },
                        [&](const layers::scale& p) {
                          expect_inputs(p.factor ? 1 : 2);
                          const tensor_shape factor = p.factor ? shape_of(*p.factor) : inputs[1];
                          if (!p.shift.empty()) expect_values(p.shift.size(), factor.size(), "shifts");
                          return one(infer_shape(p.params, inputs[0], factor));
                        },
                        [&](const layers::prelu& p) {
                          expect_inputs(1);
                          const std::size_t expected = p.slope.size() == 1 ? 1 : channels(inputs[0]);
                          expect_values(p.slope.size(), expected, "slopes");
                          return one(inputs[0]);
                        },
                        [&](const layers::normalize& p) {
                          expect_inputs(1);
                          const std::size_t expected = p.factor.size() == 1 ? 1 : channels(inputs[0]);
                          expect_values(p.factor.size(), expected, "factors");
                          return one(infer_shape(p.params, inputs[0]));
                        },
                        [&](const layers::identity&) {
                          expect_inputs(1);
                          return one(inputs[0]);
                        },
                        [&](const layers::flatten& p) {
                          expect_inputs(1);
                          return one(detail::infer_shape(p, inputs[0]));
                        },
                        [&](const layers::reshape& p) {
                          expect_inputs(1);
                          return one(detail::infer_shape(p, inputs[0]));
                        },
                        [&](const slice_params& p) {
                          expect_inputs(1);
                          const std::vector<tensor_shape> parts = infer_shapes(p, inputs[0]);
                          detail::require<shape_error>(parts.size() == l.outputs.size(), l.type, ": ", l.outputs.size(),
                                                       " outputs for ", parts.size(), " parts");
                          return parts;
                        },
                        [&](const crop_params& p) {
                          expect_inputs(2);
                          return one(infer_shape(p, inputs[0], inputs[1]));
                        },
                        [&](const eltwise_params& p) { return one(infer_shape(p, inputs)); },
                        [&](const concat_params& p) { return one(infer_shape(p, inputs)); },
                        [&](const auto& p) {
                          expect_inputs(1);
                          return one(infer_shape(p, inputs[0]));
                        },
                    },
                    l.params);
}

NNIESIM_END_NAMESPACE
