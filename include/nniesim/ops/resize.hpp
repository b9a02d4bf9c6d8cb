// Resizing of maps to any size, nearest or bilinear. The accelerator has no such layer; it runs on the CPU.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <nniesim/ops/input.hpp>
#include <nniesim/ops/padding.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Whether an element is one of the input's, or lies between neighbouring ones of its rows and columns.
enum class resize_method { nearest, bilinear };

/// Where element o of `out` lies among `in`, from 0: corners: o * (in - 1) / (out - 1), so that first and last fall
/// together (0 where out is 1); origin: o * in / out; half_pixels: (o + 1/2) * in / out - 1/2, at least 0.
enum class resize_grid { corners, origin, half_pixels };

/// Parameters of the resizing layers of Caffe's forks: Interp, ResizeBilinear and ResizeNearestNeighbor.
struct resize_params {
  resize_method method = resize_method::bilinear;  ///< how an element is computed
  resize_grid grid = resize_grid::corners;         ///< where an element lies in the input
  std::array<std::size_t, 2> size{1, 1};           ///< rows and columns of the output
  padding crop{};                                  ///< rows and columns of the input that are left out on each side
};

/// N x C x size. Throws shape_error where the input is not N x C x H x W or nothing of it is left, or an extent is 0 or
/// from 2^24 on.
[[nodiscard]] inline tensor_shape infer_shape(const resize_params& p, const tensor_shape& x) {
  require_rank(x, 4, "resize input", "batch, channels, rows, columns");
  constexpr std::size_t limit = std::size_t{1} << 24U;
  const std::size_t before[2] = {p.crop.top, p.crop.left}, after[2] = {p.crop.bottom, p.crop.right};
  for (std::size_t i = 0; i < 2; ++i) {
    const bool fits = x[2 + i] < limit && before[i] < x[2 + i] && after[i] < x[2 + i] - before[i];
    detail::require<shape_error>(fits && p.size[i] >= 1 && p.size[i] < limit, "resize ", i == 0 ? "rows" : "columns",
                                 ": input ", x, " without ", before[i], " and ", after[i], " to ", p.size[i],
                                 ", expected something left and 1 to ", limit - 1);
  }
  return {x[0], x[1], p.size[0], p.size[1]};
}

namespace detail {

/// The elements of the input between which one of the output lies, and how far it is from the first to the second.
struct resize_place {
  std::size_t lower, upper;
  double fraction;
};

/// Along an axis of `in` elements, exact but for the division.
[[nodiscard]] inline resize_place place_of(const resize_params& p, std::size_t o, std::size_t in,
                                           std::size_t out) noexcept {
  std::size_t over = o * in, under = out;
  if (p.grid == resize_grid::corners) {
    over = o * (in - 1);
    under = std::max<std::size_t>(2, out) - 1;
  } else if (p.grid == resize_grid::half_pixels) {
    under = 2 * out;
    over = (2 * o + 1) * in;
    if (p.method == resize_method::nearest) return {over / under, over / under, 0.0};  // of pixels that are areas
    over = over > out ? over - out : 0;
  }
  if (p.method == resize_method::nearest) {
    const std::size_t at = p.grid == resize_grid::corners ? (2 * over + under) / (2 * under) : over / under;
    return {at, at, 0.0};
  }
  const std::size_t lower = over / under, rest = over % under;
  return {lower, std::min(lower + (rest == 0 ? 0U : 1U), in - 1),
          static_cast<double>(rest) / static_cast<double>(under)};
}

[[nodiscard]] inline double between(double a, double b, double fraction) noexcept {
  return fraction == 0.0 ? a : std::fma(fraction, b - a, a);
}

}  // namespace detail

namespace reference {

/// The scalar specification: bilinear: between the columns of both rows, then between the rows, in float64, each
/// a + fraction * (b - a) in one rounding; nearest: the element at floor of the place, with aligned corners at the
/// nearest whole number (halves upward). Places are exact; forks of Caffe compute them in float32, and may take the
/// neighbour where an exact place is whole.
template <precision_policy P>
void resize(tensor_view<const value_t<P>> x, const resize_params& p, tensor_view<value_t<P>> y) {
  const tensor_shape &xs = x.shape(), &ys = y.shape();
  const std::size_t rows = xs[2] - p.crop.top - p.crop.bottom, columns = xs[3] - p.crop.left - p.crop.right;
  std::size_t at = 0;
  for (std::size_t map = 0; map < ys[0] * ys[1]; ++map) {
    const value_t<P>* in = x.data() + (map * xs[2] + p.crop.top) * xs[3] + p.crop.left;
    for (std::size_t oy = 0; oy < ys[2]; ++oy) {
      const detail::resize_place r = detail::place_of(p, oy, rows, ys[2]);
      for (std::size_t ox = 0; ox < ys[3]; ++ox) {
        const detail::resize_place c = detail::place_of(p, ox, columns, ys[3]);
        const auto row = [&](std::size_t k) {
          const value_t<P>* first = in + k * xs[3];
          return detail::between(P::output::to_double(first[c.lower]), P::output::to_double(first[c.upper]),
                                 c.fraction);
        };
        y[at++] = P::output::from(detail::between(row(r.lower), row(r.upper), r.fraction));
      }
    }
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none. Columns in blocks, of which the rows of the input between which
/// one of the output lies are made once.
template <precision_policy P>
bool vector_resize(tensor_view<const value_t<P>> x, const resize_params& p, tensor_view<value_t<P>> y) {
  const tensor_shape &xs = x.shape(), &ys = y.shape();
  const std::size_t rows = xs[2] - p.crop.top - p.crop.bottom, columns = xs[3] - p.crop.left - p.crop.right;
  constexpr std::size_t block = 512, slack = 8, none = std::numeric_limits<std::size_t>::max();
  std::uint32_t lower[block], upper[block];
  double fraction[block + slack] = {}, made[2][block + slack];
  return run_layerwise<P>([&](auto k) {
    for (std::size_t begin = 0; begin < ys[3]; begin += block) {
      const std::size_t n = std::min(block, ys[3] - begin);
      for (std::size_t i = 0; i < n; ++i) {
        const resize_place c = place_of(p, begin + i, columns, ys[3]);
        lower[i] = static_cast<std::uint32_t>(c.lower);
        upper[i] = static_cast<std::uint32_t>(c.upper);
        fraction[i] = c.fraction;
      }
      for (std::size_t map = 0; map < ys[0] * ys[1]; ++map) {
        const value_t<P>* in = x.data() + (map * xs[2] + p.crop.top) * xs[3] + p.crop.left;
        std::size_t row_of[2] = {none, none};
        const auto row = [&](std::size_t r, std::size_t other) {
          const std::size_t place = row_of[0] == r || (row_of[1] != r && row_of[1] == other) ? 0 : 1;
          if (row_of[place] != r) k.between_elements(in + r * xs[3], lower, upper, fraction, made[place], n);
          row_of[place] = r;
          return made[place];
        };
        for (std::size_t oy = 0; oy < ys[2]; ++oy) {
          const resize_place r = place_of(p, oy, rows, ys[2]);
          value_t<P>* out = y.data() + (map * ys[2] + oy) * ys[3] + begin;
          if (p.method == resize_method::nearest) {
            const value_t<P>* from = in + r.lower * xs[3];
            for (std::size_t i = 0; i < n; ++i) out[i] = from[lower[i]];
            continue;
          }
          const double* a = row(r.lower, r.upper);
          k.between_rows(a, row(r.upper, r.lower), r.fraction, out, n);
        }
      }
    }
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates nothing.
template <precision_policy P>
void resize_into(tensor_view<const value_t<P>> x, const resize_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "resize");
  if (!detail::vector_resize<P>(x, p, y)) reference::resize<P>(x, p, y);
}

/// N x C x H x W resized.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> resize(const X& x, const resize_params& p) {
  const detail::op_input<P, X> in(x, "resize");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  resize_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
