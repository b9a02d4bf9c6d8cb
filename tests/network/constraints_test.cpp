#include <nniesim/network/constraints.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace constraints_test {

TEST_CASE("what the hardware does not take is named with its rule", "[network]") {
  draws random(1);
  network_builder b;
  const std::size_t data = b.input({1, 4, 20, 20});
  std::size_t x = b.add("fine", layers::convolution{{.pad = {1, 1}}, random.tensor({8, 4, 3, 3}), {}}, {data});
  CHECK(check_constraints(b.net).empty());
  x = b.add("floor", pooling_params{pooling_operation::maximum, {2, 2}, {2, 2}, {}, pooling_size::floor, false}, {x});
  x = b.add("power", power_params{4.0}, {x});
  x = b.add("up3", upsample_params{3, {}}, {x});
  x = b.add("norm", layers::batch_norm{{.mean = std::vector<float>(8, 0.0F), .variance = std::vector<float>(8, 1.0F)}},
            {x});
  x = b.add("flat", layers::reshape{{{1, -1}}, 0, 4}, {x});
  const std::size_t features = b.net.blobs[x].shape[1];
  x = b.add("fc", layers::fully_connected{1, random.tensor({5000, features}), {}}, {x});
  x = b.add("reduced", reduce_mean_params{{1}, true}, {x});
  b.add("batch", softmax_params{0}, {x});
  std::vector<std::string> found;
  for (const constraint_violation& v : check_constraints(b.net)) {
    found.push_back(b.net.layers[v.layer].name + ": " + v.got);
    CHECK_FALSE(v.rule.empty());
    CHECK_FALSE(v.source.empty());
  }
  CHECK(found == std::vector<std::string>{"floor: the floor rule", "power: exponent 4", "up3: factor 3",
                                          "norm: a batch normalization of its own", "flat: first extent 1",
                                          "flat: 2 axes", "fc: layer 'reduced' of type reduced", "batch: axis 0"});
  // The host has no such rules.
  for (layer& l : b.net.layers) l.on_cpu = true;
  CHECK(check_constraints(b.net).empty());
}

TEST_CASE("Permute and Reshape have one form, segments 16 inputs and outputs", "[network]") {
  draws random(4);
  network_builder b;
  const std::size_t data = b.input({1, 8, 6, 6});
  const auto found = [&] {
    std::vector<std::string> all;
    for (const constraint_violation& v : check_constraints(b.net))
      all.push_back(b.net.layers[v.layer].name + ": " + v.got);
    return all;
  };
  b.add("last", permute_params{{0, 2, 3, 1}}, {data});
  b.add("fine", layers::reshape{{{0, 4, 2, 36}}, 0, 4}, {data});
  CHECK(found().empty());
  b.add("first", permute_params{{0, 3, 1, 2}}, {data});
  const std::size_t five = b.add("five", layers::reshape{{{0, 2, 4, 6, 6}}, 0, 4}, {data});
  b.add("moved", permute_params{{0, 1, 3, 4, 2}}, {five});
  CHECK(found() == std::vector<std::string>{"first: order 0 3 1 2", "five: 5 axes", "moved: order 0 1 3 4 2"});
  network_builder many;
  const std::size_t x = many.input({1, 8, 6, 6});
  for (int i = 0; i < 17; ++i) {
    CHECK(check_constraints(many.net).empty());
    many.add("r" + std::to_string(i), relu_params{}, {x});
  }
  REQUIRE(check_constraints(many.net).size() == 1);
  CHECK(check_constraints(many.net)[0].layer == 17);
  CHECK_THAT(check_constraints(many.net)[0].rule, contains("at most 16 outputs"));
  network_builder wide;
  std::vector<std::size_t> inputs;
  for (int i = 0; i < 17; ++i) {
    const std::size_t in = wide.blob("in" + std::to_string(i), {1, 2, 3, 3});
    wide.net.layers.push_back({"in" + std::to_string(i), "Input", "here:1:1", {}, {in}, layers::input{}});
    inputs.push_back(in);
  }
  wide.add("all", concat_params{1}, inputs);
  REQUIRE(check_constraints(wide.net).size() == 1);
  CHECK_THAT(check_constraints(wide.net)[0].got, contains("more than 16 inputs"));
}

TEST_CASE("channels, kernels and groups have limits", "[network]") {
  draws random(2);
  network_builder b;
  const std::size_t data = b.input({1, 4097, 300, 1});
  b.add("deep", layers::convolution{{.groups = 4097}, random.tensor({4097, 1, 256, 1}), {}}, {data});
  std::vector<std::string> found;
  for (const constraint_violation& v : check_constraints(b.net)) found.push_back(v.got);
  CHECK(std::find(found.begin(), found.end(), "4097 channels") != found.end());
  CHECK(std::find(found.begin(), found.end(), "kernel 256") != found.end());
  CHECK(std::find(found.begin(), found.end(), "group 4097") != found.end());
}

TEST_CASE("a network has 8 segments and 4 layers that pool regions at most", "[network]") {
  network_builder b;
  std::size_t x = b.input({1, 2, 6, 6});
  for (int i = 0; i < 9; ++i) {
    CHECK(check_constraints(b.net).empty());
    x = b.add("in" + std::to_string(i), relu_params{}, {x});
    b.add("host" + std::to_string(i), relu_params{}, {x});
    b.net.layers.back().on_cpu = true;
    x = b.net.layers.back().outputs[0];
  }
  REQUIRE(check_constraints(b.net).size() == 1);
  CHECK(b.net.layers[check_constraints(b.net)[0].layer].name == "in8");
  CHECK_THAT(check_constraints(b.net)[0].rule, contains("at most 8 segments"));

  network_builder rois;
  const std::size_t map = rois.input({1, 4, 6, 6});
  const std::size_t regions = rois.blob("regions", {3, 5});
  rois.net.layers.push_back({"regions", "Input", "here:1:1", {}, {regions}, layers::input{}});
  for (int i = 0; i < 5; ++i) {
    CHECK(check_constraints(rois.net).empty());
    rois.add("roi" + std::to_string(i), roi_pooling_params{{2, 2}, 1.0F}, {map, regions});
  }
  REQUIRE(check_constraints(rois.net).size() == 1);
  CHECK_THAT(check_constraints(rois.net)[0].got, contains("more than 4"));
}

TEST_CASE("a global pooling's kernel is its map; a concat may follow a fully connected layer", "[network]") {
  draws random(8);
  network_builder b;
  const std::size_t data = b.input({1, 1, 255, 255}), wide = b.blob("wide", {1, 1, 4, 256});
  b.net.layers.push_back({"wide", "Input", "here:1:1", {}, {wide}, layers::input{}});
  pooling_params whole;
  whole.global = true;
  b.add("fine", whole, {data});
  const std::size_t fc = b.add("fc", layers::fully_connected{1, random.tensor({3, 255 * 255}), {}}, {data});
  b.add("joined", concat_params{1}, {fc, fc});
  CHECK(check_constraints(b.net).empty());
  b.add("large", whole, {wide});
  REQUIRE(check_constraints(b.net).size() == 1);
  CHECK(check_constraints(b.net)[0].got == "kernel 256");
}

TEST_CASE("no layer works on the batch axis", "[network]") {
  draws random(5);
  network_builder b;
  const std::size_t data = b.input({2, 4, 6, 6});
  b.add("mean", reduce_mean_params{{0, 1}, true}, {data});
  b.add("sum", reduce_sum_params{{2, 0}, true}, {data});
  b.add("scale", layers::scale{{0}, random.tensor({2}), {}}, {data});
  b.add("one", layers::scale{{0}, random.tensor({}), {}}, {data});
  const std::size_t flat = b.add("flat", layers::flatten{0, 1}, {data});
  b.add("fc", layers::fully_connected{0, random.tensor({3, 288}), {}}, {flat});
  b.add("fine", reduce_mean_params{{1, 2, 3}, true}, {data});
  std::vector<std::string> found;
  for (const constraint_violation& v : check_constraints(b.net)) {
    CHECK(v.rule == "no operation on the batch axis");
    CHECK(v.got == "axis 0");
    found.push_back(b.net.layers[v.layer].name);
  }
  CHECK(found == std::vector<std::string>{"mean", "sum", "scale", "flat", "fc"});
}

TEST_CASE("the marks _cpu and _report have places where they may not stand", "[network]") {
  draws random(6);
  network_builder b;
  const auto on_host = [&](const char* name, auto params, std::vector<std::size_t> from, const char* type) {
    const std::size_t x = b.add(name, params, std::move(from));
    b.net.layers.back().on_cpu = true;
    b.net.layers.back().type = type;
    return x;
  };
  const std::size_t data = b.input({1, 4, 6, 6});
  b.net.layers[0].name = "picture_cpu";
  b.net.blobs[data].name = "picture_report";
  const std::size_t own = on_host("own", layers::custom{{{1, 4, 6, 6}}, {}}, {data}, "Custom");
  b.net.blobs[own].name = "own_report";
  on_host("behind_cpu", relu_params{}, {own}, "ReLU");
  const std::size_t fine = on_host("fine_cpu", relu_params{}, {data}, "ReLU");
  b.net.blobs[fine].name = "fine_report";
  const std::size_t up = b.add("up", upsample_params{2, {}}, {fine});
  const std::size_t relu = b.add("relu", relu_params{}, {up});
  b.net.blobs[relu].name = "relu_report";  // as it should be
  std::vector<std::string> found;
  for (const constraint_violation& v : check_constraints(b.net)) {
    found.push_back(detail::message(b.net.layers[v.layer].name, ": ", v.got, ", ", v.rule));
  }
  CHECK(
      found ==
      std::vector<std::string>{
          "picture_cpu: the mark _cpu, no mark _cpu on an input",
          "picture_cpu: output 'picture_report', no mark _report here: it has no effect",
          "own: output 'own_report', no mark _report on what a Custom gives",
          "behind_cpu: the mark _cpu behind 'own' of type Custom, no mark _cpu behind a Custom, a Proposal or what is "
          "marked _data",
          "fine_cpu: output 'fine_report', no mark _report here: it has no effect",
          "up: behind 'fine_cpu' of type ReLU, no Upsample behind a layer of the host"});
}

}  // namespace constraints_test
