// Inputs as tensors, layers and blobs by their names.
#include <array>
#include <vector>

#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>
#include <nniesim/network/runner.hpp>
#include <nniesim/tensor/eigen.hpp>

#include <xtensor/xview.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace names_test {

namespace {

/// left + conv1(data), then a slice into two blobs; a ReLU in place, and a BatchNorm and a Scale to be folded.
network two_inputs(draws& random) {
  network_builder b;
  const std::size_t data = b.input({1, 3, 6, 6});
  const std::size_t left = b.blob("left", {1, 4, 6, 6});
  b.net.layers.push_back({"left_layer", "Input", "here:1:1", {}, {left}, layers::input{}});
  std::size_t x = b.add("conv1", layers::convolution{{}, random.tensor({4, 3, 1, 1}, 0.3F), {}}, {data});
  x = b.add("bn1", layers::batch_norm{{.mean = std::vector<float>(4, 0.1F), .variance = std::vector<float>(4, 1.5F)}},
            {x});
  x = b.add("scale1", layers::scale{{}, random.tensor({4}), {}}, {x});
  x = b.add("relu1", relu_params{}, {x});
  b.net.blobs[x].name = b.net.blobs[b.net.layers.back().inputs[0]].name;  // in place
  x = b.add("sum", eltwise_params{}, {x, left});
  layer slice{"slice", "Slice", "here:3:1", {x}, {}, slice_params{.axis = 1, .points = {1}}};
  slice.outputs = {b.blob("first", {1, 1, 6, 6}), b.blob("rest", {1, 3, 6, 6})};
  b.net.layers.push_back(slice);
  return b.net;
}

}  // namespace

TEST_CASE("a network is run on tensors, in the order of its inputs", "[network]") {
  draws random(21);
  const network net = two_inputs(random);
  const tensor<float> data = random.tensor({1, 3, 6, 6});
  const tensor<float> left = random.tensor({1, 4, 6, 6});
  CHECK(input_blobs(net) == std::vector<std::size_t>{0, 1});
  network_runner runner(net, plan_of(net, compile_mode::all_8bit), {.keep_all = true});
  const std::array<tensor_view<const float>, 2> views = {view_of(data), view_of(left)};
  runner.run(views);
  const tensor<float> expected = runner.value("rest");
  const auto same = [&] { return same_bits(runner.value("rest"), expected); };

  runner.run(data, left);
  CHECK(same());
  runner.run(std::vector<tensor<float>>{data, left});
  CHECK(same());
  runner.run(std::span(views));
  CHECK(same());
  SECTION("of any kind and layout, of other elements") {
    const xt::xarray<float, xt::layout_type::column_major> columns = data;
    const xt::xarray<double> doubles = xt::cast<double>(left);
    runner.run(columns, doubles);
    CHECK(same());
    runner.run(view_of(data), xt::view(xt::stack(xt::xtuple(left, left)), 1));
    CHECK(same());
    runner.run(data + 0.0F, left);
    CHECK(same());
  }
  SECTION("errors name the input's blob") {
    CHECK_THROWS_WITH(runner.run(left, data), contains("input 'data': got shape 1x4x6x6, expected 1x3x6x6"));
    CHECK_THROWS_WITH(runner.run(data, data), contains("input 'left': got shape 1x3x6x6, expected 1x4x6x6"));
    CHECK_THROWS_WITH(runner.run(data), contains("network 'test': got 1 inputs, expected 2: 'data' of shape 1x3x6x6, "
                                                 "'left' of shape 1x4x6x6"));
    CHECK_THROWS_AS(runner.run(data, left, left), shape_error);
    CHECK_THROWS_AS(runner.run(std::vector<tensor<float>>{}), shape_error);
    CHECK_THROWS_AS(runner.run({}), shape_error);
    tensor<float> nan = left;
    nan(0, 1, 0, 0) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(runner.run(data, nan), contains("input 'left': NaN at (0, 1, 0, 0)"));
  }
  SECTION("so is a calibration") {
    const precision_plan plan = plan_of(net, layer_precision::w8a8);
    calibrator one(net, plan), two(net, plan);
    one.add(views);
    two.add(data, left);
    CHECK(one.ranges() == two.ranges());
  }
}

TEST_CASE("a network's matrix input may be one of Eigen", "[network]") {
  draws random(22);
  network_builder b;
  b.add("fc", layers::fully_connected{1, random.tensor({2, 3}), {}}, {b.input({4, 3})});
  network_runner runner(b.net, float_plan(b.net));
  const Eigen::MatrixXf x = Eigen::MatrixXf::Random(4, 3);
  runner.run(x);
  CHECK(same_bits(
      runner.value("fc"),
      fully_connected<float32>(x, std::get<layers::fully_connected>(b.net.layers[1].params).weights, no_bias)));
}

TEST_CASE("outputs are found by their layers' names, or their blobs'", "[network]") {
  draws random(23);
  const network net = two_inputs(random);
  CHECK(layer_index(net, "conv1") == 2);
  CHECK(blob_index(net, "conv1") == net.layers[2].outputs[0]);
  CHECK(blob_index(net, "relu1") == net.layers[5].outputs[0]);
  CHECK(blob_index(net, "scale1") == net.layers[4].outputs[0]);  // the layer's output, not the ReLU's of that name
  CHECK(blob_index(net, "slice") == blob_index(net, "first"));
  CHECK(blob_index(net, "slice:1") == blob_index(net, "rest"));
  CHECK(blob_index(net, "left") == blob_index(net, "left_layer"));
  CHECK_THROWS_WITH(blob_index(net, "Conv"), contains("network 'test': no layer or blob 'Conv'; nearest: 'conv1'"));
  CHECK_THROWS_WITH(layer_index(net, "first"), contains("no layer 'first'; nearest: "));
  CHECK_THROWS_WITH(layer_index(network{}, "x"), contains("no layer 'x'"));
  CHECK_THROWS_AS(blob_index(net, ""), format_error);

  const network folded = fold_batch_norm(net);
  CHECK(layer_index(folded, "bn1") == layer_index(folded, "conv1"));
  CHECK(blob_index(folded, "scale1") == folded.layers[2].outputs[0]);
  CHECK(blob_index(folded, "conv1") == folded.layers[2].outputs[0]);
  CHECK_THROWS_WITH(blob_index(folded, "bn1"),
                    contains("layer 'bn1' is folded into 'conv1', whose output is the one of 'scale1'"));

  network_runner runner(folded, plan_of(folded, compile_mode::all_8bit));
  runner.run(random.tensor({1, 3, 6, 6}), random.tensor({1, 4, 6, 6}));
  CHECK(same_bits(runner.value("rest"), runner.value(blob_index(folded, "rest"))));
  CHECK_THROWS_WITH(runner.value("conv1"), contains("{.keep_all = true}"));
  CHECK_THROWS_WITH(runner.value("resst"), contains("nearest: 'rest'"));
}

}  // namespace names_test
