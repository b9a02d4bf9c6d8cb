// The network as the compiler quantizes it: what becomes of BatchNorm, Scale and Bias layers.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A layer that is one factor and one shift per channel (axis 1), as such.
[[nodiscard]] inline std::optional<channel_affine> channel_affine_of(const layer& l) {
  return visit_kind(l, [](auto kind, const auto& p) -> std::optional<channel_affine> {
    if constexpr (requires { decltype(kind)::as_channel_affine(p); }) return decltype(kind)::as_channel_affine(p);
    else return std::nullopt;
  });
}

/// First one, then the other.
[[nodiscard]] inline channel_affine chained(const channel_affine& first, const channel_affine& then) {
  channel_affine a = then;
  for (std::size_t c = 0; c < a.factor.size(); ++c) {
    a.shift[c] = std::fma(first.shift[c], then.factor[c], then.shift[c]);
    a.factor[c] = first.factor[c] * then.factor[c];
  }
  return a;
}

/// Weights and bias of a multiply-accumulate layer, or nullptr.
[[nodiscard]] inline std::pair<tensor<float>*, std::vector<float>*> weights_and_bias(layer& l) noexcept {
  return std::visit(
      []<class Params>(Params& p) {
        if constexpr (layer_kind<Params>::is_mac) return std::pair(&p.weights, &p.bias);
        else return std::pair<tensor<float>*, std::vector<float>*>();
      },
      l.params);
}

/// What the layer does behind its sums, where it multiplies and accumulates, else nullptr.
[[nodiscard]] inline channel_affine* affine_behind(layer& l) noexcept {
  return std::visit(
      []<class Params>(Params& p) -> channel_affine* {
        if constexpr (layer_kind<Params>::is_mac) return &p.affine;
        else return nullptr;
      },
      l.params);
}

/// Multiplies the weights of each output by its factor and adds to its bias; float64, rounded once at the end.
inline void apply(layer& l, const channel_affine& a) {
  const auto [weights, bias] = weights_and_bias(l);
  const tensor_shape shape = shape_of(*weights);
  // Of each weight the output: outputs come first, but for a deconvolution, which has inputs first, then the outputs
  // of their group.
  std::size_t inner = shape.size() / shape[0];
  std::size_t inputs_per_group = 1;
  const auto* deconv = std::get_if<layers::deconvolution>(&l.params);
  if (deconv != nullptr) {
    inner = shape.size() / shape[0] / shape[1];
    inputs_per_group = shape[0] / deconv->geometry.groups;
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::size_t output = i / inner;
    if (deconv != nullptr) output = i / inner / shape[1] / inputs_per_group * shape[1] + i / inner % shape[1];
    weights->data()[i] = static_cast<float>(static_cast<double>(weights->data()[i]) * a.factor[output]);
  }
  bias->resize(a.factor.size());
  for (std::size_t c = 0; c < a.factor.size(); ++c) {
    (*bias)[c] = static_cast<float>(std::fma(static_cast<double>((*bias)[c]), a.factor[c], a.shift[c]));
  }
}

}  // namespace detail

/// What becomes of a BatchNorm, Scale or Bias behind a convolution, deconvolution or fully connected layer.
enum class batch_norm_rule {
  fused,       ///< the layer's multiplier and shift: its weights stay as they are. Compilers of 2019 and later (1908 of
               ///< 1912 outputs of compiled models exactly). The default
  own_layers,  ///< it stays a layer of its own, on a blob of int32: compilers of 2018
  merged,      ///< it is multiplied into weights and bias, as users do who merge it before they compile
};

/// The enumerator in words: "own layers".
[[nodiscard]] constexpr std::string_view to_string(batch_norm_rule r) noexcept {
  switch (r) {
    case batch_norm_rule::fused: return "fused";
    case batch_norm_rule::own_layers: return "own layers";
    case batch_norm_rule::merged: return "merged";
  }
  return "?";
}

/// The network with every BatchNorm, Scale and Bias taken into the convolution, deconvolution or fully connected layer
/// before it, where nobody else reads what lies between and it is not to be reported. The layer that took them in keeps
/// its name, lists theirs in `merged` and writes the blob of the last. Blobs keep their indices; those between have no
/// writer any more. Under the rule own_layers the network as it is.
[[nodiscard]] inline network fold_batch_norm(network net, batch_norm_rule rule = batch_norm_rule::fused) {
  if (rule == batch_norm_rule::own_layers) return net;
  std::vector<std::size_t> readers(net.blobs.size());
  for (const layer& l : net.layers) {
    for (const std::size_t b : l.inputs) ++readers[b];
  }
  for (const std::size_t b : net.reported) ++readers[b];
  std::vector<std::size_t> writer(net.blobs.size());  // among the layers that are left
  std::vector<layer> left;
  std::vector<std::optional<channel_affine>> taken;  // by each of them
  for (layer& l : net.layers) {
    if (l.inputs.size() == 1 && l.outputs.size() == 1) {
      const std::size_t before = l.inputs[0];
      layer& mac = left[writer[before]];
      // A batch norm over a fully connected layer's rows and one over maps both have the channels on axis 1.
      const auto affine =
          is_mac_layer(mac) && readers[before] == 1 && mac.on_cpu == l.on_cpu && net.blobs[before].shape.rank() >= 2
              ? detail::channel_affine_of(l)
              : std::nullopt;
      const bool fits = affine && affine->factor.size() == net.blobs[before].shape[1] &&
                        (!std::holds_alternative<layers::fully_connected>(mac.params) ||
                         std::get<layers::fully_connected>(mac.params).axis == 1);
      if (fits) {
        auto& all = taken[writer[before]];
        all = all ? detail::chained(*all, *affine) : *affine;
        mac.merged.push_back(l.name);
        mac.outputs = l.outputs;
        writer[l.outputs[0]] = writer[before];
        continue;
      }
    }
    for (const std::size_t b : l.outputs) writer[b] = left.size();
    left.push_back(std::move(l));
    taken.emplace_back();
  }
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (!taken[i]) continue;
    channel_affine& own = *detail::affine_behind(left[i]);
    own = own.factor.empty() ? *taken[i] : detail::chained(own, *taken[i]);
    if (rule != batch_norm_rule::merged) continue;
    detail::apply(left[i], own);
    own = {};
  }
  net.layers = std::move(left);
  return net;
}

NNIESIM_END_NAMESPACE
