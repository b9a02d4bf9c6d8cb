// What the hardware and its compiler take, as far as it is publicly known: a network's violations, with the rule.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

struct constraint_violation {
  std::size_t layer = 0;  ///< index in the network
  std::string got;        ///< "group 4096"
  std::string rule;       ///< "at most 2048 groups"
  std::string_view source;
};

namespace detail {

/// Where the rules come from: transcriptions of the vendor's guide, the documents of a public quantization toolkit, and
/// reports of users.
inline constexpr std::string_view from_guide = "the vendor's guide, as transcribed publicly";
inline constexpr std::string_view from_toolkit = "a public quantization toolkit's document";
inline constexpr std::string_view from_users = "users' reports";

class constraint_checker {
 public:
  explicit constraint_checker(const network& net) : net_(net) {
    for (at_ = 0; at_ < net.layers.size(); ++at_) {
      if (!net.layers[at_].on_cpu) check_layer(net.layers[at_]);
    }
  }
  std::vector<constraint_violation> found;

 private:
  template <class... Got>
  void require(bool holds, std::string rule, std::string_view source, const Got&... got) {
    if (!holds) found.push_back({at_, concat(got...), std::move(rule), source});
  }
  void small(std::string_view what, std::size_t value, std::size_t least = 1) {
    require(value >= least && value <= 255, concat(what, " from ", least, " to 255"), from_guide, what, " ", value);
  }
  void window(const conv2d_params& g, const tensor_shape& weights) {
    small("kernel", std::max(weights[2], weights[3]));
    small("stride", std::max(g.stride[0], g.stride[1]));
    small("dilation", std::max(g.dilation[0], g.dilation[1]));
    small("padding", std::max(std::max(g.pad.top, g.pad.bottom), std::max(g.pad.left, g.pad.right)), 0);
    require(g.groups <= 2048, "at most 2048 groups", from_guide, "group ", g.groups);
  }
  void not_batch(std::size_t axis) { require(axis != 0, "no operation on the batch axis", from_guide, "axis ", axis); }

  void check_layer(const layer& l) {
    for (const auto* blobs : {&l.inputs, &l.outputs}) {
      for (const std::size_t b : *blobs) {
        const tensor_shape& s = net_.blobs[b].shape;
        const bool is_map = s.rank() == 4;
        require(!is_map || s[1] <= 4096, "at most 4096 channels", from_guide, is_map ? s[1] : 0, " channels");
      }
    }
    std::visit(overloaded{
                   [&](const layers::convolution& p) { window(p.geometry, shape_of(p.weights)); },
                   [&](const layers::deconvolution& p) { window(p.geometry, shape_of(p.weights)); },
                   [&](const layers::fully_connected&) { check_readers(l); },
                   [&](const pooling_params& p) {
                     if (!p.global) {
                       small("kernel", std::max(p.kernel[0], p.kernel[1]));
                       small("stride", std::max(p.stride[0], p.stride[1]));
                       small("padding", std::max(p.pad.top, p.pad.left), 0);
                     }
                     require(p.size == pooling_size::ceil, "the ceil rule for the output size", from_toolkit,
                             "the floor rule");
                   },
                   [&](const power_params& p) {
                     bool known = false;
                     for (const double e : {-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0}) known |= e == p.exponent;
                     require(known, "exponents -3, -2, -1, -1/2, 1/2, 1, 2, 3", from_guide, "exponent ", p.exponent);
                   },
                   [&](const upsample_params& p) {
                     require(p.factor == 2, "upsampling by 2, nearest", from_toolkit, "factor ", p.factor);
                   },
                   [&](const concat_params& p) {
                     not_batch(p.axis);
                     require(l.inputs.size() <= 32, "at most 32 inputs of a concat",
                             "inferred from how a team of users stages its concats", l.inputs.size(), " inputs");
                   },
                   [&](const slice_params& p) { not_batch(p.axis); },
                   [&](const softmax_params& p) { not_batch(p.axis); },
                   [&](const layers::reshape& p) {
                     const bool keeps = !p.params.extents.empty() && p.params.extents[0] == 0;
                     require(p.axis != 0 || keeps, "a first extent of 0", from_users, "first extent ",
                             p.params.extents.empty() ? 1 : p.params.extents[0]);
                   },
                   [&](const layers::batch_norm&) {
                     require(false, "normalizations merged into the layer before: boards were seen to go wrong here",
                             from_users, "a batch normalization of its own");
                   },
                   [](const auto&) {},
               },
               l.params);
  }
  /// Behind a fully connected layer only softmax and the like are allowed; anything else wants a 1x1 convolution.
  void check_readers(const layer& l) {
    for (const layer& reader : net_.layers) {
      for (const std::size_t b : reader.inputs) {
        const bool allowed = std::holds_alternative<softmax_params>(reader.params) ||
                             std::holds_alternative<relu_params>(reader.params) ||
                             std::holds_alternative<activation_params>(reader.params) ||
                             std::holds_alternative<layers::identity>(reader.params) ||
                             std::holds_alternative<layers::fully_connected>(reader.params);
        require(b != l.outputs[0] || allowed, "only activations, softmax and the like behind a fully connected layer",
                from_users, "layer '", reader.name, "' of type ", reader.type);
      }
    }
  }

  const network& net_;
  std::size_t at_ = 0;
};

}  // namespace detail

/// What a network breaks, in the order of its layers; layers of the host are free. An empty result is no promise: only
/// what is publicly known is checked.
[[nodiscard]] inline std::vector<constraint_violation> check_constraints(const network& net) {
  return detail::constraint_checker(net).found;
}

NNIESIM_END_NAMESPACE
