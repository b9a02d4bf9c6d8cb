// Networks under policies that are not the accelerator's.
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/compare_network.hpp>
#include <nniesim/network/cost.hpp>
#include <nniesim/network/single_layer.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/networks.hpp"
#include "support/other_policies.hpp"

using namespace nniesim;
using namespace test_networks;

namespace policies_test {

using namespace other_policies;

namespace {

const policy_set& all() {
  static const policy_set set = policy_set::of<w8a8, w16a16, uniform_w8a8, uniform_w16a16, twin, mixed, in_float>();
  return set;
}

}  // namespace

TEST_CASE("the accelerator's policy under another name gives the same bits everywhere", "[network]") {
  draws random(41);
  const network net = network_of_all_kinds(random);
  const auto picture = random.tensor({2, 3, 17, 13});
  calibrator c(net, plan_of(net, layer_precision::w8a8));
  c.add(picture);
  network_runner reference(net, float_plan(net), {.keep_all = true});
  reference.run(picture);
  const precision_plan plan = plan_of(net, layer_precision::of<twin>());
  CHECK_FALSE(plan.is_float);
  for (const bool is_calibrated : {false, true}) {
    network_runner own(net, plan_of(net, compile_mode::all_8bit), {.keep_all = true});
    network_runner other(net, plan, {.keep_all = true, .policies = all()});
    if (is_calibrated) {
      own.use(c.ranges());
      other.use(c.ranges());
    }
    own.run(picture);
    other.run(picture);
    for (std::size_t b = 0; b < net.blobs.size(); ++b) CHECK(same_bits(own.value(b), other.value(b)));
    const auto expected = compare_accumulated(reference, own), got = compare_accumulated(reference, other);
    REQUIRE(expected.size() == got.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i].floor_ratio == expected[i].floor_ratio);
  }
  CHECK(time_of(net, plan) == time_of(net, plan_of(net, compile_mode::all_8bit)));
}

TEST_CASE("uniform and mixed policies run networks, calibrate and compare", "[network]") {
  draws random(42);
  const network net = network_of_all_kinds(random);
  const auto picture = random.tensor({2, 3, 17, 13});
  calibrator c(net, plan_of(net, layer_precision::w8a8));
  c.add(picture);
  network_runner reference(net, float_plan(net), {.keep_all = true});
  reference.run(picture);
  prepared_layers prepared(net, all());
  for (const layer_precision p : {layer_precision::of<uniform_w8a8>(), layer_precision::of<uniform_w16a16>(),
                                  layer_precision::of<mixed>(), layer_precision::of<in_float>()}) {
    CAPTURE(p.name());
    network_runner own(net, plan_of(net, p), {.keep_all = true, .prepared = &prepared});
    network_runner calibrated(net, plan_of(net, p), {.keep_all = true, .policies = all()});
    calibrated.use(c.ranges());
    own.run(picture);
    calibrated.run(picture);
    // The first layer has the range of the picture itself both ways, but for its cut to 1/4096.
    CHECK(compare(own.value("conv1"), calibrated.value("conv1")).cosine > 0.9999);
    const auto comparisons = compare_accumulated(reference, calibrated);
    const double worst = p == layer_precision::of<uniform_w16a16>() ? 0.9999 : 0.98;
    for (const auto& r : comparisons) {
      CAPTURE(net.layers[r.layer].name);
      CHECK(r.result.cosine > worst);
    }
    CHECK(comparisons[1].floor_ratio.has_value());
    CHECK(table_of(net, comparisons).rows().size() == net.layers.size());
    const auto isolated = compare_isolated(reference, calibrated);
    CHECK(isolated[0].result.cosine == comparisons[1].result.cosine);
  }
}

TEST_CASE("one layer of another policy is what its operator gives", "[network]") {
  draws random(43);
  network_builder b;
  const std::size_t data = b.input({1, 4, 9, 9});
  const auto w = random.tensor({6, 4, 3, 3});
  const std::size_t y = b.add("conv", layers::convolution{{.pad = {1, 1}}, w, {}}, {data});
  const auto picture = random.tensor({1, 4, 9, 9});
  network_runner runner(b.net, plan_of(b.net, layer_precision::of<uniform_w8a8>()), {.policies = all()});
  runner.run(picture);
  CHECK(same_bits(runner.value(y), to_float(conv2d<uniform_w8a8>(picture, w, {.pad = {1, 1}}))));
  const single_layer alone(b.net, 1, layer_precision::of<uniform_w8a8>(), {}, all());
  const std::vector<tensor<float>> inputs = {picture};
  CHECK(same_bits(alone.run(inputs)[0], runner.value(y)));
  // Levels of ranges are 16 to an octave where the format has none of its own.
  const std::vector<int> level = alone.scales(inputs);
  REQUIRE(level.size() == 1);
  CHECK_FALSE(same_bits(alone.run(inputs, nullptr, std::array{-32})[0], runner.value(y)));
}

TEST_CASE("policies that a network cannot run are named", "[network]") {
  draws random(44);
  network_builder b;
  b.add("conv", layers::convolution{{}, random.tensor({3, 2, 1, 1}), {}}, {b.input({1, 2, 4, 4})});
  CHECK_THROWS_WITH(network_runner(b.net, plan_of(b.net, layer_precision::of<twin>())),
                    contains("policy twin is not in the set of policies, expected one of float32, w8a8, w16a16"));
  CHECK_THROWS_AS(single_layer(b.net, 1, layer_precision::of<twin>()), format_error);
  precision_plan wrong{false, {layer_precision::w8a8, layer_precision::of<narrow>()}};
  CHECK_THROWS_WITH(network_runner(b.net, wrong, {.policies = policy_set::of<w8a8>()}),
                    contains("policy narrow does not write q20_12"));
  wrong = {true, {layer_precision::float32, layer_precision::w8a8}};
  CHECK_THROWS_WITH(network_runner(b.net, wrong), contains("policy w8a8 does not write the floats of a float plan"));
  CHECK(policy_set::of<>().has(layer_precision::float32));
  CHECK_FALSE(policy_set::of<>().has(layer_precision::w8a8));
}

}  // namespace policies_test
