// Unpooling: every element put back where a max pooling took it from, zeros elsewhere (SegNet's Upsample with a mask).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of SegNet's Upsample with a mask.
struct unpool_params {
  std::array<std::size_t, 2> size{1, 1};  ///< rows and columns of the output
};

/// N x C x size. Throws shape_error unless x and the places have one shape N x C x H x W and the size is 1 to 2^24
/// elements.
[[nodiscard]] inline tensor_shape infer_shape(const unpool_params& p, const tensor_shape& x,
                                              const tensor_shape& places) {
  require_rank(x, 4, "unpool input", "batch, channels, rows, columns");
  detail::require<shape_error>(x == places, "unpool: places of shape ", places, " for input ", x,
                               ", expected the same");
  constexpr std::size_t limit = std::size_t{1} << 24U;  // up to which float tells places apart
  const auto [rows, columns] = p.size;
  detail::require<shape_error>(rows >= 1 && columns >= 1 && rows <= limit && columns <= limit / rows, "unpool: input ",
                               x, " to ", rows, " x ", columns, ", expected 1 to ", limit, " elements of a map");
  return {x[0], x[1], rows, columns};
}

namespace reference {

/// The scalar specification: y is 0 but where places say, row * columns + column of the output; of several elements of
/// one place the last one stays, in memory order. Elements keep their bits: that they do not pass the activation format
/// is our assumption (those who read the output encode it). Throws format_error for a place that is no whole number of
/// the map; what y holds then is not specified.
template <precision_policy P>
void unpool(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> places, tensor_view<value_t<P>> y) {
  const std::size_t from = x.shape()[2] * x.shape()[3], to = y.shape()[2] * y.shape()[3];
  std::fill(y.span().begin(), y.span().end(), P::output::from(0.0));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double place = P::output::to_double(places[i]);
    const bool fits = place >= 0 && place < static_cast<double>(to);
    const std::size_t at = fits ? static_cast<std::size_t>(place) : 0;
    if (!fits || static_cast<double>(at) != place) {
      detail::require<format_error>(false, "unpool: place ", place, " at ", coordinates(x.shape(), i),
                                    ", expected whole numbers under ", to, ", the elements of a map of ", y.shape()[2],
                                    " x ", y.shape()[3]);
    }
    y[i / from * to + at] = x[i];
  }
}

}  // namespace reference

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates nothing. Throws as infer_shape and
/// reference::unpool.
template <precision_policy P>
void unpool_into(tensor_view<const value_t<P>> x, tensor_view<const value_t<P>> places, const unpool_params& p,
                 tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape(), places.shape()), "unpool");
  reference::unpool<P>(x, places, y);
}

/// Unpooling of N x C x H x W by places of the same shape.
template <precision_policy P, tensor_like X, tensor_like Y>
[[nodiscard]] tensor<value_t<P>> unpool(const X& x, const Y& places, const unpool_params& p) {
  const detail::op_input<P, X> in(x, "unpool");
  const detail::op_input<P, Y> at(places, "unpool places");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape(), at.shape()));
  unpool_into<P>(in.view(), at.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
