// Caffe's layer types: how each one's parameters and learned values become a layer's (layer.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <nniesim/io/caffe_fields.hpp>
#include <nniesim/io/caffe_host_layers.hpp>
#include <nniesim/io/caffe_recurrent_layers.hpp>
#include <nniesim/io/caffe_region_layers.hpp>
#include <nniesim/io/caffe_source.hpp>
#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

enum class caffe_convolution { plain, depthwise, transposed };

template <caffe_convolution Kind>
[[nodiscard]] caffe_read_result read_caffe_convolution(caffe_source& l) {
  caffe_fields p = l.fields.fields("convolution_param");
  const std::size_t outputs = p.count("num_output");
  const bool has_bias = p.boolean("bias_term", true);
  const auto kernel = p.pair("kernel_size", "kernel_h", "kernel_w", std::nullopt, 1);
  const caffe_padding pad = read_caffe_padding(p);
  conv2d_params geometry;
  geometry.stride = p.pair("stride", "stride_h", "stride_w", 1, 1);
  geometry.dilation = p.pair("dilation", "dilation_h", "dilation_w", 1, 1);
  const bool is_dilated = geometry.dilation != std::array<std::size_t, 2>{1, 1};
  if (pad.same && (is_dilated || Kind == caffe_convolution::transposed)) {
    p.problem("got pad_type 1 for a ", is_dilated ? "dilated" : "transposed", " convolution, expected it without");
  }
  geometry.groups = p.integer<std::size_t>("group", 1, 1, caffe_fields::most);
  const bool has_group = p.has("group");
  if (const std::int64_t axis = p.axis("axis", 1); axis != 1) p.problem("got axis ", axis, ", expected 1");
  if (!l.ready()) return std::nullopt;

  const tensor_shape& x = l.inputs[0];
  require_rank(x, 4, "input", "batch, channels, rows, columns");
  geometry.pad = pad.on(x, kernel, geometry.stride);
  if constexpr (Kind == caffe_convolution::depthwise) {
    require<shape_error>(!has_group || geometry.groups == x[1], "got group ", geometry.groups, " for input ", x,
                         ", expected none or as many as channels");
    geometry.groups = x[1];
  }
  require<shape_error>(outputs % geometry.groups == 0 && x[1] % geometry.groups == 0, "got group ", geometry.groups,
                       " for num_output ", outputs, " and input ", x, ", expected a divisor of the outputs and of the ",
                       "channels");
  constexpr bool transposed = Kind == caffe_convolution::transposed;
  const tensor_shape weights{transposed ? x[1] : outputs, (transposed ? outputs : x[1]) / geometry.groups, kernel[0],
                             kernel[1]};
  if constexpr (!transposed) {
    // The model has weights of groups that the prototxt does not have.
    const std::optional<tensor_shape> got = l.learned_values->first_shape(l.name);
    const bool is_of_window = got && got->rank() == 4 && (*got)[0] == outputs && (*got)[2] == kernel[0] &&
                              (*got)[3] == kernel[1] && (*got)[1] < weights[1] && x[1] % (*got)[1] == 0;
    const std::size_t groups = is_of_window ? x[1] / (*got)[1] : 1;
    require<shape_error>(groups == 1 || outputs % groups != 0, "the model's weights, ", got.value_or(tensor_shape{}),
                         ", are of a ", groups == x[1] ? "depthwise layer" : "layer of groups", " for input ", x,
                         ", got group ", geometry.groups, ", expected group: ", groups, " in its convolution_param",
                         has_group ? "" : ", which has lost it");
  }
  const std::array<tensor_shape, 2> expected{weights, tensor_shape{outputs}};
  const auto values = l.learned(std::span(expected).first(has_bias ? 2 : 1));
  std::conditional_t<transposed, layers::deconvolution, layers::convolution> result;
  result.geometry = geometry;
  if (has_bias) result.bias = values_of(values[1]);
  result.weights = l.take(0, weights);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_inner_product(caffe_source& l) {
  caffe_fields p = l.fields.fields("inner_product_param");
  const std::size_t outputs = p.count("num_output");
  const bool has_bias = p.boolean("bias_term", true);
  const bool transpose = p.boolean("transpose", false);
  const std::int64_t axis = p.axis("axis", 1);
  if (!l.ready()) return std::nullopt;

  layers::fully_connected result;
  result.axis = l.axis(axis);
  const std::size_t features = as_rows(l.inputs[0], result.axis)[1];
  const std::array<tensor_shape, 2> expected{
      transpose ? tensor_shape{features, outputs} : tensor_shape{outputs, features}, tensor_shape{outputs}};
  const auto values = l.learned(std::span(expected).first(has_bias ? 2 : 1));
  if (has_bias) result.bias = values_of(values[1]);
  if (!transpose) {
    result.weights = l.take(0, expected[0]);
    return result;
  }
  result.weights = make_tensor<float>({outputs, features});
  for (std::size_t i = 0; i < values[0].size(); ++i) {
    result.weights.data()[i % outputs * features + i / outputs] = values[0][i];
  }
  return result;
}

/// Blobs: sums of means and of variances, and what to divide them by; 0 stands for no statistics at all, as in Caffe.
[[nodiscard]] inline caffe_read_result read_caffe_batch_norm(caffe_source& l) {
  caffe_fields p = l.fields.fields("batch_norm_param");
  const float epsilon = p.real("eps", 1e-5F);
  if (!p.boolean("use_global_stats", true)) {
    p.problem("got use_global_stats false, expected true: statistics of the batch are for training");
  }
  if (!l.ready()) return std::nullopt;

  const std::size_t channels = l.channels();
  const std::array<tensor_shape, 3> expected{tensor_shape{channels}, tensor_shape{channels}, tensor_shape{1}};
  const auto values = l.learned(expected);
  layers::batch_norm result;
  result.statistics.epsilon = epsilon;
  result.statistics.mean = values_of(values[0]);
  result.statistics.variance = values_of(values[1]);
  result.statistics.count = values[2][0];
  return result;
}

/// The first of the axes that factors cover and how many they are; -1 takes all to the end.
[[nodiscard]] inline tensor_shape caffe_factor_shape(const caffe_source& l, std::size_t axis, std::int64_t num_axes) {
  return l.run_of_axes(axis, num_axes == -1 ? l.inputs[0].rank() - axis : static_cast<std::size_t>(num_axes));
}

[[nodiscard]] inline caffe_read_result read_caffe_scale(caffe_source& l) {
  caffe_fields p = l.fields.fields("scale_param");
  const std::int64_t axis = p.axis("axis", 1);
  const std::int64_t num_axes = p.integer<std::int64_t>("num_axes", 1, -1, tensor_shape::max_rank);
  const bool has_shift = p.boolean("bias_term", false);
  if (!l.ready()) return std::nullopt;

  layers::scale result;
  result.params.axis = l.axis(axis);
  const bool has_factor = l.inputs.size() == 1;
  const tensor_shape factor = has_factor ? caffe_factor_shape(l, result.params.axis, num_axes) : l.inputs[1];
  const std::vector<tensor_shape> expected((has_factor ? 1U : 0U) + (has_shift ? 1U : 0U), factor);
  const auto values = l.learned(expected);
  if (has_factor) result.factor = copy_of(values.front());
  if (has_shift) result.shift = values_of(values.back());
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_bias(caffe_source& l) {
  caffe_fields p = l.fields.fields("bias_param");
  const std::int64_t axis = p.axis("axis", 1);
  const std::int64_t num_axes = p.integer<std::int64_t>("num_axes", 1, -1, tensor_shape::max_rank);
  if (!l.ready()) return std::nullopt;

  if (l.inputs.size() == 2) return bias_params{l.axis(axis)};
  layers::scale result;
  result.params.axis = l.axis(axis);
  const std::array expected{caffe_factor_shape(l, result.params.axis, num_axes)};
  result.shift = values_of(l.learned(expected)[0]);
  result.factor = make_tensor<float>(expected[0]);
  result.factor->fill(1.0F);
  return result;
}

/// A fork's relu6: true makes it the host's ReLU6.
[[nodiscard]] inline caffe_read_result read_caffe_relu(caffe_source& l) {
  caffe_fields p = l.fields.fields("relu_param");
  const float slope = p.real("negative_slope", 0.0F);
  if (!p.boolean("relu6", false)) return relu_params{slope};
  if (slope != 0.0F) p.problem("got negative_slope ", slope, " with relu6, expected one of them");
  l.on_cpu = true;
  return activation_params{activation_function::relu6};
}

[[nodiscard]] inline caffe_read_result read_caffe_prelu(caffe_source& l) {
  const bool shared = l.fields.fields("prelu_param").boolean("channel_shared", false);
  if (!l.ready()) return std::nullopt;
  const std::array expected{tensor_shape{shared ? 1 : l.channels()}};
  return layers::prelu{values_of(l.learned(expected)[0])};
}

template <activation_function Function>
[[nodiscard]] caffe_read_result read_caffe_activation(caffe_source& l) {
  activation_params result{Function};
  if constexpr (Function == activation_function::sigmoid) (void)l.fields.fields("sigmoid_param");
  if constexpr (Function == activation_function::tanh) (void)l.fields.fields("tanh_param");
  if constexpr (Function == activation_function::elu) {
    result.alpha = l.fields.fields("elu_param").real("alpha", 1.0F);
  }
  if constexpr (Function == activation_function::exponential || Function == activation_function::logarithm) {
    caffe_fields p = l.fields.fields(Function == activation_function::exponential ? "exp_param" : "log_param");
    result.base = p.real("base", -1.0F);
    result.scale = p.real("scale", 1.0F);
    result.shift = p.real("shift", 0.0F);
  }
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_power(caffe_source& l) {
  caffe_fields p = l.fields.fields("power_param");
  power_params result;
  result.exponent = p.real("power", 1.0F);
  result.scale = p.real("scale", 1.0F);
  result.shift = p.real("shift", 0.0F);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_softmax(caffe_source& l) {
  const std::int64_t axis = l.fields.fields("softmax_param").axis("axis", 1);
  if (!l.ready()) return std::nullopt;
  return softmax_params{l.axis(axis)};
}

[[nodiscard]] inline caffe_read_result read_caffe_eltwise(caffe_source& l) {
  caffe_fields p = l.fields.fields("eltwise_param");
  constexpr std::array operations{eltwise_operation::product, eltwise_operation::sum, eltwise_operation::maximum};
  eltwise_params result;
  result.operation = operations[p.one_of("operation", 1, {"PROD", "SUM", "MAX"})];
  result.coefficients = p.reals("coeff");
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_concat(caffe_source& l) {
  caffe_fields p = l.fields.fields("concat_param");
  const std::int64_t axis = p.axis_or("concat_dim");
  if (!l.ready()) return std::nullopt;
  return concat_params{l.axis(axis)};
}

[[nodiscard]] inline caffe_read_result read_caffe_identity(caffe_source&) { return layers::identity{}; }

[[nodiscard]] inline caffe_read_result read_caffe_flatten(caffe_source& l) {
  caffe_fields p = l.fields.fields("flatten_param");
  const std::int64_t axis = p.axis("axis", 1);
  const std::int64_t end_axis = p.axis("end_axis", -1);
  if (!l.ready()) return std::nullopt;
  return layers::flatten{l.axis(axis), l.axis(end_axis, "end_axis")};
}

[[nodiscard]] inline caffe_read_result read_caffe_reshape(caffe_source& l) {
  caffe_fields p = l.fields.fields("reshape_param");
  const std::int64_t axis = p.axis("axis", 0);
  const std::int64_t num_axes = p.integer<std::int64_t>("num_axes", -1, -1, tensor_shape::max_rank);
  if (p.has("pixelshuffler")) return read_caffe_pixel_shuffle(l, p);
  layers::reshape result;
  if (!p.has("shape")) p.problem("got no shape, expected one");
  caffe_fields shape = p.fields("shape");
  result.params.extents = shape.of_axes<std::int64_t>("dim", -1, caffe_fields::most);
  if (!l.ready()) return std::nullopt;

  // Unlike other axes it may stand behind the last one, where axes of extent 1 are added.
  const auto rank = static_cast<std::int64_t>(l.inputs[0].rank());
  require<shape_error>(axis >= -rank - 1 && axis <= rank, "got axis ", axis, " of input ", l.inputs[0], ", expected ",
                       -rank - 1, " to ", rank);
  result.axis = static_cast<std::size_t>(axis < 0 ? axis + rank + 1 : axis);
  result.count = num_axes == -1 ? l.inputs[0].rank() - result.axis : static_cast<std::size_t>(num_axes);
  return result;
}

/// SSD's: the axes that `order` does not name follow in their order.
[[nodiscard]] inline caffe_read_result read_caffe_permute(caffe_source& l) {
  permute_params result;
  caffe_fields p = l.fields.fields("permute_param");
  result.order = p.of_axes<std::size_t>("order", 0, tensor_shape::max_rank - 1);
  if (!l.ready()) return std::nullopt;
  for (std::size_t axis = 0; axis < l.inputs[0].rank(); ++axis) {
    if (std::find(result.order.begin(), result.order.end(), axis) == result.order.end()) result.order.push_back(axis);
  }
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_reduction(caffe_source& l) {
  caffe_fields p = l.fields.fields("reduction_param");
  const std::string operation = p.identifier("operation", "SUM");
  const float coefficient = p.real("coeff", 1.0F);
  const std::int64_t axis = p.axis("axis", 0);
  const bool is_mean = operation == "MEAN";
  const reduction_term term = operation == "ASUM"    ? reduction_term::magnitude
                              : operation == "SUMSQ" ? reduction_term::square
                                                     : reduction_term::value;
  if (!is_mean && term == reduction_term::value && operation != "SUM") {
    p.problem("got operation ", excerpt(operation), ", expected SUM, ASUM, SUMSQ or MEAN");
  }
  if (is_mean && coefficient != 1.0F) p.problem("got coeff ", coefficient, " for MEAN, expected 1");
  if (!l.ready()) return std::nullopt;
  const std::vector<std::size_t> axes = axes_from(l.axis(axis), l.inputs[0].rank());
  if (is_mean) return reduce_mean_params{axes, false};
  return reduce_sum_params{axes, false, coefficient, term};
}

[[nodiscard]] inline caffe_read_result read_caffe_normalize(caffe_source& l) {
  caffe_fields p = l.fields.fields("norm_param");
  layers::normalize result;
  result.params.across_positions = p.boolean("across_spatial", true);
  result.params.epsilon = p.real("eps", 1e-10F);
  const bool shared = p.boolean("channel_shared", true);
  if (!l.ready()) return std::nullopt;
  const std::array expected{tensor_shape{shared ? 1 : l.channels()}};
  result.factor = values_of(l.learned(expected)[0]);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_slice(caffe_source& l) {
  caffe_fields p = l.fields.fields("slice_param");
  const std::int64_t axis = p.axis_or("slice_dim");
  slice_params result;
  result.points = p.integers<std::size_t>("slice_point", 0, caffe_fields::most);
  if (!l.ready()) return std::nullopt;
  result.axis = l.axis(axis);
  if (result.points.empty()) result.parts = l.outputs;
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_lrn(caffe_source& l) {
  caffe_fields p = l.fields.fields("lrn_param");
  lrn_params result;
  result.local_size = p.integer<std::size_t>("local_size", 5, 1, caffe_fields::most);
  result.alpha = p.real("alpha", 1.0F);
  result.beta = p.real("beta", 0.75F);
  result.k = p.real("k", 1.0F);
  const std::size_t region = p.one_of("norm_region", 0, {"ACROSS_CHANNELS", "WITHIN_CHANNEL"});
  result.region = region == 0 ? lrn_region::across_channels : lrn_region::within_channel;
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_mvn(caffe_source& l) {
  caffe_fields p = l.fields.fields("mvn_param");
  mvn_params result;
  result.normalize_variance = p.boolean("normalize_variance", true);
  result.across_channels = p.boolean("across_channels", false);
  result.epsilon = p.real("eps", 1e-9F);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_crop(caffe_source& l) {
  caffe_fields p = l.fields.fields("crop_param");
  const std::int64_t axis = p.axis("axis", 2);
  crop_params result;
  result.offsets = p.integers<std::size_t>("offset", 0, caffe_fields::most);
  if (!l.ready()) return std::nullopt;
  result.axis = l.axis(axis);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_argmax(caffe_source& l) {
  caffe_fields p = l.fields.fields("argmax_param");
  arg_max_params result;
  result.top_k = p.integer<std::size_t>("top_k", 1, 1, caffe_fields::most);
  result.out_max_val = p.boolean("out_max_val", false);
  const std::int64_t axis = p.axis("axis", 0);
  if (!l.ready()) return std::nullopt;
  if (p.has("axis")) result.axis = l.axis(axis);
  return result;
}

struct caffe_operator {
  std::string_view type;
  caffe_read_result (*read)(caffe_source&);
  std::size_t least_inputs = 1;
  std::size_t most_inputs = 1;
  bool several_outputs = false;
  bool activation = false;
  bool on_hardware = true;  ///< Crop is not supported; ArgMax is in no list (public transcriptions of the guide)
};

inline constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();
inline constexpr auto caffe_operators = std::to_array<caffe_operator>({
    {"Convolution", read_caffe_convolution<caffe_convolution::plain>},
    {"ConvolutionDepthwise", read_caffe_convolution<caffe_convolution::depthwise>},
    {"DepthwiseConvolution", read_caffe_convolution<caffe_convolution::depthwise>},
    {"DepthwiseConv", read_caffe_convolution<caffe_convolution::depthwise>},
    {"Deconvolution", read_caffe_convolution<caffe_convolution::transposed>},
    {"InnerProduct", read_caffe_inner_product},
    {"BatchNorm", read_caffe_batch_norm},
    {.type = "Scale", .read = read_caffe_scale, .most_inputs = 2},
    {.type = "Bias", .read = read_caffe_bias, .most_inputs = 2},
    {.type = "ReLU", .read = read_caffe_relu, .activation = true},
    {.type = "PReLU", .read = read_caffe_prelu, .activation = true},
    {.type = "Sigmoid", .read = read_caffe_activation<activation_function::sigmoid>, .activation = true},
    {.type = "TanH", .read = read_caffe_activation<activation_function::tanh>, .activation = true},
    {.type = "ELU", .read = read_caffe_activation<activation_function::elu>, .activation = true},
    {.type = "AbsVal", .read = read_caffe_activation<activation_function::absolute>, .activation = true},
    {.type = "Exp", .read = read_caffe_activation<activation_function::exponential>, .activation = true},
    {.type = "Log", .read = read_caffe_activation<activation_function::logarithm>, .activation = true},
    {.type = "BNLL", .read = read_caffe_activation<activation_function::bnll>, .activation = true},
    {.type = "Threshold", .read = read_caffe_threshold, .activation = true},
    {.type = "RReLU", .read = read_caffe_rrelu, .activation = true},
    {"CReLU", read_caffe_crelu},
    {.type = "MatMul", .read = read_caffe_matmul, .least_inputs = 2, .most_inputs = 2},
    {.type = "Parameter", .read = read_caffe_parameter, .least_inputs = 0, .most_inputs = 0},
    {"Power", read_caffe_power},
    {"Softmax", read_caffe_softmax},
    {.type = "Pooling", .read = read_caffe_pooling, .several_outputs = true},
    {.type = "Eltwise", .read = read_caffe_eltwise, .least_inputs = 2, .most_inputs = any_number},
    {.type = "Concat", .read = read_caffe_concat, .most_inputs = any_number},
    {.type = "Split", .read = read_caffe_identity, .several_outputs = true},
    {"Dropout", read_caffe_identity},
    {"Flatten", read_caffe_flatten},
    {"Reshape", read_caffe_reshape},
    {"Permute", read_caffe_permute},
    {"Reduction", read_caffe_reduction},
    {"Normalize", read_caffe_normalize},
    {.type = "Slice", .read = read_caffe_slice, .several_outputs = true},
    {"LRN", read_caffe_lrn},
    {"MVN", read_caffe_mvn},
    {.type = "Upsample", .read = read_caffe_upsample, .most_inputs = 2},
    {.type = "Crop", .read = read_caffe_crop, .least_inputs = 2, .most_inputs = 2, .on_hardware = false},
    {.type = "ArgMax", .read = read_caffe_argmax, .on_hardware = false},
    {"PassThrough", read_caffe_pass_through},
    {"Reorg", read_caffe_reorg},
    {.type = "ROIPooling", .read = read_caffe_roi_pooling, .least_inputs = 2, .most_inputs = 2},
    {.type = "PSROIPooling", .read = read_caffe_psroi_pooling, .least_inputs = 2, .most_inputs = 2},
    {"SPP", read_caffe_spp},
    {.type = "Proposal",
     .read = read_caffe_proposal,
     .least_inputs = 2,
     .most_inputs = 3,
     .several_outputs = true,
     .on_hardware = false},
    {.type = "Python", .read = read_caffe_python, .most_inputs = any_number, .several_outputs = true},
    {.type = "PriorBox", .read = read_caffe_prior_box, .least_inputs = 2, .most_inputs = 2, .on_hardware = false},
    {.type = "DetectionOutput",
     .read = read_caffe_detection_output,
     .least_inputs = 3,
     .most_inputs = 3,
     .on_hardware = false},
    {.type = "Interp", .read = read_caffe_interp, .on_hardware = false},
    {.type = "ResizeBilinear", .read = read_caffe_resize<resize_method::bilinear>, .on_hardware = false},
    {.type = "ResizeNearestNeighbor", .read = read_caffe_resize<resize_method::nearest>, .on_hardware = false},
    {.type = "LSTM",
     .read = read_caffe_recurrent<recurrent_cell::lstm>,
     .least_inputs = 2,
     .most_inputs = 5,
     .several_outputs = true},
    {.type = "RNN",
     .read = read_caffe_recurrent<recurrent_cell::rnn>,
     .least_inputs = 2,
     .most_inputs = 4,
     .several_outputs = true},
    {.type = "Lstm", .read = read_caffe_fork_lstm, .most_inputs = 2},
    {.type = "ContinuationIndicator",
     .read = read_caffe_continuation_indicator,
     .least_inputs = 0,
     .on_hardware = false},
    {.type = "Reverse", .read = read_caffe_reverse, .on_hardware = false},
    {.type = "Transpose", .read = read_caffe_transpose, .on_hardware = false},
    {.type = "CTCGreedyDecoder",
     .read = read_caffe_ctc_greedy_decoder,
     .most_inputs = 2,
     .several_outputs = true,
     .on_hardware = false},
    {.type = "Im2col", .read = read_caffe_im2col, .on_hardware = false},
    {.type = "DenseBlock", .read = read_caffe_dense_block, .on_hardware = false},
    {.type = "Axpy", .read = read_caffe_axpy, .least_inputs = 3, .most_inputs = 3, .on_hardware = false},
    {.type = "BN", .read = read_caffe_bn, .on_hardware = false},
    {.type = "ShuffleChannel", .read = read_caffe_shuffle_channel, .on_hardware = false},
    {.type = "ReLU6", .read = read_caffe_relu6, .activation = true, .on_hardware = false},
    {.type = "Swish", .read = read_caffe_swish, .activation = true, .on_hardware = false},
    {.type = "HardSwish",
     .read = read_caffe_activation<activation_function::hard_swish>,
     .activation = true,
     .on_hardware = false},
    {.type = "HSwish",
     .read = read_caffe_activation<activation_function::hard_swish>,
     .activation = true,
     .on_hardware = false},
    {.type = "Mish",
     .read = read_caffe_activation<activation_function::mish>,
     .activation = true,
     .on_hardware = false},
    {.type = "Custom",
     .read = read_caffe_custom,
     .most_inputs = any_number,
     .several_outputs = true,
     .on_hardware = false},
});

}  // namespace detail

NNIESIM_END_NAMESPACE
