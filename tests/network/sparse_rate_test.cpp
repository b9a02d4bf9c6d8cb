#include <algorithm>
#include <cmath>
#include <limits>
#include <nniesim/network/arithmetic.hpp>
#include <nniesim/network/runner.hpp>
#include <vector>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace sparse_rate_test {

using namespace test_networks;
using floats = std::vector<float>;

namespace {

tensor<float> row(const floats& values) {
  tensor<float> t = make_tensor<float>({1, values.size()});
  std::copy(values.begin(), values.end(), t.data());
  return t;
}
floats after(const floats& weights, float rate) {
  const tensor<float> t = smallest_set_to_zero(row(weights), rate);
  return {t.begin(), t.end()};
}

}  // namespace

TEST_CASE("the smallest weights become zero, as many as the share says, the first of equal ones", "[network]") {
  CHECK(after({4, -1, 3, -2}, 0.5F) == floats{4, 0, 3, 0});
  CHECK(after({4, -1, 3, -2}, 0.0F) == floats{4, -1, 3, -2});
  CHECK(after({4, -1, 3, -2}, 0.24F) == floats{4, -1, 3, -2});
  CHECK(after({4, -1, 3, -2}, 0.25F) == floats{4, 0, 3, -2});
  CHECK(after({4, -1, 3, -2}, 1.0F) == floats{0, 0, 0, 0});
  CHECK(after({2, -2, 2, -2, 2}, 0.6F) == floats{0, 0, 0, -2, 2});  // float32 0.6 is a little more
  CHECK(after({}, 0.5F).empty());
  const floats with_nan = after({std::nanf(""), 5, -std::numeric_limits<float>::infinity(), 0}, 0.5F);
  CHECK(std::isnan(with_nan[0]));
  CHECK(with_nan[1] == 0.0F);
  CHECK(std::isinf(with_nan[2]));
  for (const float rate : {-0.1F, 1.1F, std::nanf("")}) CHECK_THROWS_AS(after({1}, rate), shape_error);
  // Against sorting: what is left is never smaller than what went.
  draws d(5);
  for (int i = 0; i < 50; ++i) {
    const tensor<float> w = d.tensor({d.between(1, 9), d.between(1, 30)});
    const float rate = static_cast<float>(d.between(0, 100)) / 100.0F;
    const tensor<float> s = smallest_set_to_zero(w, rate);
    float most_gone = 0, least_left = std::numeric_limits<float>::infinity();
    std::size_t gone = 0;
    for (std::size_t k = 0; k < w.size(); ++k) {
      if (s.data()[k] == w.data()[k]) least_left = std::min(least_left, std::abs(w.data()[k]));
      else most_gone = std::max(most_gone, std::abs(w.data()[k])), ++gone;
    }
    CHECK(gone == static_cast<std::size_t>(static_cast<double>(rate) * static_cast<double>(w.size())));
    CHECK(most_gone <= least_left);
  }
}

TEST_CASE("the accelerator's policies have sparse weights, the float reference has not", "[network]") {
  draws random(3);
  network_builder b;
  const std::size_t data = b.input({1, 24});
  const tensor<float> w = random.tensor({7, 24});
  b.add("fc", layers::fully_connected{1, w, random_floats(random, 7)}, {data});
  arithmetic_rules rules;
  rules.sparse_rate = 0.5F;
  const network sparse = with_arithmetic(b.net, rules);
  network by_hand = b.net;
  std::get<layers::fully_connected>(by_hand.layers[1].params).weights = smallest_set_to_zero(w, 0.5F);
  const tensor<float> x = random.tensor({1, 24});
  const auto run = [&](const network& net, const precision_plan& plan) {
    network_runner runner(net, plan, {.keep_all = true});
    runner.run(x);
    const tensor<float> y = runner.value("fc");
    return floats(y.begin(), y.end());
  };
  for (const layer_precision p : {layer_precision::w8a8, layer_precision::w16a16}) {
    CHECK(run(sparse, plan_of(sparse, p)) == run(by_hand, plan_of(by_hand, p)));
    CHECK(run(sparse, plan_of(sparse, p)) != run(b.net, plan_of(b.net, p)));
  }
  CHECK(run(sparse, float_plan(sparse)) == run(b.net, float_plan(b.net)));
  const network stored = with_sparse_weights(b.net, 0.5F);
  CHECK(same_bits(std::get<layers::fully_connected>(stored.layers[1].params).weights, smallest_set_to_zero(w, 0.5F)));
}

}  // namespace sparse_rate_test
