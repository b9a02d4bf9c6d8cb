// The decisions of a diagnosis on made-up layers; on real networks: fault_catalogue_test.cpp.
#include <nniesim/debug/diagnose.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/calibrate.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace diagnose_test {

using namespace test_networks;

namespace {

using floats = std::vector<float>;

/// Two runs of which only the layers' outputs are known.
struct runs {
  std::vector<named_values> reference, other;
  draws random{7};

  floats noise() {
    floats v(512);
    for (float& x : v) x = random.normal();
    return v;
  }
  void put(const std::string& name, const floats& r, const floats& x) {
    reference.push_back({name, {1, 8, 8, 8}, [r] { return r; }});
    other.push_back({name, {1, 8, 8, 8}, [x] { return x; }});
  }
  /// A layer whose cosine is near the given one, with equal norms.
  void add(const std::string& name, double cosine) {
    const floats r = noise(), e = noise();
    const auto side = static_cast<float>(std::sqrt(1 - cosine * cosine));
    floats x(r.size());
    for (std::size_t i = 0; i < r.size(); ++i) x[i] = static_cast<float>(cosine) * r[i] + side * e[i];
    put(name, r, x);
  }
  [[nodiscard]] diagnosis diagnosed(const diagnose_options& options = {}) const {
    return diagnose(reference, other, options);
  }
};

runs with_layers(const std::vector<double>& cosines) {
  runs r;
  r.add("data", 1.0);
  for (std::size_t i = 0; i < cosines.size(); ++i) r.add("layer" + std::to_string(i), cosines[i]);
  return r;
}

}  // namespace

TEST_CASE("the procedure's table, from two folders alone", "[debug]") {
  // Falls layer by layer: quantization, not confirmed.
  diagnosis d = with_layers({0.999, 0.995, 0.985, 0.977, 0.967, 0.956, 0.945, 0.935}).diagnosed();
  CHECK(d.verdict.cause == fault::precision);
  CHECK(d.verdict.layer == "layer2");
  CHECK(d.verdict.next.number("limit") == 0.99);
  CHECK(d.verdict.against.at(0).kind() == fact_kind::not_seen_in_16_bits);

  // Drops at once.
  d = with_layers({0.999, 0.998, 0.998, 0.80, 0.82, 0.81}).diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);  // to call the layer wrong takes the network
  CHECK(d.verdict.layer == "layer3");
  CHECK(d.verdict.next.kind() == fact_kind::see_in_16_bits);

  // The last layer between the two limits, which the table leaves open.
  d = with_layers({0.999, 0.995, 0.99, 0.985, 0.98, 0.975, 0.97}).diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.summary.kind() == fact_kind::last_layer_between);
  CHECK(d.verdict.summary.number("from") == 0.95);
  CHECK_FALSE(d.verdict.next.empty());

  // The first layer is bad, the data are right.
  d = with_layers({0.985, 0.98, 0.975, 0.97, 0.965}).diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.summary.kind() == fact_kind::first_layer_off);
  CHECK(d.verdict.summary.number("cosine") == Approx(0.985).margin(0.005));

  // A dip that recovers: deep, and shallow.
  d = with_layers({0.999, 0.998, 0.6, 0.998, 0.997}).diagnosed();
  CHECK(d.verdict.cause == fault::layer_mapping);
  CHECK(d.verdict.layer == "layer2");
  d = with_layers({0.999, 0.998, 0.95, 0.998, 0.997}).diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.summary.kind() == fact_kind::dips);
  CHECK(d.verdict.summary.number("cosine") == Approx(0.95).margin(0.005));

  d = with_layers({0.9999, 0.9998, 0.9997}).diagnosed();
  CHECK(d.verdict.cause == fault::none);
  CHECK(d.also.empty());
  CHECK(d.verdict.next.kind() == fact_kind::judge_post_processing);
}

TEST_CASE("a layer that was only taken for the input is judged", "[debug]") {
  runs r;  // no data layer
  r.add("conv0", 0.97);
  for (const char* name : {"conv1", "conv2", "conv3"}) r.add(name, 0.995);
  diagnosis d = r.diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.summary == fact(fact_kind::inputs_not_compared, {{"layer", "conv0"}}));
  CHECK(d.verdict.next.kind() == fact_kind::dump_data_layer);
  CHECK(r.diagnosed({.ordered = 0}).verdict.cause == fault::inconclusive);
  // A name that could be an input's costs nothing either, and the layer keeps its place.
  runs named;
  named.add("conv0", 0.9999);
  named.add("data_bn", 0.5);
  named.add("conv1", 0.45);
  d = named.diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.layer == "data_bn");
  CHECK(d.layers.at(1).name == "data_bn");
}

TEST_CASE("a dip that recovers in part decides nothing", "[debug]") {
  const diagnosis d = with_layers({0.998, 0.995, 0.3, 0.985, 0.97, 0.94}).diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.layer == "layer2");
  CHECK_FALSE(d.verdict.summary.get<bool>("recovers"));
}

TEST_CASE("layers whose place is not known do not count as the last ones", "[debug]") {
  runs r = with_layers({0.999, 0.995, 0.985, 0.977, 0.967, 0.956, 0.945, 0.935});
  r.add("nowhere", 0.9999);
  CHECK(r.diagnosed().verdict.cause != fault::precision);
  const diagnosis d = r.diagnosed({.ordered = 9});
  CHECK(d.verdict.cause == fault::precision);
  CHECK(d.verdict.layer == "layer2");
  // Where only such a layer is bad its place is what is missing.
  runs bad = with_layers({0.9999, 0.9998});
  bad.add("nowhere", 0.5);
  CHECK(bad.diagnosed({.ordered = 3}).verdict.summary == fact(fact_kind::unknown_order, {{"count", std::size_t{1}}}));
}

TEST_CASE("a last layer of other biases is not taken for a folded one", "[debug]") {
  runs r = with_layers({0.9999, 0.9999});
  const floats y = r.noise();
  floats x = y;
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += 0.7F * static_cast<float>(i / 64) - 1;  // of eight channels
  r.put("fc", y, x);
  diagnosis d = r.diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.layer == "fc");
  CHECK(d.verdict.next.kind() == fact_kind::compare_bias);
  r.add("behind", 0.9999);
  CHECK(r.diagnosed().verdict.cause == fault::layer_mapping);
}

TEST_CASE("a few layers that agree say nothing of the others", "[debug]") {
  runs r = with_layers({0.9999, 0.9999, 0.9999, 0.9999});
  r.other.erase(r.other.begin() + 2, r.other.end());
  const diagnosis d = r.diagnosed({.ordered = 0});
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.summary == fact(fact_kind::agree_but_unknown, {{"count", std::size_t{3}}, {"of", std::size_t{5}}}));
}

TEST_CASE("values below the step of Q20.12 explain zeros", "[debug]") {
  runs r = with_layers({0.9999});
  floats small = r.noise();
  for (float& v : small) v = 0.9F * std::tanh(v) / 4096;
  r.put("small", small, floats(512));
  const diagnosis d = r.diagnosed();
  CHECK(d.verdict.cause == fault::fixed_point_range);
  CHECK(d.verdict.change.at(0).get<bool>("up"));
}

TEST_CASE("a norm that is off by more than the limit is told whatever its share of the error", "[debug]") {
  runs r = with_layers({0.9999});
  const floats y = r.noise(), e = r.noise();
  floats x = y;
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.94F * (0.991F * y[i] + 0.134F * e[i]);
  r.put("conv", y, x);
  const diagnosis d = r.diagnosed();
  INFO(d.verdict.summary);
  CHECK(d.verdict.cause == fault::none);
  CHECK(d.verdict.against.at(0).kind() == fact_kind::norm_off_in_part);
  CHECK(d.verdict.against.at(0).number("norm_error") < 0);
}

TEST_CASE("the limits are options", "[debug]") {
  const runs r = with_layers({0.999, 0.995, 0.985, 0.977, 0.967, 0.956, 0.945, 0.935});
  CHECK(r.diagnosed({.layer_cosine = 0.9}).verdict.cause == fault::none);
  CHECK(r.diagnosed({.last_cosine = 0.9}).verdict.cause == fault::inconclusive);
  const runs dip = with_layers({0.999, 0.95, 0.998});
  CHECK(dip.diagnosed({.dip_cosine = 0.97}).verdict.cause == fault::layer_mapping);
  runs data;
  data.add("data", 0.9995);
  data.add("conv", 0.999);
  CHECK(data.diagnosed().verdict.cause == fault::none);
  CHECK(data.diagnosed({.data_cosine = 0.99999}).verdict.cause != fault::none);
  runs norm;
  norm.add("data", 1.0);
  const floats v = norm.noise();
  floats w = v;
  for (float& x : w) x *= 1.03F;
  norm.put("feature", v, w);
  CHECK(norm.diagnosed().verdict.cause == fault::norm_gain);
  CHECK(norm.diagnosed().verdict.layer == "feature");
  CHECK(norm.diagnosed({.norm_error = 0.05}).verdict.cause == fault::none);
  // Which layer is the input can be said.
  runs named;
  named.add("x", 0.3);
  named.add("y", 0.9999);
  CHECK(named.diagnosed().verdict.cause == fault::other_picture);
  CHECK(named.diagnosed().verdict.against.at(0).kind() == fact_kind::input_is_guessed);
  CHECK(named.diagnosed({.data_layers = {"y"}}).verdict.cause != fault::other_picture);
  CHECK_THROWS_WITH(named.diagnosed({.data_layers = {"z"}}), contains("no layer 'z'"));
  CHECK_THROWS_WITH(named.diagnosed({.data_layers = {"y", "z"}}), contains("no layer 'z'"));
}

TEST_CASE("degenerate layers have their own answers", "[debug]") {
  const floats zeros(512);
  runs r;
  r.add("data", 1.0);
  r.put("zero in both", zeros, zeros);
  r.add("conv", 0.9999);
  diagnosis d = r.diagnosed();
  CHECK(d.verdict.cause == fault::none);
  r.put("zero in the other", r.noise(), zeros);
  d = r.diagnosed();
  CHECK(d.verdict.cause == fault::all_zero);
  CHECK(d.verdict.layer == "zero in the other");
  CHECK(d.verdict.evidence.back() == fact(fact_kind::zero_in_both, {{"count", std::size_t{1}}}));

  runs n;
  n.add("data", 1.0);
  floats broken = n.noise();
  const floats good = broken;
  broken[3] = std::numeric_limits<float>::infinity();
  n.put("conv", good, broken);
  CHECK(n.diagnosed().verdict.cause == fault::not_a_number);
  n.put("both", broken, broken);
  CHECK(n.diagnosed().verdict.summary ==
        fact(fact_kind::reference_not_a_number, {{"count", std::size_t{1}}, {"layer", "both"}}));

  // Without a partner is neither right nor wrong.
  runs u = with_layers({0.9999, 0.9999});
  u.other.erase(u.other.begin() + 1);
  d = u.diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.summary ==
        fact(fact_kind::agree_but_layers, {{"count", std::size_t{1}}, {"of", std::size_t{3}}, {"layer", "layer0"}}));
  CHECK(d.verdict.against.at(0).kind() == fact_kind::not_judged);
  CHECK_FALSE(d.layers.at(1).result.has_value());
  CHECK(d.layers.at(1).partner.empty());
  // But where it is the output, nothing is known of what matters.
  u.other.pop_back();
  d = u.diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.layer == "layer1");
  CHECK(d.verdict.summary == fact(fact_kind::agree_but_output, {{"layer", "layer1"}}));

  runs nothing;
  nothing.reference.push_back({"a", {1, 2, 1, 1}, [] { return floats{1, 2}; }});
  nothing.other.push_back({"b", {1, 3, 1, 1}, [] { return floats{-5, 3, 2}; }});
  d = nothing.diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK_FALSE(d.verdict.next.empty());
  // A layer that cannot be read is not a crash.
  runs unreadable = with_layers({0.9999, 0.9999});
  unreadable.other[1].values = []() -> floats { throw error("the disk is gone"); };
  d = unreadable.diagnosed();
  CHECK(d.verdict.cause == fault::dump_reading);
  CHECK_THAT(d.verdict.evidence.at(0).text("reason"), contains("the disk is gone"));
  CHECK_FALSE(d.verdict.against.empty());

  CHECK_THROWS_AS(diagnose({}, u.other), format_error);
  CHECK_THROWS_AS(diagnose(u.reference, {}), format_error);
}

TEST_CASE("a diagnosis with the network is the same for any number of threads", "[debug]") {
  draws random(3);
  const network net = network_of_all_kinds(random);
  const tensor<float> x = random.tensor(net.blobs[net.layers[0].outputs[0]].shape);
  calibrator c(net, plan_of(net, compile_mode::mixed));
  const std::vector<tensor_view<const float>> inputs = {view_of(x)};
  c.add(inputs);
  network_runner reference(net, float_plan(net), {.keep_all = true});
  reference.run(inputs);
  network_runner quantized(net, plan_of(net, compile_mode::all_8bit), {.keep_all = true});
  quantized.use(c.ranges());
  quantized.run(inputs);
  thread_pool pool(3);
  std::vector<diagnosis> all;
  for (const executor& threads : {executor{}, pool.handle()}) {
    const experiment_context lab{net, inputs, c.ranges(), quantized.plan(), {}, threads};
    all.push_back(diagnose(layers_of(reference), layers_of(quantized), {}, &lab));
  }
  CHECK(all[0].verdict.summary == all[1].verdict.summary);
  CHECK(all[0].verdict.evidence == all[1].verdict.evidence);
  REQUIRE(all[0].layers.size() == all[1].layers.size());
  for (std::size_t i = 0; i < all[0].layers.size(); ++i) CHECK(all[0].layers[i].isolated == all[1].layers[i].isolated);
}

TEST_CASE("sixteen bits that are planned but not in effect are told, by layer", "[debug]") {
  draws random(31);
  network_builder b;
  const std::size_t data = b.input({1, 8, 12, 12});
  std::size_t x = data;
  for (const char* name : {"a_hp", "b", "c_hp"}) {
    x = b.add(name, layers::convolution{{.pad = {1, 1}}, random.tensor({8, 8, 3, 3}, 0.15F), {}}, {x});
  }
  const network& net = b.net;
  const auto picture = random.tensor({1, 8, 12, 12});
  const std::vector<tensor_view<const float>> inputs = {view_of(picture)};
  calibrator c(net, plan_of(net, compile_mode::mixed));
  c.add(inputs);
  const precision_plan planned = plan_of(net, compile_mode::mixed);
  network_runner in_float(net, float_plan(net), {.keep_all = true});
  in_float.run(inputs);
  const auto diagnosed = [&](precision_plan real, const precision_plan& plan) {
    network_runner other(net, std::move(real), {.keep_all = true});
    other.use(c.ranges());
    other.run(inputs);
    const experiment_context lab{net, inputs, c.ranges(), plan};
    return diagnose(layers_of(in_float), layers_of(other), {}, &lab);
  };
  CHECK(diagnosed(planned, planned).verdict.cause == fault::none);

  precision_plan lost = planned;
  lost.layers[3] = layer_precision::w8a8;
  diagnosis d = diagnosed(lost, planned);
  CHECK(d.verdict.cause == fault::bits_not_as_planned);
  CHECK(d.verdict.layer == "c_hp");
  CHECK(d.also.empty());
  CHECK(d.verdict.summary.text("bits") == "8 bits");
  lost.layers[1] = layer_precision::w8a8;
  d = diagnosed(lost, planned);
  CHECK(d.verdict.layer == "a_hp");
  CHECK(d.verdict.summary.count("count") == 2);
  CHECK(d.verdict.evidence.size() == 2);

  // More bits than planned are no fault, but the wrong file, perhaps.
  const precision_plan all_8bit{false, std::vector<layer_precision>(4, layer_precision::w8a8)};
  d = diagnosed(planned, all_8bit);
  CHECK(d.verdict.cause == fault::none);
  REQUIRE_FALSE(d.verdict.against.empty());
  CHECK(d.verdict.against[0] ==
        fact(fact_kind::finer_than_planned, {{"count", std::size_t{2}}, {"of", std::size_t{3}}, {"bits", "8 bits"}}));
}

TEST_CASE("each layer's error has parts: its own in the experiment context, else the accumulated ones", "[debug]") {
  runs r;
  r.add("data", 1.0);
  const floats v = r.noise();
  floats w = v;
  for (float& x : w) x *= 1.25F;
  r.put("gain", v, w);
  const diagnosis d = r.diagnosed();
  const layer_evidence& e = d.layers.at(1);
  REQUIRE(e.parts);
  CHECK(e.parts->gain_share == approx(1));
  CHECK(e.parts->gain == approx(1.25));
  CHECK(e.channels == 8);
  CHECK(e.most_channels <= 8);
  CHECK(e.worst_channels.size() == layer_evidence::most_worst_channels);
  CHECK_FALSE(e.isolated);
}

}  // namespace diagnose_test
