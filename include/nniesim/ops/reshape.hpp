// Reshape: the same elements under other extents, with Caffe's rules for 0 and -1.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of Caffe's Reshape of all axes.
struct reshape_params {
  /// Extents; 0 copies the input's extent on the same axis, one -1 takes what is left.
  std::vector<std::int64_t> extents{};
};

/// Throws shape_error where the extents do not give the input's number of elements.
[[nodiscard]] inline tensor_shape infer_shape(const reshape_params& p, const tensor_shape& x) {
  std::string wanted;
  for (const std::int64_t e : p.extents) wanted += (wanted.empty() ? "" : ", ") + std::to_string(e);
  std::vector<std::size_t> extents;
  std::size_t known = 1;
  std::size_t open = p.extents.size();
  bool fits = x.size() != 0 && p.extents.size() <= tensor_shape::max_rank;
  for (std::size_t i = 0; fits && i < p.extents.size(); ++i) {
    const std::int64_t e = p.extents[i];
    if (e == -1) {
      fits = open == p.extents.size();
      open = i;
      extents.push_back(1);
      continue;
    }
    fits = e >= 0 && (e != 0 || i < x.rank());
    if (!fits) break;
    extents.push_back(e == 0 ? x[i] : static_cast<std::size_t>(e));
    fits = extents.back() <= x.size() / known;  // no product can overflow
    known *= extents.back();
  }
  if (fits && open < extents.size()) {
    fits = x.size() % known == 0;
    extents[open] = x.size() / known;
    known *= extents[open];
  }
  detail::require<shape_error>(fits && known == x.size(), "reshape: input ", x, " to (", wanted, "), expected ",
                               x.size(), " elements, 0 for an extent of the input and at most one -1");
  return tensor_shape(extents);
}

/// Checks, then copies into `y`, which must have the inferred shape.
template <class T>
void reshape_into(tensor_view<const T> x, const reshape_params& p, tensor_view<T> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "reshape");
  std::copy_n(x.data(), x.size(), y.data());
}

/// x under other extents.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> reshape(const X& x, const reshape_params& p) {
  const detail::op_input<P, X> in(x, "reshape");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  reshape_into<value_t<P>>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
