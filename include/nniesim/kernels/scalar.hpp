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

struct kernel_set {
  static constexpr isa id = isa::scalar;
  static constexpr word_packing words{4, 128};
  static constexpr std::size_t lanes = 8;
  template <class T>
  static constexpr tile_shape tile{lanes, 2, 4};

  template <class T>
  static T multiply_add(T w, T x, T sum) {
    return std::fma(w, x, sum);
  }
  /// Four signed bytes times four unsigned ones.
  static std::int32_t multiply_add(std::int32_t w, std::int32_t x, std::int32_t sum) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      const auto a = static_cast<std::int32_t>(static_cast<std::uint32_t>(x) >> shift & 255U);
      sum += static_cast<std::int8_t>(static_cast<std::uint32_t>(w) >> shift & 255U) * a;
    }
    return sum;
  }

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
  template <class T>
  static void adjacent(const T* a, const std::int32_t* offset, const T* w, std::size_t steps, std::size_t rows,
                       std::size_t vectors, T* sum, bool resume) {
    run_tile([&](std::size_t i, std::size_t t) { return a[offset[t] + static_cast<std::ptrdiff_t>(i)]; }, w, steps,
             rows, vectors, sum, resume);
  }
  template <class T>
  static void strided(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, T* sum, bool resume) {
    run_tile([&](std::size_t i,
                 std::size_t t) { return a[static_cast<std::ptrdiff_t>(i) * stride + static_cast<std::ptrdiff_t>(t)]; },
             w, steps, rows, vectors, sum, resume);
  }
  template <class T>
  static void row(const T* a, const std::int32_t* offset, const T* w, std::size_t steps, std::size_t n, T* sum) {
    std::fill_n(sum, n, T{0});
    for (std::size_t t = 0; t < steps; ++t) {
      const T* x = a + offset[t];
      for (std::size_t i = 0; i < n; ++i) sum[i] = multiply_add(w[t], x[i], sum[i]);
    }
  }

  template <class Job>
  static auto total(float sum, std::size_t column, const Job& job) {
    return sum + job.bias[column];
  }
  template <class Job>
  static auto total(std::int32_t sum, std::size_t column, const Job& job) {
    return std::fma(static_cast<double>(sum - job.correction[column]), job.scale,
                    static_cast<double>(job.bias[column]));
  }
  /// Adds the bias and writes the output format, for binary32 and q20_12.
  template <value_format F, class Sum>
  static void finish(const finish_job<Sum, typename F::code>& job) {
    for (std::size_t i = 0; i < job.rows; ++i) {
      for (std::size_t j = 0; j < job.columns; ++j) {
        job.out[static_cast<std::ptrdiff_t>(i) * job.row_step + static_cast<std::ptrdiff_t>(j) * job.column_step] =
            F::from(total(job.sum[i * job.sum_columns + j], j, job));
      }
    }
  }
  template <value_format F>
  static void finish_row(const float* sum, std::size_t n, float bias, typename F::code* out) {
    for (std::size_t i = 0; i < n; ++i) out[i] = F::from(sum[i] + bias);
  }

  template <class F>
  static void fake_quantize(const float* in, float* out, std::size_t n, typename F::scale s) {
    for (std::size_t i = 0; i < n; ++i) out[i] = F::decode(F::encode(in[i], s), s);
  }
  template <class F>
  static void fake_quantize_q20_12(const q20_12* in, float* out, std::size_t n, typename F::scale s) {
    for (std::size_t i = 0; i < n; ++i) out[i] = F::decode(F::encode(q20_12::to_float(in[i]), s), s);
  }
  template <class F>
  static void encode(const float* in, typename F::code* out, std::size_t n, typename F::scale s) {
    for (std::size_t i = 0; i < n; ++i) out[i] = F::encode(in[i], s);
  }
  template <class F>
  static void decode(const typename F::code* in, float* out, std::size_t n, typename F::scale s) {
    for (std::size_t i = 0; i < n; ++i) out[i] = F::decode(in[i], s);
  }
  /// Uniform codes plus bias, as bytes.
  template <class In>
  static void uniform_codes(const In* in, std::uint8_t* out, std::size_t n, float step, std::int32_t most,
                            std::int32_t bias) {
    static_cast<void>(most);  // of 8 bits
    const uniform8::scale s(step);
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = static_cast<std::uint8_t>(uniform8::encode(static_cast<float>(in[i]), s) + bias);
    }
  }
  static void interleave(const std::uint8_t* in, std::size_t row, std::int32_t* out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      const auto byte = [&](std::size_t r) { return std::uint32_t{in[r * row + i]} << (8 * r); };
      out[i] = static_cast<std::int32_t>(byte(0) | byte(1) | byte(2) | byte(3));
    }
  }
  static void to_q20_12(const float* in, q20_12* out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) out[i] = q20_12::from(in[i]);
  }
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
  /// The largest |x| as the nearest float.
  static float max_magnitude_q20_12(const q20_12* in, std::size_t n) {
    std::int64_t m = 0;
    for (std::size_t i = 0; i < n; ++i) m = std::max(m, std::abs(std::int64_t{in[i].raw()}));
    return static_cast<float>(m) * 0x1p-12F;
  }
};

}  // namespace kernels::scalar

NNIESIM_END_NAMESPACE
