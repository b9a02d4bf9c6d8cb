// Caffe's layer types around sequences: LSTM and RNN, those that its forks add for them, and the forks' DenseBlock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/io/caffe_source.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// LSTM and RNN. Bottoms: x, continuation, then x_static if there is one more than the states take, then with
/// expose_hidden the states. Blobs in the order in which Caffe's unrolled network has them: W_x, b, [W_static], W_h, of
/// an RNN W_o, b_o; an LSTM's gates in the order i, f, o, g. Without expose_hidden states begin at 0, as they do in a
/// network that was just loaded.
template <recurrent_cell Cell>
[[nodiscard]] caffe_read_result read_caffe_recurrent(caffe_source& l) {
  caffe_fields p = l.fields.fields("recurrent_param");
  const std::size_t hidden = p.count("num_output");
  (void)p.boolean("debug_info", false);
  layers::recurrent result;
  result.cell = Cell;
  result.exposes_states = p.boolean("expose_hidden", false);
  const std::size_t states = result.exposes_states ? recurrent_states(result) : 0;
  const std::size_t bottoms = l.inputs.size();
  if (bottoms != 2 + states && bottoms != 3 + states) {
    l.fields.problem("got ", bottoms, " bottom, expected ", 2 + states, ", or ", 3 + states, " with a static input",
                     result.exposes_states ? ", for expose_hidden" : "");
  }
  if (l.outputs != 1 + states) {
    l.fields.problem("got ", l.outputs, " top, expected ", 1 + states,
                     result.exposes_states ? " for expose_hidden" : "");
  }
  result.has_fixed_input = bottoms == 3 + states;
  if (!l.ready()) return std::nullopt;

  const recurrent_extents e = extents_of(result, l.inputs[0]);
  const std::size_t sums = e.gates * hidden;
  std::vector<tensor_shape> expected{{sums, e.features}, {sums}};
  if (result.has_fixed_input) {
    const tensor_shape& fixed = l.inputs[recurrent_fixed_index(result)];
    require<shape_error>(fixed.rank() >= 1 && fixed.size() != 0, "got static input ", fixed,
                         ", expected sequences and ", "features");
    expected.push_back({sums, fixed.size() / fixed[0]});
  }
  expected.push_back({sums, hidden});
  if (Cell == recurrent_cell::rnn) expected.insert(expected.end(), {{hidden, hidden}, {hidden}});
  const auto values = l.learned(expected);
  std::size_t next = 2;
  result.learned.input = copy_of(values[0]);
  result.learned.bias = values_of(values[1]);
  if (result.has_fixed_input) result.learned.fixed = copy_of(values[next++]);
  result.learned.hidden = copy_of(values[next++]);
  if (Cell == recurrent_cell::rnn) {
    result.learned.output = copy_of(values[next]);
    result.learned.output_bias = values_of(values[next + 1]);
  }
  return result;
}

/// The forks' Lstm. Bottoms: x and, if sequences are clipped, a flag for each step of each. Blobs W_i, W_h, b; gates in
/// the order i, f, o, g. The clipping_threshold is of gradients. Two forks read x in different ways: with batch_size or
/// without more axes it is steps * sequences x ..., batch_size sequences (1 where it is not given); else, steps x
/// sequences x ..., unless the weights fit the first way alone.
[[nodiscard]] inline caffe_read_result read_caffe_fork_lstm(caffe_source& l) {
  caffe_fields p = l.fields.fields("lstm_param");
  const std::size_t hidden = p.count("num_output");
  (void)p.real("clipping_threshold", 0.0F);
  const std::size_t sequences = p.integer<std::size_t>("batch_size", 1, 1, caffe_fields::most);
  const bool has_sequences = p.has("batch_size");
  if (!l.ready()) return std::nullopt;

  const tensor_shape& x = l.inputs[0];
  layers::recurrent result;
  result.has_continuation = l.inputs.size() == 2;
  result.is_flag = true;
  bool is_flat = has_sequences || x.rank() < 3;
  if (!is_flat) {
    const std::optional<tensor_shape> got = l.learned_values->first_shape(l.name);
    const std::size_t per_row = got && got->size() % (4 * hidden) == 0 ? got->size() / (4 * hidden) : 0;
    is_flat = per_row == x.size() / x[0] && per_row != x.size() / x[0] / x[1];
  }
  result.flat_sequences = is_flat ? sequences : 0;
  const recurrent_extents e = extents_of(result, x);
  const std::array<tensor_shape, 3> expected{tensor_shape{4 * hidden, e.features}, tensor_shape{4 * hidden, hidden},
                                             tensor_shape{4 * hidden}};
  const auto values = l.learned(expected);
  result.learned.input = copy_of(values[0]);
  result.learned.hidden = copy_of(values[1]);
  result.learned.bias = values_of(values[2]);
  return result;
}

/// A bottom, if there is one, gives the number of sequences, and batch_size is not read, as in the forks.
[[nodiscard]] inline caffe_read_result read_caffe_continuation_indicator(caffe_source& l) {
  caffe_fields p = l.fields.fields("continuation_indicator_param");
  continuation_indicator_params result;
  result.steps = p.count("time_step");
  if (l.inputs.empty()) result.sequences = p.count("batch_size");
  else (void)p.integer<std::size_t>("batch_size", 0, 0, caffe_fields::most);
  if (!l.ready()) return std::nullopt;
  if (!l.inputs.empty()) {
    require<shape_error>(l.inputs[0].rank() != 0, "got input ", l.inputs[0], ", expected an axis of sequences");
    result.sequences = l.inputs[0][0];
  }
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_reverse(caffe_source& l) {
  caffe_fields p = l.fields.fields("reverse_param");
  constexpr auto rank = static_cast<std::int64_t>(tensor_shape::max_rank);
  std::vector<std::int64_t> axes = p.of_axes<std::int64_t>("axis", -rank, rank);
  if (!l.ready()) return std::nullopt;
  if (axes.empty()) axes.push_back(0);
  reverse_params result;
  result.axes.clear();
  for (const std::int64_t axis : axes) result.axes.push_back(l.axis(axis));
  return result;
}

/// A Permute that names all axes.
[[nodiscard]] inline caffe_read_result read_caffe_transpose(caffe_source& l) {
  permute_params result;
  caffe_fields p = l.fields.fields("transpose_param");
  result.order = p.of_axes<std::size_t>("dim", 0, tensor_shape::max_rank - 1);
  if (!l.ready()) return std::nullopt;
  return result;
}

/// The fields are in ctc_decoder_param or ctc_greedy_decoder_param. The blank is the first class unless blank_index
/// names another; a negative one is the last.
[[nodiscard]] inline caffe_read_result read_caffe_ctc_greedy_decoder(caffe_source& l) {
  caffe_fields p = l.fields.fields(l.fields.either("ctc_decoder_param", "ctc_greedy_decoder_param"));
  const auto blank = p.integer<std::int64_t>("blank_index", 0, -1, caffe_fields::most);
  ctc_greedy_decoder_params result;
  result.merge_repeated = p.boolean(p.either("ctc_merge_repeated", "merge_repeated"), true);
  if (l.outputs > 2) l.fields.problem("got ", l.outputs, " top, expected 1 or 2");
  if (blank < 0) result.blank = std::nullopt;
  else result.blank = static_cast<std::size_t>(blank);
  if (!l.ready()) return std::nullopt;
  return result;
}

/// Of a convolution_param only the window counts, as in Caffe.
[[nodiscard]] inline caffe_read_result read_caffe_im2col(caffe_source& l) {
  caffe_fields p = l.fields.fields("convolution_param");
  im2col_params result;
  result.kernel = p.pair("kernel_size", "kernel_h", "kernel_w", std::nullopt, 1);
  const auto pad = p.pair("pad", "pad_h", "pad_w", 0, 0);
  result.geometry.pad = {pad[0], pad[1]};
  result.geometry.stride = p.pair("stride", "stride_h", "stride_w", 1, 1);
  result.geometry.dilation = p.pair("dilation", "dilation_h", "dilation_w", 1, 1);
  (void)p.integer<std::size_t>("num_output", 1, 0, caffe_fields::most);
  (void)p.integer<std::size_t>("group", 1, 1, caffe_fields::most);
  (void)p.boolean("bias_term", true);
  if (const std::int64_t axis = p.axis("axis", 1); axis != 1) p.problem("got axis ", axis, ", expected 1");
  if (!l.ready()) return std::nullopt;
  return result;
}

/// Blobs, one behind the other for all T stages: filters, then gamma, beta, mean and variance of the normalizations;
/// with use_BC the same five of the bottleneck, of 4 * growthRate channels; last what means and variances are divided
/// by.
[[nodiscard]] inline caffe_read_result read_caffe_dense_block(caffe_source& l) {
  caffe_fields p = l.fields.fields("denseblock_param");
  constexpr std::size_t most_stages = 4096;
  const std::size_t stages = p.integer<std::size_t>("numTransition", 40, 1, most_stages);
  const std::size_t growth = p.integer<std::size_t>("growthRate", 12, 1, caffe_fields::most);
  (void)p.integer<std::size_t>("initChannel", 16, 0, caffe_fields::most);
  const bool narrow = p.boolean("use_BC", false);
  for (const auto& [name, expected] :
       {std::pair("pad_h", 1), std::pair("pad_w", 1), std::pair("conv_verticalStride", 1),
        std::pair("conv_horizentalStride", 1), std::pair("filter_H", 3), std::pair("filter_W", 3)}) {
    const auto got = p.integer<std::size_t>(name, static_cast<std::size_t>(expected), 0, caffe_fields::most);
    if (got != static_cast<std::size_t>(expected)) p.problem("got ", name, " ", got, ", expected ", expected);
  }
  // How it is trained, and with which memory.
  for (const std::string_view name : {"Filter_Filler", "BN_Scaler_Filler", "BN_Bias_Filler"}) p.ignore(name);
  (void)p.boolean("use_dropout", false);
  (void)p.real("dropout_amount", 0.0F);
  (void)p.boolean("BC_ultra_space_efficient", false);
  (void)p.integer<std::size_t>("gpuIdx", 0, 0, caffe_fields::most);
  (void)p.integer<std::size_t>("workspace_MB", 8, 0, caffe_fields::most);
  if (!l.ready()) return std::nullopt;

  const std::size_t first = l.channels();
  const std::size_t few = 4 * growth;
  const auto read_by = [&](std::size_t stage) { return first + stage * growth; };
  std::vector<tensor_shape> expected;
  const auto expect_all = [&](auto shape) {
    for (std::size_t s = 0; s < stages; ++s) expected.push_back(shape(s));
  };
  expect_all([&](std::size_t s) { return tensor_shape{growth, narrow ? few : read_by(s), 3, 3}; });
  for (std::size_t i = 0; i < 4; ++i) expect_all([&](std::size_t s) { return tensor_shape{1, read_by(s), 1, 1}; });
  if (narrow) {
    expect_all([&](std::size_t s) { return tensor_shape{few, read_by(s), 1, 1}; });
    for (std::size_t i = 0; i < 4; ++i) expect_all([&](std::size_t) { return tensor_shape{1, few, 1, 1}; });
  }
  expected.push_back({1});
  const auto values = l.learned(expected);
  dense_block_params result;
  const auto norm_of = [&](std::size_t group, std::size_t s) {
    batch_norm_params norm;
    norm.gamma = values_of(values[group * stages + s]);
    norm.beta = values_of(values[(group + 1) * stages + s]);
    norm.mean = values_of(values[(group + 2) * stages + s]);
    norm.variance = values_of(values[(group + 3) * stages + s]);
    norm.count = values.back()[0];
    return norm;
  };
  for (std::size_t s = 0; s < stages; ++s) {
    dense_block_stage& stage = result.stages.emplace_back();
    stage.filter = copy_of(values[s]);
    stage.norm = norm_of(1, s);
    if (!narrow) continue;
    stage.narrow = copy_of(values[5 * stages + s]);
    stage.narrow_norm = norm_of(6, s);
  }
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
