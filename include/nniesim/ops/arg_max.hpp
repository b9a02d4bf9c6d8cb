// ArgMax: the places of the largest elements, or their values. The accelerator has no such layer; it runs on the CPU.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <numeric>
#include <optional>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of Caffe's ArgMax.
struct arg_max_params {
  std::size_t top_k = 1;              ///< how many of the largest, in descending order
  bool out_max_val = false;           ///< values: as well as places without an axis, instead of them with one
  std::optional<std::size_t> axis{};  ///< along this axis; without it, over all elements of a batch item
};

/// As Caffe has it. With an axis, the input's shape with top_k on that axis. Without, N x 1 x top_k, N x 2 x top_k with
/// values behind the places, and 1 on every axis further that the input has. Throws shape_error for an axis out of
/// range or a top_k that is not among the elements; these are at most 2^24, so that float holds their places.
[[nodiscard]] inline tensor_shape infer_shape(const arg_max_params& p, const tensor_shape& x) {
  const bool fits = p.axis ? *p.axis < x.rank() : x.rank() >= 1;
  detail::require<shape_error>(fits && x.size() != 0, "arg_max: axis ", p.axis.value_or(0), " of input ", x,
                               ", expected one under ", x.rank(), " and no empty axis");
  const std::size_t n = p.axis ? x[*p.axis] : x.size() / x[0];
  constexpr std::size_t limit = std::size_t{1} << 24U;
  detail::require<shape_error>(p.top_k >= 1 && p.top_k <= n && n <= limit, "arg_max: the ", p.top_k, " largest of ", n,
                               " elements, input ", x, ", expected 1 to all of them, and at most ", limit);
  std::vector<std::size_t> extents(x.begin(), x.end());
  if (p.axis) {
    extents[*p.axis] = p.top_k;
  } else {
    extents.assign(std::max<std::size_t>(3, x.rank()), 1);
    extents[0] = x[0];
    extents[1] = p.out_max_val ? 2 : 1;
    extents[2] = p.top_k;
  }
  return tensor_shape(extents);
}

/// Checks, then evaluates into `y`, which must have the inferred shape. Places are counted from 0; of equal elements
/// the last comes first, as in Caffe. Throws format_error for NaN. Allocates a list of the places along the axis.
template <precision_policy P>
void arg_max_into(tensor_view<const value_t<P>> x, const arg_max_params& p, tensor_view<float> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "arg_max");
  if constexpr (std::floating_point<value_t<P>>) detail::refuse_nan(x, "arg_max");
  const std::size_t n = p.axis ? x.shape()[*p.axis] : x.size() / x.shape()[0];
  std::size_t inner = 1;
  for (std::size_t axis = p.axis.value_or(x.shape().rank()) + 1; axis < x.shape().rank(); ++axis) {
    inner *= x.shape()[axis];
  }
  std::vector<std::size_t> places(n);
  float* out = y.data();
  for (std::size_t o = 0; o < x.size() / n / inner; ++o) {
    for (std::size_t i = 0; i < inner; ++i) {
      const value_t<P>* first = x.data() + o * n * inner + i;
      std::iota(places.begin(), places.end(), std::size_t{0});
      const auto is_before = [&](std::size_t a, std::size_t b) {
        const value_t<P>&u = first[a * inner], &v = first[b * inner];
        return u > v || (u == v && a > b);
      };
      const auto end = places.begin() + static_cast<std::ptrdiff_t>(p.top_k);
      std::partial_sort(places.begin(), end, places.end(), is_before);
      for (std::size_t k = 0; k < p.top_k; ++k) {
        const auto place = static_cast<float>(places[k]);
        const float value = P::output::to_float(first[places[k] * inner]);
        if (p.axis) {
          out[k * inner + i] = p.out_max_val ? value : place;
        } else {
          out[k] = place;
          if (p.out_max_val) out[p.top_k + k] = value;
        }
      }
    }
    out += p.top_k * (p.axis ? inner : p.out_max_val ? 2 : 1);
  }
}

/// The places, or the values, of the largest elements.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<float> arg_max(const X& x, const arg_max_params& p = {}) {
  const detail::op_input<P, X> in(x, "arg_max");
  auto y = make_tensor<float>(infer_shape(p, in.shape()));
  arg_max_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
