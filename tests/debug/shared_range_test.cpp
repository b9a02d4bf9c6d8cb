// Branches of a concatenation, and channels, that lose all they have to another's range; and the diagnosis of it.
#include <nniesim/debug/shared_range.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <nniesim/debug/diagnose.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace shared_range_test {

using namespace test_networks;

namespace {

using floats = std::vector<float>;

/// Two convolutions, the first one's values 2^`octaves` times larger, joined and read by a third that looks at the
/// smaller alone. `turned`: the larger branch comes second.
network joined(int octaves, bool turned, bool pooled = false) {
  draws random(5);
  network_builder b;
  const std::size_t data = b.input({1, 3, 12, 10});
  const auto conv = [&](const std::string& name, std::size_t outputs, float factor) {
    tensor<float> w = random.tensor({outputs, 3, 3, 3}, 0.3F);
    for (float& v : w) v *= factor;
    return b.add(name, layers::convolution{{.pad = {1, 1, 1, 1}}, w, {}}, {data});
  };
  const std::size_t large = conv("large", 4, std::ldexp(1.0F, octaves)), small = conv("small", 6, 1);
  const std::vector<std::size_t> order = turned ? std::vector<std::size_t>{small, large} : std::vector{large, small};
  std::size_t x = b.add("cat", concat_params{1}, order);
  if (pooled) {
    x = b.add("pool", pooling_params{pooling_operation::maximum, {2, 2}, {2, 2}, {}, pooling_size::ceil, false}, {x});
  }
  tensor<float> w = random.tensor({5, 10, 1, 1}, 0.4F);
  for (std::size_t o = 0; o < 5; ++o) {
    for (std::size_t c = 0; c < 4; ++c) w.data()[o * 10 + (turned ? 6 + c : c)] = 0;
  }
  x = b.add("head", layers::convolution{{}, w, {}}, {x});
  b.add("out", layers::fully_connected{1, random.tensor({4, pooled ? 150U : 600U}, 0.1F), floats(4, 0.1F)}, {x});
  return b.net;
}

diagnosis diagnosed(const network& net, const precision_plan& plan) {
  draws random(9);
  const tensor<float> x = random.tensor({1, 3, 12, 10});
  calibrator c(net, plan);
  c.add(x);
  const activation_ranges ranges = c.ranges();
  network_runner in_float(net, float_plan(net), {.keep_all = true}), quantized(net, plan, {.keep_all = true});
  in_float.run(x);
  quantized.use(ranges);
  quantized.run(x);
  const experiment_context lab{.net = net, .inputs = {view_of(x)}, .ranges = ranges, .plan = plan};
  const auto r = layers_of(in_float), o = layers_of(quantized);
  return diagnose(r, o, {}, &lab);
}

}  // namespace

TEST_CASE("a branch that takes the range of all", "[debug]") {
  for (const int octaves : {12, 14, 17}) {
    for (const bool turned : {false, true}) {
      for (const bool pooled : {false, true}) {
        CAPTURE(octaves, turned, pooled);
        const network net = joined(octaves, turned, pooled);
        const diagnosis d = diagnosed(net, plan_of(net, compile_mode::all_8bit));
        CAPTURE(d.verdict.summary, d.verdict.evidence, d.verdict.change);
        CHECK(d.verdict.cause == fault::activation_scale);
        CHECK(d.verdict.layer == (pooled ? "pool" : "head"));
        CHECK(d.verdict.change.at(0).text("writer") == "large");
        CHECK(d.verdict.summary.text("branch") == "large");
        CHECK(d.verdict.summary.text("blob") == "cat");
        CHECK(d.verdict.evidence.back().get<std::vector<std::string>>("branches") == std::vector<std::string>{"small"});
        CHECK(find_fact(d.verdict.evidence, fact_kind::below_step) == nullptr);
        // What is advised cures it: both branches of one magnitude, or more bits.
        const network even = joined(1, turned, pooled);
        CHECK(diagnosed(even, plan_of(even, compile_mode::all_8bit)).verdict.cause != d.verdict.cause);
        // More bits are advised only where they help.
        for (const std::string c : d.verdict.change) {
          if (c.find("16 bits") == std::string::npos) continue;
          precision_plan more = plan_of(net, compile_mode::all_8bit);
          more.layers[layer_index(net, "head")] = layer_precision::w16a16;
          CHECK(diagnosed(net, more).verdict.cause != d.verdict.cause);
        }
      }
    }
  }
}

TEST_CASE("values that are below the step of Q20.12, and those that only come near", "[debug]") {
  for (const int octaves : {-14, -16}) {
    network net = joined(1, false);
    auto& head = std::get<layers::convolution>(net.layers[layer_index(net, "head")].params);
    for (float& v : head.weights) v = std::ldexp(v, octaves);
    const diagnosis d = diagnosed(net, plan_of(net, compile_mode::all_8bit));
    CAPTURE(octaves, d.verdict.summary, d.verdict.evidence);
    CHECK(d.verdict.cause == fault::fixed_point_range);
    CHECK(d.verdict.layer == "head");
  }
}

TEST_CASE("parts of blobs", "[debug]") {
  const network net = joined(14, true, true);
  const std::size_t head = layer_index(net, "head");
  std::vector<tensor<float>> x;
  x.push_back(make_tensor<float>(net.blobs[net.layers[head].inputs[0]].shape));
  x[0].fill(1.0F);
  CHECK_FALSE(find_shared_range(net, head, x, 7));
  const std::size_t plane = x[0].size() / 10;
  for (std::size_t i = 0; i < 6 * plane; ++i) x[0].data()[i] = 1e-4F;
  const auto found = find_shared_range(net, head, x, 7);
  REQUIRE(found);
  CHECK(found->blob == "cat");
  CHECK(found->taking.name == "large");
  REQUIRE(found->vanishing.size() == 1);
  CHECK(found->vanishing[0].name == "small");
  CHECK(found->factor == 8192);
  CHECK_FALSE(find_shared_range(net, head, x, 15));
  // Channels of a layer.
  const std::size_t out = layer_index(net, "out");
  x[0] = make_tensor<float>(net.blobs[net.layers[out].inputs[0]].shape);
  x[0].fill(1e-3F);
  const std::size_t each = x[0].size() / 5;
  for (std::size_t i = 0; i < each; ++i) x[0].data()[2 * each + i] = 5;
  const auto channel = find_shared_range(net, out, x, 7);
  REQUIRE(channel);
  CHECK(channel->taking.name.empty());
  CHECK(channel->taking.first == 2);
  CHECK(channel->vanishing.size() == 4);
  CHECK(channel->blob == "head");
}

}  // namespace shared_range_test
