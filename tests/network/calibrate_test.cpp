#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/compare_network.hpp>

#include <cmath>
#include <limits>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace calibrate_test {

namespace {

precision_plan in_8bit(const network& net) { return plan_of(net, layer_precision::w8a8); }

float largest_of(const tensor<float>& t) {
  float most = 0;
  for (const float v : t) most = std::max(most, std::fabs(v));
  return most;
}

}  // namespace

TEST_CASE("ranges of the float network are its blobs' largest magnitudes, and grow", "[network]") {
  draws random(3);
  network_builder b;
  const std::size_t data = b.input({2, 4, 5, 5});
  const std::size_t x = b.add("conv", layers::convolution{{.groups = 2}, random.tensor({6, 2, 3, 3}), {}}, {data});
  const std::size_t y = b.add("relu", relu_params{}, {x});
  b.add("sum", eltwise_params{}, {x, y});
  calibrator c(b.net, in_8bit(b.net), range_rule::floating);
  auto small = random.tensor({2, 4, 5, 5}, 0.1F);
  auto large = random.tensor({2, 4, 5, 5}, 10.0F);
  const auto add = [&](const tensor<float>& picture) {
    c.add(picture);
    return c.ranges();
  };
  const activation_ranges first = add(small);
  // The sum's own blob is an output, which is no code.
  REQUIRE(first.blobs.size() == 3);
  CHECK(first.rule == range_rule::floating);
  CHECK(first.blobs.at("data") == activation_range::of(largest_of(small)));
  network_runner runner(b.net, float_plan(b.net), {.keep_all = true});
  runner.run(small);
  CHECK(first.blobs.at("conv").largest == largest_of(runner.value(x)));
  CHECK(first.blobs.at("relu").largest == largest_of(runner.value(y)));
  const activation_ranges second = add(large);
  CHECK(second.blobs.at("data").scale<gfpq8>().z() > first.blobs.at("data").scale<gfpq8>().z() + 80);
  CHECK(second.blobs.at("data").scale<gfpq16>() == gfpq16::scale_of(large));
  CHECK(add(small).blobs == second.blobs);
  CHECK(c.ranges().pictures == 3);
}

TEST_CASE("ranges of the quantized network are of weights and blobs that are encoded, all else in float", "[network]") {
  draws random(7);
  network_builder b;
  const std::size_t data = b.input({1, 4, 9, 9});
  const auto w = random.tensor({6, 2, 3, 3});
  const auto w2 = random.tensor({3, 6, 1, 1});
  std::size_t x = b.add("conv", layers::convolution{{.groups = 2}, w, {}}, {data});
  x = b.add("relu", relu_params{}, {x});
  x = b.add("point", layers::convolution{{}, w2, {}}, {x});
  b.add("pool", pooling_params{pooling_operation::maximum, {2, 2}, {2, 2}, {}, pooling_size::ceil, false}, {x});
  const auto first = random.tensor({1, 4, 9, 9}), second = random.tensor({1, 4, 9, 9}, 3.0F);
  calibrator c(b.net, in_8bit(b.net));
  c.add(first);
  c.add(second);
  CHECK(c.ranges().rule == range_rule::quantized);
  CHECK(c.ranges().precision == "w8a8");
  // By hand: one scale for each group of weights, each blob encoded with the range that it has so far.
  const auto encoded = [](const tensor<float>& t, std::size_t groups) {
    tensor<float> y = t;
    for (std::size_t g = 0; g < groups; ++g) {
      const std::span<float> part(y.data() + g * t.size() / groups, t.size() / groups);
      fake_quantize<gfpq8>(part, part, gfpq8::scale_of(part));
    }
    return y;
  };
  activation_ranges expected;
  const auto grow = [&](const char* name, tensor<float> t) {
    activation_range& r = expected.blobs[name];
    r.add(largest_of(t));
    return fake_quantize<gfpq8>(t, r.scale<gfpq8>());
  };
  for (const auto* picture : {&first, &second}) {
    const auto y = grow("data", *picture);
    const auto z = grow("relu", relu<float32>(conv2d<float32>(y, encoded(w, 2), {.groups = 2})));
    grow("point", conv2d<float32>(z, encoded(w2, 1)));
  }
  CHECK(c.ranges().blobs == expected.blobs);
  // It is not what the float network has, nor what 16 bits give.
  calibrator in_float(b.net, in_8bit(b.net), range_rule::floating);
  calibrator in_16bit(b.net, plan_of(b.net, layer_precision::w16a16));
  for (calibrator* other : {&in_float, &in_16bit}) {
    other->add(first);
    other->add(second);
    CHECK(other->ranges().blobs.at("data") == expected.blobs.at("data"));
    CHECK(other->ranges().blobs.at("point") != expected.blobs.at("point"));
  }
  CHECK(in_16bit.ranges().precision == "w16a16");
  precision_plan mixed = in_8bit(b.net);
  mixed.layers[1] = layer_precision::w16a16;
  CHECK(calibrator(b.net, mixed).ranges().precision == "mixed");
  CHECK_THROWS_WITH(calibrator(b.net, mixed, range_rule::given), contains("rule 'given'"));
}

TEST_CASE("a picture that cannot be run leaves ranges as they were", "[network]") {
  draws random(8);
  network_builder b;
  b.add("conv", layers::convolution{{}, random.tensor({2, 2, 1, 1}), {}}, {b.input({1, 2, 3, 3})});
  calibrator c(b.net, in_8bit(b.net));
  c.add(random.tensor({1, 2, 3, 3}));
  const activation_ranges before = c.ranges();
  auto bad = random.tensor({1, 2, 3, 3}, 100.0F);
  bad.data()[4] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(c.add(bad), format_error);
  CHECK(c.ranges() == before);
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
