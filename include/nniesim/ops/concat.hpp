// Concat: tensors one behind the other along an axis.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of Caffe's Concat.
struct concat_params {
  std::size_t axis = 1;  ///< along which the inputs are joined
};

/// Throws shape_error for no inputs, an axis out of range, or extents that differ on another axis.
[[nodiscard]] inline tensor_shape infer_shape(const concat_params& p, std::span<const tensor_shape> inputs) {
  detail::require<shape_error>(!inputs.empty(), "concat: no inputs, expected at least 1");
  const tensor_shape& first = inputs[0];
  detail::require<shape_error>(p.axis < first.rank(), "concat: axis ", p.axis, " of input ", first,
                               ", expected one under ", first.rank());
  std::vector<std::size_t> extents(first.begin(), first.end());
  extents[p.axis] = 0;
  for (const tensor_shape& s : inputs) {
    bool fits = s.rank() == first.rank() && s.size() != 0;
    for (std::size_t axis = 0; fits && axis < s.rank(); ++axis) fits = axis == p.axis || s[axis] == first[axis];
    detail::require<shape_error>(fits, "concat: inputs of shapes ", first, " and ", s,
                                 ", expected equal extents but on axis ", p.axis, " and no empty axis");
    extents[p.axis] += s[p.axis];
  }
  return tensor_shape(extents);
}

/// Checks, then copies into `y`, which must have the inferred shape. Elements keep their bits: the tensors have one
/// format already. Allocates nothing but the list of shapes.
template <class T>
void concat_into(std::span<const tensor_view<const T>> inputs, const concat_params& p, tensor_view<T> y) {
  std::vector<tensor_shape> shapes;
  for (const auto& x : inputs) shapes.push_back(x.shape());
  detail::require_output(y.shape(), infer_shape(p, shapes), "concat");
  std::size_t outer = 1;
  for (std::size_t axis = 0; axis < p.axis; ++axis) outer *= y.shape()[axis];
  T* out = y.data();
  for (std::size_t o = 0; o < outer; ++o) {
    for (const auto& x : inputs) {
      const std::size_t n = x.size() / outer;
      out = std::copy_n(x.data() + o * n, n, out);
    }
  }
}

/// The tensors one behind the other along p.axis.
template <precision_policy P, tensor_like... X>
[[nodiscard]] tensor<value_t<P>> concat(const concat_params& p, const X&... x) {
  const auto join = [&](const auto&... in) {
    const std::array inputs = {in.view()...};
    const std::array shapes = {in.shape()...};
    auto y = make_tensor<value_t<P>>(infer_shape(p, shapes));
    concat_into<value_t<P>>(inputs, p, view_of(y));
    return y;
  };
  return join(detail::op_input<P, X>(x, "concat")...);
}

NNIESIM_END_NAMESPACE
