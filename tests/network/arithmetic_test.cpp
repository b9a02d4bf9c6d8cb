#include <nniesim/network/arithmetic.hpp>
#include <nniesim/network/runner.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace arithmetic_test {

TEST_CASE("rules of arithmetic hold for all layers of a network", "[network]") {
  draws random(71);
  network_builder b;
  const std::size_t data = b.input({1, 4, 6, 6});
  const auto w = random.tensor({4, 4, 1, 1}), w2 = random.tensor({3, 144}, 0.1F), w3 = random.tensor({4, 1, 2, 2});
  std::size_t x = b.add("conv", layers::convolution{{}, w, {}}, {data});
  x = b.add("sigmoid", activation_params{activation_function::sigmoid}, {x});
  b.add("deconv", layers::deconvolution{{.stride = {2, 2}, .groups = 4}, w3, {}}, {x});
  x = b.add("fc", layers::fully_connected{1, w2, {}}, {x});
  b.add("softmax", softmax_params{1}, {x});
  const tensor<float> picture = random.tensor({1, 4, 6, 6});
  for (const sum_rounding sums : {sum_rounding::none, sum_rounding::nearest, sum_rounding::truncate}) {
    for (const function_rule functions :
         {function_rule::hardware, function_rule::nearest_entry, function_rule::exact}) {
      CAPTURE(to_string(sums), to_string(functions));
      const network net = with_arithmetic(b.net, {sums, functions});
      network_runner runner(net, plan_of(net, layer_precision::w8a8), {.keep_all = true});
      runner.run(picture);
      const mac_options options{.rounding = sums};
      const auto y = conv2d_layer<w8a8>(w, {}, options)(picture);
      CHECK(same_bits(runner.value("conv"), to_float(y)));
      auto z = activation<w8a8>(y, {.function = activation_function::sigmoid, .rule = functions});
      CHECK(same_bits(runner.value("sigmoid"), to_float(z)));
      CHECK(same_bits(runner.value("deconv"),
                      to_float(deconv2d_layer<w8a8>(w3, {.stride = {2, 2}, .groups = 4}, options)(z))));
      z.reshape({1UL, 144UL});
      const auto f = fully_connected_layer<w8a8>(w2, options)(z);
      CHECK(same_bits(runner.value("fc"), to_float(f)));
      CHECK(same_bits(runner.value("softmax"), to_float(softmax<w8a8>(f, {1, functions}))));
      // What is left out stays.
      const network same = with_arithmetic(net, {});
      CHECK(std::get<softmax_params>(same.layers.back().params).rule == functions);
      CHECK(std::get<layers::convolution>(same.layers[1].params).rounding == sums);
    }
  }
}

TEST_CASE("each rule that is not the default is remarked on", "[network]") {
  CHECK(remarks_of({}).empty());
  CHECK(remarks_of({sum_rounding::none, function_rule::hardware}, "fp32_chain").empty());
  const auto lines = remarks_of({sum_rounding::truncate, function_rule::nearest_entry}, "units40");
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "accumulator units40, the default is fp32_chain");
  CHECK(lines[1] == "finished sums are rounded: truncate, the default is none");
  CHECK(lines[2] == "functions by the rule nearest_entry, the default is hardware");
}

}  // namespace arithmetic_test
