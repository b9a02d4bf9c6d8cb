// What the hardware and its compiler take, as far as it is publicly known: a network's violations, with the rule.
#pragma once

#include <cstddef>
#include <vector>

#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Behind a layer that limits its readers, a fully connected one, only activations, softmax and the like are allowed;
/// anything else wants a 1x1 convolution.
inline void check_readers(const network& net, const layer& l, hardware_rules& rules) {
  for (const layer& reader : net.layers) {
    const bool allowed =
        visit_kind(reader, [](auto kind, const auto&) { return decltype(kind)::is_allowed_behind_fully_connected; });
    for (const std::size_t b : reader.inputs) {
      rules.require(b != l.outputs[0] || allowed,
                    "only activations, softmax and the like behind a fully connected layer", from_users, "layer '",
                    reader.name, "' of type ", reader.type);
    }
  }
}

}  // namespace detail

/// What a network breaks, in the order of its layers; layers of the host are free. An empty result is no promise: only
/// what is publicly known is checked.
[[nodiscard]] inline std::vector<constraint_violation> check_constraints(const network& net) {
  std::vector<constraint_violation> found;
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer& l = net.layers[i];
    if (l.on_cpu) continue;
    detail::hardware_rules rules(i, found);
    for (const auto* blobs : {&l.inputs, &l.outputs}) {
      for (const std::size_t b : *blobs) {
        const tensor_shape& s = net.blobs[b].shape;
        const bool is_map = s.rank() == 4;
        rules.require(!is_map || s[1] <= 4096, "at most 4096 channels", detail::from_guide, is_map ? s[1] : 0,
                      " channels");
      }
    }
    const std::vector<tensor_shape> inputs = input_shapes(net, l);
    visit_kind(l, [&](auto kind, const auto& p) {
      decltype(kind)::check_rules({l.type, inputs, l.outputs.size()}, p, rules);
      if constexpr (decltype(kind)::limits_readers) detail::check_readers(net, l, rules);
    });
  }
  return found;
}

NNIESIM_END_NAMESPACE
