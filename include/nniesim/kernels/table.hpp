// The kernels of one instruction set as a table of functions. Every entry gives the bits of the scalar specification;
// only the tile sizes and the speed differ.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/formats/uniform.hpp>
#include <nniesim/kernels/isa.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// Register tiles of sums: `rows` activations times a panel of `vectors * lanes` weights.
///
/// A panel holds `vectors * lanes` outputs side by side: step t of it is that many elements of T, one per output.
/// sum[i][j] starts at zero (or at what is there, with `resume`) and takes, for t = 0 .. steps-1 in this order, the
/// product of w[t][j] and the activation of row i at step t. So a chain can be cut and continued anywhere.
template <class T, class Sum>
struct tile_kernels {
  std::size_t lanes = 0;        ///< outputs per vector
  std::size_t max_vectors = 0;  ///< vectors in a full panel
  std::size_t max_rows = 0;     ///< rows in a full tile
  /// Row i at step t is a[offset[t] + i]: convolution, straight from the padded planes.
  void (*adjacent)(const T* a, const std::int32_t* offset, const T* w, std::size_t steps, std::size_t rows,
                   std::size_t vectors, Sum* sum, bool resume) = nullptr;
  /// Row i at step t is a[i * stride + t]: matrices.
  void (*strided)(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows,
                  std::size_t vectors, Sum* sum, bool resume) = nullptr;
};

/// Where a tile of finished sums goes: element (row, column) to out[row * row_step + column * column_step].
template <class Sum, class Out>
struct finish_job {
  const Sum* sum;            ///< rows x sum_columns
  std::size_t sum_columns;   ///< distance between rows of `sum`
  std::size_t rows;
  std::size_t columns;       ///< how many of them are real outputs
  const float* bias;         ///< one per column
  double scale;              ///< of integer sums
  Out* out;
  std::ptrdiff_t row_step;
  std::ptrdiff_t column_step;
};

/// One instruction set.
struct table {
  isa id = isa::scalar;

  tile_kernels<float, float> chain32;
  tile_kernels<double, double> chain64;

  void (*finish_float)(const finish_job<float, float>&) = nullptr;
  void (*finish_q20_12)(const finish_job<float, q20_12>&) = nullptr;

  // Whole tensors, n elements; `in` and `out` may be the same array where their types agree.
  void (*fake_quantize8)(const float* in, float* out, std::size_t n, gfpq8::scale) = nullptr;
  void (*fake_quantize16)(const float* in, float* out, std::size_t n, gfpq16::scale) = nullptr;
  void (*fake_quantize8_q20_12)(const q20_12* in, float* out, std::size_t n, gfpq8::scale) = nullptr;
  void (*fake_quantize16_q20_12)(const q20_12* in, float* out, std::size_t n, gfpq16::scale) = nullptr;
  void (*encode8)(const float* in, gfpq8::code* out, std::size_t n, gfpq8::scale) = nullptr;
  void (*encode16)(const float* in, gfpq16::code* out, std::size_t n, gfpq16::scale) = nullptr;
  void (*decode8)(const gfpq8::code* in, float* out, std::size_t n, gfpq8::scale) = nullptr;
  void (*decode16)(const gfpq16::code* in, float* out, std::size_t n, gfpq16::scale) = nullptr;
  /// Bits of the largest |x| that is not NaN.
  float (*max_magnitude)(const float* in, std::size_t n) = nullptr;
  /// The largest |x| of raw values, as a float.
  float (*max_magnitude_q20_12)(const q20_12* in, std::size_t n) = nullptr;
  void (*to_q20_12)(const float* in, q20_12* out, std::size_t n) = nullptr;
  void (*from_q20_12)(const q20_12* in, float* out, std::size_t n) = nullptr;
};

}  // namespace kernels

NNIESIM_END_NAMESPACE
