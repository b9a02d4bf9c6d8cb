// An error seen in the units of a format: in steps around each value, and beside the error that the format's own
// rounding makes unavoidable.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include <nniesim/formats/format.hpp>
#include <nniesim/kernels/quantize.hpp>
#include <nniesim/metrics/compare.hpp>

NNIESIM_BEGIN_NAMESPACE

/// |x - r| in steps of the format around r.
struct step_error {
  double max = 0;             ///< steps
  double mean = 0;            ///< steps
  std::size_t max_index = 0;  ///< of the element with the largest error
};

namespace detail {

template <tensor_like E>
[[nodiscard]] std::vector<float> as_floats(const E& e) {
  const dense<element_t<E>> source(e);
  std::vector<float> values;
  values.reserve(source.view().size());
  for (const auto& v : source.view().span()) values.push_back(nearest_float(v));
  return values;
}

}  // namespace detail

/// The error of `other` in steps of F with the given scale. NaN or infinity in either gives NaN. Throws shape_error for
/// different shapes or empty tensors.
template <quantized_format F, tensor_like R, tensor_like X>
[[nodiscard]] step_error compare_in_steps(const R& reference, const X& other, const typename F::scale& s) {
  const comparison c = compare(reference, other);  // checks the shapes
  const std::vector<float> r = detail::as_floats(reference);
  const std::vector<float> x = detail::as_floats(other);
  step_error e;
  if (c.bad_reference + c.bad_other != 0) {
    e.max = e.mean = std::numeric_limits<double>::quiet_NaN();
    return e;
  }
  double sum = 0;
  for (std::size_t i = 0; i < r.size(); ++i) {
    const double steps =
        std::fabs(static_cast<double>(x[i]) - static_cast<double>(r[i])) / static_cast<double>(F::step(r[i], s));
    sum += steps;
    if (steps > e.max) {
      e.max = steps;
      e.max_index = i;
    }
  }
  e.mean = sum / static_cast<double>(r.size());
  return e;
}

/// The relative L2 error that encoding and decoding the reference itself causes, with the scale that the format
/// derives from it: no layer stored in F can be expected to do better.
template <quantized_format F, tensor_like R>
[[nodiscard]] double unavoidable_error(const R& reference) {
  const std::vector<float> r = detail::as_floats(reference);
  const auto s = F::scale_of(r);
  comparison_accumulator sums;
  std::vector<float> back(std::min<std::size_t>(r.size(), 4096));
  for (std::size_t at = 0; at < r.size(); at += back.size()) {
    const auto piece = std::span(r).subspan(at, std::min(back.size(), r.size() - at));
    const auto decoded = std::span(back).first(piece.size());
    fake_quantize<F>(piece, decoded, s);
    sums.add(piece, std::span<const float>(decoded));
  }
  return sums.result().relative_l2_error;
}

/// The measured relative L2 error as a multiple of the unavoidable one: 1 is as good as F gets. 0 / 0 counts as 1.
template <quantized_format F, tensor_like R, tensor_like X>
[[nodiscard]] double floor_ratio(const R& reference, const X& other) {
  const double measured = compare(reference, other).relative_l2_error;
  const double floor = unavoidable_error<F>(reference);
  return measured == 0 && floor == 0 ? 1.0 : measured / floor;
}

/// The same where it tells something: nothing where the unavoidable error is less than float32's own rounding, for
/// values that the format holds as they are (zeros, a one-hot vector), and where it is no number.
template <quantized_format F, tensor_like R, tensor_like X>
[[nodiscard]] std::optional<double> telling_floor_ratio(const R& reference, const X& other) {
  const double floor = unavoidable_error<F>(reference);
  if (!(floor >= 0x1p-24)) return std::nullopt;
  return compare(reference, other).relative_l2_error / floor;
}

NNIESIM_END_NAMESPACE
