// Upsample: every element of a map repeated along rows and columns (nearest neighbour); with the places of a max
// pooling, put back where it was (unpooling).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include <nniesim/kernels/engine.hpp>
#include <nniesim/kernels/quantize.hpp>
#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// By factors, or to a size: row y of the output is row floor(y * rows / size) of the input (our assumption where the
/// size is no multiple; it is what a factor of 2 with the last row cut off gives).
struct upsample_params {
  std::size_t factor = 2;                            ///< how often an element stands along rows and along columns
  std::optional<std::array<std::size_t, 2>> size{};  ///< rows and columns of the output, instead of a factor
};

/// N x C x (factor * H) x (factor * W), or of the size. Throws shape_error for an input that is not N x C x H x W, a
/// factor of 0, or a size that is smaller than the input.
[[nodiscard]] inline tensor_shape infer_shape(const upsample_params& p, const tensor_shape& x) {
  require_rank(x, 4, "upsample input", "batch, channels, rows, columns");
  constexpr std::size_t limit = std::size_t{1} << 24U;
  detail::require<shape_error>(p.factor >= 1 && p.factor < limit && x[2] < limit && x[3] < limit, "upsample: factor ",
                               p.factor, " on input ", x, ", expected a factor of at least 1, and each under ", limit);
  if (!p.size) return {x[0], x[1], x[2] * p.factor, x[3] * p.factor};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t to = (*p.size)[i];
    detail::require<shape_error>(to >= x[2 + i] && to < limit, "upsample: ", to, i == 0 ? " rows" : " columns",
                                 " from input ", x, ", expected at least as many as it has, and fewer than ", limit);
  }
  return {x[0], x[1], (*p.size)[0], (*p.size)[1]};
}

/// Throws format_error, but for float references, for a size that the hardware does not give: it has a factor of 2 (the
/// vendor's quantization toolkit). Throws as infer_shape.
template <precision_policy P>
void check(const upsample_params& p, const tensor_shape& x) {
  const tensor_shape y = infer_shape(p, x);
  detail::require<format_error>(is_reference<P> || (y[2] == 2 * x[2] && y[3] == 2 * x[3]), "upsample: input ", x,
                                " to ", y, " under policy ", policy_name<P>(),
                                ", expected a factor that the hardware has: 2");
}

namespace reference {

/// The scalar specification: each element goes through the activation format with scale `s` (an upsampling's input has
/// a range of its own in the vendor's toolkit) into the output format, and is repeated.
template <precision_policy P>
void upsample(tensor_view<const value_t<P>> x, const typename P::activations::scale& s, const upsample_params&,
              tensor_view<value_t<P>> y) {
  using activations = typename P::activations;
  const tensor_shape &xs = x.shape(), &ys = y.shape();
  for (std::size_t map = 0; map < ys[0] * ys[1]; ++map) {
    for (std::size_t oy = 0; oy < ys[2]; ++oy) {
      const value_t<P>* row = x.data() + (map * xs[2] + oy * xs[2] / ys[2]) * xs[3];
      value_t<P>* out = y.data() + (map * ys[2] + oy) * ys[3];
      if (oy > 0 && oy * xs[2] / ys[2] == (oy - 1) * xs[2] / ys[2]) {
        std::copy_n(out - ys[3], ys[3], out);
        continue;
      }
      for (std::size_t ox = 0; ox < ys[3]; ++ox) {
        const float v = P::output::to_float(row[ox * xs[3] / ys[3]]);
        out[ox] = P::output::from(activations::decode(activations::encode(v, s), s));
      }
    }
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none. Rows of the input are encoded once, several narrow ones at a
/// time, and their elements repeated; then the row of the output is copied.
template <precision_policy P>
bool vector_upsample(tensor_view<const value_t<P>> x, const typename P::activations::scale& s,
                     tensor_view<value_t<P>> y) {
  using value = value_t<P>;
  const tensor_shape &xs = x.shape(), &ys = y.shape();
  const std::size_t rows = xs[2], columns = xs[3], wide = ys[3];
  // Floats are encoded as themselves.
  constexpr bool is_plain =
      std::same_as<typename P::activations, binary32> && std::same_as<typename P::output, binary32>;
  return run_layerwise<P>([&](auto k) {
    constexpr std::size_t piece = 1024;
    value stored[piece];
    std::size_t begin = 0, end = 0;  // which elements are stored
    // n elements from `at` on; they lie within a row.
    const auto encoded = [&](std::size_t at, std::size_t n) {
      if constexpr (is_plain) return x.data() + at;
      if (at < begin || at + n > end) {
        begin = at;
        end = n < columns ? at + n : at + std::min(x.size() - at, std::max<std::size_t>(piece / n, 1) * n);
        requantize<typename P::activations, typename P::output>(x.span().subspan(begin, end - begin),
                                                                std::span(stored, end - begin), s);
      }
      return static_cast<const value*>(stored + (at - begin));
    };
    for (std::size_t map = 0; map < ys[0] * ys[1]; ++map) {
      for (std::size_t oy = 0; oy < ys[2]; ++oy) {
        const std::size_t row = oy * rows / ys[2];
        value* out = y.data() + (map * ys[2] + oy) * wide;
        if (oy > 0 && row == (oy - 1) * rows / ys[2]) {
          std::copy_n(out - wide, wide, out);
          continue;
        }
        std::size_t ox = 0, place = 0;  // place: ox * columns - at * wide
        for (std::size_t at = 0; at < columns; at += piece) {
          const std::size_t n = std::min(piece, columns - at);
          const value* const from = encoded((map * rows + row) * columns + at, n);
          if (wide == 2 * columns) {
            k.twice(from, out + 2 * at, n);
            continue;
          }
          for (std::size_t c = 0; c < n; ++c) {
            for (; place < wide; place += columns) out[ox++] = from[c];
            place -= wide;
          }
        }
      }
    }
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates nothing. `s` is the scale of the
/// input.
template <precision_policy P>
void upsample_into(tensor_view<const value_t<P>> x, const typename P::activations::scale& s, const upsample_params& p,
                   tensor_view<value_t<P>> y) {
  check<P>(p, x.shape());
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "upsample");
  if (!detail::vector_upsample<P>(x, s, y)) reference::upsample<P>(x, s, p, y);
}

/// Upsampling of N x C x H x W; the scale of the input is derived from it unless given.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> upsample(const X& x, const upsample_params& p = {},
                                          std::optional<typename P::activations::scale> s = {}) {
  const detail::op_input<P, X> in(x, "upsample");
  check<P>(p, in.shape());
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  if (!s) s = kernels::engine<P>::scale_of(active_isa(), in.view().data(), in.view().size());
  upsample_into<P>(in.view(), *s, p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
