// Formats to metrics in one include. The readers of files and the matchers for test frameworks have headers of their own.
#pragma once

#include <nniesim/core/version.hpp>
#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/formats/hex.hpp>
#include <nniesim/formats/uniform.hpp>
#include <nniesim/kernels/quantize.hpp>
#include <nniesim/metrics/compare.hpp>
#include <nniesim/metrics/format_error.hpp>
#include <nniesim/metrics/histogram.hpp>
#include <nniesim/metrics/table.hpp>
#include <nniesim/ops/add_one_norm.hpp>
#include <nniesim/ops/concat.hpp>
#include <nniesim/ops/conv2d.hpp>
#include <nniesim/ops/eltwise.hpp>
#include <nniesim/ops/fully_connected.hpp>
#include <nniesim/ops/l2_normalize.hpp>
#include <nniesim/ops/permute.hpp>
#include <nniesim/ops/pooling.hpp>
#include <nniesim/ops/power.hpp>
#include <nniesim/ops/reduce_mean.hpp>
#include <nniesim/ops/relu.hpp>
#include <nniesim/ops/reshape.hpp>
#include <nniesim/ops/scale.hpp>
#include <nniesim/ops/softmax.hpp>
#include <nniesim/precision/compile_mode.hpp>
