// ContinuationIndicator: which steps of sequences go on from the step before. The accelerator has no such layer; it
// runs on the CPU.
#pragma once

#include <algorithm>
#include <cstddef>

#include <nniesim/precision/policy.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The layer of Caffe's forks for recurrent networks: all sequences begin at step 0 and go on to the last.
struct continuation_indicator_params {
  std::size_t steps = 1;      ///< of each sequence, at least 1
  std::size_t sequences = 1;  ///< at least 1
};

/// steps x sequences. Throws shape_error where one of them is 0.
[[nodiscard]] inline tensor_shape infer_shape(const continuation_indicator_params& p) {
  detail::require<shape_error>(p.steps != 0 && p.sequences != 0, "continuation_indicator: ", p.steps, " steps of ",
                               p.sequences, " sequences, expected at least one of each");
  return {p.steps, p.sequences};
}

/// Checks, then writes into `y`, which must have the inferred shape: 0 in the first step, 1 in all others.
template <precision_policy P>
void continuation_indicator_into(const continuation_indicator_params& p, tensor_view<value_t<P>> y) {
  detail::require<shape_error>(y.shape() == infer_shape(p), "continuation_indicator: output tensor has shape ",
                               y.shape(), ", expected ", infer_shape(p));
  std::fill_n(y.data(), p.sequences, P::output::from(0.0));
  std::fill(y.data() + p.sequences, y.data() + y.size(), P::output::from(1.0));
}

/// The indicator.
template <precision_policy P>
[[nodiscard]] tensor<value_t<P>> continuation_indicator(const continuation_indicator_params& p) {
  auto y = make_tensor<value_t<P>>(infer_shape(p));
  continuation_indicator_into<P>(p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
