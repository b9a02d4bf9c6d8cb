// What a network costs on the accelerator, by a model of it: multiplications, parameters, bytes, relative time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <nniesim/network/precision_plan.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How the model turns work into time. Known: 16 bits take twice as long as 8 (measured on boards: 17 and 34 ms for one
/// detector), and the units take 16 input and 4 output channels at a time (users' notes). How many multiplications fit
/// into the time of one byte is our assumption.
struct cost_model {
  double macs_per_byte = 16.0;  ///< 8-bit multiply-accumulates that take as long as moving one byte
};

/// What a layer does, by the shapes of its blobs.
[[nodiscard]] inline layer_work work_of(const network& net, const layer& l) {
  layer_work w;
  for (const std::size_t b : l.inputs) w.values_read += net.blobs[b].shape.size();
  for (const std::size_t b : l.outputs) w.values_written += net.blobs[b].shape.size();
  visit_kind(l, [&](auto kind, const auto& p) {
    using type = decltype(kind);
    w.parameters = type::weights(p);
    const std::vector<tensor_shape> inputs = input_shapes(net, l);
    type::add_work({l.type, inputs, l.outputs.size()}, net.blobs[l.outputs.at(0)].shape, p, w);
  });
  return w;
}

/// A layer's time under a precision, in units of one 8-bit multiply-accumulate: the longer of computing and moving the
/// inputs and weights in the layer's width and the outputs as 32-bit words. Layers that only rename cost nothing; those
/// of the host, of a float plan and of policies of more than 8 bits cost what 16 bits would.
[[nodiscard]] inline double time_of(const network& net, std::size_t layer_index, layer_precision p,
                                    const cost_model& model = {}) {
  const layer& l = net.layers[layer_index];
  if (is_renaming(l) || l.inputs.empty()) return 0.0;
  const layer_work w = work_of(net, l);
  const double width = p.weight_bits() <= 8 && p.activation_bits() <= 8 ? 1.0 : 2.0;
  const double bytes =
      static_cast<double>(w.values_read + w.parameters) * width + static_cast<double>(w.values_written) * 4.0;
  return std::max(static_cast<double>(w.padded_macs) * width, bytes * model.macs_per_byte);
}

/// The sum over a plan's layers.
[[nodiscard]] inline double time_of(const network& net, const precision_plan& plan, const cost_model& model = {}) {
  double sum = 0;
  for (std::size_t l = 0; l < net.layers.size(); ++l) sum += time_of(net, l, plan.layers[l], model);
  return sum;
}

NNIESIM_END_NAMESPACE
