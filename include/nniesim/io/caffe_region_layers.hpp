// Caffe's layers of regions, boxes and sizes: how their parameters become a layer's (layer.hpp).
#pragma once

#include <nniesim/io/caffe_padding.hpp>
#include <nniesim/io/caffe_source.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline caffe_read_result read_caffe_pooling(caffe_source& l) {
  caffe_fields p = l.fields.fields("pooling_param");
  pooling_params result;
  const std::size_t method = p.one_of("pool", 0, {"MAX", "AVE", "STOCHASTIC", "AVE_EXC_PAD", "AVE_TF"});
  if (method == 2) p.problem("got pool STOCHASTIC, expected MAX or AVE");
  result.operation = method == 0   ? pooling_operation::maximum
                     : method == 1 ? pooling_operation::average
                                   : pooling_operation::average_inside;
  result.global = p.boolean("global_pooling", false);
  if (!result.global || p.has("kernel_size") || p.has("kernel_h") || p.has("kernel_w")) {
    result.kernel = p.pair("kernel_size", "kernel_h", "kernel_w", std::nullopt, 1);
    if (result.global) p.problem("got a kernel for global_pooling, expected none");
  }
  result.stride = p.pair("stride", "stride_h", "stride_w", 1, 1);
  const caffe_padding pad = read_caffe_padding(p);
  for (const std::string_view name : {"kernel_size", "stride", "pad"}) {
    if (const std::size_t n = p.all(name).size(); n > 1) p.problem("got ", n, " values of ", name, ", expected 1");
  }
  // Caffe has round_mode; forks, and tools that convert from other frameworks, write ceil_mode.
  const bool ceil_mode = p.boolean("ceil_mode", true);
  const bool ceil_rounding = p.one_of("round_mode", 0, {"CEIL", "FLOOR"}) == 0;
  if (p.has("ceil_mode") && p.has("round_mode")) p.problem("got ceil_mode and round_mode, expected one of them");
  result.size = ceil_mode && ceil_rounding ? pooling_size::ceil : pooling_size::floor;
  if (!l.ready()) return std::nullopt;
  require_rank(l.inputs[0], 4, "input", "batch, channels, rows, columns");
  result.pad = pad.on(l.inputs[0], result.kernel, result.stride);
  return result;
}

/// {rows, columns} by what the fields of Upsample say: scale, scale_h and scale_w (SegNet's fork), height_scale and
/// width_scale (converters), less pad_out_h and pad_out_w; or upsample_h and upsample_w, which come first.
[[nodiscard]] inline caffe_read_result read_caffe_upsample(caffe_source& l) {
  caffe_fields p = l.fields.fields("upsample_param");
  const std::size_t scale = p.integer<std::size_t>("scale", 2, 1, caffe_fields::most);
  const auto two = [&](std::string_view rows, std::string_view columns) -> std::optional<std::array<std::size_t, 2>> {
    if (!p.has(rows) && !p.has(columns)) return std::nullopt;
    if (p.has(rows) != p.has(columns)) p.problem("got only one of ", rows, " and ", columns, ", expected both");
    return std::array{p.integer<std::size_t>(rows, 1, 1, caffe_fields::most),
                      p.integer<std::size_t>(columns, 1, 1, caffe_fields::most)};
  };
  const auto size = two("upsample_h", "upsample_w");
  const auto scales = two("scale_h", "scale_w");
  const auto named = two("height_scale", "width_scale");
  const std::array less{p.boolean("pad_out_h", false), p.boolean("pad_out_w", false)};
  if (p.one_of("mode", 0, {"NEAREST", "BILINEAR"}) == 1) {
    p.problem("got mode BILINEAR, expected NEAREST, or a layer ResizeBilinear or Interp");
  }
  if (scales && named) p.problem("got scale_h beside height_scale, expected one of them");
  const auto factors = scales ? scales : named;
  if (factors && p.has("scale")) p.problem("got scale beside a factor of each axis, expected one kind");
  if (!l.ready()) return std::nullopt;

  const tensor_shape& x = l.inputs[0];
  require_rank(x, 4, "input", "batch, channels, rows, columns");
  std::array<std::size_t, 2> to{};
  for (std::size_t i = 0; i < 2; ++i) {
    to[i] = size ? (*size)[i] : x[2 + i] * (factors ? (*factors)[i] : scale) - (less[i] ? 1 : 0);
  }
  if (l.inputs.size() == 2) return unpool_params{to};
  upsample_params result{scale, {}};
  if (!size && factors && (*factors)[0] == (*factors)[1]) result.factor = (*factors)[0];
  const std::size_t factor = result.factor;
  if (to != std::array{x[2] * factor, x[3] * factor}) result.size = to;
  if (to != std::array{2 * x[2], 2 * x[3]}) l.on_cpu = true;
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
