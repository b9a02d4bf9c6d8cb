// Crop: the part of a tensor that has a given size. The accelerator has no such layer; it runs on the CPU.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The axes from `axis` on are cropped (Caffe's Crop).
struct crop_params {
  std::size_t axis = 2;                ///< the first cropped one
  std::vector<std::size_t> offsets{};  ///< where the part begins: one per cropped axis, one for all, or none for 0
};

namespace detail {

/// Where the part begins on an axis.
[[nodiscard]] inline std::size_t crop_offset(const crop_params& p, std::size_t axis) noexcept {
  if (axis < p.axis || p.offsets.empty()) return 0;
  return p.offsets.size() == 1 ? p.offsets[0] : p.offsets[axis - p.axis];
}

}  // namespace detail

/// The extents of x before p.axis, those of `size` from there on. Throws shape_error for different ranks, an axis out
/// of range, a count of offsets that does not fit, or a part that is not within x.
[[nodiscard]] inline tensor_shape infer_shape(const crop_params& p, const tensor_shape& x, const tensor_shape& size) {
  detail::require<shape_error>(x.rank() == size.rank() && p.axis < x.rank() && x.size() != 0 && size.size() != 0,
                               "crop: input ", x, " to the size of ", size, " from axis ", p.axis,
                               ", expected equal ranks, an axis under them and no empty axis");
  const std::size_t cropped = x.rank() - p.axis;
  detail::require<shape_error>(p.offsets.size() <= 1 || p.offsets.size() == cropped, "crop: ", p.offsets.size(),
                               " offsets for axes ", p.axis, " on of input ", x, ", expected none, one or ", cropped);
  std::vector<std::size_t> extents(x.begin(), x.end());
  for (std::size_t axis = p.axis; axis < x.rank(); ++axis) {
    const std::size_t offset = detail::crop_offset(p, axis);
    detail::require<shape_error>(offset <= x[axis] && size[axis] <= x[axis] - offset, "crop: ", size[axis],
                                 " elements from ", offset, " of axis ", axis, ", expected them within input ", x);
    extents[axis] = size[axis];
  }
  return tensor_shape(extents);
}

/// Checks, then copies into `y`, which must have the inferred shape. Elements keep their bits.
template <class T>
void crop_into(tensor_view<const T> x, const tensor_shape& size, const crop_params& p, tensor_view<T> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape(), size), "crop");
  const std::size_t last = x.shape().rank() - 1;
  const std::size_t columns = y.shape()[last];
  for (std::size_t row = 0; row < y.size() / columns; ++row) {
    std::size_t index = detail::crop_offset(p, last), rest = row;
    for (std::size_t axis = last, stride = x.shape()[last]; axis-- > 0; stride *= x.shape()[axis]) {
      index += (rest % y.shape()[axis] + detail::crop_offset(p, axis)) * stride;
      rest /= y.shape()[axis];
    }
    std::copy_n(x.data() + index, columns, y.data() + row * columns);
  }
}

/// The part of x with the extents of `size` from p.axis on.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> crop(const X& x, const tensor_shape& size, const crop_params& p = {}) {
  const detail::op_input<P, X> in(x, "crop");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape(), size));
  crop_into<value_t<P>>(in.view(), size, p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
