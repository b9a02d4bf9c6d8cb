// What the kernels of every instruction set have in common: the shape of a register tile and the job of finishing one.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <nniesim/formats/events.hpp>
#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/kernels/isa.hpp>
#include <nniesim/precision/mac_stage.hpp>

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

/// The steps of a chain: `runs` runs (one at least) of `steps` steps each, whose first steps are `distance` apart. One
/// run is a whole chain; several leave out, channel by channel, the taps that fall on the padding.
struct chain_steps {
  std::size_t runs = 1;
  std::size_t steps = 0;
  std::size_t distance = 0;
};

/// Computes a tile. Step t of a panel is `vectors * lanes` weights, one per output; row i at step t is a[offset[t] + i]
/// (convolution, straight from the padded planes). sum[i][j] is the chain of the products of all steps in their order,
/// starting at zero. A kernel may compute up to max_rows rows: as many elements behind the last row must be readable,
/// and `sum` holds max_tile.
template <class T, class Sum>
using adjacent_function = void (*)(const T* a, const std::int32_t* offset, const T* w, chain_steps chain,
                                   std::size_t rows, std::size_t vectors, Sum* sum);
/// The same with row i at step t being a[i * stride + t] (matrices). With `resume` the chains go on from `sum`, so that
/// they can be cut anywhere.
template <class T, class Sum>
using strided_function = void (*)(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows,
                                  std::size_t vectors, Sum* sum, bool resume);

/// Rows of layer values to turn into operands: value i of row r is in[r * in_step + i], and out likewise. Operands that
/// hold several channels take `channels` of them, `distance` values apart.
template <class Value, class Operand>
struct quantize_job {
  const Value* in;
  std::ptrdiff_t in_step;
  std::size_t channels;
  std::size_t distance;
  Operand* out;
  std::ptrdiff_t out_step;
  std::size_t rows;
  std::size_t n;
};

/// How the codes of uniform integers stand in the 32-bit words that are multiplied: this many to a word, each with
/// `bias` added on the activation side (a multiplication of unsigned by signed bytes; the sums are corrected by bias *
/// sum of weights).
struct word_packing {
  std::size_t codes = 4;
  std::int32_t bias = 0;
};

/// An integer sum without what the packing's bias added; both may have wrapped.
template <class Sum>
[[nodiscard]] constexpr Sum corrected(Sum sum, Sum correction) noexcept {
  return static_cast<Sum>(static_cast<std::uint64_t>(sum) - static_cast<std::uint64_t>(correction));
}

/// Integer sums of 16-bit codes are summed as two of 32 bits: weight = 256 * high + low with low in -128 .. 127. So
/// many steps of two products each cannot leave 32 bits.
inline constexpr std::size_t split_steps = 255;

/// The two halves of the floats that packed codes decode to (code_panels.hpp); the code itself is added to the upper.
struct code_tables {
  alignas(64) std::array<std::uint16_t, 128> high;
  alignas(64) std::array<std::uint16_t, 128> low;
};

/// Where the split sums find their rows, step after step.
struct adjacent_rows_at {
  const std::int32_t* a;
  const std::int32_t* offset;

  template <std::size_t Rows>
  struct cursor {
    explicit cursor(const adjacent_rows_at& at, std::size_t step) noexcept : a(at.a), offset(at.offset + step) {}
    [[nodiscard]] std::int32_t operator[](std::size_t row) const noexcept {
      return a[*offset + static_cast<std::ptrdiff_t>(row)];
    }
    void next() noexcept { ++offset; }
    const std::int32_t* a;
    const std::int32_t* offset;
  };
};
struct strided_rows_at {
  const std::int32_t* a;
  std::ptrdiff_t stride;

  template <std::size_t Rows>
  struct cursor {
    explicit cursor(const strided_rows_at& at, std::size_t step) noexcept : stride(at.stride) {
      for (std::size_t i = 0; i < pointers; ++i) {
        row[i] = at.a + static_cast<std::ptrdiff_t>(3 * i) * stride + static_cast<std::ptrdiff_t>(step);
      }
    }
    [[nodiscard]] std::int32_t operator[](std::size_t i) const noexcept {
      return row[i / 3][static_cast<std::ptrdiff_t>(i % 3) * stride];
    }
    void next() noexcept {
      for (auto& r : row) ++r;
    }
    /// One for every three rows: base, base + stride and base + 2 * stride are all x86 addresses.
    static constexpr std::size_t pointers = (Rows + 2) / 3;
    std::ptrdiff_t stride;
    const std::int32_t* row[pointers];
  };
};

/// What follows the sums of a layer.
struct output_stage {
  bool relu = false;               ///< negative values become +0
  event_counts* events = nullptr;  ///< told what happened to the values written, before relu
};

/// How a finished sum becomes an output.
enum class finish_rule {
  integer_stage,  ///< floor((sum + bias) * multiplier) + shift, in 1/4096: mac_stage::apply
  real_stage,     ///< fma(sum, multiplier, shift), in float64
  float_sum,      ///< sum + bias, in float32
};

/// The numbers of the rule, one per output; those that a rule does not name are not read. Vectors are read whole: as
/// many as finish_slack elements behind the last output are readable.
struct finish_constants {
  finish_rule rule = finish_rule::real_stage;
  const double* multiplier = nullptr;  ///< of the integer stage with its power of two: mac_stage::scaled_multiplier
  const double* shift = nullptr;
  const double* bias = nullptr;       ///< of the integer stage
  const float* float_bias = nullptr;  ///< of float sums
  sum_rounding rounding = sum_rounding::none;
  bool fits = false;  ///< no sum that the layer can have takes the integer stage out of 32 bits

  /// From output `first` on.
  [[nodiscard]] finish_constants from(std::size_t first) const noexcept {
    finish_constants c = *this;
    for (const double** p : {&c.multiplier, &c.shift, &c.bias}) *p = *p == nullptr ? nullptr : *p + first;
    c.float_bias = float_bias == nullptr ? nullptr : float_bias + first;
    return c;
  }
};
inline constexpr std::size_t finish_slack = 64;

/// Rounds sums in place.
template <class Sum>
inline void round_sums(Sum* sum, std::size_t n, sum_rounding rounding) {
  if constexpr (std::floating_point<Sum>) {
    for (std::size_t i = 0; i < n; ++i) sum[i] = rounded(sum[i], rounding);
  }
}

/// One output in plain code, from its sum as float or double. Steps of 1/4096 are exact in double, so that the output
/// format sees what happened to them.
template <class Total>
[[nodiscard]] inline double finished(Total sum, const finish_constants& c, std::size_t i) {
  const auto x = static_cast<double>(sum);
  if constexpr (std::same_as<Total, float>) {
    if (c.rule == finish_rule::float_sum) return static_cast<double>(sum + c.float_bias[i]);
  }
  if (c.rule == finish_rule::integer_stage) {
    const double product = (x + c.bias[i]) * c.multiplier[i];
    return (std::floor(product) + c.shift[i]) * 0x1p-12;
  }
  return std::fma(x, c.multiplier[i], c.shift[i]);
}

/// Where a tile of finished sums goes: element (row, column) to out[row * row_step + column * column_step].
template <class Sum, class Out>
struct finish_job {
  Sum* sum;                 ///< rows x sum_columns; rounded in place
  std::size_t sum_columns;  ///< distance between rows of `sum`
  std::size_t rows;
  std::size_t columns;         ///< how many of them are real outputs
  finish_constants constants;  ///< from the first column on
  const Sum* correction;       ///< one per column, subtracted from integer sums
  Out* out;
  std::ptrdiff_t row_step;
  std::ptrdiff_t column_step;
  output_stage stage;
};

/// One output channel alone, neighbouring outputs in neighbouring lanes: rows x n outputs, row r being the chains of
/// w[t] * a[r * a_step + offset[t] + i]. 64 elements behind the last must be readable.
template <class T, class Out>
struct channel_job {
  const T* a;
  std::ptrdiff_t a_step;
  const std::int32_t* offset;
  const T* w;
  std::size_t steps;
  bool is_3x3;  ///< the steps are those of a 3 x 3 kernel
  std::size_t rows;
  std::size_t n;
  finish_constants constants;  ///< of this one output
  Out* out;                    ///< rows one behind the other
  output_stage stage;
};

}  // namespace kernels

NNIESIM_END_NAMESPACE
