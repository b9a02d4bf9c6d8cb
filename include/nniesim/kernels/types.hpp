// What the kernels of every instruction set have in common: the shape of a register tile and the job of finishing one.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/kernels/isa.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// A register tile: `rows` activations times a panel of `vectors * lanes` outputs.
struct tile_shape {
  std::size_t lanes = 0;        ///< outputs per vector
  std::size_t max_vectors = 0;  ///< vectors in a full panel
  std::size_t max_rows = 0;     ///< rows in a full tile
};

/// The most sums that any tile has.
inline constexpr std::size_t max_tile = 14 * 32;

/// Computes a tile. Step t of a panel is `vectors * lanes` weights, one per output; row i at step t is a[offset[t] + i]
/// (convolution, straight from the padded planes). sum[i][j] starts at zero, or at what is there with `resume`, and
/// takes the products of t = 0 .. steps-1 in this order, so that a chain can be cut and continued anywhere. A kernel
/// may compute up to max_rows rows: as many elements behind the last row must be readable, and `sum` holds max_tile.
template <class T, class Sum>
using adjacent_function = void (*)(const T* a, const std::int32_t* offset, const T* w, std::size_t steps,
                                   std::size_t rows, std::size_t vectors, Sum* sum, bool resume);
/// The same with row i at step t being a[i * stride + t] (matrices).
template <class T, class Sum>
using strided_function = void (*)(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows,
                                  std::size_t vectors, Sum* sum, bool resume);
/// One output channel alone, neighbouring outputs side by side: sum[i] is the chain of w[t] * a[offset[t] + i] for i <
/// n, n at most row_length. As many elements behind the last must be readable.
template <class T, class Sum>
using row_function = void (*)(const T* a, const std::int32_t* offset, const T* w, std::size_t steps, std::size_t n,
                              Sum* sum);
inline constexpr std::size_t row_length = 64;

/// How the codes of uniform8 stand in the 32-bit words that are multiplied: this many to a word, each with `bias` added
/// on the activation side (a multiplication of unsigned by signed bytes; the sums are corrected by bias * sum of
/// weights).
struct word_packing {
  std::size_t codes = 4;
  std::int32_t bias = 0;
};

/// Where a tile of finished sums goes: element (row, column) to out[row * row_step + column * column_step].
template <class Sum, class Out>
struct finish_job {
  const Sum* sum;           ///< rows x sum_columns
  std::size_t sum_columns;  ///< distance between rows of `sum`
  std::size_t rows;
  std::size_t columns;    ///< how many of them are real outputs
  const float* bias;      ///< one per column
  const Sum* correction;  ///< one per column, subtracted from integer sums
  double scale;           ///< of integer sums
  Out* out;
  std::ptrdiff_t row_step;
  std::ptrdiff_t column_step;
};

}  // namespace kernels

NNIESIM_END_NAMESPACE
