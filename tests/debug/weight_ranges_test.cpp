#include <nniesim/debug/weight_ranges.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <nniesim/debug/layer_verdict.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace weight_ranges_test {

using two_runs::experiment;

namespace {

constexpr std::size_t channels = 6;

/// data, a convolution, a depthwise one whose groups have weights of very different size, another convolution.
network depthwise_network(draws& random) {
  test_networks::network_builder b;
  std::size_t x = b.input({1, 3, 12, 12});
  x = b.add("conv1", layers::convolution{{.pad = {1, 1, 1, 1}}, random.tensor({channels, 3, 3, 3}, 0.3F), {}}, {x});
  tensor<float> weights = random.tensor({channels, 1, 3, 3}, 0.3F);
  for (std::size_t i = 0; i < weights.size(); ++i) weights.data()[i] *= std::exp2(-static_cast<float>(i / 9));
  x = b.add("dw", layers::convolution{{.pad = {1, 1, 1, 1}, .groups = channels}, weights, {}}, {x});
  b.add("conv2", layers::convolution{{}, random.tensor({8, channels, 1, 1}, 0.3F), {}}, {x});
  return b.net;
}
tensor<float>& weights_of(network& net) { return std::get<layers::convolution>(net.layers[2].params).weights; }
float largest_of(const tensor<float>& w, std::size_t group) {
  float most = 0;
  for (std::size_t i = 9 * group; i < 9 * group + 9; ++i) most = std::max(most, std::fabs(w.data()[i]));
  return most;
}
detail::layer_verdict judged(const experiment& e) {
  return e.look([](const detail::case_file& file) {
    const detail::layer_trial* const t = file.trial_of(2, 0);
    return detail::layer_judge(file.runs(), *file.lab(), *t).judge();
  });
}

}  // namespace

TEST_CASE("weights of groups that saturate are named, with the groups", "[debug]") {
  draws random(81);
  experiment e(depthwise_network(random), random);
  // By hand: the weights of two groups above an eighth of the largest are that, with their sign.
  network cut = e.net;
  tensor<float>& w = weights_of(cut);
  for (const std::size_t g : {1U, 4U}) {
    const float top = std::exp2(std::floor(16 * std::log2(largest_of(w, g))) / 16) / 8;
    for (std::size_t i = 9 * g; i < 9 * g + 9; ++i) {
      if (std::fabs(w.data()[i]) > top) w.data()[i] = std::copysign(top, w.data()[i]);
    }
  }
  e.run(cut);
  const std::optional<detail::weight_range_fit> fit = e.look([](const detail::case_file& file) {
    const detail::layer_bench bench(file.runs(), *file.lab(), 2);
    return detail::weight_range_search(bench, 0).find({});
  });
  REQUIRE(fit.has_value());
  CHECK(fit->cut == std::vector<std::size_t>{1, 4});
  CHECK(fit->lost.empty());
  CHECK(fit->shifts[1] == -48);
  CHECK(fit->shifts[4] == -48);
  CHECK_FALSE(fit->is_one_for_all);
  CHECK(fit->left < 1e-3);
  const detail::layer_verdict v = judged(e);
  CHECK(v.what.cause == fault::other_weights);
  CHECK(v.what.summary.get<std::vector<std::size_t>>("saturating_groups") == fit->cut);
}

TEST_CASE("one range for the weights of all groups, in place of one for each", "[debug]") {
  draws random(82);
  network net = depthwise_network(random);
  // Two groups so small that of one range for all hardly anything is left for them.
  tensor<float>& own = weights_of(net);
  for (std::size_t i = 9 * 4; i < 9 * 6; ++i) own.data()[i] *= 0.08F;
  experiment e(net, random);
  network one = e.net;
  tensor<float>& w = weights_of(one);
  float most = 0;
  for (const float v : w) most = std::max(most, std::fabs(v));
  const double top = std::exp2(std::floor(16 * std::log2(static_cast<double>(most))) / 16);
  std::size_t lost = 0;
  for (float& v : w) {
    // The smallest level of 8 bits is 2^(-126/16) of the largest; half a level below it the code is zero.
    if (std::fabs(static_cast<double>(v)) < top * std::exp2(-126.0 / 16 - 0.5)) {
      lost += v != 0 ? 1U : 0U;
      v = 0;
    }
  }
  REQUIRE(lost > 3);
  e.run(one);
  const auto find = [](const detail::case_file& file) {
    const detail::layer_bench bench(file.runs(), *file.lab(), 2);
    return detail::weight_range_search(bench, 0).find({});
  };
  const auto fit = e.look(find);
  REQUIRE(fit.has_value());
  CHECK(fit->is_one_for_all);
  CHECK(fit->cut.empty());
  CHECK_FALSE(fit->lost.empty());
}

TEST_CASE("the weights' own ranges, and values that no range gives, explain nothing", "[debug]") {
  draws random(83);
  experiment e(depthwise_network(random), random);
  const auto find = [](const detail::case_file& file) {
    const detail::layer_bench bench(file.runs(), *file.lab(), 2);
    return detail::weight_range_search(bench, 0).find({}).has_value();
  };
  CHECK_FALSE(e.look(find));
  // A channel that is dead has no range.
  network dead = e.net;
  for (std::size_t i = 9; i < 18; ++i) weights_of(dead).data()[i] = 0;
  e.run(dead);
  CHECK_FALSE(e.look(find));
  for (float& v : e.shown("dw")) v = random.normal();
  CHECK_FALSE(e.look(find));
  // Of a layer without weights there is none.
  const experiment plain(two_runs::plain_network(random), random);
  CHECK_FALSE(plain.look([](const detail::case_file& file) {
    const detail::layer_bench bench(file.runs(), *file.lab(), 2);
    return detail::weight_range_search(bench, 0).find({}).has_value();
  }));
}

}  // namespace weight_ranges_test
