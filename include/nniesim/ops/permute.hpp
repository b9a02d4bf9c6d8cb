// Permute: the axes in another order.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of SSD's Permute.
struct permute_params {
  std::vector<std::size_t> order{};  ///< axis i of the result is axis order[i] of the input
};

/// Throws shape_error unless `order` names every axis of the input once.
[[nodiscard]] inline tensor_shape infer_shape(const permute_params& p, const tensor_shape& x) {
  bool fits = p.order.size() == x.rank() && x.size() != 0;
  std::array<bool, tensor_shape::max_rank> seen{};
  std::vector<std::size_t> extents;
  for (std::size_t i = 0; fits && i < p.order.size(); ++i) {
    fits = p.order[i] < x.rank() && !seen[p.order[i]];
    if (!fits) break;
    seen[p.order[i]] = true;
    extents.push_back(x[p.order[i]]);
  }
  std::string order;
  for (const std::size_t axis : p.order) order += (order.empty() ? "" : ", ") + std::to_string(axis);
  detail::require<shape_error>(fits, "permute: order (", order, ") for input ", x,
                               ", expected every axis once and no empty axis");
  return tensor_shape(extents);
}

namespace reference {

/// The scalar specification: element by element, y in memory order.
template <class T>
void permute(tensor_view<const T> x, const permute_params& p, tensor_view<T> y) {
  const std::size_t rank = x.shape().rank();
  std::array<std::size_t, tensor_shape::max_rank> input_stride{}, stride{}, at{};
  for (std::size_t axis = rank, step = 1; axis-- > 0; step *= x.shape()[axis]) input_stride[axis] = step;
  for (std::size_t i = 0; i < rank; ++i) stride[i] = input_stride[p.order[i]];
  std::size_t index = 0;
  for (std::size_t o = 0; o < y.size(); ++o) {
    y[o] = x[index];
    for (std::size_t axis = rank; axis-- > 0;) {
      index += stride[axis];
      if (++at[axis] < y.shape()[axis]) break;
      index -= at[axis] * stride[axis];
      at[axis] = 0;
    }
  }
}

}  // namespace reference

namespace detail {

/// An axis of the output: neighbours are `from` elements apart in the input and `to` in the output.
struct permuted_axis {
  std::size_t extent, from, to;
};

/// y[j * to + i] = x[i * from + j] for n times m elements, in tiles whose rows stay in the cache.
template <class T>
void transpose(const T* x, std::size_t from, T* y, std::size_t to, std::size_t n, std::size_t m) {
  constexpr std::size_t rows = 8, columns = 16;
  for (std::size_t i = 0; i < n; i += rows) {
    for (std::size_t j = 0; j < m; j += columns) {
      const std::size_t end = std::min(m, j + columns);
      if (n - i >= rows) {
        for (std::size_t c = j; c < end; ++c) {
          for (std::size_t r = 0; r < rows; ++r) y[c * to + i + r] = x[(i + r) * from + c];
        }
      } else {
        for (std::size_t c = j; c < end; ++c) {
          for (std::size_t r = i; r < n; ++r) y[c * to + r] = x[r * from + c];
        }
      }
    }
  }
}

/// By rows that stay whole, or by matrices that are transposed.
template <class T>
void permute_by_parts(tensor_view<const T> x, const permute_params& p, tensor_view<T> y) {
  const std::size_t rank = x.shape().rank();
  std::array<std::size_t, tensor_shape::max_rank> input_stride{};
  for (std::size_t axis = rank, step = 1; axis-- > 0; step *= x.shape()[axis]) input_stride[axis] = step;
  // Axes side by side in both are one; innermost first.
  std::array<permuted_axis, tensor_shape::max_rank + 1> axes{};
  std::size_t count = 0;
  for (std::size_t i = rank, step = 1; i-- > 0; step *= y.shape()[i]) {
    const std::size_t extent = y.shape()[i], stride = input_stride[p.order[i]];
    if (extent == 1) continue;
    if (count != 0 && stride == axes[count - 1].extent * axes[count - 1].from) axes[count - 1].extent *= extent;
    else axes[count++] = {extent, stride, step};
  }
  if (count == 0) axes[count++] = {1, 1, 1};
  const permuted_axis inner = axes[0];
  permuted_axis other{1, 1, 1};
  std::size_t rest = 1;  // of the axes that are walked one by one, the first
  if (inner.from != 1) {
    const auto at = std::find_if(axes.begin(), axes.end(), [](const permuted_axis& a) { return a.from == 1; });
    other = *at;
    std::swap(*at, axes[1]);
    rest = 2;
  }
  std::array<std::size_t, tensor_shape::max_rank + 1> at{};
  const T* in = x.data();
  T* out = y.data();
  for (std::size_t axis = 0; axis != count;) {
    if (inner.from == 1) std::copy_n(in, inner.extent, out);
    else transpose(in, inner.from, out, other.to, inner.extent, other.extent);
    for (axis = rest; axis < count; ++axis) {
      in += axes[axis].from;
      out += axes[axis].to;
      if (++at[axis] < axes[axis].extent) break;
      in -= at[axis] * axes[axis].from;
      out -= at[axis] * axes[axis].to;
      at[axis] = 0;
    }
  }
}

}  // namespace detail

/// Checks, then moves into `y`, which must have the inferred shape. Elements keep their bits.
template <class T>
void permute_into(tensor_view<const T> x, const permute_params& p, tensor_view<T> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "permute");
  detail::permute_by_parts(x, p, y);
}

/// x with its axes in the given order.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> permute(const X& x, const permute_params& p) {
  const detail::op_input<P, X> in(x, "permute");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  permute_into<value_t<P>>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
