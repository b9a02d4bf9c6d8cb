#include <nniesim/debug/ablation.hpp>

#include <algorithm>
#include <limits>
#include <vector>

#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/calibrate.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace ablation_test {

using namespace test_networks;

namespace {

/// A network with a picture and the ranges that it gives; not to be moved.
struct example {
  network net;
  tensor<float> x;
  activation_ranges ranges{};

  example(network n, tensor<float> picture) : net(std::move(n)), x(std::move(picture)) {
    calibrator c(net, plan_of(net, compile_mode::all_8bit));
    c.add(inputs());
    ranges = c.ranges();
  }
  example(const example&) = delete;
  example& operator=(const example&) = delete;

  [[nodiscard]] std::vector<tensor_view<const float>> inputs() const { return {view_of(x)}; }
  [[nodiscard]] std::vector<layer_ablation> ablate_in(compile_mode mode) const {
    return ablate(net, plan_of(net, mode), ranges, inputs());
  }
};

/// The encodings of a policy, everything else in float.
template <class Format>
struct encoded_in_float : precision<Format, Format, fp32_chain, binary32> {};

/// A run in float of what the plan encodes: weights, and blobs as it stores them.
std::vector<tensor<float>> encoded_run(const example& e, const precision_plan& plan) {
  network_runner runner(e.net, float_plan(e.net), {.keep_all = true, .stored_as = &plan});
  runner.use(e.ranges);
  runner.run(e.inputs());
  std::vector<tensor<float>> blobs;
  for (std::size_t b = 0; b < e.net.blobs.size(); ++b) blobs.push_back(runner.value(b));
  return blobs;
}

void check_same(const comparison& a, const comparison& b) {
  CHECK(a.cosine == b.cosine);
  CHECK(a.relative_l2_error == b.relative_l2_error);
  CHECK(a.max_abs == b.max_abs);
  CHECK(a.max_index == b.max_index);
}

}  // namespace

TEMPLATE_TEST_CASE("Both sides encoded are what the operators encode themselves", "[ablation]", gfpq8, gfpq16) {
  draws random(1);
  const example e(network_of_all_kinds(random), random.tensor({2, 3, 17, 13}));
  network_runner reference(e.net, float_plan(e.net), {.keep_all = true});
  reference.run(e.inputs());
  const compile_mode mode = TestType::bits == 8 ? compile_mode::all_8bit : compile_mode::all_16bit;
  const auto expected = encoded_run(e, plan_of(e.net, mode));
  const auto got = e.ablate_in(mode);
  REQUIRE(got.size() == e.net.layers.size() - 1);
  // Operators that encode themselves sum in units: the same but for the rounding of sums, which may move a code.
  using policy = encoded_in_float<TestType>;
  network_runner operators(e.net, plan_of(e.net, layer_precision::of<policy>()),
                           {.keep_all = true, .policies = policy_set::of<policy>()});
  operators.use(e.ranges);
  operators.run(e.inputs());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i].layer == i + 1);
    CHECK(got[i].output == 0);
    const std::size_t b = e.net.layers[i + 1].outputs[0];
    CAPTURE(e.net.layers[i + 1].name);
    check_same(got[i].both, compare(reference.value(b), expected[b]));
    CHECK(compare(expected[b], operators.value(b)).relative_l2_error <
          (i < 2 ? 1e-6 : 0.5 * got[i].both.relative_l2_error + 1e-6));
  }
}

TEST_CASE("Weights encoded alone are a float network with those weights", "[ablation]") {
  draws random(2);
  const example e(network_of_all_kinds(random), random.tensor({2, 3, 17, 13}));
  network other = e.net;
  for (layer& l : other.layers) {
    std::visit(
        [](auto& p) {
          if constexpr (requires { p.weights; }) {
            std::size_t groups = 1;
            if constexpr (requires { p.geometry.groups; }) groups = p.geometry.groups;
            for (std::size_t g = 0; g < groups; ++g) {
              const std::size_t each = p.weights.size() / groups;
              const std::span<float> w(p.weights.data() + g * each, each);
              fake_quantize<gfpq8>(w, w, gfpq8::scale_of(w));
            }
          }
        },
        l.params);
  }
  network_runner reference(e.net, float_plan(e.net), {.keep_all = true});
  network_runner changed(other, float_plan(other), {.keep_all = true});
  reference.run(e.inputs());
  changed.run(e.inputs());
  for (const layer_ablation& a : e.ablate_in(compile_mode::all_8bit)) {
    const std::size_t b = e.net.layers[a.layer].outputs[a.output];
    check_same(a.weights_only, compare(reference.value(b), changed.value(b)));
  }
}

TEST_CASE("Only weights lose: those of a channel that is zero are too large for the others", "[ablation]") {
  draws random(3);
  network_builder b;
  const std::size_t data = b.input({2, 4, 9, 9});
  auto w = random.tensor({4, 4, 1, 1});
  auto x = random.tensor({2, 4, 9, 9});
  for (std::size_t o = 0; o < 4; ++o) w.data()[o * 4] *= 1e3F;
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t i = 0; i < 81; ++i) x.data()[n * 4 * 81 + i] = 0;
  }
  b.add("conv", layers::convolution{{}, w, {}}, {data});
  const example e(b.net, x);
  const auto in_8bit = e.ablate_in(compile_mode::all_8bit);
  REQUIRE(in_8bit.size() == 1);
  CHECK(in_8bit[0].weights_only.relative_l2_error > 0.5);
  CHECK(in_8bit[0].activations_only.cosine > 0.999);
  CHECK(in_8bit[0].both.relative_l2_error > 0.5);
}

TEST_CASE("Only activations lose: a range that is too narrow", "[ablation]") {
  draws random(4);
  network_builder b;
  std::size_t x = b.input({1, 3, 12, 12});
  x = b.add("conv", layers::convolution{{.pad = {1, 1}}, random.tensor({8, 3, 3, 3}, 0.3F), {}}, {x});
  x = b.add("relu", relu_params{}, {x});
  b.add("fc", layers::fully_connected{1, random.tensor({10, 8 * 144}, 0.05F), {}}, {x});
  example e(b.net, random.tensor({1, 3, 12, 12}));
  const auto good = e.ablate_in(compile_mode::all_8bit);
  for (const layer_ablation& a : good) CHECK(a.both.cosine > 0.99);
  e.ranges.blobs.at("relu").in_8bit = gfpq8::scale_of_max(0.02F);
  const auto bad = e.ablate_in(compile_mode::all_8bit);
  REQUIRE(bad.size() == 3);
  check_same(bad[1].both, good[1].both);
  CHECK(bad[2].weights_only.cosine > 0.99);
  CHECK(bad[2].activations_only.norm_error < -0.5);
  CHECK(bad[2].both.norm_error < -0.5);
  check_same(bad[2].weights_only, good[2].weights_only);
}

TEST_CASE("16 bits lose less on both sides, and layers in float nothing", "[ablation]") {
  draws random(5);
  example e(network_of_all_kinds(random), random.tensor({2, 3, 17, 13}));
  const auto narrow = e.ablate_in(compile_mode::all_8bit);
  const auto wide = e.ablate_in(compile_mode::all_16bit);
  CHECK(wide[0].weights_only.relative_l2_error < narrow[0].weights_only.relative_l2_error / 4);
  CHECK(wide[0].activations_only.relative_l2_error < narrow[0].activations_only.relative_l2_error / 4);
  for (const layer_ablation& a : ablate(e.net, float_plan(e.net), {}, e.inputs())) {
    CHECK(a.weights_only.relative_l2_error == 0);
    CHECK(a.activations_only.relative_l2_error == 0);
    CHECK(a.both.relative_l2_error == 0);
  }
  auto& first =
      *std::find_if(e.net.layers.begin(), e.net.layers.end(), [](const layer& l) { return l.name == "conv1"; });
  first.on_cpu = true;
  CHECK(e.ablate_in(compile_mode::all_8bit)[0].both.relative_l2_error == 0);
}

TEST_CASE("Every output of a layer is compared, and any number of threads gives the same", "[ablation]") {
  draws random(6);
  network_builder b;
  std::size_t x = b.input({1, 4, 40, 40});
  x = b.add("conv", layers::convolution{{.pad = {1, 1}, .groups = 2}, random.tensor({8, 2, 3, 3}, 0.3F), {}}, {x});
  const std::size_t left = b.blob("left", {1, 4, 40, 40});
  const std::size_t right = b.blob("right", {1, 4, 40, 40});
  b.net.layers.push_back({"slice", "Slice", "here:3:1", {x}, {left, right}, slice_params{1, {4}}});
  b.add("sum", eltwise_params{}, {left, right, left});
  const example e(b.net, random.tensor({1, 4, 40, 40}));
  const auto one = e.ablate_in(compile_mode::all_8bit);
  REQUIRE(one.size() == 4);
  CHECK(one[1].layer == 2);
  CHECK(one[1].output == 0);
  CHECK(one[2].layer == 2);
  CHECK(one[2].output == 1);
  thread_pool pool(3);
  const auto three = ablate(e.net, plan_of(e.net, compile_mode::all_8bit), e.ranges, e.inputs(), pool.handle());
  REQUIRE(three.size() == one.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    check_same(one[i].weights_only, three[i].weights_only);
    check_same(one[i].activations_only, three[i].activations_only);
    check_same(one[i].both, three[i].both);
  }
}

TEST_CASE("What does not fit is refused", "[ablation]") {
  draws random(7);
  example e(network_of_all_kinds(random), random.tensor({2, 3, 17, 13}));
  const auto plan = plan_of(e.net, compile_mode::all_8bit);
  CHECK_THROWS_AS(ablate(e.net, {}, e.ranges, e.inputs()), format_error);
  CHECK_THROWS_AS(ablate(e.net, plan, {}, e.inputs()), format_error);
  CHECK_THROWS_WITH(ablate(e.net, plan, {}, e.inputs()), contains("conv1"));
  CHECK_THROWS_AS(ablate(e.net, plan, e.ranges, {}), shape_error);
  const auto wrong = random.tensor({1, 3, 17, 13});
  const std::vector<tensor_view<const float>> inputs = {view_of(wrong)};
  CHECK_THROWS_AS(ablate(e.net, plan, e.ranges, inputs), shape_error);
  const std::vector<tensor_view<const float>> two = {view_of(e.x), view_of(e.x)};
  CHECK_THROWS_AS(ablate(e.net, plan, e.ranges, two), shape_error);
  auto ranges = e.ranges;
  ranges.blobs.erase("relu1");
  CHECK_THROWS_AS(ablate(e.net, plan, ranges, e.inputs()), format_error);
  e.x.data()[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(ablate(e.net, plan, e.ranges, e.inputs()), format_error);
}

}  // namespace ablation_test
