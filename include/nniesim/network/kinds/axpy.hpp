// Axpy, which the host runs.
#pragma once

#include <string_view>

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/axpy.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Axpy: a * x + b, with a factor for each channel of each sample.
template <>
struct layer_kind<axpy_params> : basic_kind {
  /// The compiler takes a Scale and an Eltwise.
  [[nodiscard]] static std::string_view rewrite(std::string_view, const axpy_params&) noexcept {
    return "a Scale of two inputs, then an Eltwise SUM";
  }
  /// What infer_shape() gives for its three inputs: a, x, b.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const axpy_params& p) {
    l.expect_inputs(3);
    return l.all(infer_shape(p, l.inputs[0], l.inputs[1], l.inputs[2]));
  }
  /// Calls axpy_into().
  template <precision_policy P>
  static void run(const axpy_params&, const detail::nothing_prepared&, const kind_run<P>& r) {
    axpy_into<P>(r.x(), r.inputs[1], r.inputs[2], r.y());
  }
};

NNIESIM_END_NAMESPACE
