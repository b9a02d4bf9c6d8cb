// ReduceMean: the mean over chosen axes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of a mean over axes, as Caffe's Reduction has it.
struct reduce_mean_params {
  std::vector<std::size_t> axes{};  ///< each at most once
  bool keep_axes = true;            ///< keep them with extent 1, or drop them
};

namespace detail {

/// Which axes are reduced. Throws shape_error for axes out of range, repeated, or none at all.
[[nodiscard]] inline std::array<bool, tensor_shape::max_rank> reduced_axes(const std::vector<std::size_t>& axes,
                                                                           const tensor_shape& x,
                                                                           std::string_view where) {
  require<shape_error>(x.size() != 0, where, ": got shape ", x, ", expected no empty axis");
  require<shape_error>(!axes.empty(), where, ": no axes for input ", x, ", expected at least one");
  std::array<bool, tensor_shape::max_rank> reduced{};
  for (const std::size_t axis : axes) {
    require<shape_error>(axis < x.rank() && !reduced[axis], where, ": axis ", axis, " for input ", x,
                         ", expected different axes under ", x.rank());
    reduced[axis] = true;
  }
  return reduced;
}

/// What is left of a shape.
[[nodiscard]] inline tensor_shape reduced_shape(const std::vector<std::size_t>& axes, bool keep_axes,
                                                const tensor_shape& x, std::string_view where) {
  const auto reduced = reduced_axes(axes, x, where);
  std::vector<std::size_t> extents;
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    if (!reduced[axis]) extents.push_back(x[axis]);
    else if (keep_axes) extents.push_back(1);
  }
  return tensor_shape(extents);
}

}  // namespace detail

/// Throws shape_error for axes out of range, repeated, or none at all.
[[nodiscard]] inline tensor_shape infer_shape(const reduce_mean_params& p, const tensor_shape& x) {
  return detail::reduced_shape(p.axes, p.keep_axes, x, "reduce_mean");
}

namespace reference {

/// The scalar specification of reductions: per output add(sum, element) in float64 over its elements in memory order,
/// then finish(sum, count) (our assumption; where the hardware truncates inside the sum is not known), then the output
/// format.
template <precision_policy P, class Finish, class Add = std::plus<double>>
void reduce(tensor_view<const value_t<P>> x, const std::array<bool, tensor_shape::max_rank>& reduced, Finish finish,
            tensor_view<value_t<P>> y, Add add = {}) {
  // Strides of the input's axes; the reduced ones and the kept ones are walked like two counters.
  std::array<std::size_t, tensor_shape::max_rank> stride{};
  std::size_t count = 1;
  for (std::size_t axis = x.shape().rank(), step = 1; axis-- > 0; step *= x.shape()[axis]) {
    stride[axis] = step;
    if (reduced[axis]) count *= x.shape()[axis];
  }
  const auto advance = [&](std::array<std::size_t, tensor_shape::max_rank>& at, std::size_t& index, bool inside) {
    for (std::size_t axis = x.shape().rank(); axis-- > 0;) {
      if (reduced[axis] != inside) continue;
      index += stride[axis];
      if (++at[axis] < x.shape()[axis]) return;
      index -= at[axis] * stride[axis];
      at[axis] = 0;
    }
  };
  std::array<std::size_t, tensor_shape::max_rank> outer{};
  std::size_t base = 0;
  for (std::size_t o = 0; o < y.size(); ++o) {
    std::array<std::size_t, tensor_shape::max_rank> inner{};
    std::size_t index = base;
    double sum = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
      sum = add(sum, P::output::to_double(x[index]));
      advance(inner, index, true);
    }
    y[o] = P::output::from(finish(sum, static_cast<double>(count)));
    advance(outer, base, false);
  }
}

/// The sum divided by the number of elements.
template <precision_policy P>
void reduce_mean(tensor_view<const value_t<P>> x, const reduce_mean_params& p, tensor_view<value_t<P>> y) {
  const auto reduced = detail::reduced_axes(p.axes, x.shape(), "reduce_mean");
  reduce<P>(
      x, reduced, [](double sum, double count) { return sum / count; }, y);
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none, or for a sum of q20_12 values so long that float64 may round it.
/// `finish(kernels, sums, count, y, n)` writes n outputs.
template <precision_policy P, class Finish>
bool vector_reduce(tensor_view<const value_t<P>> x, const std::array<bool, tensor_shape::max_rank>& is_reduced,
                   Finish finish, tensor_view<value_t<P>> y) {
  // Axes of one kind side by side are one axis. Innermost first, so that the kinds alternate.
  struct axes {
    std::size_t extent = 1, stride = 0;
  };
  std::array<axes, tensor_shape::max_rank> kept{}, reduced{};
  std::size_t kept_count = 0, reduced_count = 0;
  std::size_t elements = 1;
  int last = -1;
  for (std::size_t axis = x.shape().rank(), stride = 1; axis-- > 0; stride *= x.shape()[axis]) {
    const std::size_t extent = x.shape()[axis];
    if (extent == 1) continue;
    auto& list = is_reduced[axis] ? reduced : kept;
    std::size_t& count = is_reduced[axis] ? reduced_count : kept_count;
    if (last == static_cast<int>(is_reduced[axis])) list[count - 1].extent *= extent;
    else list[count++] = {extent, stride};
    last = static_cast<int>(is_reduced[axis]);
    if (is_reduced[axis]) elements *= extent;
  }
  if (std::same_as<typename P::output, q20_12> && elements > std::size_t{1} << 21U) return false;
  // Where the n-th combination of all axes of a kind but the innermost begins.
  const auto offset = [](const std::array<axes, tensor_shape::max_rank>& list, std::size_t count, std::size_t n) {
    std::size_t at = 0;
    for (std::size_t i = 1; i < count; n /= list[i++].extent) at += n % list[i].extent * list[i].stride;
    return at;
  };
  const axes inner = reduced[0], outputs = kept[0];
  const std::size_t outer = elements / inner.extent;
  return run_layerwise<P>([&](auto k) {
    constexpr std::size_t block = 512;
    double sum[block];
    for (std::size_t o = 0; o < y.size(); o += outputs.extent) {
      const std::size_t base = offset(kept, kept_count, o / outputs.extent);
      for (std::size_t j = 0; j < outputs.extent; j += block) {
        const std::size_t n = std::min(block, outputs.extent - j);
        std::fill_n(sum, block, 0.0);
        for (std::size_t r = 0; r < outer; ++r) {
          const value_t<P>* at = x.data() + base + offset(reduced, reduced_count, r) + j * outputs.stride;
          if (inner.stride == 1) k.template row_sums<false>(at, inner.extent, n, outputs.stride, sum);
          else k.template column_sums<false>(at, inner.extent, inner.stride, n, sum);
        }
        finish(k, sum, static_cast<double>(elements), y.data() + o + j, n);
      }
    }
  });
}

template <precision_policy P>
bool vector_reduce_mean(tensor_view<const value_t<P>> x, const reduce_mean_params& p, tensor_view<value_t<P>> y) {
  const auto finish = [](auto k, const double* sum, double count, value_t<P>* out, std::size_t n) {
    k.means(sum, count, out, n);
  };
  return vector_reduce<P>(x, reduced_axes(p.axes, x.shape(), "reduce_mean"), finish, y);
}

}  // namespace detail

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates nothing.
template <precision_policy P>
void reduce_mean_into(tensor_view<const value_t<P>> x, const reduce_mean_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "reduce_mean");
  if (!detail::vector_reduce_mean<P>(x, p, y)) reference::reduce_mean<P>(x, p, y);
}

/// The mean of x over the given axes.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> reduce_mean(const X& x, const reduce_mean_params& p) {
  const detail::op_input<P, X> in(x, "reduce_mean");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  reduce_mean_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
