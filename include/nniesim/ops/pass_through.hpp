// PassThrough: blocks of a map become channels, as YOLO v2's reorganisation has it, and the ways back.
#pragma once

#include <array>
#include <cstddef>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Which channel an element of a block becomes, of C channels, in a block's row r and column s:
///   blocks    (r * columns + s) * C + c. The compiler's PassThrough (inferred from a public fork with its parameters
///             and from the successor's operator; no compiled model with one was seen).
///   darknet   what darknet's reorg, and Reorg in most forks of Caffe, do (one has it the other way round): the map is
///             first read as one of C / (rows * columns) channels that is rows x columns times as large, and blocks are
///             taken of that.
/// The ways back, from channels to blocks:
///   to_space  the inverse of `blocks` (Reorg's reverse).
///   shuffle   channel (c * rows + r) * columns + s becomes channel c: the pixel shuffle of super-resolution.
enum class block_order { blocks, darknet, to_space, shuffle };

/// Parameters of the compiler's PassThrough, and of layers of Caffe's forks: Reorg and the pixel shuffle.
struct pass_through_params {
  std::array<std::size_t, 2> block{2, 2};   ///< rows and columns
  block_order order = block_order::blocks;  ///< which element of a block becomes which channel
};

/// N x (C * rows * columns) x H/rows x W/columns, or the reverse. Throws shape_error for an input that is not
/// N x C x H x W or does not divide.
[[nodiscard]] inline tensor_shape infer_shape(const pass_through_params& p, const tensor_shape& x) {
  require_rank(x, 4, "pass_through input", "batch, channels, rows, columns");
  const auto [rows, columns] = p.block;
  constexpr std::size_t limit = std::size_t{1} << 24U;
  const bool to_space = p.order == block_order::to_space || p.order == block_order::shuffle;
  const bool sane = rows >= 1 && columns >= 1 && rows < limit && columns < limit;
  const bool divides = sane && (to_space || (x[2] % rows == 0 && x[3] % columns == 0)) &&
                       (!(to_space || p.order == block_order::darknet) || x[1] % (rows * columns) == 0);
  detail::require<shape_error>(divides, "pass_through: blocks of ", rows, " x ", columns, " of input ", x,
                               ", expected ",
                               to_space                          ? "channels in multiples of a block"
                               : p.order == block_order::darknet ? "rows, columns and channels in multiples of a block"
                                                                 : "rows and columns in multiples of a block");
  if (to_space) return {x[0], x[1] / (rows * columns), x[2] * rows, x[3] * columns};
  return {x[0], x[1] * rows * columns, x[2] / rows, x[3] / columns};
}

namespace reference {

/// The scalar specification. Elements keep their bits.
template <class T>
void pass_through(tensor_view<const T> x, const pass_through_params& p, tensor_view<T> y) {
  const auto [rows, columns] = p.block;
  const std::size_t area = rows * columns, batch = x.shape()[0];
  const bool to_space = p.order == block_order::to_space || p.order == block_order::shuffle;
  // `deep` has blocks in its channels, `wide` in its rows and columns.
  std::size_t channels = x.shape()[1], height = x.shape()[2], width = x.shape()[3];
  if (to_space) {
    channels /= area;
  } else if (p.order == block_order::darknet) {
    channels /= area;  // of the map as which x is read, rows x columns times as large
  } else {
    height /= rows;
    width /= columns;
  }
  for (std::size_t n = 0; n < batch; ++n) {
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t h = 0; h < height; ++h) {
        for (std::size_t w = 0; w < width; ++w) {
          for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t s = 0; s < columns; ++s) {
              const std::size_t block = r * columns + s;
              const std::size_t channel = p.order == block_order::shuffle ? c * area + block : block * channels + c;
              const std::size_t deep = ((n * channels * area + channel) * height + h) * width + w;
              const std::size_t wide =
                  ((n * channels + c) * height * rows + h * rows + r) * width * columns + w * columns + s;
              if (to_space) y[wide] = x[deep];
              else y[deep] = x[wide];
            }
          }
        }
      }
    }
  }
}

}  // namespace reference

/// Checks, then moves into `y`, which must have the inferred shape. Allocates nothing.
template <class T>
void pass_through_into(tensor_view<const T> x, const pass_through_params& p, tensor_view<T> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "pass_through");
  reference::pass_through<T>(x, p, y);
}

/// Blocks of N x C x H x W as channels, or the reverse.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> pass_through(const X& x, const pass_through_params& p = {}) {
  const detail::op_input<P, X> in(x, "pass_through");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  pass_through_into<value_t<P>>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
