// Diagnoses with the network at hand: every layer judged on the input that it had, whatever the dumps show or lack.
#include <nniesim/debug/layer_trials.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <nniesim/debug/diagnose.hpp>
#include <nniesim/network/calibrate.hpp>

#include "catch.hpp"
#include "support/networks.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace layer_trials_test {

using namespace test_networks;

namespace {

using floats = std::vector<float>;

using two_runs::dump;
using two_runs::layers_as;
using two_runs::plain_network;

/// A float run, and another one of which something may be wrong.
struct experiment : two_runs::experiment {
  using two_runs::experiment::experiment;

  std::vector<known_preprocessing> preprocessing{};

  static dump& named(std::vector<dump>& list, const std::string& name) {
    return *std::find_if(list.begin(), list.end(), [&](const dump& d) { return d.name == name; });
  }
  void keep_only(const std::vector<std::string>& names) {
    std::erase_if(other, [&](const dump& d) { return std::find(names.begin(), names.end(), d.name) == names.end(); });
  }
  [[nodiscard]] diagnosis diagnosed(const diagnose_options& options = {}) const {
    const experiment_context lab{net, views(), ranges, plan, preprocessing};
    return diagnose(layers_as(reference), layers_as(other), options, &lab);
  }
};

layers::convolution convolution(draws& random, std::size_t out, std::size_t in, float deviation = 0.2F) {
  return {{.pad = {1, 1}}, random.tensor({out, in, 3, 3}, deviation), random_floats(random, out)};
}

activation_ranges shifted(const experiment& e, const std::string& name, std::size_t i, int octaves) {
  activation_ranges ranges = e.ranges;
  shift_range(ranges, e.net, name, i, octaves);
  return ranges;
}

std::string all_of(const diagnosis& d) {
  std::string text;
  const auto add = [&](const finding& f) {
    text += detail::message(to_string(f.cause), " '", f.layer, "': ", f.summary, '\n');
    for (const auto* list : {&f.evidence, &f.against, &f.change}) {
      for (const std::string line : *list) text += "  " + line + '\n';
    }
  };
  add(d.verdict);
  for (const finding& f : d.also) add(f);
  return text;
}

}  // namespace

TEST_CASE("what cannot be tried is not called a want of bits", "[debug]") {
  draws random(1);
  experiment e(plain_network(random), random);
  REQUIRE(e.diagnosed().verdict.cause == fault::none);
  // Of the other run only the output was dumped: garbage, or nothing.
  experiment garbage = e;
  garbage.keep_only({"fc"});
  for (float& v : garbage.shown("fc")) v = random.normal();
  diagnosis d = garbage.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.next.kind() == fact_kind::dump_every_layer);
  experiment silent = e;
  silent.keep_only({"fc"});
  std::fill(silent.shown("fc").begin(), silent.shown("fc").end(), 0.0F);
  d = silent.diagnosed();
  CHECK(d.verdict.cause == fault::all_zero);
  CHECK(d.verdict.against.at(0).kind() == fact_kind::inputs_not_dumped);
  // The picture is not dumped, and was another one: no layer is accused.
  experiment other = e;
  const std::vector<tensor<float>> told = other.inputs;
  for (float& v : other.inputs[0]) v = random.normal();
  other.run(other.net, other.ranges);
  other.inputs = told;
  std::erase_if(other.other, [](const dump& x) { return x.name == "data"; });
  d = other.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.layer == "conv1");
  CHECK(d.verdict.next.kind() == fact_kind::dump_data_layer);
}

TEST_CASE("what the simulation gives for the picture proves the picture", "[debug]") {
  draws random(21);
  experiment e(plain_network(random), random);
  std::erase_if(e.other, [](const dump& x) { return x.name == "data"; });
  const diagnosis d = e.diagnosed({.layer_cosine = 0.99999});
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::precision);
  CHECK(d.verdict.layer == "conv1");
}

TEST_CASE("an output worse than the planned bits make it is no want of bits", "[debug]") {
  draws random(22);
  experiment e(plain_network(random), random);
  e.keep_only({"fc"});
  for (float& v : e.shown("fc")) v += random.normal();
  const diagnosis d = e.diagnosed({.layer_cosine = 0.99999});  // which the simulation misses, too
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.summary == fact(fact_kind::output_unexplained, {{"layer", "fc"}}));
}

TEST_CASE("however large the error, only what the simulation gives is a want of bits or a range", "[debug]") {
  draws random(28);
  experiment e(plain_network(random), random);
  for (const float factor : {4.0F, 1000.0F, -1.0F}) {
    network broken = e.net;
    for (layer& l : broken.layers) {
      if (l.name != "conv2") continue;
      for (float& v : std::get<layers::convolution>(l.params).weights) v *= factor;
    }
    e.run(broken, e.ranges);
    const diagnosis d = e.diagnosed();
    INFO(all_of(d));
    CHECK(d.verdict.cause == fault::other_weights);
    CHECK(d.verdict.layer == "conv2");
    CHECK(d.also.empty());
  }
}

TEST_CASE("weights that are missing look like a range that is far too large", "[debug]") {
  draws random(29);
  experiment e(plain_network(random), random);
  e.run(e.net, shifted(e, "conv2", 0, 10));  // all its input vanishes
  const diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.summary == fact(fact_kind::nothing_but_bias, {{"layer", "conv2"}}));
  CHECK(d.verdict.rivals.size() == 2);
}

TEST_CASE("inputs that are exchanged are named, and nobody else is", "[debug]") {
  draws random(30);
  network_builder b;
  const std::size_t first = b.blob("first", {1, 3, 8, 8}), second = b.blob("second", {1, 3, 8, 8});
  b.net.layers.push_back({"first", "Input", "here:1:1", {}, {first}, layers::input{}});
  b.net.layers.push_back({"second", "Input", "here:1:2", {}, {second}, layers::input{}});
  const std::size_t left = b.add("left", convolution(random, 4, 3), {first});
  const std::size_t right = b.add("right", convolution(random, 4, 3), {second});
  b.add("sum", eltwise_params{}, {left, right});
  experiment e(b.net, random);
  std::swap(e.inputs[0], e.inputs[1]);
  e.run(e.net, e.ranges);
  std::swap(e.inputs[0], e.inputs[1]);
  const diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::preprocessing);
  CHECK(d.verdict.summary.kind() == fact_kind::inputs_exchanged);
  CHECK(d.verdict.evidence.size() == 2);
  CHECK(d.also.empty());
}

TEST_CASE("one dump that is wrong by itself accuses nobody else", "[debug]") {
  draws random(31);
  const experiment e(plain_network(random), random, compile_mode::all_16bit);
  experiment zero = e;
  std::fill(zero.shown("conv2").begin(), zero.shown("conv2").end(), 0.0F);
  diagnosis d = zero.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::all_zero);
  CHECK(d.verdict.layer == "conv2");
  CHECK(d.also.empty());
  experiment input = e;
  std::reverse(input.shown("data").begin(), input.shown("data").end());
  d = input.diagnosed();
  CHECK(d.verdict.cause == fault::layer_mapping);
  CHECK(d.verdict.layer == "data");
  CHECK(d.also.empty());
  experiment words = e;
  for (float& v : words.shown("conv2")) v *= 4096;
  d = words.diagnosed();
  CHECK(d.verdict.cause == fault::layer_mapping);
  CHECK(d.verdict.change.at(0).kind() == fact_kind::divide_dump);
  CHECK(d.also.empty());
}

TEST_CASE("layer 0 of a board's dumps is the network's input", "[debug]") {
  draws random(32);
  experiment e(plain_network(random), random);
  const tensor<float> told = e.inputs[0];
  for (float& v : e.inputs[0]) v = random.normal();  // another picture
  e.run(e.net, e.ranges);
  e.inputs[0] = told;
  for (std::size_t i = 0; i < e.other.size(); ++i) e.other[i].name = "seg0_layer" + std::to_string(i);
  const diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::other_picture);
  CHECK_THAT(d.layers.at(0).relation, contains("data layer"));
}

TEST_CASE("garbage in place of zeros is no want of bits", "[debug]") {
  draws random(23);
  network_builder b;
  const std::size_t data = b.input({1, 4, 10, 10});
  layers::convolution dead = convolution(random, 4, 4);
  for (float& v : dead.weights) v *= 1e-4F;
  std::fill(dead.bias.begin(), dead.bias.end(), -1.0F);
  b.add("relu", relu_params{}, {b.add("dead", dead, {data})});
  experiment e(b.net, random);
  for (float& v : e.shown("relu")) v = random.normal();
  const diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::suspect_layer);
  CHECK(d.verdict.layer == "relu");
  CHECK(d.verdict.evidence.at(1).kind() == fact_kind::layer_zero_in_float);
}

TEST_CASE("element-wise layers beyond Q20.12 are found", "[debug]") {
  draws random(24);
  network_builder b;
  const std::size_t data = b.input({1, 4, 10, 10});
  b.add("square", power_params{.exponent = 2, .scale = 1500}, {data});  // 2^19 is the limit
  const experiment e(b.net, random);
  const diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::fixed_point_range);
  CHECK(d.verdict.summary.get<bool>("large"));
}

TEST_CASE("weights that sparse_rate sets to zero are the cause, not the fixed point", "[debug]") {
  draws random(26);
  network_builder b;
  const std::size_t data = b.input({1, 64});
  layers::fully_connected fc{1, random.tensor({16, 64}), {}};
  fc.sparse_rate = 0.5F;
  b.add("fc", fc, {data});
  const experiment e(b.net, random);
  const diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::other_weights);
  CHECK(d.verdict.summary == fact(fact_kind::sparse_rate_too_large, {{"share", 0.5}, {"layer", "fc"}}));
  CHECK(d.verdict.change.at(0).kind() == fact_kind::smaller_sparse_rate);
}

TEST_CASE("a fault in one branch hides none in another", "[debug]") {
  draws random(25);
  network_builder b;
  const std::size_t data = b.input({1, 4, 10, 10});
  b.add("left", convolution(random, 4, 4), {data});
  b.add("right2", convolution(random, 4, 4), {b.add("right", convolution(random, 4, 4), {data})});
  experiment e(b.net, random);
  e.ranges = shifted(e, "right2", 0, -4);  // calibration's own mistake
  e.run(e.net, e.ranges);
  e.shown("left")[5] = std::numeric_limits<float>::infinity();
  diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::not_a_number);
  REQUIRE(d.also.size() == 1);
  CHECK(d.also[0].cause == fault::activation_scale);
  CHECK(d.also[0].layer == "right2");
}

TEST_CASE("an output that the reference does not have is not judged right", "[debug]") {
  draws random(26);
  experiment e(plain_network(random), random);
  std::erase_if(e.reference, [](const dump& x) { return x.name == "fc"; });
  std::erase_if(e.other, [](const dump& x) { return x.name == "relu3"; });
  const diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.layer == "fc");
}

TEST_CASE("a reference whose BatchNorm is not folded stands for the folded network", "[debug]") {
  draws random(27);
  experiment e(plain_network(random), random);
  for (layer& l : e.net.layers) {
    if (l.name == "conv2") l.merged = {"bn2", "scale2"};
  }
  dump& conv = experiment::named(e.reference, "conv2");
  dump raw = conv;
  conv.name = "scale2";
  for (std::size_t i = 0; i < raw.values.size(); ++i) {
    raw.values[i] = (i / 100 % 2 == 0 ? 2.5F : -0.7F) * raw.values[i] + 3 * static_cast<float>(i / 100);
  }
  e.reference.push_back(raw);
  diagnosis d = e.diagnosed();
  INFO(all_of(d));
  const auto row = std::find_if(d.layers.begin(), d.layers.end(), [](const auto& l) { return l.name == "scale2"; });
  REQUIRE(row != d.layers.end());
  CHECK(row->isolated.has_value());
  // A layer that computes something else is found as ever.
  network broken = e.net;
  for (layer& l : broken.layers) {
    if (l.name != "conv2") continue;
    for (float& v : std::get<layers::convolution>(l.params).weights) v += 0.05F * random.normal();
  }
  e.run(broken, e.ranges);
  d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::other_weights);
  CHECK(d.verdict.layer == "conv2");
}

TEST_CASE("dumps that hold the ReLU behind a layer are judged with it", "[debug]") {
  draws random(2);
  experiment e(plain_network(random), random);
  const auto fuse = [](experiment& x) {
    for (const char* n : {"1", "2", "3"}) x.shown(std::string("conv") + n) = x.shown(std::string("relu") + n);
  };
  experiment clean = e;
  fuse(clean);
  diagnosis d = clean.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::layer_mapping);
  CHECK(d.also.empty());
  // Both are dumped so: nothing to tell.
  for (const char* n : {"1", "2", "3"}) {
    experiment::named(clean.reference, std::string("conv") + n).values =
        experiment::named(clean.reference, std::string("relu") + n).values;
  }
  CHECK(clean.diagnosed().verdict.cause == fault::none);

  experiment ranged = e;
  ranged.run(e.net, shifted(e, "conv2", 0, -4));
  fuse(ranged);
  d = ranged.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::activation_scale);
  CHECK(d.verdict.layer == "conv2");
}

TEST_CASE("every output of a layer is tried", "[debug]") {
  draws random(3);
  network_builder b;
  const std::size_t data = b.input({1, 8, 6, 6});
  const std::size_t x = b.add("conv", convolution(random, 8, 8), {data});
  layer slice{"slice", "Slice", "here:3:1", {x}, {0, 0}, slice_params{1, {4}}};
  const auto halves = infer_shapes(slice, std::vector{b.net.blobs[x].shape});
  slice.outputs = {b.blob("half0", halves[0]), b.blob("half1", halves[1])};
  b.net.layers.push_back(slice);
  b.add("left", convolution(random, 4, 4), {slice.outputs[0]});
  b.add("right", convolution(random, 4, 4), {slice.outputs[1]});
  experiment e(b.net, random);
  REQUIRE(e.diagnosed().verdict.cause == fault::none);
  const network real = e.net;
  std::reverse(e.shown("slice:1").begin(), e.shown("slice:1").end());
  // What follows was computed from it.
  network_builder tail;
  const std::size_t in = tail.input({1, 4, 6, 6});
  tail.add("right", std::get<layers::convolution>(e.net.layers.back().params), {in});
  network_runner right(tail.net, plan_of(tail.net, compile_mode::all_8bit), {.keep_all = true});
  tensor<float> half = make_tensor<float>({1, 4, 6, 6});
  std::copy(e.shown("slice:1").begin(), e.shown("slice:1").end(), half.begin());
  const tensor_view<const float> view = view_of(half);
  right.use({{{"data", e.ranges.blobs.at("slice:1")}}, 1});
  right.run({&view, 1});
  const tensor<float> y = right.value(tail.net.layers.back().outputs[0]);
  e.shown("right").assign(y.begin(), y.end());
  diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::suspect_layer);
  CHECK(d.verdict.layer == "slice");
  CHECK(d.verdict.evidence.at(0).count("output") == 1);
  std::fill(e.shown("slice:1").begin(), e.shown("slice:1").end(), 0.0F);
  d = e.diagnosed();
  CHECK(d.verdict.cause == fault::all_zero);
  CHECK(d.verdict.layer == "slice:1");
  e.shown("slice:1")[0] = std::nanf("");
  d = e.diagnosed();
  CHECK(d.verdict.cause == fault::not_a_number);
  CHECK(d.verdict.layer == "slice:1");
}

TEST_CASE("one range of several can be the wrong one", "[debug]") {
  draws random(4);
  network_builder b;
  const std::size_t data = b.input({1, 4, 8, 8});
  const std::size_t left = b.add("left", convolution(random, 4, 4), {data});
  const std::size_t right = b.add("right", convolution(random, 4, 4), {data});
  const std::size_t both = b.add("both", eltwise_params{}, {left, right});
  b.add("end", convolution(random, 4, 4), {both});
  const experiment e(b.net, random);
  experiment board = e;
  board.run(e.net, shifted(e, "both", 1, -5));
  experiment calibrated = board;
  calibrated.ranges = shifted(e, "both", 1, -5);
  for (const experiment* x : {&board, &calibrated}) {
    const diagnosis d = x->diagnosed();
    INFO(all_of(d));
    CHECK(d.verdict.cause == fault::activation_scale);
    CHECK(d.verdict.layer == "both");
    CHECK(d.verdict.summary.text("blob") == "right");
    CHECK(d.verdict.summary.get<bool>("saturate"));
    CHECK(d.verdict.change.at(0).kind() == (x == &board ? fact_kind::recompile : fact_kind::recalibrate));
  }
}

TEST_CASE("values beyond Q20.12 are told from values below its step", "[debug]") {
  for (const bool is_large : {true, false}) {
    draws random(5);
    network_builder b;
    const std::size_t data = b.input({1, 4, 6, 6});
    b.add("conv", convolution(random, 4, 4, is_large ? 300000.0F : 1e-5F), {data});
    std::get<layers::convolution>(b.net.layers[1].params).bias.clear();
    const experiment e(b.net, random, compile_mode::all_16bit);
    const diagnosis d = e.diagnosed();
    INFO(all_of(d));
    CHECK(d.verdict.cause == fault::fixed_point_range);
    CHECK(d.verdict.summary.get<bool>("large") == is_large);
    CHECK(d.verdict.change.at(0).get<bool>("up") != is_large);
  }
}

TEST_CASE("layers of the host are judged as the host hands them on", "[debug]") {
  draws random(6);
  network_builder b;
  const std::size_t data = b.input({1, 2000});
  b.add("prob_cpu", softmax_params{1}, {data});
  b.net.layers.back().on_cpu = true;
  const experiment e(b.net, random);
  const diagnosis d = e.diagnosed();  // values of two steps, truncated
  INFO(all_of(d));
  CHECK(d.verdict.cause != fault::suspect_layer);
  CHECK(d.verdict.cause != fault::all_zero);
}

TEST_CASE("a wrong branch that matters little is at fault all the same", "[debug]") {
  draws random(7);
  network_builder b;
  const std::size_t data = b.input({1, 4, 8, 8});
  const std::size_t strong = b.add("strong", convolution(random, 4, 4, 3.0F), {data});
  const std::size_t weak = b.add("weak", convolution(random, 4, 4, 0.05F), {data});
  b.add("sum", eltwise_params{}, {strong, weak});
  experiment e(b.net, random, compile_mode::all_16bit);
  REQUIRE(e.diagnosed().verdict.cause == fault::none);
  network broken = e.net;
  auto& w = std::get<layers::convolution>(broken.layers[2].params).weights;
  std::reverse(w.begin(), w.end());
  e.run(broken, e.ranges);
  const diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::other_weights);
  CHECK(d.verdict.layer == "weak");
}

TEST_CASE("infinity where the norm underflows accuses nobody who computes as simulated", "[debug]") {
  draws random(8);
  network_builder b;
  const std::size_t data = b.input({1, 64});
  const std::size_t p = b.add("square", power_params{2, 1e-3F, 0}, {data});
  const std::size_t m = b.add("mean", reduce_mean_params{{1}, false}, {p});
  b.add("inverse", power_params{-1, 1, 0}, {m});
  const experiment e(b.net, random);
  const diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause != fault::suspect_layer);
}

TEST_CASE("inputs are those of the network, in its order, dumped or not", "[debug]") {
  draws random(9);
  experiment e(plain_network(random), random);
  // The reference does not show the data; its first layer is no input for that.
  std::erase_if(e.reference, [](const dump& d) { return d.name == "data"; });
  diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::none);

  // Two inputs, dumped in another order than the network has them, each with its own mean.
  network_builder b;
  const std::size_t first = b.blob("first", {1, 3, 8, 8}), second = b.blob("second", {1, 3, 8, 8});
  b.net.layers.push_back({"first", "Input", "here:1:1", {}, {first}, layers::input{}});
  b.net.layers.push_back({"second", "Input", "here:1:2", {}, {second}, layers::input{}});
  b.add("sum", eltwise_params{}, {first, second});
  experiment two(b.net, random);
  two.preprocessing = {{cfg_norm_type::channel_means, channel_order::bgr, 1, {1, 2, 3}},
                       {cfg_norm_type::channel_means, channel_order::bgr, 1, {4, 5, 6}}};
  for (auto* list : {&two.reference, &two.other}) std::swap((*list)[0], (*list)[1]);
  for (std::size_t i = 0; i < 192; ++i) two.shown("second")[i] -= static_cast<float>(4 + i / 64);  // once too often
  d = two.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::preprocessing);
  CHECK(d.verdict.layer == "second");
  CHECK_FALSE(d.verdict.summary.get<bool>("reordered"));  // of the cfg, which made the reference
  const fact& made = d.verdict.evidence.back();
  CHECK(made.get<std::vector<double>>("mean").at(2) == Approx(12).epsilon(1e-4));
  CHECK(made.get<std::vector<double>>("cfg_mean") == std::vector<double>{4, 5, 6});

  // No picture at all.
  experiment black = experiment(plain_network(random), random);
  for (float& v : black.shown("data")) v = 0;
  d = black.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::preprocessing);
  CHECK_THAT(d.verdict.summary.text("change"), contains("the buffer was not filled"));
  CHECK(d.verdict.layer == "data");
}

TEST_CASE("what follows from a wrong input is not a finding of its own", "[debug]") {
  draws random(10);
  experiment e(plain_network(random), random);
  e.preprocessing = {{cfg_norm_type::scale, channel_order::bgr, 1, {}}};
  const std::vector<tensor<float>> right = e.inputs;
  for (float& v : e.inputs[0]) v *= 256;
  e.run(e.net, e.ranges);  // calibrated for inputs that are 256 times smaller: all saturate
  const diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::preprocessing);
  CHECK(d.also.empty());
}

TEST_CASE("where all layers have other weights it is another caffemodel", "[debug]") {
  draws random(11);
  network_builder b;
  std::size_t x = b.input({1, 4, 6, 6});
  for (const char* n : {"a", "b", "c", "d", "e", "f", "g"}) x = b.add(n, convolution(random, 4, 4), {x});
  experiment e(b.net, random);
  network broken = e.net;
  for (std::size_t l = 1; l < broken.layers.size(); ++l) {
    auto& w = std::get<layers::convolution>(broken.layers[l].params).weights;
    std::reverse(w.begin(), w.end());
  }
  e.run(broken, e.ranges);
  const diagnosis d = e.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::other_weights);
  CHECK(d.verdict.layer.empty());
  CHECK(d.also.empty());
  const fact& layers = *find_fact(d.verdict.evidence, fact_kind::layers_with_weights_off);
  CHECK(layers.count("count") == 7);
  CHECK(layers.count("of") == 7);
}

TEST_CASE("marks in names, and files that cannot be read, cost no layer but their own", "[debug]") {
  draws random(12);
  network net = plain_network(random);
  for (layer& l : net.layers) {
    if (l.name == "conv2") l.name += "_hp";
  }
  experiment e(net, random, compile_mode::mixed);
  for (auto* list : {&e.reference, &e.other}) experiment::named(*list, "conv2_hp").name = "conv2";
  diagnosis d = e.diagnosed();
  CHECK(d.verdict.cause == fault::none);
  const auto row = std::find_if(d.layers.begin(), d.layers.end(), [](const auto& l) { return l.name == "conv2"; });
  REQUIRE(row != d.layers.end());
  CHECK(row->isolated.has_value());

  const experiment_context lab{e.net, e.views(), e.ranges, e.plan};
  std::vector<named_values> other = layers_as(e.other);
  for (named_values& v : other) {
    if (v.name == "conv3") v.values = []() -> floats { throw error("cut off"); };
  }
  d = diagnose(layers_as(e.reference), other, {}, &lab);
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::dump_reading);
  CHECK(d.verdict.summary.kind() == fact_kind::dumps_unreadable);
  CHECK(d.verdict.summary.text("layer") == "conv3");
  CHECK_FALSE(d.verdict.summary.get<bool>("of_reference"));
  CHECK_THAT(d.verdict.against.at(0).text("reason"), contains("'conv3' has its name, but cannot be read: cut off"));
}

TEST_CASE("dumps of other sizes than the network's are never read beyond their end", "[debug]") {
  draws random(13);
  experiment e(plain_network(random), random);
  // The reference's channels are padded in the other, and neither is what the network has.
  dump& r = experiment::named(e.reference, "conv1");
  dump& x = experiment::named(e.other, "conv1");
  r.shape = {1, 3, 10, 10};
  r.values.resize(300);
  x.shape = {1, 16, 10, 10};
  x.values = r.values;
  x.values.resize(1600);
  const diagnosis d = e.diagnosed();
  CHECK_FALSE(d.layers.empty());
}

TEST_CASE("without the network order and biases can mislead, and it is said", "[debug]") {
  draws random(14);
  network_builder b;
  std::size_t x = b.input({1, 4, 12, 12});
  for (const char* n : {"a", "b", "c", "d"}) {
    x = b.add(n, convolution(random, 4, 4, 0.3F), {x});
    x = b.add(std::string(n) + "_relu", relu_params{}, {x});
  }
  experiment e(b.net, random, compile_mode::all_16bit);
  network broken = e.net;
  for (layer& l : broken.layers) {
    if (l.name == "b") std::get<layers::convolution>(l.params).bias = {3, -3, 3, -3};
  }
  e.run(broken, e.ranges);
  const auto folders = [&](const diagnose_options& options) {
    return diagnose(layers_as(e.reference), layers_as(e.other), options);
  };
  diagnosis d = folders({});
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.layer == "b");
  CHECK(d.also.empty());
  d = folders({.ordered = 0});
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.summary.kind() == fact_kind::unknown_order);
  CHECK(d.verdict.next.kind() == fact_kind::give_network_or_tree);
}

TEST_CASE("where the cfg made the reference, the other run is what was made otherwise", "[debug]") {
  draws random(16);
  network_builder b;
  const std::size_t data = b.input({1, 3, 16, 16});
  b.add("conv", convolution(random, 4, 3), {data});
  const experiment made(b.net, random);
  const floats means = {104, 117, 123};
  const auto diagnosed = [&](const known_preprocessing& wrong, bool swap) {
    experiment e = made;
    const known_preprocessing cfg{cfg_norm_type::channel_means_scale, channel_order::rgb, 1.0 / 128, means};
    floats picture(768);
    for (float& v : picture) v = static_cast<float>(random.between(0, 255));
    const auto prepare = [&](const known_preprocessing& how, bool swapped, tensor<float>& to) {
      for (std::size_t i = 0; i < to.size(); ++i) {
        const std::size_t c = i / 256, from = swapped ? 2 - c : c;
        const float mean = how.mean.empty() ? 0 : how.mean[c];
        to.data()[i] = (picture[from * 256 + i % 256] - mean) * static_cast<float>(how.scale);
      }
    };
    prepare(wrong, swap, e.inputs[0]);
    calibrator c(e.net, e.plan);
    c.add(e.views());
    e.ranges = c.ranges();
    e.run(e.net, e.ranges);
    prepare(cfg, false, e.inputs[0]);
    network_runner in_float(e.net, float_plan(e.net), {.keep_all = true});
    in_float.run(e.views());
    e.reference = two_runs::dumps_of(in_float);
    experiment_context lab{e.net, e.views(), e.ranges, e.plan, {cfg}};
    return diagnose(layers_as(e.reference), layers_as(e.other), {}, &lab);
  };
  diagnosis d = diagnosed({cfg_norm_type::channel_means_scale, channel_order::rgb, 1.0 / 256, means}, false);
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::preprocessing);
  CHECK_FALSE(d.verdict.summary.get<bool>("reordered"));
  const fact* with = find_fact(d.verdict.evidence, fact_kind::made_with);
  REQUIRE(with != nullptr);
  CHECK(with->get<std::vector<double>>("scale").at(1) == Approx(1.0 / 256).epsilon(1e-3));
  CHECK(with->get<std::vector<double>>("cfg_mean") == std::vector<double>{104, 117, 123});
  CHECK(d.verdict.change.at(0).number("scale") == 1.0 / 128);
  d = diagnosed({cfg_norm_type::scale, channel_order::rgb, 1.0 / 128, {}}, false);
  with = find_fact(d.verdict.evidence, fact_kind::made_with);
  REQUIRE(with != nullptr);
  CHECK(with->get<std::vector<double>>("mean").at(0) == Approx(0).margin(0.5));
  d = diagnosed({cfg_norm_type::channel_means_scale, channel_order::rgb, 1.0 / 128, means}, true);
  CHECK(d.verdict.summary.get<bool>("reordered"));
  CHECK(d.verdict.change.at(0).text("order") == "RGB");
  // Words of Q20.12 as they are.
  experiment raw = made;
  for (dump& x : raw.other) {
    for (float& v : x.values) v *= 4096;
  }
  d = raw.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.summary.kind() == fact_kind::words_as_integers);
  CHECK(d.also.empty());
}

TEST_CASE("one dump that is scaled by itself is told from a layer that scales", "[debug]") {
  draws random(17);
  const experiment e(plain_network(random), random, compile_mode::all_16bit);
  experiment dump_only = e;
  for (float& v : dump_only.shown("relu2")) v *= 2;
  diagnosis d = dump_only.diagnosed();
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::layer_mapping);
  CHECK(d.verdict.layer == "relu2");
  // Of folders alone the norm tells.
  d = diagnose(layers_as(e.reference), layers_as(dump_only.other));
  INFO(all_of(d));
  CHECK(d.verdict.cause == fault::norm_gain);
  CHECK(d.verdict.layer == "relu2");
}

TEST_CASE("from zeros and from limits that are no numbers nothing follows", "[debug]") {
  draws random(18);
  experiment e(plain_network(random), random);
  for (auto* list : {&e.reference, &e.other}) {
    for (dump& x : *list) std::fill(x.values.begin(), x.values.end(), 0.0F);
  }
  const diagnosis d = e.diagnosed();
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.summary.kind() == fact_kind::all_zero);
  CHECK_THROWS_AS(e.diagnosed({.layer_cosine = std::nan("")}), format_error);
}

TEST_CASE("channels are counted whatever axes a dump's name gives", "[debug]") {
  draws random(15);
  std::vector<named_values> reference, other;
  for (const char* name : {"data", "conv"}) {
    floats r(6 * 4 * 5), x;
    for (float& v : r) v = random.normal();
    x = r;
    if (std::string(name) == "conv") {
      for (std::size_t i = 2 * 20; i < 3 * 20; ++i) x[i] += 0.2F * random.normal();  // channel 2
    }
    reference.push_back({name, {6, 4, 5}, [r] { return r; }});
    other.push_back({name, {6, 4, 5}, [x] { return x; }});
  }
  const diagnosis d = diagnose(reference, other);
  CHECK(d.layers.at(1).channels == 6);
  REQUIRE_FALSE(d.layers.at(1).worst_channels.empty());
  CHECK(d.layers.at(1).worst_channels[0].channel == 2);
}

}  // namespace layer_trials_test
