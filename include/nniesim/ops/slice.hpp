// Slice: a tensor cut into parts along an axis, the reverse of Concat.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Cut at the points, or into equal parts where there are none (Caffe's Slice).
struct slice_params {
  std::size_t axis = 1;               ///< along which the tensor is cut
  std::vector<std::size_t> points{};  ///< ascending indices along the axis at which the second part on begin
  std::size_t parts = 1;              ///< number of equal parts; left at its default where there are points
};

/// One shape per part. Throws shape_error for an axis out of range, points that do not ascend within it, an extent that
/// the parts do not divide, or points and parts at once.
[[nodiscard]] inline std::vector<tensor_shape> infer_shapes(const slice_params& p, const tensor_shape& x) {
  detail::require<shape_error>(p.axis < x.rank() && x.size() != 0, "slice: axis ", p.axis, " of input ", x,
                               ", expected one under ", x.rank(), " and no empty axis");
  detail::require<shape_error>(p.points.empty() || p.parts == 1, "slice: ", p.points.size(), " points and ", p.parts,
                               " equal parts, expected one or the other");
  std::vector<std::size_t> ends = p.points;
  const std::size_t n = x[p.axis];
  if (p.points.empty()) {
    detail::require<shape_error>(p.parts != 0 && n % p.parts == 0, "slice: ", p.parts, " equal parts of axis ", p.axis,
                                 " of input ", x, ", expected a divisor of ", n);
    for (std::size_t i = 1; i < p.parts; ++i) ends.push_back(n / p.parts * i);
  }
  ends.push_back(n);
  std::vector<tensor_shape> shapes;
  std::vector<std::size_t> extents(x.begin(), x.end());
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    detail::require<shape_error>(begin < end && end <= n, "slice: a part of axis ", p.axis, " of input ", x, " from ",
                                 begin, " to ", end, ", expected points that ascend between 0 and ", n);
    extents[p.axis] = end - begin;
    shapes.emplace_back(std::span<const std::size_t>(extents));
    begin = end;
  }
  return shapes;
}

/// Checks, then copies into `parts`, which must have the inferred shapes. Elements keep their bits. Allocates nothing
/// but the list of shapes.
template <class T>
void slice_into(tensor_view<const T> x, const slice_params& p, std::span<const tensor_view<T>> parts) {
  const std::vector<tensor_shape> shapes = infer_shapes(p, x.shape());
  detail::require<shape_error>(parts.size() == shapes.size(), "slice: ", parts.size(), " output tensors, expected ",
                               shapes.size());
  for (std::size_t i = 0; i < parts.size(); ++i) detail::require_output(parts[i].shape(), shapes[i], "slice");
  std::size_t outer = 1;
  for (std::size_t axis = 0; axis < p.axis; ++axis) outer *= x.shape()[axis];
  const T* in = x.data();
  for (std::size_t o = 0; o < outer; ++o) {
    for (const auto& y : parts) {
      const std::size_t n = y.size() / outer;
      std::copy_n(in, n, y.data() + o * n);
      in += n;
    }
  }
}

/// The parts of x along p.axis.
template <precision_policy P, tensor_like X>
[[nodiscard]] std::vector<tensor<value_t<P>>> slice(const X& x, const slice_params& p) {
  const detail::op_input<P, X> in(x, "slice");
  std::vector<tensor<value_t<P>>> parts;
  for (const tensor_shape& s : infer_shapes(p, in.shape())) parts.push_back(make_tensor<value_t<P>>(s));
  std::vector<tensor_view<value_t<P>>> views;
  for (auto& part : parts) views.push_back(view_of(part));
  slice_into<value_t<P>>(in.view(), p, views);
  return parts;
}

NNIESIM_END_NAMESPACE
