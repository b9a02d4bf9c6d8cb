#include <nniesim/io/caffe_import.hpp>
#include <nniesim/network/fold.hpp>
#include <nniesim/network/runner.hpp>

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "catch.hpp"
#include "support/caffe_text.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace caffe_import_test {

using namespace caffe_text;

namespace {

const std::string data_4d = "input: 'data' input_shape { dim: 2 dim: 4 dim: 6 dim: 8 }\n";

/// A model of one layer.
caffe_model learned(const std::string& name, const std::vector<tensor_shape>& shapes) {
  caffe_layer l;
  l.name = name;
  for (const tensor_shape& s : shapes) l.blobs.push_back(counted(s, 1.0F));
  return {"model", {l}};
}

network imported(const std::string& text, const caffe_model& model = {}) {
  return import_caffe(parse_prototxt(text, "net"), &model, "weights");
}

std::string problem(const std::string& text, const caffe_model& model = {}) {
  return problem_of([&] { return imported(text, model); });
}

/// The only layer behind the input `data` of 2x4x6x8, called `x`, which writes `y`.
layer layer_of(const std::string& type, const std::string& rest = "", const std::vector<tensor_shape>& shapes = {}) {
  return imported(data_4d + one("x", type, "data", "y", rest), learned("x", shapes)).layers.at(1);
}
template <class Params>
Params params_of(const std::string& type, const std::string& rest = "", const std::vector<tensor_shape>& shapes = {}) {
  return std::get<Params>(layer_of(type, rest, shapes).params);
}
tensor_shape shape_behind(const std::string& type, const std::string& rest = "",
                          const std::vector<tensor_shape>& shapes = {}) {
  return imported(data_4d + one("x", type, "data", "y", rest), learned("x", shapes)).blobs.back().shape;
}
std::string layer_problem(const std::string& type, const std::string& rest = "",
                          const std::vector<tensor_shape>& shapes = {}) {
  return problem(data_4d + one("x", type, "data", "y", rest), learned("x", shapes));
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
}

std::string shared_model(const std::string& name) {
  const std::string folder = NNIESIM_SHARED_DIR;
  const std::string path = folder + "/models/" + name;
  return !folder.empty() && std::filesystem::exists(path) ? path : "";
}

std::size_t count_of(const network& n, const std::string& type) {
  return static_cast<std::size_t>(
      std::count_if(n.layers.begin(), n.layers.end(), [&](const layer& l) { return l.type == type; }));
}

}  // namespace

TEST_CASE("Both networks of the public models are read") {
  if (shared_model("mnet.prototxt").empty() || shared_model("RFB-320.prototxt").empty()) {
    WARN("skipped: the public models are not here (NNIESIM_SHARED_DIR)");
    return;
  }
  const network mnet = read_caffe_network(shared_model("mnet.prototxt"), shared_model("mnet.caffemodel"));
  const network rfb = read_caffe_network(shared_model("RFB-320.prototxt"), shared_model("RFB-320.caffemodel"));
  CHECK(mnet.name == "retinaface");
  CHECK(mnet.layers.front().name == "data");
  CHECK(mnet.blobs.front().shape == tensor_shape{1, 3, 640, 640});
  CHECK(count_of(mnet, "Deconvolution") == 2);
  CHECK(count_of(mnet, "BatchNorm") == 47);
  CHECK(rfb.layers.front().type == "Input");
  CHECK(rfb.blobs.front().shape == tensor_shape{1, 3, 240, 320});
  CHECK(count_of(mnet, "Convolution") + count_of(rfb, "Convolution") == 108);
  for (const network* n : {&mnet, &rfb}) {
    for (const blob& b : n->blobs) CHECK(b.shape.size() != 0);
    CHECK(n->reported.empty());
  }
  const auto shape_of_blob = [](const network& n, const std::string& name) {
    const auto found = std::find_if(n.blobs.begin(), n.blobs.end(), [&](const blob& b) { return b.name == name; });
    return found == n.blobs.end() ? tensor_shape{} : found->shape;
  };
  CHECK(shape_of_blob(rfb, "scores") == tensor_shape{1, 4420, 2});
  CHECK(shape_of_blob(rfb, "boxes") == tensor_shape{1, 4420, 4});
}

TEST_CASE("Inputs at the top of the file, in either form") {
  for (const std::string text :
       {"input: 'a' input_shape { dim: 1 dim: 2 dim: 3 dim: 4 }",
        "input: 'a' input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4", "input: ['a'] input_dim: [1, 2, 3, 4]"}) {
    const network n = imported("name: 'n' " + text);
    CHECK(n.name == "n");
    REQUIRE(n.layers.size() == 1);
    CHECK(n.layers[0].name == "a");
    CHECK(n.layers[0].type == "Input");
    CHECK(std::holds_alternative<layers::input>(n.layers[0].params));
    CHECK(n.layers[0].outputs == std::vector<std::size_t>{0});
    CHECK(n.blobs[0].name == "a");
    CHECK(n.blobs[0].shape == tensor_shape{1, 2, 3, 4});
  }
  const network two = imported("input: 'a' input: 'b' input_shape { dim: 5 } input_shape { dim: 1 dim: 7 }");
  CHECK(two.blobs.at(0).shape == tensor_shape{5});
  CHECK(two.blobs.at(1).shape == tensor_shape{1, 7});
  CHECK_THAT(problem("input: 'a'"), contains("got 1 input, 0 input_shape and 0 input_dim, expected for each input"));
  CHECK_THAT(problem("input: 'a' input_dim: [1, 2, 3]"), contains("0 input_shape and 3 input_dim"));
  CHECK_THAT(problem("input: 'a' input_shape { }"), contains("got 0 dim, expected 1 to 8"));
  CHECK_THAT(problem("input: 'a' input_shape { dim: 0 }"),
             contains("net:1:26: dim: got '0', expected an integer from 1"));
  CHECK_THAT(problem("input: 'a' input_shape { dim: [2000000000, 2000000000, 2000000000] }"), contains("elements"));
  CHECK_THAT(problem("input: 'a' input_dim: [2000000000, 2000000000, 2000000000, 1]"), contains("elements"));
  CHECK_THAT(problem("input: 'a' input_dim: [1, 65536, 65536, 1]"),
             contains("got blob 'a' of shape 1x65536x65536x1 after 0 elements of others, expected at most 2147483648"));
  CHECK(lines_of(problem("input: 'a' input_dim: [1, 2, 0, 4]" + one("r", "ReLU", "a", "b"))) == 1);
  CHECK_THAT(problem(""), contains("net:1:1: got no layers"));
}

TEST_CASE("Layers that give data are inputs") {
  const auto data = [](const std::string& type, const std::string& rest) {
    return "layer { name: 'd' type: '" + type + "' top: 'data' " + rest + " }";
  };
  const auto shape = [&](const std::string& type, const std::string& rest) {
    const network n = imported(data(type, rest));
    CHECK(n.layers.at(0).name == "d");
    CHECK(n.layers.at(0).type == type);
    CHECK(std::holds_alternative<layers::input>(n.layers.at(0).params));
    return n.blobs.at(0).shape;
  };
  CHECK(shape("Input", "input_param { shape { dim: [1, 2, 3] } }") == tensor_shape{1, 2, 3});
  CHECK(shape("DummyData", "dummy_data_param { shape { dim: [1, 2] } data_filler { type: 'constant' } }") ==
        tensor_shape{1, 2});
  CHECK(shape("DummyData", "dummy_data_param { num: 1 channels: 2 height: 3 width: 4 }") == tensor_shape{1, 2, 3, 4});
  CHECK(shape("MemoryData", "top: 'label' memory_data_param { batch_size: 1 channels: 2 height: 3 width: 4 }") ==
        tensor_shape{1, 2, 3, 4});
  CHECK(shape("ImageData", "image_data_param { source: 's' batch_size: 2 new_height: 3 new_width: 4 }") ==
        tensor_shape{2, 3, 3, 4});
  CHECK(shape("ImageData", "image_data_param { is_color: false } transform_param { crop_size: 5 }") ==
        tensor_shape{1, 1, 5, 5});
  const std::string source = "top: 'label' data_param { source: 's' batch_size: 2 } ";
  const std::string means = "mean_value: 104 mean_value: 117 mean_value: 123 ";
  CHECK(shape("Data", source + "transform_param { crop_size: 7 " + means + "}") == tensor_shape{2, 3, 7, 7});
  CHECK(shape("AnnotatedData", source + "transform_param { " + means + "resize_param { height: 5 width: 6 } }") ==
        tensor_shape{2, 3, 5, 6});
  // What these fields do not tell: the channels, the size, the batch.
  for (const std::string& rest :
       {source + "transform_param { crop_size: 7 mean_value: 104 }", source + "transform_param { " + means + "}",
        source + "transform_param { " + means + "resize_param { resize_mode: FIT_SMALL_SIZE height: 5 width: 6 } }",
        "transform_param { crop_size: 7 " + means + "}"}) {
    CHECK_THAT(problem(data("Data", rest)), contains("expected an Input layer with its shape"));
  }
  CHECK_THAT(problem(data("HDF5Data", source + "transform_param { crop_size: 7 " + means + "}")),
             contains("expected an Input layer with its shape"));
  CHECK_THAT(problem(data("Input", "")),
             contains("net:1:1: got no input_param with a shape, expected one (layer 'd')"));
  CHECK_THAT(problem(data("Input", "input_param { shape { dim: 1 } size: 3 }")),
             contains("got the unknown field 'input_param.size'"));
  CHECK_THAT(problem(data("Data", "data_param { batch_size: 3 }")), contains("expected an Input layer with its shape"));
  CHECK_THAT(problem(data("HDF5Data", "")), contains("expected an Input layer with its shape"));
  CHECK_THAT(problem(data("MemoryData", "memory_data_param { batch_size: 1 channels: 2 height: 3 }")),
             contains("got no width, expected one"));
  CHECK_THAT(problem(data("ImageData", "image_data_param { new_height: 3 }")), contains("got no new_width"));
  CHECK_THAT(problem(data("DummyData", "dummy_data_param { num: 1 channels: 2 height: 3 }")),
             contains("got no width, expected it, or a shape"));
  CHECK_THAT(problem("layer { name: 'd' type: 'Input' input_param { shape { dim: 1 } } }"), contains("got no top"));

  const network two = imported("layer { name: 'd' type: 'Input' top: 'a' top: 'b' input_param { shape { dim: 3 } } }");
  CHECK(two.layers.size() == 2);
  CHECK(two.layers[1].name == "b");
  CHECK(two.blobs[1].shape == tensor_shape{3});
  CHECK_THAT(problem("layer { name: 'd' type: 'Input' top: 'a' top: 'b' top: 'c' input_param { shape { dim: 3 } "
                     "shape { dim: 4 } } }"),
             contains("got 2 shapes for 3 tops"));
}

TEST_CASE("Convolutions") {
  const auto conv = params_of<layers::convolution>(
      "Convolution",
      "param { lr_mult: 1 } convolution_param { num_output: 6 pad: 1 kernel_size: 3 stride: 2 dilation: 1 group: 2 "
      "engine: CUDNN weight_filler { type: 'xavier' } bias_filler { type: 'constant' value: 0 } axis: 1 }",
      {{6, 2, 3, 3}, {6}});
  CHECK(conv.geometry.stride == std::array<std::size_t, 2>{2, 2});
  CHECK(conv.geometry.pad.top == 1);
  CHECK(conv.geometry.pad.right == 1);
  CHECK(conv.geometry.groups == 2);
  CHECK(shape_of(conv.weights) == tensor_shape{6, 2, 3, 3});
  CHECK(conv.weights(0, 0, 0, 1) == 2.0F);
  CHECK(conv.bias == std::vector<float>{1, 2, 3, 4, 5, 6});

  const auto uneven = params_of<layers::convolution>(
      "Convolution",
      "convolution_param { num_output: 1 bias_term: false pad_w: 2 kernel_h: 1 kernel_w: 5 stride_h: 1 stride_w: 3 "
      "dilation: 2 dilation: 1 }",
      {{1, 4, 1, 5}});
  CHECK(uneven.geometry.pad.top == 0);
  CHECK(uneven.geometry.pad.left == 2);
  CHECK(uneven.geometry.stride == std::array<std::size_t, 2>{1, 3});
  CHECK(uneven.geometry.dilation == std::array<std::size_t, 2>{2, 1});
  CHECK(uneven.bias.empty());

  for (const std::string type : {"ConvolutionDepthwise", "DepthwiseConvolution", "DepthwiseConv"}) {
    const auto depthwise = params_of<layers::convolution>(
        type, "convolution_param { num_output: 8 kernel_size: 3 bias_term: false }", {{8, 1, 3, 3}});
    CHECK(depthwise.geometry.groups == 4);
  }
  CHECK_THAT(layer_problem("DepthwiseConv", "convolution_param { num_output: 8 kernel_size: 3 group: 2 }"),
             contains("got group 2 for input 2x4x6x8, expected none or as many as channels"));

  const auto deconv = params_of<layers::deconvolution>(
      "Deconvolution", "convolution_param { num_output: 6 kernel_size: 2 stride: 2 group: 2 }", {{4, 3, 2, 2}, {6}});
  CHECK(shape_of(deconv.weights) == tensor_shape{4, 3, 2, 2});
  CHECK(shape_behind("Deconvolution", "convolution_param { num_output: 6 kernel_size: 2 stride: 2 group: 2 }",
                     {{4, 3, 2, 2}, {1, 1, 1, 6}}) == tensor_shape{2, 6, 12, 16});

  const auto wrong = [](const std::string& fields) {
    return layer_problem("Convolution", "convolution_param { " + fields + " }", {{2, 4, 3, 3}, {2}});
  };
  CHECK_THAT(wrong("kernel_size: 3"), contains("got no num_output, expected one (layer 'x')"));
  CHECK_THAT(wrong("num_output: 2"), contains("got no kernel_size, expected it, or kernel_h and kernel_w"));
  CHECK_THAT(wrong("num_output: 2 kernel_size: 3 kernel_h: 3"),
             contains("got kernel_size beside kernel_h or kernel_w"));
  CHECK_THAT(wrong("num_output: 2 kernel_h: 3"), contains("got only one of kernel_h and kernel_w"));
  CHECK_THAT(wrong("num_output: 2 kernel_size: [3, 3, 3]"), contains("got 3 values of kernel_size, expected 1 or 2"));
  CHECK_THAT(wrong("num_output: 2 kernel_size: 0"), contains("kernel_size: got '0', expected an integer from 1"));
  CHECK_THAT(wrong("num_output: 2 kernel_size: 3 stride: 0"), contains("stride: got '0'"));
  CHECK_THAT(wrong("num_output: 2 kernel_size: 3 axis: 2"), contains("got axis 2, expected 1"));
  // Weights of groups that the prototxt has lost.
  CHECK_THAT(layer_problem("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", {{4, 1, 3, 3}, {4}}),
             contains("depthwise layer") && contains("expected group: 4") && contains("lost"));
  CHECK_THAT(layer_problem("Convolution", "convolution_param { num_output: 6 kernel_size: 3 }", {{6, 2, 3, 3}, {6}}),
             contains("layer of groups") && contains("expected group: 2"));
  CHECK_THAT(layer_problem("Convolution", "convolution_param { num_output: 6 kernel_size: 3 }", {{6, 2, 5, 5}, {6}}),
             contains("of shape 6x2x5x5"));
  CHECK_THAT(wrong("num_output: 2 kernel_size: 3 group: 3"),
             contains("got group 3 for num_output 2 and input 2x4x6x8"));
  CHECK_THAT(wrong("num_output: 2 kernel_size: 9"), contains("got learned blob 0 of shape 2x4x3x3 in weights"));
  CHECK_THAT(wrong("num_output: 2 kernel_size: 3 bias_term: false"),
             contains("got 2 learned blobs in weights, expected 1"));
  CHECK_THAT(wrong("num_output: 2 num_output: 3 kernel_size: 3"), contains("num_output stands there again"));
  CHECK_THAT(wrong("num_output: 2147483647 kernel_size: 2147483647"), contains("elements"));
  CHECK_THAT(layer_problem("Convolution", "convolution_param { num_output: 2 kernel_size: 9 }", {{2, 4, 9, 9}, {2}}),
             contains("net:2:1: conv2d rows: kernel of weights 2x4x9x9 reaches over 9"));
  CHECK_THAT(layer_problem("Convolution", "convolution_param { num_output: 2 kernel_size: 3 }"),
             contains("got no learned values in weights, expected 2 blobs, the first 2x4x3x3 (layer 'x')"));
}

TEST_CASE("Fully connected layers, with weights of either order and of old files") {
  const auto fields = [](const std::string& more) { return "inner_product_param { num_output: 3 " + more + " }"; };
  CHECK(shape_behind("InnerProduct", fields(""), {{3, 192}, {3}}) == tensor_shape{2, 3});
  CHECK(shape_behind("InnerProduct", fields(""), {{1, 1, 3, 192}, {1, 1, 1, 3}}) == tensor_shape{2, 3});
  CHECK(shape_behind("InnerProduct", fields("axis: -1 bias_term: false"), {{3, 8}}) == tensor_shape{2, 4, 6, 3});
  const auto transposed =
      params_of<layers::fully_connected>("InnerProduct", fields("axis: 3 bias_term: false transpose: true"), {{8, 3}});
  CHECK(transposed.axis == 3);
  REQUIRE(shape_of(transposed.weights) == tensor_shape{3, 8});
  CHECK(transposed.weights(0, 1) == 4.0F);
  CHECK(transposed.weights(2, 7) == 24.0F);
  CHECK_THAT(layer_problem("InnerProduct", fields(""), {{3, 191}, {3}}),
             contains("got learned blob 0 of shape 3x191 in weights, expected 3x192"));
  CHECK_THAT(layer_problem("InnerProduct", fields("axis: 4"), {{3, 8}, {3}}),
             contains("got axis 4 of input 2x4x6x8, expected -4 to 3"));
}

TEST_CASE("Batch normalizations, scales and biases") {
  caffe_model model = learned("x", {{4}, {4}, {1}});
  model.layers[0].blobs[2].fill(2.0F);
  const auto statistics = [&] {
    const network n = imported(data_4d + one("x", "BatchNorm", "data", "y", "batch_norm_param { eps: 0.5 }"), model);
    return std::get<layers::batch_norm>(n.layers.at(1).params).statistics;
  };
  CHECK(statistics().mean == std::vector<float>{1, 2, 3, 4});
  CHECK(statistics().variance == std::vector<float>{1, 2, 3, 4});
  CHECK(statistics().count == 2.0F);
  CHECK(statistics().epsilon == 0.5);
  model.layers[0].blobs[2].fill(0.0F);
  CHECK(statistics().count == 0.0F);
  CHECK_THAT(layer_problem("BatchNorm", "batch_norm_param { use_global_stats: false }", {{4}, {4}, {1}}),
             contains("got use_global_stats false"));
  CHECK_THAT(layer_problem("BatchNorm", "", {{4}, {4}}), contains("got 2 learned blobs in weights, expected 3"));

  const auto scale =
      params_of<layers::scale>("Scale", "scale_param { bias_term: true filler { value: 1 } }", {{4}, {4}});
  CHECK(scale.params.axis == 1);
  CHECK(shape_of(*scale.factor) == tensor_shape{4});
  CHECK(scale.shift == std::vector<float>{1, 2, 3, 4});
  CHECK(shape_of(*params_of<layers::scale>("Scale", "scale_param { axis: -2 num_axes: -1 }", {{6, 8}}).factor) ==
        tensor_shape{6, 8});
  CHECK(shape_of(*params_of<layers::scale>("Scale", "scale_param { num_axes: 0 }", {{1}}).factor) == tensor_shape{});
  CHECK_THAT(layer_problem("Scale", "scale_param { axis: 3 num_axes: 2 }", {{4}}),
             contains("got num_axes 2 from axis 3 of input 2x4x6x8"));

  const network two = imported("input: 'a' input: 'b' input_shape { dim: [1, 4, 3] } input_shape { dim: 4 }" +
                                   one("x", "Scale", "a", "y", "bottom: 'b' scale_param { bias_term: true }"),
                               learned("x", {{4}}));
  CHECK_FALSE(std::get<layers::scale>(two.layers.at(2).params).factor.has_value());
  CHECK(std::get<layers::scale>(two.layers.at(2).params).shift.size() == 4);

  const auto bias = params_of<layers::scale>("Bias", "bias_param { axis: 1 num_axes: 2 }", {{4, 6}});
  REQUIRE(shape_of(*bias.factor) == tensor_shape{4, 6});
  CHECK(std::all_of(bias.factor->begin(), bias.factor->end(), [](float v) { return v == 1.0F; }));
  CHECK(bias.shift.size() == 24);
}

TEST_CASE("Activations") {
  CHECK(params_of<relu_params>("ReLU").negative_slope == 0.0);
  CHECK(params_of<relu_params>("ReLU", "relu_param { negative_slope: 0.25 engine: CAFFE }").negative_slope == 0.25);
  CHECK(params_of<layers::prelu>("PReLU", "prelu_param { filler { value: 1 } }", {{4}}).slope.size() == 4);
  CHECK(params_of<layers::prelu>("PReLU", "prelu_param { channel_shared: true }", {{1}}).slope.size() == 1);
  CHECK(params_of<activation_params>("Sigmoid", "sigmoid_param { engine: CAFFE }").function ==
        activation_function::sigmoid);
  CHECK(params_of<activation_params>("TanH").function == activation_function::tanh);
  CHECK(params_of<activation_params>("ELU", "elu_param { alpha: 0.5 }").alpha == 0.5);
  CHECK(params_of<activation_params>("AbsVal").function == activation_function::absolute);
  const auto exp = params_of<activation_params>("Exp", "exp_param { base: 2 scale: 3 shift: 4 }");
  CHECK(exp.function == activation_function::exponential);
  CHECK(exp.base == 2.0);
  CHECK(exp.scale == 3.0);
  CHECK(exp.shift == 4.0);
  CHECK(params_of<activation_params>("Log").function == activation_function::logarithm);
  CHECK(params_of<activation_params>("Log").base == -1.0);
  CHECK_THAT(layer_problem("Log", "log_param { base: -3 }"), contains("net:2:1: "));
  CHECK_THAT(layer_problem("Log", "exp_param { base: 2 }"), contains("got the unknown field 'exp_param'"));
  const auto power = params_of<power_params>("Power", "power_param { power: 2 scale: 3 shift: 4 }");
  CHECK(power.exponent == 2.0);
  CHECK(power.scale == 3.0);
  CHECK(power.shift == 4.0);
  CHECK(params_of<softmax_params>("Softmax").axis == 1);
  CHECK(params_of<softmax_params>("Softmax", "softmax_param { axis: -1 }").axis == 3);
  CHECK_THAT(layer_problem("Softmax", "softmax_param { axis: -5 }"), contains("got axis -5 of input 2x4x6x8"));
  CHECK_THAT(layer_problem("ReLU", "", {{4}}), contains("got 1 learned blobs in weights, expected 0"));
}

TEST_CASE("Pooling") {
  const auto pool = params_of<pooling_params>("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }");
  CHECK(pool.operation == pooling_operation::average);
  CHECK(pool.kernel == std::array<std::size_t, 2>{3, 3});
  CHECK(pool.stride == std::array<std::size_t, 2>{2, 2});
  CHECK(pool.pad.bottom == 1);
  CHECK(pool.size == pooling_size::ceil);
  CHECK(params_of<pooling_params>("Pooling", "pooling_param { kernel_h: 2 kernel_w: 1 }").kernel ==
        std::array<std::size_t, 2>{2, 1});
  CHECK(shape_behind("Pooling", "pooling_param { global_pooling: true pool: AVE }") == tensor_shape{2, 4, 1, 1});
  CHECK(shape_behind("Pooling", "pooling_param { kernel_size: 3 stride: 2 }") == tensor_shape{2, 4, 3, 4});
  CHECK(shape_behind("Pooling", "pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }") ==
        tensor_shape{2, 4, 2, 3});
  CHECK(shape_behind("Pooling", "pooling_param { kernel_size: 3 stride: 2 ceil_mode: false }") ==
        tensor_shape{2, 4, 2, 3});
  CHECK_THAT(layer_problem("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 }"),
             contains("got pool STOCHASTIC"));
  CHECK_THAT(layer_problem("Pooling", "pooling_param { pool: MIN kernel_size: 2 }"),
             contains("net:2:75: pool: got 'MIN', expected MAX, AVE, STOCHASTIC, AVE_EXC_PAD or AVE_TF"));
  CHECK_THAT(layer_problem("Pooling", "pooling_param { kernel_size: [2, 2] }"),
             contains("got 2 values of kernel_size"));
  CHECK_THAT(layer_problem("Pooling"), contains("got no kernel_size"));
  CHECK_THAT(layer_problem("Pooling", "pooling_param { global_pooling: true kernel_size: 2 }"),
             contains("got a kernel for global_pooling"));
  CHECK_THAT(layer_problem("Pooling", "pooling_param { kernel_size: 2 ceil_mode: true round_mode: CEIL }"),
             contains("got ceil_mode and round_mode"));
  const network masked =
      imported(data_4d + one("x", "Pooling", "data", "y", "pooling_param { kernel_size: 2 } top: 'm'"));
  CHECK(masked.blobs.back().shape == tensor_shape{2, 4, 5, 7});
  CHECK(masked.layers.back().outputs.size() == 2);
  CHECK_THAT(layer_problem("Pooling", "pooling_param { kernel_size: 2 } top: 'm' top: 'n'"),
             contains("3 outputs, expected 1, or 2 of a maximum"));
  CHECK_THAT(layer_problem("Pooling", "pooling_param { pool: AVE kernel_size: 2 } top: 'm'"), contains("2 outputs"));
  for (const std::string name : {"AVE_EXC_PAD", "AVE_TF"}) {
    CHECK(params_of<pooling_params>("Pooling", "pooling_param { pool: " + name + " kernel_size: 2 }").operation ==
          pooling_operation::average_inside);
  }
}

TEST_CASE("Padding of each side, and pad_type") {
  const std::string sides = "pad_l: 1 pad_r: 2 pad_t: 0 pad_b: 3 ";
  const auto pool = params_of<pooling_params>("Pooling", "pooling_param { kernel_size: 4 " + sides + "}");
  CHECK(std::array{pool.pad.top, pool.pad.left, pool.pad.bottom, pool.pad.right} ==
        std::array<std::size_t, 4>{0, 1, 3, 2});
  const std::string window = "convolution_param { num_output: 3 kernel_size: 3 stride: 2 ";
  const auto conv = params_of<layers::convolution>("Convolution", window + sides + "}", {{3, 4, 3, 3}, {3}});
  const padding& pad = conv.geometry.pad;
  CHECK(std::array{pad.top, pad.left, pad.bottom, pad.right} == std::array<std::size_t, 4>{0, 1, 3, 2});
  CHECK(shape_behind("Convolution", window + sides + "}", {{3, 4, 3, 3}, {3}}) == tensor_shape{2, 3, 4, 5});
  CHECK(shape_behind("Convolution", window + "pad_l: 0 pad: 1 }", {{3, 4, 3, 3}, {3}}) == tensor_shape{2, 3, 3, 4});
  // TensorFlow's: the size over the stride, rounded up; of 6 rows and 8 columns one is missing, behind.
  const auto same = params_of<layers::convolution>("Convolution", window + "pad_type: 1 }", {{3, 4, 3, 3}, {3}});
  const padding& found = same.geometry.pad;
  CHECK(std::array{found.top, found.left, found.bottom, found.right} == std::array<std::size_t, 4>{0, 0, 1, 1});
  CHECK(shape_behind("Pooling", "pooling_param { kernel_size: 3 stride: 1 pad_type: 1 }") == tensor_shape{2, 4, 6, 8});
  CHECK(shape_behind("Pooling", "pooling_param { kernel_size: 1 stride: 3 pad_type: 1 }") == tensor_shape{2, 4, 2, 3});
  CHECK_THAT(layer_problem("Pooling", "pooling_param { kernel_size: 3 pad_b: 3 }"), contains("padding 0 and 3"));
  CHECK_THAT(layer_problem("Convolution", window + "dilation: 2 pad_type: 1 }", {{3, 4, 3, 3}, {3}}),
             contains("got pad_type 1 for a dilated"));
}

TEST_CASE("Layers of several inputs or outputs") {
  const auto sum = params_of<eltwise_params>("Eltwise", "bottom: 'data' eltwise_param { coeff: 1 coeff: -1 }");
  CHECK(sum.operation == eltwise_operation::sum);
  CHECK(sum.coefficients == std::vector<float>{1.0F, -1.0F});
  CHECK(params_of<eltwise_params>("Eltwise", "bottom: 'data' eltwise_param { operation: PROD }").operation ==
        eltwise_operation::product);
  CHECK(params_of<eltwise_params>("Eltwise", "bottom: 'data' eltwise_param { operation: 2 }").operation ==
        eltwise_operation::maximum);
  CHECK_THAT(layer_problem("Eltwise"), contains("got 1 bottom, expected at least 2"));
  CHECK_THAT(layer_problem("Eltwise", "bottom: 'data' eltwise_param { coeff: 1 }"),
             contains("1 coefficients for 2 inputs"));

  CHECK(shape_behind("Concat", "bottom: 'data'") == tensor_shape{2, 8, 6, 8});
  CHECK(shape_behind("Concat", "bottom: 'data' concat_param { axis: -1 }") == tensor_shape{2, 4, 6, 16});
  CHECK(shape_behind("Concat", "bottom: 'data' concat_param { concat_dim: 2 }") == tensor_shape{2, 4, 12, 8});
  CHECK_THAT(layer_problem("Concat", "concat_param { axis: 1 concat_dim: 1 }"), contains("got axis and concat_dim"));

  const network split = imported(data_4d + one("x", "Split", "data", "a", "top: 'b'"));
  CHECK(std::holds_alternative<layers::identity>(split.layers.at(1).params));
  CHECK(split.layers[1].outputs == std::vector<std::size_t>{1, 2});
  CHECK(split.blobs[2].shape == tensor_shape{2, 4, 6, 8});

  const auto parts = [](const std::string& rest) {
    const network n = imported(data_4d + one("x", "Slice", "data", "a", "top: 'b' " + rest));
    return std::pair(n.blobs.at(1).shape, n.blobs.at(2).shape);
  };
  CHECK(parts("") == std::pair(tensor_shape{2, 2, 6, 8}, tensor_shape{2, 2, 6, 8}));
  CHECK(parts("slice_param { slice_point: 1 }") == std::pair(tensor_shape{2, 1, 6, 8}, tensor_shape{2, 3, 6, 8}));
  CHECK(parts("slice_param { slice_dim: 3 slice_point: 1 }") ==
        std::pair(tensor_shape{2, 4, 6, 1}, tensor_shape{2, 4, 6, 7}));
  CHECK_THAT(problem(data_4d + one("x", "Slice", "data", "a", "slice_param { slice_point: 1 }")),
             contains("1 outputs for 2 parts"));
  CHECK_THAT(problem(data_4d + one("x", "Slice", "data", "a", "top: 'b' top: 'c'")), contains("3 equal parts"));
}

TEST_CASE("the mark _hp in one of the two files is no other name") {
  const std::string conv = "convolution_param { num_output: 2 kernel_size: 1 }";
  for (const auto& [in_prototxt, in_model] :
       {std::pair("x_hp", "x"), std::pair("x", "x_hp"), std::pair("x_hp", "x_hp")}) {
    CHECK(imported(data_4d + one(in_prototxt, "Convolution", "data", "y", conv), learned(in_model, {{2, 4, 1, 1}, {2}}))
              .layers.at(1)
              .name == in_prototxt);
  }
  CHECK_THAT(problem(data_4d + one("x_hp", "Convolution", "data", "y", conv), learned("y", {{2, 4, 1, 1}, {2}})),
             contains("got no learned values"));
}

TEST_CASE("marks in one of the two files are no other name") {
  const std::string conv = "convolution_param { num_output: 2 kernel_size: 1 }";
  const auto of = [&](const std::string& in_prototxt, const std::string& in_model) {
    return problem(data_4d + one(in_prototxt, "Convolution", "data", "y", conv),
                   learned(in_model, {{2, 4, 1, 1}, {2}}));
  };
  for (const char* mark : {"_cpu", "_report", "_hp_report", "_report_hp"}) {
    CAPTURE(mark);
    CHECK(of(std::string("x") + mark, "x") == "(no parse_error)");
    CHECK(of("x", std::string("x") + mark) == "(no parse_error)");
    CHECK(of(std::string("x") + mark, "x_hp") == "(no parse_error)");
    CHECK_THAT(of(std::string("x") + mark, "xy"), contains("got no learned values"));
  }
  // Two layers of the prototxt are not to have one layer's weights, nor one those of either of two.
  CHECK_THAT(
      problem(data_4d + one("x_hp", "Convolution", "data", "y", conv) + one("x", "Convolution", "data", "z", conv),
              learned("x", {{2, 4, 1, 1}, {2}})),
      contains("got learned values only of 'x'") && contains("which layer 'x_hp' has already"));
  caffe_model two = learned("x_cpu", {{2, 4, 1, 1}, {2}});
  const caffe_model more = learned("x_hp", {{2, 4, 1, 1}, {2}});
  two.layers.insert(two.layers.end(), more.layers.begin(), more.layers.end());
  CHECK_THAT(problem(data_4d + one("x", "Convolution", "data", "y", conv), two),
             contains("got learned values of 'x_cpu' and 'x_hp'"));
}

TEST_CASE("Layers that move data") {
  CHECK(std::holds_alternative<layers::identity>(layer_of("Dropout", "dropout_param { dropout_ratio: 0.5 }").params));
  CHECK(shape_behind("Flatten") == tensor_shape{2, 192});
  CHECK(shape_behind("Flatten", "flatten_param { axis: -3 end_axis: -2 }") == tensor_shape{2, 24, 8});
  CHECK(shape_behind("Reshape", "reshape_param { shape { dim: [0, -1, 4] } }") == tensor_shape{2, 48, 4});
  CHECK(shape_behind("Reshape", "reshape_param { shape { dim: [-1, 2] } axis: 1 num_axes: 2 }") ==
        tensor_shape{2, 12, 2, 8});
  CHECK(shape_behind("Reshape", "reshape_param { shape { dim: [1, 1] } axis: -1 num_axes: 0 }") ==
        tensor_shape{2, 4, 6, 8, 1, 1});
  CHECK_THAT(layer_problem("Reshape"), contains("got no shape"));
  CHECK_THAT(layer_problem("Reshape", "reshape_param { shape { dim: [1, 1, 1, 1, 1, 1, 1, 1, -1] } }"),
             contains("got 9 dim, expected at most 8"));
  CHECK_THAT(layer_problem("Reshape", "reshape_param { shape { dim: [5, -1] } }"), contains("net:2:1: reshape: "));
  CHECK_THAT(layer_problem("Reshape", "reshape_param { shape { dim: -2 } }"), contains("dim: got '-2'"));
  CHECK_THAT(layer_problem("Reshape", "reshape_param { shape { dim: 1 } axis: 5 }"), contains("got axis 5"));
  CHECK(shape_behind("Permute", "permute_param { order: [0, 2, 3, 1] }") == tensor_shape{2, 6, 8, 4});
  CHECK(params_of<permute_params>("Permute", "permute_param { order: 3 }").order ==
        std::vector<std::size_t>{3, 0, 1, 2});
  CHECK_THAT(layer_problem("Permute", "permute_param { order: [1, 1] }"), contains("permute: order (1, 1, 0, 2, 3)"));
  CHECK(shape_behind("Upsample", "upsample_param { scale: 2 }") == tensor_shape{2, 4, 12, 16});
  CHECK_FALSE(layer_of("Upsample").on_cpu);
  CHECK(layer_of("Upsample", "upsample_param { scale: 3 }").on_cpu);
  CHECK(shape_behind("Upsample", "upsample_param { upsample_h: 11 upsample_w: 16 }") == tensor_shape{2, 4, 11, 16});
  CHECK(shape_behind("Upsample", "upsample_param { scale_h: 3 scale_w: 2 }") == tensor_shape{2, 4, 18, 16});
  CHECK(shape_behind("Upsample", "upsample_param { height_scale: 2.0 width_scale: 2 mode: NEAREST }") ==
        tensor_shape{2, 4, 12, 16});
  CHECK_FALSE(layer_of("Upsample", "upsample_param { height_scale: 2 width_scale: 2 }").on_cpu);
  CHECK(shape_behind("Upsample", "upsample_param { scale: 2 pad_out_h: true }") == tensor_shape{2, 4, 11, 16});
  CHECK_THAT(layer_problem("Upsample", "upsample_param { upsample_h: 11 }"), contains("got only one of upsample_h"));
  CHECK_THAT(layer_problem("Upsample", "upsample_param { scale: 2 scale_h: 2 scale_w: 2 }"),
             contains("got scale beside a factor"));
  CHECK_THAT(layer_problem("Upsample", "upsample_param { scale_h: 2 scale_w: 2 height_scale: 2 width_scale: 2 }"),
             contains("got scale_h beside height_scale"));
  CHECK_THAT(layer_problem("Upsample", "upsample_param { mode: BILINEAR }"), contains("got mode BILINEAR"));
  CHECK_THAT(layer_problem("Upsample", "upsample_param { upsample_h: 2147483647 upsample_w: 8 }"),
             contains("2147483647 rows"));
  CHECK_THAT(layer_problem("Upsample", "upsample_param { height_scale: 1.5 width_scale: 2 }"),
             contains("got height_scale 1.5, expected a whole number"));

  const network crop =
      imported("input: 'a' input: 'b' input_shape { dim: [1, 2, 5, 5] } input_shape { dim: [1, 3, 4, 3] }" +
               one("x", "Crop", "a", "y", "bottom: 'b' crop_param { axis: -2 offset: [1, 2] }"));
  CHECK(crop.blobs.back().shape == tensor_shape{1, 2, 4, 3});
  CHECK(std::get<crop_params>(crop.layers.back().params).axis == 2);
  CHECK(crop.layers.back().on_cpu);
}

TEST_CASE("Reductions and norms") {
  CHECK(shape_behind("Reduction", "reduction_param { operation: MEAN axis: 1 }") == tensor_shape{2});
  CHECK(params_of<reduce_mean_params>("Reduction", "reduction_param { operation: MEAN axis: -1 }").axes ==
        std::vector<std::size_t>{3});
  CHECK(params_of<reduce_sum_params>("Reduction", "reduction_param { coeff: 0.5 }").coefficient == 0.5);
  CHECK(shape_behind("Reduction") == tensor_shape{});
  const auto term = [](const std::string& operation) {
    return params_of<reduce_sum_params>("Reduction", "reduction_param { operation: " + operation + " }").term;
  };
  CHECK(term("SUM") == reduction_term::value);
  CHECK(term("ASUM") == reduction_term::magnitude);
  CHECK(term("SUMSQ") == reduction_term::square);
  CHECK_THAT(layer_problem("Reduction", "reduction_param { operation: MAX }"),
             contains("expected SUM, ASUM, SUMSQ or MEAN"));
  CHECK_THAT(layer_problem("Reduction", "reduction_param { operation: MEAN coeff: 2 }"),
             contains("got coeff 2 for MEAN"));

  const auto norm = params_of<layers::normalize>(
      "Normalize", "norm_param { across_spatial: false scale_filler { value: 20 } channel_shared: false eps: 0.5 }",
      {{4}});
  CHECK_FALSE(norm.params.across_positions);
  CHECK(norm.params.epsilon == 0.5);
  CHECK(norm.factor.size() == 4);
  CHECK(params_of<layers::normalize>("Normalize", "", {{1}}).params.across_positions);

  const auto lrn = params_of<lrn_params>("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.25 k: 2 }");
  CHECK(lrn.local_size == 3);
  CHECK(lrn.alpha == 0.5);
  CHECK(lrn.beta == 0.25);
  CHECK(lrn.k == 2.0);
  CHECK(params_of<lrn_params>("LRN", "lrn_param { norm_region: WITHIN_CHANNEL }").region == lrn_region::within_channel);
  CHECK_THAT(layer_problem("LRN", "lrn_param { local_size: 4 }"),
             contains("lrn: local size 4, expected an odd number"));
  const auto mvn =
      params_of<mvn_params>("MVN", "mvn_param { normalize_variance: false across_channels: true eps: 0.5 }");
  CHECK_FALSE(mvn.normalize_variance);
  CHECK(mvn.across_channels);
  CHECK(mvn.epsilon == 0.5);

  CHECK(layer_of("ArgMax").on_cpu);
  CHECK(shape_behind("ArgMax", "argmax_param { axis: -3 top_k: 2 }") == tensor_shape{2, 2, 6, 8});
  CHECK(shape_behind("ArgMax", "argmax_param { out_max_val: true }") == tensor_shape{2, 2, 1, 1});
}

TEST_CASE("Every read of a name gets the newest blob") {
  const network n = imported(data_4d + one("a", "ReLU", "data", "x") + one("b", "AbsVal", "x", "x") +
                             one("c", "ReLU", "x", "y") + one("d", "ReLU", "x", "z"));
  CHECK(n.blobs.size() == 5);
  CHECK(n.layers.at(2).inputs == std::vector<std::size_t>{1});
  CHECK(n.layers.at(2).outputs == std::vector<std::size_t>{2});
  CHECK(n.blobs[2].name == "x");
  CHECK(n.layers.at(3).inputs == n.layers.at(4).inputs);
  CHECK(n.layers.at(3).inputs == std::vector<std::size_t>{2});
  CHECK(n.layers.at(1).where == "net:2:1");

  CHECK_THAT(problem(data_4d + one("a", "ReLU", "data", "x") + one("b", "ReLU", "data", "x")),
             contains("net:3:1: got top 'x', which is there already"));
  CHECK_THAT(problem(data_4d + one("a", "ReLU", "b", "c") + one("d", "ReLU", "c", "b")),
             contains("net:2:1: got bottom 'b', expected a blob that a layer before makes (layer 'a')"));
}

TEST_CASE("What only training needs is left out") {
  const network n = imported(
      "layer { name: 'data' type: 'Data' top: 'data' top: 'label' include { phase: TRAIN } data_param { source: 's' } }"
      "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: [1, 4] } } include { phase: TEST } }" +
      one("drop", "Dropout", "data", "data", "exclude { phase: TEST }") +
      one("staged", "ReLU", "data", "r", "include { stage: 'deploy' }") +
      one("level", "ReLU", "data", "r", "include { min_level: 1 }") +
      one("kept", "ReLU", "data", "r", "include { phase: TRAIN } include { not_stage: 'deploy' phase: TEST }") +
      one("loss", "SoftmaxWithLoss", "r", "loss", "bottom: 'label' loss_weight: 1") +
      one("accuracy", "Accuracy", "r", "accuracy", "bottom: 'label' accuracy_param { top_k: 5 }") +
      one("evaluation", "DetectionEvaluate", "r", "evaluation", "bottom: 'label'") +
      "layer { name: 's' type: 'Silence' bottom: 'label' }");
  REQUIRE(n.layers.size() == 2);
  CHECK(n.layers[1].name == "kept");

  CHECK_THAT(problem(data_4d + one("l", "EuclideanLoss", "data", "loss") + one("r", "ReLU", "loss", "y")),
             contains("got bottom 'loss', expected a blob that a layer before makes; layer 'l' is left out"));
  CHECK_THAT(problem(data_4d + one("r", "ReLU", "data", "y", "include { phase: TEST } exclude { phase: TRAIN }")),
             contains("got include and exclude"));
  CHECK_THAT(problem(data_4d + one("r", "ReLU", "data", "y", "include { phases: TEST }")),
             contains("got the unknown field 'include.phases'"));
}

TEST_CASE("Files of Caffe's V1 format") {
  const network n = imported(data_4d +
                                 "layers { name: 'x' type: CONVOLUTION bottom: 'data' top: 'y' blobs_lr: 1 blobs_lr: 2 "
                                 "weight_decay: 1 convolution_param { num_output: 2 kernel_size: 1 } }\n"
                                 "layers { name: 'r' type: RELU bottom: 'y' top: 'y' }",
                             learned("x", {{2, 4, 1, 1}, {1, 1, 1, 2}}));
  REQUIRE(n.layers.size() == 3);
  CHECK(n.layers[1].type == "Convolution");
  CHECK(n.layers[2].type == "ReLU");
  CHECK_THAT(problem(data_4d + "layers { name: 'r' type: RELUU bottom: 'data' top: 'y' }"),
             contains("got layer type 'RELUU', expected one of Caffe's V1 format (layer 'r')"));
  CHECK_THAT(problem(data_4d + "layers { name: 'r' type: 'ReLU' bottom: 'data' top: 'y' }"),
             contains("type: got the string 'ReLU', expected an identifier"));
  CHECK_THAT(problem(data_4d + "layers { layer { name: 'r' type: 'relu' } bottom: 'data' top: 'y' }"),
             contains("V0 format"));
  CHECK_THAT(problem(data_4d + one("a", "ReLU", "data", "x") + "layers { name: 'r' type: RELU bottom: 'x' top: 'y' }"),
             contains("got layer and layers, expected one kind"));
}

TEST_CASE("Marks in names") {
  const network n = imported(data_4d + one("a_cpu", "Power", "data", "a") + one("b", "ReLU", "a", "a") +
                             one("c_hp", "AbsVal", "a", "c_report") + one("d", "ReLU", "c_report", "c_report") +
                             one("e_cpu", "ReLU", "c_report", "e_report"));
  CHECK(n.layers.at(1).on_cpu);
  CHECK(n.layers.at(2).on_cpu);  // in place behind a layer of the host
  CHECK_FALSE(n.layers.at(3).on_cpu);
  CHECK(n.layers.at(3).name == "c_hp");
  CHECK_FALSE(n.layers.at(4).on_cpu);
  CHECK(n.layers.at(5).on_cpu);
  CHECK(n.reported == std::vector<std::size_t>{4});  // what is left in c_report; what the host writes is not reported
  CHECK_THAT(problem("input: 'data_cpu' input_shape { dim: 1 }"),
             contains("got the mark _cpu, expected none on an input"));
  CHECK_THAT(problem(data_4d + one("r_cpu", "ReLU", "data", "data")),
             contains("got the mark _cpu, expected none on an in-place activation"));
}

TEST_CASE("All problems of a file are told at once") {
  const std::string text =
      problem(data_4d +                                                                             //
              one("a", "Convolution", "data", "a", "convolution_param { kernel_size: -1 x: 1 }") +  //
              one("b", "Transmogrify", "data", "b", "transmogrify_param { y: 1 }") +                //
              one("c", "ReLU", "a", "c", "relu_param { negative_slope: x }") +                      //
              one("d", "InnerProduct", "data", "d", "inner_product_param { num_output: 3 }") +
              one("e", "Eltwise", "c", "e", "bottom: 'd' bottom: 'nowhere'") + "extra: 1");
  CHECK(text ==
        "1 layer of type 'Transmogrify', which is not supported, the first at net:3:1 (layer 'b')\n"
        "net:2:63: got no num_output, expected one (layer 'a')\n"
        "net:2:83: kernel_size: got '-1', expected an integer from 1 to 2147483647 (layer 'a')\n"
        "net:2:99: got the unknown field 'convolution_param.x', expected one that 'Convolution' has (layer 'a')\n"
        "net:4:66: negative_slope: got 'x', expected a number from -3.4028235e+38 to 3.4028235e+38 (layer 'c')\n"
        "net:5:1: got no learned values in weights, expected 2 blobs, the first 3x192 (layer 'd')\n"
        "net:6:1: got bottom 'nowhere', expected a blob that a layer before makes (layer 'e')\n"
        "net:7:1: got the unknown field 'extra', expected one that a network has");

  std::string many = data_4d;
  for (int i = 0; i < 80; ++i) many += one("r" + std::to_string(i), "ReLU", "data", "t" + std::to_string(i), "x: 1");
  CHECK(lines_of(problem(many)) == 51);
  CHECK_THAT(problem(many), contains("\n... and 30 more"));
}

TEST_CASE("Learned values are matched by name") {
  const std::string text = data_4d + one("x", "PReLU", "data", "y");
  caffe_model model = learned("x", {{4}});
  model.layers.push_back(learned("not in the network", {{7}}).layers[0]);
  model.layers.push_back(learned("x", {}).layers[0]);
  CHECK_NOTHROW(imported(text, model));
  model.layers.push_back(model.layers[0]);
  CHECK_THAT(problem(text, model), contains("net:2:1: got several layers of that name with learned values in weights"));
  try {
    (void)import_caffe(parse_prototxt(text, "net"), nullptr);
    FAIL("no parse_error");
  } catch (const parse_error& e) {
    CHECK_THAT(e.what(), contains("net:2:1: got no model, expected 1 blobs, the first 4 (layer 'x')"));
  }
  CHECK_NOTHROW(import_caffe(parse_prototxt(data_4d + one("x", "ReLU", "data", "y"), "net"), nullptr));
}

TEST_CASE("Damaged files end in an error or in a network") {
  const std::string text =
      data_4d + one("x", "Convolution", "data", "c", "convolution_param { num_output: 6 kernel_size: 3 pad: 1 }") +
      one("relu", "ReLU", "c", "c", "relu_param { negative_slope: 0.1 }") +
      one("pool", "Pooling", "c", "p", "pooling_param { pool: MAX kernel_size: 2 stride: 2 }") +
      one("permute", "Permute", "p", "q", "permute_param { order: [0, 2, 3, 1] }") +
      one("flatten", "Flatten", "q", "f", "flatten_param { axis: 1 }") +
      one("reshape", "Reshape", "f", "r", "reshape_param { shape { dim: [0, -1, 8] } axis: 0 }") +
      one("slice", "Slice", "p", "s", "top: 't' slice_param { slice_point: 2 }") +
      one("concat", "Concat", "s", "u", "bottom: 't' concat_param { axis: 1 }") +
      one("up", "Upsample", "u", "v", "upsample_param { scale: 2 }");
  const caffe_model model = learned("x", {{6, 4, 3, 3}, {6}});
  REQUIRE(imported(text, model).layers.size() == 10);
  const std::vector<std::string> words = {"data",  "layer",  "ReLU",      "Slice", "bottom", "top",         "dim",
                                          "Scale", "ArgMax", "Reduction", "shape", "'c'",    "InnerProduct"};
  const std::vector<std::string> numbers = {"0", "-1", "4294967296", "2147483647", "1e38", "9", "99999999999999999999"};
  std::uint32_t state = 1;
  const auto draw = [&](std::size_t below) {
    state = state * 1664525U + 1013904223U;
    return static_cast<std::size_t>(state >> 8U) % below;
  };
  std::size_t networks = 0;
  for (int run = 0; run < 2000; ++run) {
    std::string damaged = text;
    const std::size_t at = draw(damaged.size());
    switch (run % 4) {
      case 0: damaged.resize(at); break;
      case 1: damaged[at] = static_cast<char>(damaged[at] ^ (1 << draw(7))); break;
      case 2: {
        const std::size_t begin = damaged.find_first_of("abcdefghijklmnopqrstuvwxyz", at);
        if (begin == std::string::npos) continue;
        const std::size_t end = damaged.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", begin);
        damaged.replace(begin, end - begin, words[draw(words.size())]);
        break;
      }
      default: {
        const std::size_t begin = damaged.find_first_of("0123456789", at);
        if (begin == std::string::npos) continue;
        damaged.replace(begin, 1, numbers[draw(numbers.size())]);
      }
    }
    CAPTURE(damaged);
    try {
      const network n = imported(damaged, model);
      for (const blob& b : n.blobs) REQUIRE(b.shape.size() <= blob_element_limit);
      ++networks;
    } catch (const error&) {
    }
  }
  CHECK(networks > 0);
}

TEST_CASE("a network that asks for more than there is is refused, by its file or by its runner", "[caffe]") {
  const auto text = [](const std::string& shape) {
    return "name: 'large' input: 'data' input_shape { " + shape + " }\n" + one("r", "ReLU", "data", "r") +
           one("p", "Pooling", "r", "p", "pooling_param { kernel_size: 2 stride: 2 }");
  };
  const std::string beyond = problem(text("dim: 1 dim: 1000000 dim: 1000 dim: 1000"));
  CHECK_THAT(beyond, contains("of shape 1x1000000x1000x1000") && contains("expected at most 2147483648"));
  const network net = imported(text("dim: 1 dim: 1000000 dim: 32 dim: 32"));  // 4 GB, twice
  try {
    const network_runner runner(net, float_plan(net), {.memory_limit = std::size_t{1} << 30U});
    FAIL("not refused");
  } catch (const memory_error& e) {
    CHECK_THAT(e.what(), contains("network 'large' takes 8192") && contains(" bytes (7.6 GiB)") &&
                             contains("expected at most 1073741824 bytes (1 GiB)") && contains("layer 'data'"));
  }
}

/// Processor seconds for the import of so many layers.
double seconds_for(std::size_t layers) {
  std::string text = "input: 'b0' input_shape { dim: 1 dim: 2 dim: 2 dim: 2 }\n";
  caffe_model model{"model", {}};
  for (std::size_t i = 0; i < layers; i += 2) {
    const std::string in = "b" + std::to_string(i), out = "b" + std::to_string(i + 2), name = "c" + std::to_string(i);
    text += one(name, "Convolution", in, out, "convolution_param { num_output: 2 kernel_size: 1 bias_term: false }");
    text += one("r" + std::to_string(i), "ReLU", out, out);
    model.layers.push_back(learned(name, {{2, 2, 1, 1}}).layers[0]);
  }
  const std::clock_t start = std::clock();
  CHECK(fold_batch_norm(imported(text, model)).layers.size() == layers + 1);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

TEST_CASE("no step of an import takes the square of the layers", "[io]") {
  const double few = seconds_for(200), many = seconds_for(3200);
  CAPTURE(few, many);
  CHECK(many < 16 * 4 * few + 0.1);  // the square: 256 times as long
}

}  // namespace caffe_import_test
