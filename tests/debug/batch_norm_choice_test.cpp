// Whether BatchNorm should be merged into the weights, on networks where the answer is known.
#include <nniesim/debug/batch_norm_choice.hpp>
#include <nniesim/network/calibrate.hpp>

#include <cmath>
#include <vector>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace batch_norm_choice_test {

using namespace test_networks;

namespace {

/// Two channels with weights near 1 and two with weights 2^small; behind it a Scale that multiplies them by 1 and by
/// 2^factor, and an output for each pair, so that each is judged by itself.
network two_magnitudes(draws& random, int small, int factor) {
  network_builder b;
  tensor<float> weights = random.tensor({4, 3, 3, 3});
  for (std::size_t i = weights.size() / 2; i < weights.size(); ++i) {
    weights.data()[i] = std::ldexp(weights.data()[i], small);
  }
  std::size_t x = b.add("conv", layers::convolution{{}, weights, {}}, {b.input({1, 3, 8, 8})});
  tensor<float> factors = make_tensor<float>({4});
  for (std::size_t c = 0; c < 4; ++c) factors.data()[c] = c < 2 ? 1.0F : std::ldexp(1.0F, factor);
  x = b.add("scale", layers::scale{{}, factors, std::vector<float>(4, 0.0F)}, {x});
  const tensor_shape half{1, 2, 6, 6};
  const std::size_t first = b.blob("first", half), second = b.blob("second", half);
  b.net.layers.push_back({"slice", "Slice", "here:3:1", {x}, {first, second}, slice_params{.axis = 1, .points = {2}}});
  return b.net;
}

std::optional<batch_norm_choice> choice_of(const network& net, const tensor<float>& picture, compile_mode mode,
                                           batch_norm_rule kept = batch_norm_rule::fused) {
  const auto plan_for = [&](const network& n) { return plan_of(n, mode); };
  return choose_batch_norm({.original = net,
                            .inputs = {view_of(picture)},
                            .plan_for = plan_for,
                            .ranges_for =
                                [&](const network& n, batch_norm_rule) {
                                  calibrator c(n, plan_for(n));
                                  c.add(picture);
                                  return c.ranges();
                                },
                            .kept = kept});
}

}  // namespace

TEST_CASE("merging helps where it brings weights to one magnitude") {
  draws random(3);
  const network net = two_magnitudes(random, -10, 10);
  const auto c = choice_of(net, random.tensor({1, 3, 8, 8}, 8.0F), compile_mode::all_8bit);
  REQUIRE(c);
  CHECK(c->better() == batch_norm_rule::merged);
  CHECK(c->matters());
  CHECK(c->merged > 0.99);
  CHECK(c->kept < 0.9);
  REQUIRE(c->outputs.size() == 2);
  CHECK(c->outputs[0].name == "slice");
  CHECK(c->outputs[1].name == "slice:1");
  CHECK(c->outputs[0].kept > 0.99);
  CHECK(c->outputs[1].kept == c->kept);
}

TEST_CASE("merging harms where it takes weights apart") {
  draws random(4);
  const network net = two_magnitudes(random, 0, -10);
  const auto rule = GENERATE(batch_norm_rule::fused, batch_norm_rule::own_layers);
  const auto c = choice_of(net, random.tensor({1, 3, 8, 8}, 2000.0F), compile_mode::all_8bit, rule);
  REQUIRE(c);
  CHECK(c->better() == rule);
  CHECK(c->matters());
  CHECK(c->kept > 0.99);
  CHECK(c->merged < 0.9);
}

TEST_CASE("in 16 bits it does not matter, and without BatchNorm there is no choice") {
  draws random(5);
  const network net = two_magnitudes(random, -2, 2);
  const auto c = choice_of(net, random.tensor({1, 3, 8, 8}, 8.0F), compile_mode::all_16bit);
  REQUIRE(c);
  CHECK(!c->matters());
  CHECK(c->kept > 0.9999);
  network_builder b;
  b.add("conv", layers::convolution{{}, random.tensor({4, 3, 3, 3}), {}}, {b.input({1, 3, 8, 8})});
  CHECK(!choice_of(b.net, random.tensor({1, 3, 8, 8}), compile_mode::all_8bit));
  CHECK_THROWS_WITH(choice_of(net, random.tensor({1, 3, 8, 8}), compile_mode::all_8bit, batch_norm_rule::merged),
                    contains("expected fused or own_layers"));
}

}  // namespace batch_norm_choice_test
