#include <nniesim/io/caffe_host_layers.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>

#include <nniesim/io/caffe_import.hpp>
#include <nniesim/network/runner.hpp>

#include "catch.hpp"
#include "support/caffe_text.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace caffe_host_layers_test {

using namespace caffe_text;

TEST_CASE("layers of the host and rarer ones are read with their parameters", "[caffe]") {
  const auto read = [](const std::string& type, const std::string& rest = "", const caffe_model& model = {}) {
    return import_text(data + one("x", type, "data", "y", rest), {}, model);
  };
  const auto function = [&](const std::string& type, const std::string& rest = "") {
    return std::get<activation_params>(read(type, rest).layers.at(1).params);
  };
  CHECK(function("Threshold", "threshold_param { threshold: 6 }").threshold == 6.0F);
  CHECK(function("Threshold").function == activation_function::threshold);
  CHECK(function("BNLL").function == activation_function::bnll);
  CHECK(function("ReLU6").function == activation_function::relu6);
  CHECK(function("ReLU", "relu_param { relu6: true }").function == activation_function::relu6);
  CHECK(function("Mish").function == activation_function::mish);
  CHECK(function("HardSwish").function == activation_function::hard_swish);
  CHECK(function("HSwish").function == activation_function::hard_swish);
  CHECK(function("Swish", "swish_param { beta: 2 }").alpha == 2.0F);
  for (const char* type : {"ReLU6", "Mish", "HardSwish", "Swish", "ShuffleChannel"}) {
    CAPTURE(type);
    CHECK(read(type).layers.at(1).on_cpu);
  }
  CHECK(read("ReLU", "relu_param { relu6: true }").layers.at(1).on_cpu);
  CHECK_FALSE(read("Threshold").layers.at(1).on_cpu);
  CHECK_THAT(problem_of_text(data + one("x", "ReLU", "data", "y", "relu_param { relu6: true negative_slope: 0.1 }")),
             contains("got negative_slope 0.1 with relu6"));
  CHECK(std::get<relu_params>(read("RReLU", "rrelu_param { lower: 0.1 upper: 0.3 }").layers.at(1).params)
            .negative_slope == 0.2F);
  CHECK_THAT(problem_of_text(data + one("x", "RReLU", "data", "y", "rrelu_param { lower: 0.5 }")),
             contains("above upper"));
  CHECK(
      std::get<shuffle_channel_params>(read("ShuffleChannel", "shuffle_channel_param { group: 2 }").layers.at(1).params)
          .groups == 2);
  CHECK_THAT(problem_of_text(data + one("x", "ShuffleChannel", "data", "y", "shuffle_channel_param { group: 3 }")),
             contains("3 groups of input 1x4x6x8"));
  CHECK(read("CReLU").blobs.back().shape == tensor_shape{1, 8, 6, 8});
  CHECK(read("CReLU", "crelu_param { axis: -1 negative_slope: 0.5 }").blobs.back().shape == tensor_shape{1, 4, 6, 16});
  CHECK_THAT(problem_of_text(data + one("x", "CReLU", "data", "y", "crelu_param { axis: 1 concat_axis: 1 }")),
             contains("expected one of them"));
  CHECK(read("MatMul", "bottom: 'data' matmul_param { transpose_b: true }").blobs.back().shape ==
        tensor_shape{1, 4, 6, 6});
  CHECK(read("MatMul", "bottom: 'data' matmul_param { dim_1: 4 dim_2: 48 dim_3: 4 }").blobs.back().shape ==
        tensor_shape{4, 4});
  CHECK_THAT(problem_of_text(data + one("x", "MatMul", "data", "y", "bottom: 'data' matmul_param { dim_1: 4 }")),
             contains("got no dim_2"));
  CHECK_THAT(problem_of_text(data + one("x", "MatMul", "data", "y")), contains("got 1 bottom, expected 2"));
  CHECK(std::get<bias_params>(read("Bias", "bottom: 'data' bias_param { axis: 0 }").layers.at(1).params).axis == 0);
  CHECK_FALSE(read("Bias", "bottom: 'data' bias_param { axis: 0 }").layers.at(1).on_cpu);

  const network axpy = import_text(
      "input: 'a' input: 'x' input_shape { dim: [1, 2, 1, 1] } input_shape { dim: [1, 2, 3, "
      "4] }" +
      one("l", "Axpy", "a", "y", "bottom: 'x' bottom: 'x'"));
  CHECK(axpy.blobs.back().shape == tensor_shape{1, 2, 3, 4});
  CHECK(axpy.layers.back().on_cpu);

  draws d(3);
  caffe_layer values;
  values.name = "x";
  for (int i = 0; i < 2; ++i) values.blobs.push_back(d.tensor({1, 4, 1, 1}));
  const network segnet = read("BN", "bn_param { bn_mode: INFERENCE scale_filler { } }", {"m", {values}});
  const auto& scale = std::get<layers::scale>(segnet.layers.at(1).params);
  CHECK(std::equal(scale.factor->begin(), scale.factor->end(), values.blobs[0].begin()));
  CHECK(scale.shift[3] == values.blobs[1].data()[3]);
  for (int i = 0; i < 2; ++i) values.blobs.push_back(d.tensor({1, 4, 1, 1}));
  for (float& v : values.blobs[3]) v = std::fabs(v) + 0.5F;
  const network pspnet = read("BN", "bn_param { slope_filler { } momentum: 0.9 eps: 0.5 }", {"m", {values}});
  const auto& norm = std::get<layers::batch_norm>(pspnet.layers.at(1).params).statistics;
  CHECK(norm.epsilon == 0.5F);
  CHECK(norm.gamma[1] == values.blobs[0].data()[1]);
  CHECK(norm.beta[1] == values.blobs[1].data()[1]);
  CHECK(norm.mean[2] == values.blobs[2].data()[2]);
  CHECK(norm.variance[2] == values.blobs[3].data()[2]);
  CHECK_THAT(problem_of_text(data + one("x", "BN", "data", "y", "bn_param { bn_mode: LEARN }"), {}, {"m", {values}}),
             contains("got bn_mode LEARN, expected INFERENCE"));
  values.blobs.resize(3);
  CHECK_THAT(problem_of_text(data + one("x", "BN", "data", "y"), {}, {"m", {values}}), contains("got 3 learned blobs"));

  values.name = "p";
  values.blobs = {d.tensor({2, 3})};
  const network parameter =
      import_text("layer { name: 'p' type: 'Parameter' top: 'p' parameter_param { shape { dim: 2 dim: 3 } } }", {},
                  {"m", {values}});
  CHECK(parameter.blobs.at(0).shape == tensor_shape{2, 3});
  CHECK(network_outputs(parameter).size() == 1);
}

TEST_CASE("Custom layers have shapes, and values where they are given", "[caffe]") {
  const std::string text =
      data + one("host", "Custom", "data", "p", "top: 'q' custom_param { shape { dim: 1 dim: 2 } shape { dim: 3 } }") +
      one("r", "ReLU", "q", "r") + one("s", "ReLU", "data", "s");
  network net = import_text(text);
  CHECK(net.layers.at(1).on_cpu);
  CHECK(net.blobs[net.layers[1].outputs[0]].shape == tensor_shape{1, 2});
  CHECK(net.blobs[net.layers[2].outputs[0]].shape == tensor_shape{3});
  CHECK_THROWS_WITH(network_runner(net, float_plan(net)),
                    contains("net:2:1: layer 'host': Custom: got no values of what a program of the host computes"));
  std::get<layers::custom>(net.layers[1].params).values = {tensor<float>{{1.0F, 2.0F}}, tensor<float>{{3.0F, 4.0F}}};
  CHECK_THROWS_WITH(network_runner(net, float_plan(net)), contains("values of other shapes"));
  std::get<layers::custom>(net.layers[1].params).values[1] = make_tensor<float>({3});
  std::get<layers::custom>(net.layers[1].params).values[1].fill(-0.3F);
  for (const bool is_float : {true, false}) {
    network_runner runner(net, is_float ? float_plan(net) : plan_of(net, compile_mode::all_8bit));
    runner.run(draws(4).tensor({1, 4, 6, 8}));
    CHECK(runner.value("host").data()[1] == 2.0F);
    CHECK(runner.value("r").data()[0] == 0.0F);
  }
  const network known = import_text(text, {.until_unsupported = true});
  REQUIRE(known.layers.size() == 2);
  CHECK(known.layers[1].name == "s");
  CHECK_THAT(problem_of_text(data + one("host", "Custom", "data", "p", "custom_param { }")),
             contains("got 0 shape for 1 top, expected one for each"));
}

}  // namespace caffe_host_layers_test
