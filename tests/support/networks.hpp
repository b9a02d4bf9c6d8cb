// Networks for tests, put together as an importer would.
#pragma once

#include <cmath>

#include <nniesim/network/activation_ranges.hpp>
#include <nniesim/network/blob_storage.hpp>
#include <nniesim/network/layer.hpp>
#include <nniesim/network/precision_plan.hpp>

#include "support/random.hpp"

namespace test_networks {

using namespace nniesim;

/// Puts networks together as an importer would.
struct network_builder {
  network net{"test", {}, {}};

  std::size_t blob(std::string name, tensor_shape shape) {
    net.blobs.push_back({std::move(name), shape});
    return net.blobs.size() - 1;
  }
  std::size_t input(tensor_shape shape) {
    const std::size_t b = blob("data", shape);
    net.layers.push_back({"data", "Input", "here:1:1", {}, {b}, layers::input{}});
    return b;
  }
  std::size_t add(std::string name, layer_params params, std::vector<std::size_t> inputs) {
    layer l{name, name, "here:2:1", inputs, {0}, std::move(params)};
    std::vector<tensor_shape> shapes;
    for (const std::size_t b : inputs) shapes.push_back(net.blobs[b].shape);
    l.outputs[0] = blob(name, infer_shapes(l, shapes)[0]);
    net.layers.push_back(std::move(l));
    return net.layers.back().outputs[0];
  }
};

inline std::vector<float> random_floats(draws& random, std::size_t n) {
  const auto t = random.tensor({n}, 0.2F);
  return {t.begin(), t.end()};
}

/// Float for -1, else the compiler's mode of that number.
inline precision_plan plan_for(const network& net, int mode) {
  return mode < 0 ? float_plan(net) : plan_of(net, compile_mode_of(mode));
}

/// The range of the blob that a layer reads as its input `i`.
inline activation_range& range_read_by(activation_ranges& ranges, const network& net, std::string_view layer,
                                       std::size_t i = 0) {
  const std::size_t b = net.layers[layer_index(net, layer)].inputs[i];
  const std::vector<blob_storage> storage = blob_storage_of(net, plan_of(net, layer_precision::w8a8));
  return ranges.blobs.at(range_names(net)[storage[b].range]);
}
inline void shift_range(activation_ranges& ranges, const network& net, std::string_view layer, std::size_t i,
                        int octaves) {
  activation_range& r = range_read_by(ranges, net, layer, i);
  r.largest = std::ldexp(r.largest, octaves);
}

/// A little of everything: two branches, in-place layers, renamed blobs.
inline network network_of_all_kinds(draws& random) {
  network_builder b;
  const std::size_t data = b.input({2, 3, 17, 13});
  std::size_t x =
      b.add("conv1",
            layers::convolution{
                {.stride = {2, 2}, .pad = {1, 1}}, random.tensor({8, 3, 3, 3}, 0.3F), random_floats(random, 8)},
            {data});
  x = b.add("relu1", relu_params{}, {x});
  std::size_t left =
      b.add("depthwise", layers::convolution{{.pad = {1, 1}, .groups = 8}, random.tensor({8, 1, 3, 3}, 0.4F), {}}, {x});
  left = b.add("bn", layers::batch_norm{{.mean = std::vector<float>(8, 0.1F), .variance = std::vector<float>(8, 1.5F)}},
               {left});
  tensor<float> factor = random.tensor({8});
  left = b.add("scale", layers::scale{{}, factor, random_floats(random, 8)}, {left});
  left = b.add("leaky", relu_params{0.1F}, {left});
  const std::size_t right = b.add("deconv1x1", layers::deconvolution{{}, random.tensor({8, 8, 1, 1}, 0.3F), {}}, {x});
  x = b.add("sum", eltwise_params{}, {left, right});
  const std::size_t pooled =
      b.add("pool", pooling_params{pooling_operation::maximum, {2, 2}, {2, 2}, {}, pooling_size::ceil, false}, {x});
  const std::size_t mean =
      b.add("mean", pooling_params{pooling_operation::average, {2, 2}, {2, 2}, {}, pooling_size::ceil, false}, {x});
  x = b.add("concat", concat_params{1}, {pooled, mean});
  x = b.add("power", power_params{2.0F, 0.5F, 0.1F}, {x});
  x = b.add("sigmoid", activation_params{activation_function::sigmoid}, {x});
  x = b.add("flatten", layers::flatten{1, 3}, {x});
  const std::size_t features = b.net.blobs[x].shape[1];
  x = b.add("fc", layers::fully_connected{1, random.tensor({10, features}, 0.1F), random_floats(random, 10)}, {x});
  b.add("softmax", softmax_params{1}, {x});
  return b.net;
}

}  // namespace test_networks
