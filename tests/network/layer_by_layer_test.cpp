// Runs in little memory: layer by layer, and with weights that are laid out piece by piece.
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/compare_network.hpp>

#include <vector>

#include "catch.hpp"
#include "support/networks.hpp"

namespace layer_by_layer_test {

using namespace nniesim;
using namespace test_networks;

using words = std::vector<std::uint32_t>;

words words_of(const network_runner& runner, std::size_t blob) {
  words bits;
  runner.visit(blob, [&]<class T>(tensor_view<const T> x) {
    for (const T& v : x.span()) {
      if constexpr (std::same_as<T, float>) bits.push_back(std::bit_cast<std::uint32_t>(v));
      else bits.push_back(static_cast<std::uint32_t>(v.raw()));
    }
  });
  return bits;
}

TEST_CASE("a network run layer by layer has the values of one that keeps all", "[network]") {
  draws random(5);
  const network net = network_of_all_kinds(random);
  const auto picture = random.tensor({2, 3, 17, 13});
  const tensor_view<const float> in = view_of(picture);
  for (const int mode : {-1, 0, 1}) {
    CAPTURE(mode);
    network_runner all(net, plan_for(net, mode), {.keep_all = true});
    all.run(picture);
    network_runner single(net, plan_for(net, mode), {.one_by_one = true});
    single.begin({&in, 1});
    CHECK(single.memory_bytes() < all.memory_bytes() / 2);
    CHECK(words_of(single, input_blobs(net)[0]) == words_of(all, input_blobs(net)[0]));
    std::size_t ran = 0;
    while (const std::optional<std::size_t> l = single.advance()) {
      ++ran;
      for (const std::size_t b : net.layers[*l].outputs) {
        CAPTURE(net.layers[*l].name);
        CHECK(words_of(single, b) == words_of(all, b));
      }
    }
    CHECK(ran == net.layers.size() - 1);
    CHECK_FALSE(single.advance());
  }
}

TEST_CASE("what is not at hand in a run layer by layer is refused", "[network]") {
  draws random(6);
  network_builder b;
  const std::size_t data = b.input({1, 2, 4, 4});
  const std::size_t x = b.add("relu", relu_params{}, {data});
  const std::size_t y = b.add("sum", eltwise_params{}, {x, x});
  const auto picture = random.tensor({1, 2, 4, 4});
  const tensor_view<const float> in = view_of(picture);
  network_runner runner(b.net, float_plan(b.net), {.one_by_one = true});
  CHECK_FALSE(runner.advance());
  CHECK_THROWS_WITH(runner.value(data), contains("nothing ran yet"));
  runner.begin({&in, 1});
  CHECK_NOTHROW(runner.value(data));
  CHECK_THROWS_AS(runner.value(x), format_error);
  REQUIRE(runner.advance());
  CHECK_NOTHROW(runner.value(x));
  CHECK_THROWS_AS(runner.value(data), format_error);
  CHECK_THROWS_AS(runner.value(y), format_error);
  REQUIRE(runner.advance());
  CHECK_NOTHROW(runner.value(y));
  CHECK_THROWS_AS(runner.value(x), format_error);
  const auto wrong = random.tensor({1, 2, 4, 5});
  const tensor_view<const float> bad = view_of(wrong);
  CHECK_THROWS_AS(runner.begin({&bad, 1}), shape_error);
  CHECK_THROWS_AS(runner.value(y), format_error);
  CHECK_FALSE(runner.advance());

  network_runner usual(b.net, float_plan(b.net));
  CHECK_THROWS_WITH(usual.begin({&in, 1}), contains("one_by_one"));
}

TEST_CASE("networks side by side are compared as two that keep all", "[network]") {
  draws random(7);
  const network net = network_of_all_kinds(random);
  const auto picture = random.tensor({2, 3, 17, 13});
  const tensor_view<const float> in = view_of(picture);
  network_runner a(net, float_plan(net), {.keep_all = true}), b(net, plan_for(net, 0), {.keep_all = true});
  a.run(picture);
  b.run(picture);
  const auto expected = compare_accumulated(a, b);
  network_runner c(net, float_plan(net), {.one_by_one = true}), d(net, plan_for(net, 0), {.one_by_one = true});
  std::vector<layer_comparison> got;
  compare_side_by_side(c, d, {&in, 1}, [&](const layer_comparison& x) { got.push_back(x); });
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i].layer == expected[i].layer);
    CHECK(got[i].output == expected[i].output);
    CHECK(got[i].result.relative_l2_error == expected[i].result.relative_l2_error);
    CHECK(got[i].result.max_index == expected[i].result.max_index);
    CHECK(got[i].floor_ratio == expected[i].floor_ratio);
  }
}

/// Of 130 outputs, which are three pieces.
network large_fully_connected(draws& random, std::size_t batch, std::size_t inputs) {
  network_builder b;
  std::size_t x = b.input({batch, inputs});
  layers::fully_connected fc{1, random.tensor({130, inputs}, 0.01F), random_floats(random, 130)};
  fc.affine.factor.assign(130, 0.5);
  fc.affine.shift.assign(130, 0.25);
  for (std::size_t i = 0; i < 130; ++i) fc.affine.factor[i] += 0.01 * static_cast<double>(i);
  x = b.add("fc", std::move(fc), {x});
  b.add("relu", relu_params{}, {x});
  return b.net;
}

TEST_CASE("weights that are laid out piece by piece leave every bit as it is", "[network]") {
  draws random(8);
  for (const std::size_t batch : {1U, 3U}) {
    constexpr std::size_t inputs = (std::size_t{1} << 16U) + 1;
    const network net = large_fully_connected(random, batch, inputs);
    const auto picture = random.tensor({batch, inputs});
    for (const int mode : {-1, 0, 1}) {
      CAPTURE(batch, mode);
      network_runner whole(net, plan_for(net, mode));
      network_runner pieces(net, plan_for(net, mode), {.prepared_limit = 1000});
      whole.run(picture);
      pieces.run(picture);
      const std::size_t y = net.blobs.size() - 1;
      CHECK(words_of(pieces, y) == words_of(whole, y));
      pieces.run(picture);
      CHECK(words_of(pieces, y) == words_of(whole, y));
    }
    calibrator whole(net, plan_for(net, 0));
    calibrator pieces(net, plan_for(net, 0), range_rule::quantized, {}, {}, 1000);
    whole.add(picture);
    pieces.add(picture);
    CHECK(whole.ranges().blobs == pieces.ranges().blobs);
  }
}

TEST_CASE("weights that are no numbers are refused in pieces, too", "[network]") {
  draws random(9);
  network net = large_fully_connected(random, 1, 40);
  std::get<layers::fully_connected>(net.layers[1].params).weights(100, 3) = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(network_runner(net, plan_for(net, 0), {.prepared_limit = 0}),
                    contains("(100,3)") || contains("100"));
}

}  // namespace layer_by_layer_test
