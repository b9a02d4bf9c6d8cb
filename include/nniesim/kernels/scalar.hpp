// The scalar kernels: the specification of every other instruction set's, in plain loops of std::fma and of the
// formats' own one-value functions.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include <nniesim/formats/uniform.hpp>
#include <nniesim/kernels/types.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels::scalar {

/// The scalar kernels, under the names that the kernels of every instruction set have.
struct kernel_set {
  static constexpr isa id = isa::scalar;        ///< whose kernels these are
  static constexpr isa base_id = isa::scalar;   ///< of the set that it shares all but products of integers with: itself
  static constexpr word_packing words{4, 128};  ///< of 8-bit codes
  static constexpr bool has_code_panels = false;  ///< whether there are kernels for code_panels
  static constexpr std::size_t lanes = 8;         ///< outputs in a vector
  /// The tile for operands of type T and sums of type Sum.
  template <class T, class Sum>
  static constexpr tile_shape tile{lanes, 2, 4};

  /// A step of a chain of floats or doubles.
  template <class T>
  static T multiply_add(T w, T x, T sum) {
    return std::fma(w, x, sum);
  }
  /// Four signed bytes times four unsigned ones.
  static std::int32_t multiply_add(std::int32_t w, std::int32_t x, std::int32_t sum) {
    auto wrapped =
        static_cast<std::uint32_t>(sum);  // the bias may carry it over the range; the correction takes it back
    for (unsigned shift = 0; shift < 32; shift += 8) {
      const auto a = static_cast<std::int32_t>(static_cast<std::uint32_t>(x) >> shift & 255U);
      wrapped +=
          static_cast<std::uint32_t>(static_cast<std::int8_t>(static_cast<std::uint32_t>(w) >> shift & 255U) * a);
    }
    return static_cast<std::int32_t>(wrapped);
  }

  /// Adds `steps` products to each of rows x vectors * lanes sums, which start at zero unless `resume` is set. The
  /// activation of row i at step t is row(i, t).
  template <class T, class Row>
  static void run_tile(Row row, const T* w, std::size_t steps, std::size_t rows, std::size_t vectors, T* sum,
                       bool resume) {
    const std::size_t columns = vectors * lanes;
    if (!resume) std::fill_n(sum, rows * columns, T{0});
    for (std::size_t t = 0; t < steps; ++t) {
      for (std::size_t i = 0; i < rows; ++i) {
        const T x = row(i, t);
        for (std::size_t j = 0; j < columns; ++j) {
          sum[i * columns + j] = multiply_add(w[t * columns + j], x, sum[i * columns + j]);
        }
      }
    }
  }
  /// As adjacent_function describes.
  template <class T>
  static void adjacent(const T* a, const std::int32_t* offset, const T* w, chain_steps chain, std::size_t rows,
                       std::size_t vectors, T* sum) {
    for (std::size_t run = 0; run < chain.runs; ++run) {
      const std::int32_t* o = offset + run * chain.distance;
      run_tile([&](std::size_t i, std::size_t t) { return a[o[t] + static_cast<std::ptrdiff_t>(i)]; },
               w + run * chain.distance * vectors * lanes, chain.steps, rows, vectors, sum, run != 0);
    }
  }
  /// As strided_function describes.
  template <class T>
  static void strided(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, T* sum, bool resume) {
    run_tile([&](std::size_t i,
                 std::size_t t) { return a[static_cast<std::ptrdiff_t>(i) * stride + static_cast<std::ptrdiff_t>(t)]; },
             w, steps, rows, vectors, sum, resume);
  }
  /// Pairs of 16-bit codes; the weights' high parts, then their low ones, per vector of outputs.
  template <class At>
  static void split(At at, const std::int32_t* w, std::size_t steps, std::size_t rows, std::size_t vectors,
                    std::int64_t* sum, bool resume) {
    const auto product = [](std::int32_t a, std::int32_t b) {
      const auto half = [](std::int32_t x, unsigned shift) {
        return std::int64_t{static_cast<std::int16_t>(static_cast<std::uint32_t>(x) >> shift & 0xffffU)};
      };
      return half(a, 0) * half(b, 0) + half(a, 16) * half(b, 16);
    };
    if (!resume) std::fill_n(sum, rows * vectors * lanes, 0);
    typename At::template cursor<tile<std::int32_t, std::int64_t>.max_rows> row(at, 0);
    for (std::size_t t = 0; t < steps; ++t, row.next()) {
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < vectors * lanes; ++j) {
          const std::int32_t* b = w + (t * vectors + j / lanes) * 2 * lanes + j % lanes;
          sum[i * vectors * lanes + j] += 256 * product(b[0], row[i]) + product(b[lanes], row[i]);
        }
      }
    }
  }

  /// The output for a sum: a rounding of the finished value, then what follows.
  template <class Out, class Sum>
  static Out written(Sum sum, const finish_constants& c, std::size_t i, const output_stage& stage) {
    if constexpr (stored<Out>::is_code) {
      using format = typename stored<Out>::format;
      const auto value = written<typename stored<Out>::value>(sum, c, i, stage);
      return format::encode(static_cast<float>(value), typename format::scale(stage.z));
    } else if constexpr (std::same_as<Out, float>) {
      const auto y = static_cast<float>(finished(sum, c, i));
      return stage.relu && !(y > 0) ? 0.0F : y;
    } else {
      const double total = finished(sum, c, i);
      const Out x = stage.events != nullptr ? Out::from(total, *stage.events) : Out::from(total);
      return stage.relu && x < Out{} ? Out{} : x;
    }
  }
  /// Finishes a tile of sums by the rule of the job's constants.
  template <finish_rule, class Sum, class Out>
  static void finish(const finish_job<Sum, Out>& job) {
    if (job.constants.rounding != sum_rounding::none) {
      round_sums(job.sum, job.rows * job.sum_columns, job.constants.rounding);
    }
    for (std::size_t i = 0; i < job.rows; ++i) {
      for (std::size_t j = 0; j < job.columns; ++j) {
        Out& out =
            job.out[static_cast<std::ptrdiff_t>(i) * job.row_pitch + static_cast<std::ptrdiff_t>(j) * job.column_pitch];
        const Sum sum = job.sum[i * job.sum_columns + j];
        if constexpr (std::integral<Sum>) {
          out = written<Out>(static_cast<double>(corrected(sum, job.correction[j])), job.constants, j, job.stage);
        } else {
          out = written<Out>(sum, job.constants, j, job.stage);
        }
      }
    }
  }
  /// Computes the outputs of a pixel_job by the rule of its constants.
  template <finish_rule, class T, class Out>
  static void pixels(const pixel_job<T, Out>& job) {
    for (std::size_t o = 0; o < job.channels; ++o) {
      for (std::size_t r = 0; r < job.rows; ++r) {
        const T* a = job.a + static_cast<std::ptrdiff_t>(r) * job.a_step;
        for (std::size_t i = 0; i < job.n; ++i) {
          T sum{};
          for (std::size_t t = 0; t < job.steps; ++t) {
            sum = multiply_add(job.w[t * job.channels + o], a[job.offset[t] + static_cast<std::ptrdiff_t>(i)], sum);
          }
          job.out[o * job.out_pitch + r * job.n + i] =
              written<Out>(rounded(sum, job.constants.rounding), job.constants, o, job.stage);
        }
      }
    }
  }

  /// Calls f(value, place) for every value of a job.
  template <class Value, class Operand, class F>
  static void for_rows(const quantize_job<Value, Operand>& job, std::size_t channel, F f) {
    for (std::size_t r = 0; r < job.rows; ++r) {
      const auto row = static_cast<std::ptrdiff_t>(r);
      const Value* in = job.in + row * job.in_pitch + channel * job.distance;
      Operand* out = job.out + row * job.out_pitch;
      for (std::size_t i = 0; i < job.n; ++i) f(static_cast<float>(in[i]), out[i]);
    }
  }
  /// Values of the codes in units of the scale.
  template <class F, class Value>
  static void quantize(const quantize_job<Value, float>& job, typename F::scale s) {
    for_rows(job, 0, [s](float x, float& out) { out = F::in_units(F::encode(x, s)); });
  }
  /// The same of codes.
  template <class F>
  static void decode_in_units(const quantize_job<typename F::code, float>& job) {
    for (std::size_t r = 0; r < job.rows; ++r) {
      const auto row = static_cast<std::ptrdiff_t>(r);
      std::transform(job.in + row * job.in_pitch, job.in + row * job.in_pitch + job.n, job.out + row * job.out_pitch,
                     F::in_units);
    }
  }
  /// To `even` and `odd` by turns.
  template <class F>
  static void decode_by_turns(const typename F::code* in, std::size_t n, float* even, float* odd) {
    for (std::size_t i = 0; i < n; ++i) (i % 2 == 0 ? even : odd)[i / 2] = F::in_units(in[i]);
  }
  /// The code of x in steps of `step`: of uniform8 where `most` is its largest code, else of uniform16.
  static std::int32_t uniform_code(float x, float step, std::int32_t most) {
    return most == uniform8::max_code ? std::int32_t{uniform8::encode(x, uniform8::scale(step))}
                                      : std::int32_t{uniform16::encode(x, uniform16::scale(step))};
  }
  /// Uniform codes as floats.
  template <class Value>
  static void quantize_uniform(const quantize_job<Value, float>& job, float step, std::int32_t most) {
    for_rows(job, 0, [&](float x, float& out) { out = static_cast<float>(uniform_code(x, step, most)); });
  }
  /// Words of uniform codes plus bias, of as many channels.
  template <std::size_t Codes, class Value>
  static void quantize_words(const quantize_job<Value, std::int32_t>& job, float step, std::int32_t most,
                             std::int32_t bias) {
    constexpr unsigned bits = 32 / Codes;
    for (std::size_t c = 0; c < Codes; ++c) {
      for_rows(job, c < job.channels ? c : 0, [&](float x, std::int32_t& out) {
        const std::int32_t code = (c < job.channels ? uniform_code(x, step, most) : 0) + bias;
        const std::uint32_t before = c == 0 ? 0U : static_cast<std::uint32_t>(out);
        const std::uint32_t field = static_cast<std::uint32_t>(code) & (0xffffffffU >> (32 - bits));
        out = static_cast<std::int32_t>(before | field << (bits * c));
      });
    }
  }

  /// out[i] = decode(encode(in[i])).
  template <class F>
  static void fake_quantize(const float* in, float* out, std::size_t n, typename F::scale s) {
    for (std::size_t i = 0; i < n; ++i) out[i] = F::decode(F::encode(in[i], s), s);
  }
  /// out[i] = encode(in[i]).
  template <class F>
  static void encode(const float* in, typename F::code* out, std::size_t n, typename F::scale s) {
    for (std::size_t i = 0; i < n; ++i) out[i] = F::encode(in[i], s);
  }
  /// out[i] = decode(in[i]).
  template <class F>
  static void decode(const typename F::code* in, float* out, std::size_t n, typename F::scale s) {
    for (std::size_t i = 0; i < n; ++i) out[i] = F::decode(in[i], s);
  }
  /// Layer values as codes, and codes as layer values.
  template <class F>
  static void encode_values(const q20_12* in, typename F::code* out, std::size_t n, const output_stage& stage) {
    const typename F::scale s(stage.z);
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = F::encode(q20_12::to_float(stage.relu && in[i] < q20_12{} ? q20_12{} : in[i]), s);
    }
  }
  /// The reverse: codes as layer values.
  template <class F>
  static void decode_values(const typename F::code* in, q20_12* out, std::size_t n, typename F::scale s) {
    for (std::size_t i = 0; i < n; ++i) out[i] = q20_12::from(F::decode(in[i], s));
  }
  /// out[i] = table[in[i]] of 256 entries.
  static void look_up(const std::uint8_t* in, std::uint8_t* out, std::size_t n, const std::uint8_t* table) {
    for (std::size_t i = 0; i < n; ++i) out[i] = table[in[i]];
  }
  /// Uniform codes plus bias, as bytes or 16-bit integers.
  template <class In, class Code>
  static void uniform_codes(const In* in, Code* out, std::size_t n, float step, std::int32_t most, std::int32_t bias) {
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = static_cast<Code>(uniform_code(static_cast<float>(in[i]), step, most) + bias);
    }
  }
  /// Floats as layer values.
  static void to_q20_12(const float* in, q20_12* out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) out[i] = q20_12::from(in[i]);
  }
  /// Layer values as floats.
  static void from_q20_12(const q20_12* in, float* out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) out[i] = q20_12::to_float(in[i]);
  }
  /// The largest |x| that is not NaN; 0 if there is none.
  static float max_magnitude(const float* in, std::size_t n) {
    std::uint32_t m = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(in[i]) & 0x7fffffffU;
      if (magnitude <= 0x7f800000U) m = std::max(m, magnitude);
    }
    return std::bit_cast<float>(m);
  }
  /// The bits of the largest |x|, those of a NaN above all others; `out` gets a copy unless it is null.
  static std::uint32_t magnitude_bits(const float* in, float* out, std::size_t n) {
    std::uint32_t m = 0;
    for (std::size_t i = 0; i < n; ++i) {
      m = std::max(m, std::bit_cast<std::uint32_t>(in[i]) & 0x7fffffffU);
      if (out != nullptr) out[i] = in[i];
    }
    return m;
  }
  /// The largest |x| as the nearest float.
  static float max_magnitude_q20_12(const q20_12* in, std::size_t n) {
    std::int64_t m = 0;
    for (std::size_t i = 0; i < n; ++i) m = std::max(m, std::abs(std::int64_t{in[i].raw()}));
    return static_cast<float>(m) * 0x1p-12F;
  }
  static constexpr std::size_t square = lanes;  ///< rows that transpose_rows takes
  /// Turns `square` rows of n elements into n columns: row r's element t to to[t * to_step + r].
  template <class T>
  static void transpose_rows(const T* from, std::size_t from_step, std::size_t n, T* to, std::size_t to_step) {
    for (std::size_t t = 0; t < n; ++t) {
      for (std::size_t r = 0; r < square; ++r) to[t * to_step + r] = from[r * from_step + t];
    }
  }
  /// Layer values as their codes hold them.
  template <class F>
  static void requantize(const q20_12* in, q20_12* out, std::size_t n, typename F::scale s) {
    for (std::size_t i = 0; i < n; ++i) out[i] = q20_12::from(F::decode(F::encode(q20_12::to_float(in[i]), s), s));
  }
};

}  // namespace kernels::scalar

NNIESIM_END_NAMESPACE
