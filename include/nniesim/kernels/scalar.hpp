// The scalar kernels: the specification of every other instruction set's, in plain loops of std::fma and of the formats'
// own one-value functions.
#pragma once

#include <algorithm>
#include <cmath>

#include <nniesim/kernels/table.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels::scalar {

inline constexpr std::size_t lanes = 8;

template <class T>
void adjacent(const T* a, const std::int32_t* offset, const T* w, std::size_t steps, std::size_t rows,
              std::size_t vectors, T* sum, bool resume) {
  const std::size_t columns = vectors * lanes;
  if (!resume) std::fill_n(sum, rows * columns, T{0});
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t i = 0; i < rows; ++i) {
      const T x = a[offset[t] + static_cast<std::ptrdiff_t>(i)];
      for (std::size_t j = 0; j < columns; ++j) {
        sum[i * columns + j] = std::fma(w[t * columns + j], x, sum[i * columns + j]);
      }
    }
  }
}

template <class T>
void strided(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows, std::size_t vectors,
             T* sum, bool resume) {
  const std::size_t columns = vectors * lanes;
  if (!resume) std::fill_n(sum, rows * columns, T{0});
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t i = 0; i < rows; ++i) {
      const T x = a[static_cast<std::ptrdiff_t>(i) * stride + static_cast<std::ptrdiff_t>(t)];
      for (std::size_t j = 0; j < columns; ++j) {
        sum[i * columns + j] = std::fma(w[t * columns + j], x, sum[i * columns + j]);
      }
    }
  }
}

template <class OutputFormat>
void finish(const finish_job<float, typename OutputFormat::code>& job) {
  for (std::size_t i = 0; i < job.rows; ++i) {
    for (std::size_t j = 0; j < job.columns; ++j) {
      const float total = job.sum[i * job.sum_columns + j] + job.bias[j];
      job.out[static_cast<std::ptrdiff_t>(i) * job.row_step + static_cast<std::ptrdiff_t>(j) * job.column_step] =
          OutputFormat::from(total);
    }
  }
}

template <class F>
void fake_quantize(const float* in, float* out, std::size_t n, typename F::scale s) {
  for (std::size_t i = 0; i < n; ++i) out[i] = F::decode(F::encode(in[i], s), s);
}
template <class F>
void fake_quantize_q20_12(const q20_12* in, float* out, std::size_t n, typename F::scale s) {
  for (std::size_t i = 0; i < n; ++i) out[i] = F::decode(F::encode(q20_12::to_float(in[i]), s), s);
}
template <class F>
void encode(const float* in, typename F::code* out, std::size_t n, typename F::scale s) {
  for (std::size_t i = 0; i < n; ++i) out[i] = F::encode(in[i], s);
}
template <class F>
void decode(const typename F::code* in, float* out, std::size_t n, typename F::scale s) {
  for (std::size_t i = 0; i < n; ++i) out[i] = F::decode(in[i], s);
}

inline float max_magnitude(const float* in, std::size_t n) {
  std::uint32_t m = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(in[i]) & 0x7fffffffU;
    if (magnitude <= 0x7f800000U) m = std::max(m, magnitude);
  }
  return std::bit_cast<float>(m);
}
inline float max_magnitude_q20_12(const q20_12* in, std::size_t n) {
  std::uint32_t m = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto raw = static_cast<std::uint32_t>(in[i].raw());
    m = std::max(m, in[i].raw() < 0 ? 0 - raw : raw);
  }
  return static_cast<float>(m) * 0x1p-12F;
}
inline void to_q20_12(const float* in, q20_12* out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = q20_12::from(in[i]);
}
inline void from_q20_12(const q20_12* in, float* out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = q20_12::to_float(in[i]);
}

/// Every entry of the table; other instruction sets start from it and replace what they do faster.
[[nodiscard]] constexpr table make_table() {
  table t;
  t.id = isa::scalar;
  t.chain32 = {lanes, 2, 4, adjacent<float>, strided<float>};
  t.chain64 = {lanes, 2, 4, adjacent<double>, strided<double>};
  t.finish_float = finish<binary32>;
  t.finish_q20_12 = finish<q20_12>;
  t.fake_quantize8 = fake_quantize<gfpq8>;
  t.fake_quantize16 = fake_quantize<gfpq16>;
  t.fake_quantize8_q20_12 = fake_quantize_q20_12<gfpq8>;
  t.fake_quantize16_q20_12 = fake_quantize_q20_12<gfpq16>;
  t.encode8 = encode<gfpq8>;
  t.encode16 = encode<gfpq16>;
  t.decode8 = decode<gfpq8>;
  t.decode16 = decode<gfpq16>;
  t.max_magnitude = max_magnitude;
  t.max_magnitude_q20_12 = max_magnitude_q20_12;
  t.to_q20_12 = to_q20_12;
  t.from_q20_12 = from_q20_12;
  return t;
}

}  // namespace kernels::scalar

NNIESIM_END_NAMESPACE
