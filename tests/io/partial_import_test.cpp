// What is imported of files that are not known as a whole, and of files without a model.
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/network/constraints.hpp>
#include <nniesim/network/cost.hpp>
#include <nniesim/network/runner.hpp>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "catch.hpp"
#include "support/caffe_text.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace partial_import_test {

using namespace caffe_text;

namespace {

std::vector<std::string> names(const network& net) {
  std::vector<std::string> all;
  for (const layer& l : net.layers) all.push_back(l.name);
  return all;
}

/// That blobs are those that layers write, each once, and that it runs.
void check_whole(const network& net) {
  std::vector<int> written(net.blobs.size());
  for (const layer& l : net.layers) {
    for (const std::size_t b : l.inputs) CHECK(written.at(b) == 1);
    for (const std::size_t b : l.outputs) ++written.at(b);
  }
  CHECK(written == std::vector<int>(net.blobs.size(), 1));
  network_runner runner(net, float_plan(net));
  runner.run(draws(1).tensor(net.blobs[0].shape));
}

const std::string mixed = data + one("a", "ReLU", "data", "a") + one("foo", "Foo", "a", "f") +
                          one("b", "Power", "a", "b_report") + one("in place", "Bar", "a", "a") +
                          one("c", "AbsVal", "f", "c") + one("d", "Eltwise", "c", "d", "bottom: 'b_report'") +
                          one("e", "ReLU", "b_report", "e") + one("g", "ReLU", "a", "g") +
                          one("h", "Foo", "e", "h", "foo_param { x: 1 }");

}  // namespace

TEST_CASE("missing types are told first, each once with its count and first place", "[caffe]") {
  CHECK(problem_of_text(mixed + one("p", "Python", "e", "p", "python_param { layer: 'Mine' }") +
                        one("r", "ReLU", "e", "r", "x: 1")) ==
        "2 layers of type 'Foo', which is not supported, the first at net:3:1 (layer 'foo')\n"
        "1 layer of type 'Bar', which is not supported, the first at net:5:1 (layer 'in place')\n"
        "1 layer of type 'Python:Mine', which is not supported, the first at net:11:1 (layer 'p')\n"
        "net:12:53: got the unknown field 'x', expected one that 'ReLU' has (layer 'r')");
  std::string many = data;
  for (int i = 0; i < 60; ++i) {
    many += one("l" + std::to_string(i), "T" + std::to_string(i), "data", "t" + std::to_string(i));
  }
  CHECK_THAT(problem_of_text(many), contains("'T49'") && !contains("'T50'") && contains("\n... and 10 more types"));
}

TEST_CASE("until_unsupported leaves out what is not known and what depends on it", "[caffe]") {
  const network net = import_text(mixed, {.until_unsupported = true});
  CHECK(names(net) == std::vector<std::string>{"data", "a", "b", "e"});
  check_whole(net);
  REQUIRE(net.reported.size() == 1);
  CHECK(net.blobs[net.reported[0]].name == "b_report");
  CHECK(net.remarks == std::vector<std::string>{
                           "left out: layer 'foo' (net:3:1): type 'Foo' is not supported; with it 2 layers that depend "
                           "on it",
                           "left out: layer 'in place' (net:5:1): type 'Bar' is not supported; with it 1 layer that "
                           "depends on it",
                           "left out: layer 'h' (net:10:1): type 'Foo' is not supported"});
  const network fields = import_text(data + one("a", "ReLU", "data", "a", "relu_param { x: 1 }") +
                                         one("b", "ReLU", "a", "b") + one("c", "ReLU", "data", "c"),
                                     {.until_unsupported = true});
  CHECK(names(fields) == std::vector<std::string>{"data", "c"});
  CHECK(fields.remarks.at(0) ==
        "left out: layer 'a' (net:2:1): its field 'relu_param.x' is not supported; with it 1 layer that depends on it");
  const network mask = import_text(data + one("a", "Power", "data", "a", "top: 'mask'") +
                                       one("b", "ReLU", "mask", "b") + one("c", "ReLU", "data", "c"),
                                   {.until_unsupported = true});
  CHECK(names(mask) == std::vector<std::string>{"data", "c"});
  CHECK(mask.remarks.at(0) ==
        "left out: layer 'a' (net:2:1): got 2 top, expected 1; with it 1 layer that depends on it");
  // What is wrong otherwise stays an error.
  CHECK_THAT(problem_of_text(mixed + one("w", "PReLU", "e", "w"), {.until_unsupported = true}),
             contains("net:11:1: got no learned values in weights"));
  CHECK(import_text(data + one("a", "ReLU", "data", "a"), {.until_unsupported = true}).remarks.empty());
}

TEST_CASE("stop_at looks at nothing behind a layer", "[caffe]") {
  const network net = import_text(
      data + one("a", "ReLU", "data", "a") + one("b", "Power", "a", "b") + one("foo", "Foo", "b", "f") + "layer: 3",
      {.stop_at = "b"});
  CHECK(names(net) == std::vector<std::string>{"data", "a", "b"});
  check_whole(net);
  CHECK(names(import_text(data, {.stop_at = "data"})) == std::vector<std::string>{"data"});
  CHECK_THAT(problem_of_text(data + one("a", "ReLU", "data", "a"), {.stop_at = "A"}),
             contains("got no layer 'A' to stop at, expected one; nearest: 'a'"));
  CHECK_THAT(problem_of_text(mixed, {.stop_at = "b"}), contains("1 layer of type 'Foo'"));
  CHECK(names(import_text(mixed, {.stop_at = "b", .until_unsupported = true})) ==
        std::vector<std::string>{"data", "a", "b"});
  CHECK_THAT(problem_of_text(mixed, {.stop_at = "c", .until_unsupported = true}),
             contains("net:6:1: got the layer to stop at, expected one that can be run; layer 'foo' (net:3:1): type "
                      "'Foo' is not supported (layer 'c')"));
}

TEST_CASE("damaged files end in an error or in a whole network, however far they are read", "[caffe]") {
  const std::string text = mixed + one("w", "PReLU", "e", "w") + one("b", "Split", "w", "x", "top: 'y'") +
                           one("t", "Custom", "x", "u", "top: 'v' custom_param { shape { dim: 1 } shape { dim: 2 } }") +
                           one("s", "CReLU", "y", "s", "crelu_param { axis: 1 }") +
                           one("n", "BN", "s", "n", "param { } param { }") +
                           one("m", "MatMul", "n", "z", "bottom: 'n' matmul_param { transpose_b: true }");
  const std::vector<std::string> words = {"ReLU", "'a'", "Custom", "layer", "bottom", "top", "BN", "x", "Split", "Foo"};
  draws d(5);
  std::size_t networks = 0;
  for (int run = 0; run < 3000; ++run) {
    std::string damaged = text;
    const std::size_t at = d.between(0, damaged.size() - 1);
    switch (run % 3) {
      case 0: damaged.resize(at); break;
      case 1: damaged[at] = static_cast<char>(damaged[at] ^ (1 << d.between(0, 6))); break;
      default: {
        const std::size_t begin = damaged.find_first_of("abcdefghijklmnopqrstuvwxyz", at);
        if (begin == std::string::npos) continue;
        const std::size_t end = damaged.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", begin);
        damaged.replace(begin, end - begin, words[d.between(0, words.size() - 1)]);
      }
    }
    CAPTURE(damaged);
    caffe_import_options options;
    options.until_unsupported = run % 4 != 3;
    options.shapes_alone = run % 5 != 4;
    if (run % 2 == 0) options.stop_at = std::vector<std::string>{"a", "b", "e", "w", "m"}[d.between(0, 4)];
    try {
      const network net = import_text(damaged, options);
      std::vector<int> written(net.blobs.size());
      bool whole = true;
      for (const layer& l : net.layers) {
        for (const std::size_t b : l.inputs) whole = whole && written.at(b) == 1;
        for (const std::size_t b : l.outputs) ++written.at(b);
        for (const std::size_t b : l.outputs) whole = whole && net.blobs.at(b).shape.size() != 0;
      }
      for (const std::size_t b : net.reported) whole = whole && b < net.blobs.size();
      for (const int n : written) whole = whole && n == 1;
      REQUIRE(whole);
      (void)check_constraints(net);
      ++networks;
    } catch (const error&) {
    }
  }
  CHECK(networks > 300);
}

TEST_CASE("a name that stands there again gets a number, where it has no learned values", "[caffe]") {
  const network net =
      import_text(data + one("crop", "ReLU", "data", "a") + one("crop", "AbsVal", "a", "b") +
                  one("crop#2", "Power", "b", "c") + one("crop", "ReLU", "c", "d") + one("x_hp", "ReLU", "d", "e") +
                  one("x_hp", "ReLU", "e", "f") + one("y_cpu", "Power", "f", "g") + one("y_cpu", "Power", "g", "h"));
  CHECK(names(net) ==
        std::vector<std::string>{"data", "crop", "crop#3", "crop#2", "crop#4", "x_hp", "x#2_hp", "y_cpu", "y#2_cpu"});
  CHECK(net.layers.back().on_cpu);
  REQUIRE(net.remarks.size() == 4);
  CHECK(net.remarks[0] ==
        "net:3:1: the name 'crop' stands there again, it was at line 2: this layer is called 'crop#3' here");
  check_whole(net);

  caffe_layer values;
  values.name = "x";
  values.blobs.push_back(draws(2).tensor({4}));
  const caffe_model model{"model", {values}};
  // The model's values are those of the first.
  CHECK(names(import_text(data + one("x", "PReLU", "data", "a") + one("x", "ReLU", "a", "b"), {}, model)) ==
        std::vector<std::string>{"data", "x", "x#2"});
  CHECK_THAT(problem_of_text(data + one("x", "PReLU", "data", "a") + one("x", "PReLU", "a", "b"), {}, model),
             contains("net:3:1: got the name 'x' again, of a layer with learned values, expected a name of its own: it "
                      "was at line 2"));
  CHECK_THAT(problem_of_text(data + one("x", "ReLU", "data", "a") + one("x", "PReLU", "a", "b"), {}, model),
             contains("net:2:1: got 1 learned blobs in weights, expected 0"));
  CHECK_THAT(problem_of_text(data + "layer { name: 'data' type: 'Input' top: 'b' input_param { shape { dim: 1 } } }"),
             contains("got the name 'data' again, expected it once"));
}

TEST_CASE("shapes alone need no model", "[caffe]") {
  const std::string text =
      data + one("conv", "Convolution", "data", "c", "convolution_param { num_output: 6 kernel_size: 3 }") +
      one("bn", "BatchNorm", "c", "c") + one("scale", "Scale", "c", "c", "scale_param { bias_term: true }") +
      one("bn2", "BN", "c", "s") + one("bn4", "BN", "s", "t", "param { } param { } param { } param { }") +
      one("fc", "InnerProduct", "t", "fc", "inner_product_param { num_output: 10 }") +
      "layer { name: 'p' type: 'Parameter' top: 'p' parameter_param { shape { dim: 2 dim: 10 } } }";
  const network net = import_caffe(parse_prototxt(text, "net"), nullptr, {}, {.shapes_alone = true});
  CHECK(net.blobs.at(net.layers[6].outputs[0]).shape == tensor_shape{1, 10});
  CHECK(work_of(net, net.layers[1]).macs == std::uint64_t{6 * 4 * 9 * 4 * 6});
  CHECK(work_of(net, net.layers[6]).parameters == std::uint64_t{10 * 6 * 4 * 6 + 10});
  CHECK(net.layers[4].on_cpu);
  CHECK(std::holds_alternative<layers::scale>(net.layers[4].params));
  CHECK(std::holds_alternative<layers::batch_norm>(net.layers[5].params));
  (void)check_constraints(net);
  CHECK_THAT(
      problem_of_text(data + one("fc", "InnerProduct", "data", "fc", "inner_product_param { num_output: 2000000000 }"),
                      {.shapes_alone = true}),
      contains("expected at most 536870912 in all without a model"));
  CHECK_THROWS_AS(import_caffe(parse_prototxt(text, "net"), nullptr), parse_error);
}

TEST_CASE("layers that a model lacks have ones where that is asked for", "[caffe]") {
  const std::string text =
      data + one("fc", "InnerProduct", "data", "fc", "inner_product_param { num_output: 2 }") +
      one("last", "InnerProduct", "fc", "last", "inner_product_param { num_output: 3 bias_term: false }");
  caffe_model model;
  caffe_layer fc;
  fc.name = "fc";
  fc.blobs = {draws(1).tensor({2, 192}), draws(2).tensor({2})};
  model.layers.push_back(fc);
  CHECK_THROWS_WITH(import_caffe(parse_prototxt(text, "net"), &model, "m"),
                    contains("got no learned values in m, expected 1 blobs") && contains("(layer 'last')"));
  const network net = import_caffe(parse_prototxt(text, "net"), &model, "m", {.lacking_are_ones = true});
  CHECK(net.remarks == std::vector<std::string>{
                           "got no learned values of layer 'last' in m: its shapes, rules and costs alone are right"});
  const auto& given = std::get<layers::fully_connected>(net.layers.at(1).params);
  const auto& lacking = std::get<layers::fully_connected>(net.layers.at(2).params);
  CHECK(same_bits(given.weights, fc.blobs[0]));
  CHECK(same_bits(lacking.weights, tensor<float>(xt::ones<float>({3, 2}))));
  const network moved = import_caffe(parse_prototxt(text, "net"), std::move(model), "m", {.lacking_are_ones = true});
  CHECK(same_bits(std::get<layers::fully_connected>(moved.layers.at(1).params).weights, fc.blobs[0]));
  CHECK(moved.remarks == net.remarks);
}

TEST_CASE("a file for training is told what to write for use", "[caffe]") {
  const std::string training =
      "layer { name: 'd' type: 'Data' top: 'data' top: 'label' transform_param { crop_size: 224 mean_value: 104 } "
      "data_param { source: 's' } include { phase: TRAIN } }\n";
  CHECK_THAT(problem_of_text(training + one("r", "ReLU", "data", "r")),
             contains("net:2:1: got bottom 'data', expected a blob that a layer before makes; layer 'd' is for "
                      "training; expected layer { name: 'd' type: 'Input' top: 'data' input_param { shape { dim: 1 "
                      "dim: 3 dim: 224 dim: 224 } } } in its place"));
  CHECK_THAT(problem_of_text(
                 "layer { name: 'd' type: 'AnnotatedData' top: 'data' transform_param { resize_param { height: 300 "
                 "width: 320 } } }" +
                 one("r", "ReLU", "data", "r")),
             contains("dim: 3 dim: 300 dim: 320 } } } in its place"));
  CHECK_THAT(problem_of_text("layer { name: 'd' type: 'Data' top: 'data' }" + one("r", "ReLU", "data", "r")),
             contains("dim: ROWS dim: COLUMNS"));
}

}  // namespace partial_import_test
