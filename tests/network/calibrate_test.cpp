#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/compare_network.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace calibrate_test {

TEST_CASE("calibration takes each range from the first picture and lets it grow", "[network]") {
  draws random(3);
  network_builder b;
  const std::size_t data = b.input({2, 4, 5, 5});
  const std::size_t x = b.add("conv", layers::convolution{{.groups = 2}, random.tensor({6, 2, 3, 3}), {}}, {data});
  const std::size_t y = b.add("relu", relu_params{}, {x});
  b.add("sum", eltwise_params{}, {x, y});
  calibrator c(b.net);
  auto small = random.tensor({2, 4, 5, 5}, 0.1F);
  auto large = random.tensor({2, 4, 5, 5}, 10.0F);
  const auto add = [&](const tensor<float>& picture) {
    const tensor_view<const float> in = view_of(picture);
    c.add({&in, 1});
    return c.ranges();
  };
  const activation_ranges first = add(small);
  REQUIRE(first.layers.size() == 2);
  REQUIRE(first.layers.at("conv").size() == 2);
  // Group 0 has channels 0 and 1 of both samples.
  std::vector<float> group;
  for (std::size_t n = 0; n < 2; ++n) group.insert(group.end(), small.data() + n * 100, small.data() + n * 100 + 50);
  CHECK(first.layers.at("conv")[0].in_8bit == gfpq8::scale_of(group));
  CHECK(first.layers.at("conv")[0].in_16bit == gfpq16::scale_of(group));
  REQUIRE(first.layers.at("sum").size() == 2);
  const activation_ranges second = add(large);
  CHECK(second.layers.at("conv")[1].in_8bit.z() > first.layers.at("conv")[1].in_8bit.z() + 80);
  CHECK(add(small).layers == second.layers);
  CHECK(c.ranges().pictures == 3);
}

TEST_CASE("layers compared with all before them quantized, and each by itself", "[network]") {
  draws random(4);
  const network net = network_of_all_kinds(random);
  const auto picture = random.tensor({2, 3, 17, 13});
  const tensor_view<const float> in = view_of(picture);
  network_runner reference(net, float_plan(net), {.keep_all = true});
  reference.run({&in, 1});
  std::vector<double> previous;
  for (const auto mode : {compile_mode::all_8bit, compile_mode::all_16bit}) {
    network_runner quantized(net, plan_of(net, mode), {.keep_all = true});
    CHECK_THROWS_AS(compare_accumulated(reference, quantized), format_error);
    quantized.run({&in, 1});
    const auto accumulated = compare_accumulated(reference, quantized);
    CHECK(accumulated.size() == net.layers.size());
    const auto isolated = compare_isolated(reference, quantized);
    REQUIRE(isolated.size() == net.layers.size() - 1);
    std::vector<double> errors;
    for (const auto& c : isolated) {
      CAPTURE(net.layers[c.layer].name, static_cast<int>(mode));
      CHECK(c.result.cosine > 0.99);
      if (is_mac_layer(net.layers[c.layer])) errors.push_back(c.result.relative_l2_error);
    }
    // The first layer has nothing before it that could be quantized but the input's own truncation.
    CHECK(isolated[0].result.cosine == accumulated[1].result.cosine);
    for (std::size_t i = 0; i < previous.size(); ++i) CHECK(errors[i] < previous[i]);
    previous = errors;
    const layer_table table = table_of(net, accumulated);
    CHECK(table.rows().size() == net.layers.size());
    CHECK(table.rows()[1].name == "conv1");
    CHECK(table.rows()[1].floor_ratio.has_value());
  }
  // A float runner by itself is the reference again.
  network_runner same(net, float_plan(net), {.keep_all = true});
  for (const auto& c : compare_isolated(reference, same)) CHECK(c.result.max_abs == 0);
}

}  // namespace calibrate_test
