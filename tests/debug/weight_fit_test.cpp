#include <nniesim/debug/weight_fit.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "debug/planted_faults.hpp"

using namespace nniesim;

namespace weight_fit_test {

using namespace planted_faults;
using nniesim::detail::fit_weights;
using nniesim::detail::layer_bench;
using nniesim::detail::run_pair;
using nniesim::detail::weight_change;
using nniesim::detail::weight_fit;

namespace {

/// What the fit says of a layer when the other run computes a changed network.
weight_fit fit_of(const network& net, const network& changed, std::size_t layer, const tensor<float>& input,
                  std::function<void(dumps&)> after = {}) {
  const precision_plan plan = plan_of(net, layer_precision::w8a8);
  const activation_ranges ranges = ranges_of(changed, plan, {input});
  const dumps reference = run_of(net, float_plan(net), nullptr, input);
  dumps other = run_of(changed, plan, &ranges, input);
  if (after) after(other);
  const std::vector<tensor_view<const float>> inputs = {view_of(input)};
  const experiment_context lab{net, inputs, ranges, plan};
  const diagnose_options options;
  const auto a = as_layers(reference), b = as_layers(other);
  const run_pair runs(a, b, options, &lab);
  const layer_bench bench(runs, lab, layer);
  const std::vector<tensor<float>> simulated = {bench.simulated(bench.prepared(bench.planned()), false)[0]};
  return fit_weights(bench, 0, simulated);
}

/// A convolution of 8 channels with a bias, of 9 weights each, behind another.
struct example {
  network net;
  tensor<float> input;

  example() {
    draws random(3);
    test_networks::network_builder b;
    const std::size_t data = b.input({1, 3, 16, 16});
    std::size_t x =
        b.add("first",
              layers::convolution{
                  {.pad = {1, 1, 1, 1}}, random.tensor({4, 3, 3, 3}, 0.3F), test_networks::random_floats(random, 4)},
              {data});
    std::vector<float> bias(8);
    for (float& v : bias) v = 1 + random.symmetric();
    x = b.add("second", layers::convolution{{.pad = {1, 1, 1, 1}}, random.tensor({8, 4, 3, 3}, 0.3F), bias}, {x});
    b.add("pool", pooling_params{pooling_operation::average, {2, 2}, {2, 2}, {}, pooling_size::ceil, false}, {x});
    net = b.net;
    input = random.tensor({1, 3, 16, 16});
  }
  [[nodiscard]] weight_fit operator()(const network& changed, std::function<void(dumps&)> after = {}) const {
    return fit_of(net, changed, 2, input, std::move(after));
  }
};

}  // namespace

TEST_CASE("a layer with its own weights has nothing to explain", "[debug]") {
  const example e;
  CHECK(e(e.net).what == weight_change::none);
}

TEST_CASE("changed parameters of a layer are named", "[debug]") {
  const example e;
  network changed = e.net;
  SECTION("a lost bias") {
    lose_bias(changed, 2);
    const weight_fit f = e(changed);
    CHECK(f.what == weight_change::lost_bias);
    CHECK(f.left < 0.1);
    CHECK(weight_fact(f, "second").kind() == fact_kind::lost_bias);
    CHECK(weight_evidence(f).number("left") == f.left);
  }
  SECTION("a factor for all") {
    for (float& v : weights_of(changed, 2)) v *= 1.1F;
    for (float& v : *nniesim::detail::weights_and_bias(changed.layers[2]).second) v *= 1.1F;
    const weight_fit f = e(changed);
    CHECK(f.what == weight_change::gain);
    CHECK(f.gains.at(0) == Approx(1.1).epsilon(0.01));
  }
  SECTION("a dead channel") {
    kill_channel(changed, 2, 5);
    const weight_fit f = e(changed);
    CHECK(f.what == weight_change::silent);
    CHECK(f.channels == std::vector<std::size_t>{5});
    CHECK(weight_fact(f, "second") ==
          fact(fact_kind::one_value_in_channels, {{"layer", "second"}, {"channels", f.channels}}));
  }
  SECTION("an exchanged pair") {
    const std::span<float> a = weights_of_channel(changed, 2, 1), b = weights_of_channel(changed, 2, 6);
    std::swap_ranges(a.begin(), a.end(), b.begin());
    auto& bias = *nniesim::detail::weights_and_bias(changed.layers[2]).second;
    std::swap(bias[1], bias[6]);
    const weight_fit f = e(changed);
    CHECK(f.what == weight_change::exchanged);
    CHECK(f.channels == std::vector<std::size_t>{1, 6});
  }
  SECTION("one channel's weights") {
    std::span<float> w = weights_of_channel(changed, 2, 3);
    std::reverse(w.begin(), w.end());
    const weight_fit f = e(changed);
    CHECK(f.what == weight_change::some_channels);
    CHECK(f.channels == std::vector<std::size_t>{3});
  }
  SECTION("all weights: some others give what is shown") {
    tensor<float>& w = weights_of(changed, 2);
    std::reverse(w.begin(), w.end());
    const weight_fit f = e(changed);
    CHECK(f.what == weight_change::other_weights);
    CHECK(f.left < 0.1);
  }
}

TEST_CASE("what no weights give is no matter of weights", "[debug]") {
  const example e;
  SECTION("noise") {
    const weight_fit f = e(e.net, [](dumps& other) {
      draws random(6);
      for (float& v : named(other, "second").values) v += random.normal();
    });
    CHECK(f.what == weight_change::none);
    REQUIRE(f.any_weights);
    CHECK(*f.any_weights > 0.3);
  }
  SECTION("the last columns") {
    const weight_fit f = e(e.net, [](dumps& other) {
      draws random(6);
      auto& v = named(other, "second").values;
      for (std::size_t i = 0; i < v.size(); ++i) {
        if (i % 16 >= 14) v[i] = random.normal();
      }
    });
    CHECK(f.what == weight_change::none);
    CHECK(f.right_places == 14 * 16);
    CHECK(f.places == 256);
  }
}

TEST_CASE("the weights of few positions cannot be told from anything else", "[debug]") {
  draws random(5);
  test_networks::network_builder b;
  const std::size_t data = b.input({1, 32});
  const std::size_t x = b.add("a", layers::fully_connected{1, random.tensor({20, 32}, 0.3F), {}}, {data});
  b.add("b", layers::fully_connected{1, random.tensor({20, 20}, 0.3F), {}}, {x});
  network changed = b.net;
  tensor<float>& w = weights_of(changed, 2);
  std::reverse(w.begin(), w.end());
  const weight_fit f = fit_of(b.net, changed, 2, random.tensor({1, 32}));
  CHECK(f.what == weight_change::untested);
}

}  // namespace weight_fit_test
