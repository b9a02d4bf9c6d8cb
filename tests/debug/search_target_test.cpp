#include <nniesim/debug/search_target.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

TEST_CASE("targets score a plan: the worst picture and blob, float being perfect", "[debug]") {
  draws random(71);
  const two_runs::experiment e(two_runs::plain_network(random), random);
  const std::vector<std::vector<tensor_view<const float>>> pictures = {e.views()};
  const auto score = [&](const search_target& t, const precision_plan& p) {
    return score_of(t, e.net, p, e.ranges, pictures);
  };
  for (const search_target& t : {output_cosine(e.net), worst_layer_cosine(e.net)}) {
    CHECK(score(t, float_plan(e.net)) == approx(1));
    CHECK(score(t, e.plan) < 1);
  }
  CHECK(score(worst_layer_cosine(e.net), e.plan) <= score(output_cosine(e.net), e.plan));
  CHECK(score(norm_error(e.net, "conv1"), float_plan(e.net)) == approx(0).margin(1e-12));
  CHECK_THROWS_WITH(norm_error(e.net, "conv9"), contains("no layer 'conv9'"));
}

TEST_CASE("a target of some outputs, and of few values", "[debug]") {
  draws random(72);
  test_networks::network_builder b;
  std::size_t x = b.input({1, 4, 10, 10});
  x = b.add("conv1", layers::convolution{{}, random.tensor({4, 4, 3, 3}, 0.2F), {}}, {x});
  b.add("wide", layers::fully_connected{1, random.tensor({20, 256}, 0.1F), {}}, {x});
  b.add("narrow", layers::fully_connected{1, random.tensor({2, 256}, 0.1F), {}}, {x});
  const two_runs::experiment e(b.net, random);
  const std::vector<std::vector<tensor_view<const float>>> pictures = {e.views()};
  const auto score = [&](const search_target& t) { return score_of(t, e.net, e.plan, e.ranges, pictures); };
  const std::vector<std::string> wide = {"wide"}, narrow = {"narrow"}, both = {"narrow", "wide"}, none = {"none"};
  CHECK(output_cosine(e.net, wide).name == "output cosine of wide");
  CHECK(output_cosine(e.net, narrow).name == "output cosine of narrow, of few values their error");
  CHECK(output_cosine(e.net).name == "output cosine, of few values their error");
  CHECK(score(output_cosine(e.net, both)) == score(output_cosine(e.net)));
  CHECK(score(output_cosine(e.net)) ==
        std::min(score(output_cosine(e.net, wide)), score(output_cosine(e.net, narrow))));
  CHECK_THROWS_WITH(output_cosine(e.net, none), contains("no layer 'none'"));
  // By hand, from the values.
  network_runner in_float(e.net, float_plan(e.net), {.keep_all = true}), quantized(e.net, e.plan, {.keep_all = true});
  quantized.use(e.ranges);
  in_float.run(e.views());
  quantized.run(e.views());
  const std::size_t blob = e.net.layers.back().outputs[0];
  const tensor<float> r = in_float.value(blob), q = quantized.value(blob);
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    error += std::pow(static_cast<double>(q.data()[i]) - static_cast<double>(r.data()[i]), 2);
    norm += std::pow(static_cast<double>(r.data()[i]), 2);
  }
  CHECK(score(output_cosine(e.net, narrow)) == approx(1 - error / norm / 2));
}
