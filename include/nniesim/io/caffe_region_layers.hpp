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

}  // namespace detail

NNIESIM_END_NAMESPACE
