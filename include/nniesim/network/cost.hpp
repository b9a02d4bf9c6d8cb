// What a network costs on the accelerator, by a model of it: multiplications, parameters, bytes, relative time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <nniesim/network/precision_plan.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What a layer does, whatever its precision.
struct layer_work {
  std::uint64_t macs = 0;         ///< multiply-accumulates
  std::uint64_t padded_macs = 0;  ///< with input channels in whole 16s and output channels in whole 4s
  std::uint64_t parameters = 0;
  std::uint64_t values_read = 0;  ///< of inputs
  std::uint64_t values_written = 0;
};

/// How the model turns work into time. Known: 16 bits take twice as long as 8 (measured on boards: 17 and 34 ms for one
/// detector), and the units take 16 input and 4 output channels at a time (users' notes). How many multiplications fit
/// into the time of one byte is our assumption.
struct cost_model {
  double macs_per_byte = 16.0;
};

[[nodiscard]] inline layer_work work_of(const network& net, const layer& l) {
  layer_work w;
  for (const std::size_t b : l.inputs) w.values_read += net.blobs[b].shape.size();
  for (const std::size_t b : l.outputs) w.values_written += net.blobs[b].shape.size();
  const auto whole = [](std::size_t n, std::size_t unit) { return (n + unit - 1) / unit * unit; };
  // `each` positions of `groups` products of an `in` x `out` matrix.
  const auto add = [&](std::uint64_t each, std::size_t groups, std::size_t in, std::size_t out) {
    w.macs = each * groups * in * out;
    w.padded_macs = each * groups * whole(in, 16) * whole(out, 4);
  };
  std::visit(detail::overloaded{
                 [&](const layers::convolution& p) {
                   const tensor_shape s = shape_of(p.weights);
                   const tensor_shape& y = net.blobs[l.outputs[0]].shape;
                   add(y.size() / y[1] * s[2] * s[3], p.geometry.groups, s[1], s[0] / p.geometry.groups);
                   w.parameters = s.size() + p.bias.size();
                 },
                 [&](const layers::deconvolution& p) {
                   const tensor_shape s = shape_of(p.weights);
                   const tensor_shape& x = net.blobs[l.inputs[0]].shape;
                   add(x.size() / x[1] * s[2] * s[3], p.geometry.groups, s[0] / p.geometry.groups, s[1]);
                   w.parameters = s.size() + p.bias.size();
                 },
                 [&](const layers::fully_connected& p) {
                   const tensor_shape s = shape_of(p.weights);
                   add(net.blobs[l.inputs[0]].shape.size() / s[1], 1, s[1], s[0]);
                   w.parameters = s.size() + p.bias.size();
                 },
                 [&](const layers::batch_norm& p) { w.parameters = 2 * p.statistics.mean.size(); },
                 [&](const layers::scale& p) { w.parameters = p.shift.size() + (p.factor ? p.factor->size() : 0); },
                 [&](const layers::prelu& p) { w.parameters = p.slope.size(); },
                 [&](const layers::normalize& p) { w.parameters = p.factor.size(); },
                 [](const auto&) {},
             },
             l.params);
  return w;
}

/// A layer's time under a precision, in units of one 8-bit multiply-accumulate: the longer of computing and moving the
/// inputs and weights in the layer's width and the outputs as 32-bit words. Layers that only rename cost nothing; those
/// of the host and a float plan's have no place in the model and cost what 16 bits would.
[[nodiscard]] inline double time_of(const network& net, std::size_t layer_index, layer_precision p,
                                    const cost_model& model = {}) {
  const layer& l = net.layers[layer_index];
  if (std::holds_alternative<layers::input>(l.params) || std::holds_alternative<layers::identity>(l.params) ||
      std::holds_alternative<layers::flatten>(l.params) || std::holds_alternative<layers::reshape>(l.params)) {
    return 0.0;
  }
  const layer_work w = work_of(net, l);
  const double width = p == layer_precision::w8a8 ? 1.0 : 2.0;
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
