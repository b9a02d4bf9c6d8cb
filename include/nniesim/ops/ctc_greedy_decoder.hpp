// CTCGreedyDecoder: the most probable class of every step, without repetitions and blanks. The accelerator has no such
// layer; it runs on the CPU.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of CTCGreedyDecoder, a layer of Caffe's forks.
struct ctc_greedy_decoder_params {
  std::optional<std::size_t> blank = 0;  ///< the class that is left out; the last one where none is named
  bool merge_repeated = true;            ///< one class for several steps one behind the other; a blank tells them apart
};

/// For an input of steps x sequences x classes (more axes have extent 1) sequences x steps x 1 x 1. Throws shape_error
/// for other inputs, more than 2^24 classes, which float does not number, or a blank that is no class.
[[nodiscard]] inline tensor_shape infer_shape(const ctc_greedy_decoder_params& p, const tensor_shape& x) {
  const bool fits = x.rank() >= 3 && x.size() != 0 && x.size() == x[0] * x[1] * x[2];
  detail::require<shape_error>(fits, "ctc_greedy_decoder: got shape ", x,
                               ", expected steps, sequences and classes with no empty axis");
  constexpr std::size_t limit = std::size_t{1} << 24U;
  detail::require<shape_error>(x[2] <= limit && p.blank.value_or(0) < x[2], "ctc_greedy_decoder: blank ",
                               p.blank.value_or(0), " of input ", x, ", expected a class, and at most ", limit,
                               " of them");
  return {x[1], x[0], 1, 1};
}

/// Checks, then evaluates into `y`, which must have the inferred shape: of every sequence the classes, then -1 in the
/// steps that are left. Of equal largest elements the first counts, as in Caffe's forks. A sequence ends before the
/// first step, but the one at 0, whose element of `continues` (steps x sequences, or empty) is 0. `scores`, empty or
/// one for each sequence, gets minus the sum of the largest elements, added in the order of the steps in float32.
/// Throws format_error for NaN. Allocates nothing.
template <precision_policy P>
void ctc_greedy_decoder_into(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> continues,
                             const ctc_greedy_decoder_params& p, tensor_view<float> y, tensor_view<float> scores = {}) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "ctc_greedy_decoder");
  const std::size_t steps = x.shape()[0], sequences = x.shape()[1], classes = x.shape()[2];
  detail::require<shape_error>(continues.size() == 0 || continues.size() == steps * sequences,
                               "ctc_greedy_decoder: continuations of shape ", continues.shape(), " for input ",
                               x.shape(), ", expected ", steps, "x", sequences);
  detail::require<shape_error>(scores.size() == 0 || scores.size() == sequences, "ctc_greedy_decoder: scores of shape ",
                               scores.shape(), ", expected one for each of ", sequences, " sequences");
  if constexpr (std::floating_point<value_t<P>>) detail::refuse_nan(x, "ctc_greedy_decoder");
  const std::size_t blank = p.blank.value_or(classes - 1);
  std::fill(y.data(), y.data() + y.size(), -1.0F);
  for (std::size_t n = 0; n < sequences; ++n) {
    float* to = y.data() + n * steps;
    float score = 0.0F;
    std::size_t before = classes;
    for (std::size_t t = 0; t < steps; ++t) {
      const bool ends = t != 0 && continues.size() != 0 && P::output::to_float(continues[t * sequences + n]) == 0.0F;
      if (ends) break;
      const value_t<P>* const first = x.data() + (t * sequences + n) * classes;
      const value_t<P>* const largest = std::max_element(first, first + classes);
      score -= P::output::to_float(*largest);
      const auto found = static_cast<std::size_t>(largest - first);
      if (found != blank && !(p.merge_repeated && found == before)) *to++ = static_cast<float>(found);
      before = found;
    }
    if (scores.size() != 0) scores[n] = score;
  }
}

/// The classes of every sequence.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<float> ctc_greedy_decoder(const X& x, const ctc_greedy_decoder_params& p = {}) {
  const detail::op_input<P, X> in(x, "ctc_greedy_decoder");
  auto y = make_tensor<float>(infer_shape(p, in.shape()));
  ctc_greedy_decoder_into<P>(in.view(), {}, p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
