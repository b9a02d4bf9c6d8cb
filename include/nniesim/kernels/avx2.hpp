// Kernels for AVX2 with FMA.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#include <nniesim/kernels/gfpq_lookup.hpp>
#include <nniesim/kernels/region.hpp>
#include <nniesim/kernels/types.hpp>

#if defined(NNIESIM_ARCH_X86)

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the deliberately undefined registers inside its own intrinsics for mistakes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

NNIESIM_BEGIN_TARGET("avx2,fma")
NNIESIM_BEGIN_NAMESPACE

namespace kernels::avx2 {

struct f32 {
  using element = float;
  using reg = __m256;
  static constexpr std::size_t lanes = 8;
  static reg zero() { return _mm256_setzero_ps(); }
  static reg load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, reg x) { _mm256_storeu_ps(p, x); }
  static reg set(float x) { return _mm256_set1_ps(x); }
  static reg fma(reg a, reg b, reg c) { return _mm256_fmadd_ps(a, b, c); }
  static reg add(reg a, reg b) { return _mm256_add_ps(a, b); }
};

struct f64 {
  using element = double;
  using reg = __m256d;
  static constexpr std::size_t lanes = 4;
  static reg zero() { return _mm256_setzero_pd(); }
  static reg load(const double* p) { return _mm256_loadu_pd(p); }
  static void store(double* p, reg x) { _mm256_storeu_pd(p, x); }
  static reg set(double x) { return _mm256_set1_pd(x); }
  static reg fma(reg a, reg b, reg c) { return _mm256_fmadd_pd(a, b, c); }
};

#include <nniesim/kernels/generic/tiles.inl>

struct I {
  using reg = __m256i;
  using mask = __m256i;
  static constexpr std::size_t lanes = 8;

  static reg load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static reg load(const std::uint8_t* p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  static reg load(const std::uint16_t* p) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static void store(void* p, reg x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
  static void store(std::uint8_t* p, reg x) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words(x), _mm_setzero_si128()));
  }
  static void store(std::uint16_t* p, reg x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words(x)); }
  static reg set(std::int32_t x) { return _mm256_set1_epi32(x); }
  static reg add(reg a, reg b) { return _mm256_add_epi32(a, b); }
  static reg sub(reg a, reg b) { return _mm256_sub_epi32(a, b); }
  static reg bit_and(reg a, reg b) { return _mm256_and_si256(a, b); }
  static reg bit_or(reg a, reg b) { return _mm256_or_si256(a, b); }
  template <int Bits>
  static reg shift_left(reg a) {
    return _mm256_slli_epi32(a, Bits);
  }
  template <int Bits>
  static reg shift_right(reg a) {
    return _mm256_srli_epi32(a, Bits);
  }
  static reg min(reg a, reg b) { return _mm256_min_epi32(a, b); }
  static reg max(reg a, reg b) { return _mm256_max_epi32(a, b); }
  static mask is_negative(reg a) { return _mm256_srai_epi32(a, 31); }
  static mask greater(reg a, reg b) { return _mm256_cmpgt_epi32(a, b); }
  static mask not_greater(reg a, reg b) { return _mm256_xor_si256(_mm256_cmpgt_epi32(a, b), set(-1)); }
  static mask equal(reg a, reg b) { return _mm256_cmpeq_epi32(a, b); }
  static mask mask_or(mask a, mask b) { return _mm256_or_si256(a, b); }
  static reg select(mask m, reg yes, reg no) { return _mm256_blendv_epi8(no, yes, m); }
  static reg zero_where(mask m, reg a) { return _mm256_andnot_si256(m, a); }

  // Table look-ups; indices are taken modulo the table's size but for lookup128, where they must be inside.
  static reg lookup16(const std::array<std::int32_t, 16>& t, reg index) {
    const reg low = _mm256_permutevar8x32_epi32(load(t.data()), index);
    const reg high = _mm256_permutevar8x32_epi32(load(t.data() + 8), index);
    return select(is_negative(shift_left<28>(index)), high, low);
  }
  static reg lookup32(const std::array<std::int32_t, 32>& t, reg index) {
    return _mm256_i32gather_epi32(t.data(), bit_and(index, set(31)), 4);
  }
  static reg lookup128(const std::array<std::int32_t, 128>& t, reg index) {
    return _mm256_i32gather_epi32(t.data(), index, 4);
  }
  /// slope[interval] * mantissa + intercept[interval], truncated.
  static reg chord(const log_chords& c, reg interval, reg mantissa) {
    const __m256 slope = _mm256_i32gather_ps(c.slope.data(), interval, 4);
    const __m256 intercept = _mm256_i32gather_ps(c.intercept.data(), interval, 4);
    return _mm256_cvttps_epi32(_mm256_fmadd_ps(slope, _mm256_cvtepi32_ps(mantissa), intercept));
  }
  static reg float_of_q20_12(reg raw) {
    return _mm256_castps_si256(_mm256_mul_ps(_mm256_cvtepi32_ps(raw), _mm256_set1_ps(0x1p-12F)));
  }
  /// x / step, rounded to the nearest integer (ties to even) within -most .. most; NaN gives 0.
  static reg uniform_code(reg bits, float step, float most) {
    const __m256 x = _mm256_castsi256_ps(bits);
    const __m256 steps = _mm256_div_ps(x, _mm256_set1_ps(step));
    const __m256 inside = _mm256_max_ps(_mm256_min_ps(steps, _mm256_set1_ps(most)), _mm256_set1_ps(-most));
    const __m256 rounded = _mm256_round_ps(inside, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return zero_where(_mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)), _mm256_cvtps_epi32(rounded));
  }
  /// floor(x * 4096), saturated; NaN gives 0.
  static reg q20_12_of_float(reg bits) {
    const __m256 x = _mm256_castsi256_ps(bits);
    const __m256 steps = _mm256_mul_ps(x, _mm256_set1_ps(4096.0F));
    const reg raw = _mm256_cvtps_epi32(_mm256_floor_ps(steps));  // too low: INT_MIN
    const reg high = _mm256_castps_si256(_mm256_cmp_ps(steps, _mm256_set1_ps(0x1p31F), _CMP_GE_OQ));
    const reg nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return zero_where(nan, select(high, set(0x7fffffff), raw));
  }

 private:
  /// The low 16 bits of each element, in order.
  static __m128i words(reg x) {
    const reg low = bit_and(x, set(0xffff));
    const reg packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08);
    return _mm256_castsi256_si128(packed);
  }
};

#include <nniesim/kernels/generic/elementwise.inl>
#include <nniesim/kernels/generic/finish.inl>

/// Products of pairs of 16-bit integers, summed: exact for the codes of uniform8. (The instruction for 8-bit operands
/// saturates between the two additions and cannot be used.)
struct i16x2 {
  using element = std::int32_t;
  using reg = __m256i;
  static constexpr std::size_t lanes = 8;
  static reg zero() { return _mm256_setzero_si256(); }
  static reg load(const std::int32_t* p) { return I::load(p); }
  static void store(std::int32_t* p, reg x) { I::store(p, x); }
  static reg set(std::int32_t x) { return _mm256_set1_epi32(x); }
  static reg fma(reg a, reg b, reg c) { return _mm256_add_epi32(c, _mm256_madd_epi16(a, b)); }
};

using word_dot = i16x2;
inline constexpr word_packing packing{2, 0};
inline constexpr isa this_isa = isa::avx2;
inline constexpr std::size_t max_rows = 6;
using tile_rows = std::index_sequence<1, 2, 4, 6>;

#include <nniesim/kernels/generic/kernel_set.inl>

}  // namespace kernels::avx2

NNIESIM_END_NAMESPACE
NNIESIM_END_TARGET

#endif
