#include <nniesim/network/single_layer.hpp>

#include <array>
#include <limits>
#include <vector>

#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/calibrate.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace single_layer_test {

TEST_CASE("a layer by itself gives what it gives in the network", "[network]") {
  draws random(21);
  const network net = network_of_all_kinds(random);
  const auto picture = random.tensor({2, 3, 17, 13});
  const tensor_view<const float> in = view_of(picture);
  calibrator c(net, plan_of(net, layer_precision::w8a8));
  c.add({&in, 1});
  thread_pool pool(2);
  for (const int mode : {-1, 0, 1}) {
    network_runner runner(net, mode < 0 ? float_plan(net) : plan_of(net, compile_mode_of(mode)), {.keep_all = true});
    runner.use(c.ranges());
    runner.run({&in, 1});
    for (std::size_t l = 0; l < net.layers.size(); ++l) {
      if (std::holds_alternative<layers::input>(net.layers[l].params)) continue;
      std::vector<tensor<float>> inputs;
      for (const std::size_t b : net.layers[l].inputs) inputs.push_back(runner.value(b));
      const single_layer alone(net, l, runner.plan().layers[l], pool.handle());
      const auto outputs = alone.run(inputs, &c.ranges());
      CAPTURE(mode, net.layers[l].name);
      REQUIRE(outputs.size() == net.layers[l].outputs.size());
      for (std::size_t o = 0; o < outputs.size(); ++o) {
        CHECK(same_bits(outputs[o], runner.value(net.layers[l].outputs[o])));
      }
    }
  }
}

TEST_CASE("ranges of a layer by itself can be its own, given, or shifted", "[network]") {
  draws random(22);
  network_builder b;
  const std::size_t data = b.input({1, 4, 5, 5});
  b.add("conv", layers::convolution{{}, random.tensor({3, 4, 1, 1}), {}}, {data});
  const std::vector<tensor<float>> inputs = {random.tensor({1, 4, 5, 5})};
  const single_layer layer(b.net, 1, layer_precision::w8a8);
  const gfpq8::scale own = gfpq8::scale_of(inputs[0]);
  activation_ranges ranges;
  ranges.blobs["data"].in_8bit = own;
  CHECK(same_bits(layer.run(inputs)[0], layer.run(inputs, &ranges)[0]));
  ranges.blobs.at("data").in_8bit = gfpq8::scale(own.z() - 40);
  CHECK_FALSE(same_bits(layer.run(inputs)[0], layer.run(inputs, &ranges)[0]));
  CHECK(same_bits(layer.run(inputs, nullptr, std::array{-40})[0], layer.run(inputs, &ranges)[0]));
  CHECK(same_bits(layer.run(inputs, &ranges, std::array{40})[0], layer.run(inputs)[0]));
  (void)layer.run(inputs, nullptr, std::array{int{std::numeric_limits<short>::max()}});  // cut to what a scale can be

  CHECK(layer.scales(inputs) == std::vector<int>{own.z()});
  CHECK(layer.scales(inputs, &ranges) == std::vector<int>{own.z() - 40});
  CHECK(single_layer(b.net, 1, layer_precision::float32).scales(inputs).empty());
  CHECK_THROWS_WITH(layer.run(inputs, nullptr, std::array{1, 2}),
                    contains("2 shifts, expected one for each of 1 inputs"));

  ranges.blobs.at("data") = {.in_16bit = gfpq16::scale(-1000)};
  CHECK_THROWS_WITH(layer.run(inputs, &ranges),
                    contains("here:2:1: layer 'conv': range: got a scale of gfpq16 alone, expected one of gfpq8"));
  CHECK_THROWS_WITH(layer.run(std::vector<tensor<float>>{}), contains("layer 'conv'"));
  CHECK_THROWS_AS(layer.run(std::vector<tensor<float>>{random.tensor({1, 4, 5, 4})}), shape_error);
}

}  // namespace single_layer_test
