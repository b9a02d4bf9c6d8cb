// Readers of Caffe's rarer element-wise layers and of those that the host runs. Which of them the accelerator has
// stands in the table of caffe_layers.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <nniesim/io/caffe_source.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline caffe_read_result read_caffe_threshold(caffe_source& l) {
  activation_params result{activation_function::threshold};
  result.threshold = l.fields.fields("threshold_param").real("threshold", 0.0F);
  return result;
}

/// Of a network that is used, not trained: the mean of the slopes that training draws from. The defaults are those of
/// the frameworks that have the layer; which fields the vendor's Caffe has is not public.
[[nodiscard]] inline caffe_read_result read_caffe_rrelu(caffe_source& l) {
  caffe_fields p = l.fields.fields("rrelu_param");
  const float lower = p.real("lower", 1.0F / 8);
  const float upper = p.real("upper", 1.0F / 3);
  if (lower > upper) p.problem("got lower ", lower, " above upper ", upper, ", expected the other way round");
  return relu_params{static_cast<float>((static_cast<double>(lower) + static_cast<double>(upper)) / 2)};
}

/// Forks call the axis concat_axis, or axis.
[[nodiscard]] inline caffe_read_result read_caffe_crelu(caffe_source& l) {
  caffe_fields p = l.fields.fields("crelu_param");
  const std::int64_t axis = p.axis_or("concat_axis");
  crelu_params result;
  result.negative_slope = p.real("negative_slope", 0.0F);
  if (!l.ready()) return std::nullopt;
  result.axis = l.axis(axis);
  return result;
}

/// Of two public forks: transpose_a and transpose_b, or the sizes dim_1, dim_2 and dim_3.
[[nodiscard]] inline caffe_read_result read_caffe_matmul(caffe_source& l) {
  caffe_fields p = l.fields.fields("matmul_param");
  matmul_params result;
  result.transpose_a = p.boolean("transpose_a", false);
  result.transpose_b = p.boolean("transpose_b", false);
  if (p.has("dim_1") || p.has("dim_2") || p.has("dim_3")) {
    result.sizes = {p.count("dim_1"), p.count("dim_2"), p.count("dim_3")};
  }
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_parameter(caffe_source& l) {
  caffe_fields p = l.fields.fields("parameter_param");
  const std::vector<tensor_shape> shapes = p.shapes("shape");
  if (shapes.size() != 1) p.problem("got ", shapes.size(), " shape, expected one");
  if (!l.ready()) return std::nullopt;
  return layers::parameter{copy_of(l.learned(shapes)[0])};
}

/// A shape for each top, in order.
[[nodiscard]] inline caffe_read_result read_caffe_custom(caffe_source& l) {
  caffe_fields p = l.fields.fields("custom_param");
  layers::custom result;
  result.outputs = p.shapes("shape");
  if (p.all("shape").size() != l.outputs) {
    p.problem("got ", p.all("shape").size(), " shape for ", l.outputs, " top, expected one for each");
  }
  if (!l.ready()) return std::nullopt;
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_axpy(caffe_source&) { return axpy_params{}; }

[[nodiscard]] inline caffe_read_result read_caffe_shuffle_channel(caffe_source& l) {
  shuffle_channel_params result;
  result.groups = l.fields.fields("shuffle_channel_param").integer<std::size_t>("group", 1, 1, caffe_fields::most);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_relu6(caffe_source& l) {
  (void)l.fields.fields("relu_param");
  return activation_params{activation_function::relu6};
}

[[nodiscard]] inline caffe_read_result read_caffe_swish(caffe_source& l) {
  activation_params result{activation_function::swish};
  result.alpha = l.fields.fields("swish_param").real("beta", 1.0F);
  return result;
}

/// BatchNorm and Scale in one layer, of two forks. SegNet's has two blobs: scale and shift, the statistics in them
/// already; PSPNet's four: slope, bias, mean, variance. The model's count of blobs tells which it is; without a model
/// the count of `param` does.
[[nodiscard]] inline caffe_read_result read_caffe_bn(caffe_source& l) {
  caffe_fields p = l.fields.fields("bn_param");
  for (const std::string_view training : {"slope_filler", "shift_filler", "momentum", "frozen", "var_eps"}) {
    p.ignore(training);
  }
  const float epsilon = p.real("eps", 1e-5F);
  if (p.one_of("bn_mode", 1, {"LEARN", "INFERENCE"}) == 0) {
    p.problem("got bn_mode LEARN, expected INFERENCE: statistics of the batch are for training");
  }
  if (!l.ready()) return std::nullopt;

  // The forks write 1 x C x 1 x 1, converters also C.
  const tensor_shape each{l.channels()};
  const tensor_shape as_map{1, each[0], 1, 1};
  const bool is_map = l.learned_values->first_shape(l.name) == std::optional(as_map);
  const std::size_t blobs = l.learned_values->count(l.name).value_or(l.fields.all("param").size());
  const auto values = l.learned(std::vector<tensor_shape>(blobs == 4 ? 4 : 2, is_map ? as_map : each));
  if (values.size() == 2) {
    layers::scale result;
    result.factor = copy_of({values[0].span(), each});
    result.shift = values_of(values[1]);
    return result;
  }
  layers::batch_norm result;
  result.statistics.epsilon = epsilon;
  result.statistics.gamma = values_of(values[0]);
  result.statistics.beta = values_of(values[1]);
  result.statistics.mean = values_of(values[2]);
  result.statistics.variance = values_of(values[3]);
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
