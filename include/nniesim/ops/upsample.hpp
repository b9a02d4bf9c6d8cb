// Upsample: every element of a map repeated along rows and columns (nearest neighbour).
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include <nniesim/kernels/engine.hpp>
#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

struct upsample_params {
  std::size_t factor = 2;  ///< how often an element stands along rows and along columns
};

/// Throws format_error, but for float references, for a factor that the hardware does not have: it has 2 (the vendor's
/// quantization toolkit).
template <precision_policy P>
void check(const upsample_params& p) {
  detail::require<format_error>(is_reference<P> || p.factor == 2, "upsample: factor ", p.factor, " under policy ",
                                policy_name<P>(), ", expected one that the hardware has: 2");
}

/// N x C x (factor * H) x (factor * W). Throws shape_error for an input that is not N x C x H x W or a factor of 0.
[[nodiscard]] inline tensor_shape infer_shape(const upsample_params& p, const tensor_shape& x) {
  require_rank(x, 4, "upsample input", "batch, channels, rows, columns");
  constexpr std::size_t limit = std::size_t{1} << 24U;
  detail::require<shape_error>(p.factor >= 1 && p.factor < limit && x[2] < limit && x[3] < limit, "upsample: factor ",
                               p.factor, " on input ", x, ", expected a factor of at least 1, and each under ", limit);
  return {x[0], x[1], x[2] * p.factor, x[3] * p.factor};
}

namespace reference {

/// The scalar specification: each element goes through the activation format with scale `s` (an upsampling's input has
/// a range of its own in the vendor's toolkit) into the output format, and is repeated.
template <precision_policy P>
void upsample(tensor_view<const value_t<P>> x, const typename P::activations::scale& s, const upsample_params& p,
              tensor_view<value_t<P>> y) {
  using activations = typename P::activations;
  const std::size_t columns = x.shape()[3], width = columns * p.factor;
  for (std::size_t row = 0; row < x.size() / columns; ++row) {
    value_t<P>* first = y.data() + row * p.factor * width;
    for (std::size_t c = 0; c < columns; ++c) {
      const float v = P::output::to_float(x[row * columns + c]);
      std::fill_n(first + c * p.factor, p.factor, P::output::from(activations::decode(activations::encode(v, s), s)));
    }
    for (std::size_t r = 1; r < p.factor; ++r) std::copy_n(first, width, first + r * width);
  }
}

}  // namespace reference

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates nothing. `s` is the scale of the
/// input.
template <precision_policy P>
void upsample_into(tensor_view<const value_t<P>> x, const typename P::activations::scale& s, const upsample_params& p,
                   tensor_view<value_t<P>> y) {
  check<P>(p);
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "upsample");
  reference::upsample<P>(x, s, p, y);
}

/// Upsampling of N x C x H x W; the scale of the input is derived from it unless given.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> upsample(const X& x, const upsample_params& p = {},
                                          std::optional<typename P::activations::scale> s = {}) {
  check<P>(p);
  const detail::op_input<P, X> in(x, "upsample");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  if (!s) s = kernels::engine<P>::scale_of(active_isa(), in.view().data(), in.view().size());
  upsample_into<P>(in.view(), *s, p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
