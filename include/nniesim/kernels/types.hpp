// What the kernels of every instruction set have in common: the shape of a register tile and the job of finishing one.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nniesim/formats/events.hpp>
#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/kernels/isa.hpp>
#include <nniesim/precision/mac_stage.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

// An output is a chain: sum = fma(w, x, sum), step after step. Here with 2 vectors of 4 lanes:
//
//                         first vector        second vector
//             output     0   1   2   3   |   4   5   6   7      the next panel has outputs 8 ... 15
//
//   panel     step 0    w00 w01 w02 w03  |  w04 w05 w06 w07     weights, in the order in which they stand in memory;
//             step 1    w10 w11 w12 w13  |  w14 w15 w16 w17     w10 is that of step 1 and output 0
//             step 2    w20 w21 w22 w23  |  w24 w25 w26 w27
//             ...
//
//   tile      row 0      s   s   s   s   |   s   s   s   s      sums, in registers over all steps. Each step
//             row 1      s   s   s   s   |   s   s   s   s      loads its weights once for all rows, spreads an x
//             row 2      s   s   s   s   |   s   s   s   s      of each row over the lanes, and adds w * x. Rows
//                                                               are neighbouring pixels (adjacent) or samples
//                                                               (strided).
//
//   A step is what is added to a sum at once: of a convolution one tap of one channel, in the order channel, row,
//   column, or where words are packed that tap of several channels.
//
//   A run is steps without a gap. A chain is one, unless taps fall on the padding: of a 3 x 3 kernel whose upper row
//   does, every channel is a run.
//
//   steps     0   1   2   3   4   5   6   7   8  |  9  10  11  12  13  14  15  16  17  |  18 ...
//             .   .   . [ run 0: steps = 6     ] |  .   .   .[ run 1                 ]
//                         ^------------ distance = 9 ----------^

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
  std::size_t runs = 1;      ///< at least one
  std::size_t steps = 0;     ///< of each run
  std::size_t distance = 0;  ///< in steps, from the first step of a run to that of the next
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

/// Rows of layer values to turn into operands: value i of row r is in[r * in_pitch + i], and out likewise. Operands
/// that hold several channels take `channels` of them, `distance` values apart.
template <class Value, class Operand>
struct quantize_job {
  const Value* in;           ///< the first value of row 0
  std::ptrdiff_t in_pitch;   ///< values from one row to the next
  std::size_t channels;      ///< that one operand takes
  std::size_t distance;      ///< values from one channel to the next
  Operand* out;              ///< the first operand of row 0
  std::ptrdiff_t out_pitch;  ///< operands from one row to the next
  std::size_t rows;          ///< how many there are
  std::size_t n;             ///< operands in a row
};

/// How the codes of uniform integers stand in the 32-bit words that are multiplied: this many to a word, each with
/// `bias` added on the activation side (a multiplication of unsigned by signed bytes; the sums are corrected by bias *
/// sum of weights).
struct word_packing {
  std::size_t codes = 4;  ///< in a word
  std::int32_t bias = 0;  ///< added to each code of the activations
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
  alignas(64) std::array<std::uint16_t, 128> high;  ///< upper half, less what the code adds to it
  alignas(64) std::array<std::uint16_t, 128> low;   ///< lower half
};

/// The most rows that are multiplied with packed codes as these are decoded.
inline constexpr std::size_t most_code_rows = 6;

/// Where the split sums find their rows, step after step.
struct adjacent_rows_at {
  const std::int32_t* a;       ///< element 0 of the padded planes
  const std::int32_t* offset;  ///< of each step, in elements

  /// Goes from step to step through the activations of a tile of at most Rows rows.
  template <std::size_t Rows>
  struct cursor {
    /// Begins at the given step.
    explicit cursor(const adjacent_rows_at& at, std::size_t step) noexcept : a(at.a), offset(at.offset + step) {}
    /// The activation of the row at this step.
    [[nodiscard]] std::int32_t operator[](std::size_t row) const noexcept {
      return a[*offset + static_cast<std::ptrdiff_t>(row)];
    }
    /// Goes on to the next step.
    void next() noexcept { ++offset; }
    const std::int32_t* a;       ///< element 0 of the padded planes
    const std::int32_t* offset;  ///< of this step
  };
};
/// The same for rows `stride` elements apart, whose steps stand one behind the other.
struct strided_rows_at {
  const std::int32_t* a;  ///< row 0 at step 0
  std::ptrdiff_t stride;  ///< elements from one row to the next

  /// Goes from step to step through the activations of a tile of at most Rows rows.
  template <std::size_t Rows>
  struct cursor {
    /// Begins at the given step.
    explicit cursor(const strided_rows_at& at, std::size_t step) noexcept : stride(at.stride) {
      for (std::size_t i = 0; i < pointers; ++i) {
        row[i] = at.a + static_cast<std::ptrdiff_t>(3 * i) * stride + static_cast<std::ptrdiff_t>(step);
      }
    }
    /// The activation of row i at this step.
    [[nodiscard]] std::int32_t operator[](std::size_t i) const noexcept {
      return row[i / 3][static_cast<std::ptrdiff_t>(i % 3) * stride];
    }
    /// Goes on to the next step.
    void next() noexcept {
      for (auto& r : row) ++r;
    }
    /// One for every three rows: base, base + stride and base + 2 * stride are all x86 addresses.
    static constexpr std::size_t pointers = (Rows + 2) / 3;
    std::ptrdiff_t stride;              ///< elements from one row to the next
    const std::int32_t* row[pointers];  ///< rows 0, 3, 6 ... at this step
  };
};

/// Copies n bytes, `Most` at most.
template <std::size_t Most>
inline void copy_few(std::uint8_t* to, const std::uint8_t* from, std::size_t n) {
  if (n == Most) {
    std::memcpy(to, from, Most);
  } else {
    for (std::size_t i = 0; i < n; ++i) to[i] = from[i];
  }
}

/// Why codes of packed levels may not be known.
enum class doubt {
  of_ends,    ///< two levels are given, and only where they are the same it is that one
  of_levels,  ///< levels whose magnitudes zero is not told from: it has a part of one; infinities and NaN
};

/// What follows the sums of a layer.
struct output_stage {
  bool relu = false;               ///< negative values become +0
  event_counts* events = nullptr;  ///< told what happened to the values written, before relu
  int z = 0;                       ///< of outputs that are stored as codes: their scale
};

/// How a layer stores its outputs: as values, or, where their scale is known before, as codes of values in q20_12.
template <class Out>
struct stored {
  using value = Out;                      ///< what is computed for an output
  static constexpr bool is_code = false;  ///< whether it is stored as a code
};
/// Outputs stored as gfpq8 codes.
template <>
struct stored<gfpq8::code> {
  using value = q20_12;                  ///< what is computed for an output
  using format = gfpq8;                  ///< of the code
  static constexpr bool is_code = true;  ///< whether it is stored as a code
};
/// Outputs stored as gfpq16 codes.
template <>
struct stored<gfpq16::code> {
  using value = q20_12;                  ///< what is computed for an output
  using format = gfpq16;                 ///< of the code
  static constexpr bool is_code = true;  ///< whether it is stored as a code
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
  finish_rule rule = finish_rule::real_stage;  ///< tells which of the numbers are read
  const double* multiplier = nullptr;  ///< of the integer stage with its power of two: mac_stage::scaled_multiplier
  const double* shift = nullptr;       ///< added last; of the integer stage in 1/4096
  const double* bias = nullptr;        ///< of the integer stage
  const float* float_bias = nullptr;   ///< of float sums
  sum_rounding rounding = sum_rounding::none;  ///< of floating-point sums, before the rule
  bool fits = false;  ///< no sum that the layer can have takes an output in 1/4096 out of 32 bits

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

/// Where a tile of finished sums goes: element (row, column) to out[row * row_pitch + column * column_pitch].
template <class Sum, class Out>
struct finish_job {
  Sum* sum;                     ///< rows x sum_columns; rounded in place
  std::size_t sum_columns;      ///< distance between rows of `sum`
  std::size_t rows;             ///< how many rows of sums there are
  std::size_t columns;          ///< how many of them are real outputs
  finish_constants constants;   ///< from the first column on
  const Sum* correction;        ///< one per column and to the end of a vector, subtracted from integer sums
  Out* out;                     ///< where element (0, 0) goes
  std::ptrdiff_t row_pitch;     ///< outputs from one row to the next
  std::ptrdiff_t column_pitch;  ///< outputs from one column to the next
  output_stage stage;           ///< what becomes of the finished values
};

/// Outputs of a few channels, neighbouring ones of a map in neighbouring lanes: output (o, r, i) is the chain of
/// w[t * channels + o] * a[r * a_step + offset[t] + i] over the steps t and goes to out[o * out_pitch + r * n + i]. As
/// many as pixel_slack elements behind the last must be readable.
template <class T, class Out>
struct pixel_job {
  const T* a;                  ///< activations
  std::ptrdiff_t a_step;       ///< elements from one row to the next
  const std::int32_t* offset;  ///< of each step, in elements
  const T* w;                  ///< `channels` weights for each step
  std::size_t steps;           ///< of a chain
  bool is_3x3;                 ///< one channel, whose steps are those of a 3 x 3 kernel
  std::size_t channels;        ///< one of pixel_channels
  std::size_t rows;            ///< of outputs
  std::size_t n;               ///< outputs in a row
  finish_constants constants;  ///< from the first channel on
  Out* out;                    ///< the first output of channel 0
  std::size_t out_pitch;       ///< outputs from one channel to the next
  output_stage stage;          ///< what becomes of the finished values
};
inline constexpr std::size_t pixel_slack = 64;

/// How many of `left` channels make the next panel of a pixel_job: 6, 4, 2 or 1, so that little is left over.
[[nodiscard]] constexpr std::size_t pixel_channels(std::size_t left) noexcept {
  if (left >= 6 && left != 8) return 6;
  return left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

namespace layerwise {

/// The element types that have kernels.
template <class T>
concept layer_value = std::same_as<T, float> || std::same_as<T, q20_12>;

/// The powers that are made of correctly rounded operations: the k-th power or the root, or one divided by that.
struct exact_power {
  int power;        ///< 1, 2, 3; 0 stands for the square root
  bool reciprocal;  ///< one divided by the power
};

/// Windows over rows of a map: rows x columns elements each, `row` elements from one row to the next, neighbouring
/// windows `stride` columns apart.
struct windows {
  std::size_t row,  ///< elements from one row of the map to the next
      rows,         ///< of a window
      columns,      ///< of a window
      stride;       ///< columns from one window to the next
};

/// How many sums a comparison keeps, and how many interleaved chains each has.
inline constexpr std::size_t comparison_sums = 6;
inline constexpr std::size_t comparison_chains = 8;

}  // namespace layerwise

}  // namespace kernels

NNIESIM_END_NAMESPACE
