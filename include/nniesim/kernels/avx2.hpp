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

NNIESIM_BEGIN_TARGET(NNIESIM_AVX2_TARGET)
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
  static reg mul(reg a, reg b) { return _mm256_mul_ps(a, b); }
  static reg div(reg a, reg b) { return _mm256_div_ps(a, b); }
  /// NaN stays.
  static reg clamp(reg x, reg least, reg most) { return _mm256_min_ps(most, _mm256_max_ps(least, x)); }
  static reg nearest(reg x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  /// Whether |a - b| < distance everywhere but where they are NaN.
  static bool all_within(reg a, reg b, reg distance) {
    const reg size = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), _mm256_sub_ps(a, b));
    return _mm256_movemask_ps(_mm256_cmp_ps(size, distance, _CMP_GE_OQ)) == 0;
  }
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
  static reg add(reg a, reg b) { return _mm256_add_pd(a, b); }
  static reg mul(reg a, reg b) { return _mm256_mul_pd(a, b); }
  /// floor(x) + whole, for whole numbers of up to 32 bits.
  static reg floor_plus(reg x, reg whole) { return _mm256_add_pd(_mm256_floor_pd(x), whole); }
  static reg load(const float* p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
  /// a - b, exact up to the rounding of a 64-bit integer.
  static reg difference(const std::int32_t* a, const std::int32_t* b) {
    return _mm256_cvtepi32_pd(_mm_sub_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a)),
                                            _mm_loadu_si128(reinterpret_cast<const __m128i*>(b))));
  }
  static reg difference(const std::int64_t* a, const std::int64_t* b) {
    const auto at = [&](std::size_t i) { return static_cast<double>(corrected(a[i], b[i])); };
    return _mm256_set_pd(at(3), at(2), at(1), at(0));
  }
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
  static reg load_first(const float* p, std::size_t n) { return _mm256_castps_si256(_mm256_maskload_ps(p, first(n))); }
  static reg load_first(const q20_12* p, std::size_t n) {
    return _mm256_maskload_epi32(reinterpret_cast<const std::int32_t*>(p), first(n));
  }
  static void store_first(float* p, reg x, std::size_t n) { _mm256_maskstore_ps(p, first(n), _mm256_castsi256_ps(x)); }
  static void store_first(q20_12* p, reg x, std::size_t n) {
    _mm256_maskstore_epi32(reinterpret_cast<std::int32_t*>(p), first(n), x);
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
  static reg unsigned_min(reg a, reg b) { return _mm256_min_epu32(a, b); }
  static reg unsigned_max(reg a, reg b) { return _mm256_max_epu32(a, b); }
  static mask is_negative(reg a) { return _mm256_srai_epi32(a, 31); }
  static mask greater(reg a, reg b) { return _mm256_cmpgt_epi32(a, b); }
  static mask not_greater(reg a, reg b) { return _mm256_xor_si256(_mm256_cmpgt_epi32(a, b), set(-1)); }
  static mask equal(reg a, reg b) { return _mm256_cmpeq_epi32(a, b); }
  static bool any(mask a) { return _mm256_movemask_epi8(a) != 0; }
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
  static __m256 to_float(reg bits) { return _mm256_castsi256_ps(bits); }
  /// Of a rounded float in range; NaN gives 0.
  static reg integer_of(__m256 x) {
    return zero_where(_mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)), _mm256_cvtps_epi32(x));
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
  static reg float_of_int(reg x) { return _mm256_castps_si256(_mm256_cvtepi32_ps(x)); }
  static reg of_float(__m256 x) { return _mm256_castps_si256(x); }
  /// Rounded to floats.
  static reg of_doubles(__m256d low, __m256d high) {
    return _mm256_castps_si256(_mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low)));
  }
  /// The low 32 bits of each.
  static reg low_halves(__m256d low, __m256d high) {
    const __m256 halves = _mm256_shuffle_ps(_mm256_castpd_ps(low), _mm256_castpd_ps(high), 0x88);
    return _mm256_permute4x64_epi64(_mm256_castps_si256(halves), 0xd8);
  }
  /// floor(steps), saturated; NaN, where there can be any, gives 0.
  template <bool CanBeNan>
  static reg q20_12_of_steps(__m256d low, __m256d high) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(raw_of_steps<CanBeNan>(low)), raw_of_steps<CanBeNan>(high),
                                   1);
  }

 private:
  static reg first(std::size_t n) {
    return _mm256_cmpgt_epi32(set(static_cast<std::int32_t>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  template <bool CanBeNan>
  static __m128i raw_of_steps(__m256d steps) {
    __m256d inside = _mm256_min_pd(steps, _mm256_set1_pd(2147483647.0));
    if constexpr (CanBeNan) inside = _mm256_and_pd(_mm256_cmp_pd(steps, steps, _CMP_ORD_Q), inside);
    return _mm256_cvtpd_epi32(_mm256_floor_pd(inside));  // too low: INT_MIN
  }
  /// The low 16 bits of each element, in order.
  static __m128i words(reg x) {
    const reg low = bit_and(x, set(0xffff));
    const reg packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08);
    return _mm256_castsi256_si128(packed);
  }
};

#include <nniesim/kernels/generic/elementwise.inl>

/// 8 x 8 elements of 32 bits.
inline void transpose(__m256i (&r)[8]) {
  __m256i t[8];
  NNIESIM_UNROLL
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
  }
  NNIESIM_UNROLL
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  NNIESIM_UNROLL
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x20);
    t[i + 4] = _mm256_permute2x128_si256(r[i], r[i + 4], 0x31);
  }
  NNIESIM_UNROLL
  for (int i = 0; i < 8; ++i) r[i] = t[i];
}

#include <nniesim/kernels/generic/finish.inl>

/// Products of pairs of 16-bit integers, summed. (The instruction for 8-bit operands saturates between the two
/// additions and cannot be used.)
struct i16x2 {
  using element = std::int32_t;
  using reg = __m256i;
  static constexpr std::size_t lanes = 8;
  static reg zero() { return _mm256_setzero_si256(); }
  static reg load(const std::int32_t* p) { return I::load(p); }
  static void store(std::int32_t* p, reg x) { I::store(p, x); }
  static reg set(std::int32_t x) { return _mm256_set1_epi32(x); }
  static reg fma(reg a, reg b, reg c) { return _mm256_add_epi32(c, _mm256_madd_epi16(a, b)); }
  /// sum += 256 * high + low.
  static void add_split(std::int64_t* sum, reg high, reg low) {
    add_half(sum, _mm256_castsi256_si128(high), _mm256_castsi256_si128(low));
    add_half(sum + 4, _mm256_extracti128_si256(high, 1), _mm256_extracti128_si256(low, 1));
  }

 private:
  static void add_half(std::int64_t* sum, __m128i high, __m128i low) {
    const reg part = _mm256_add_epi64(_mm256_slli_epi64(_mm256_cvtepi32_epi64(high), 8), _mm256_cvtepi32_epi64(low));
    I::store(sum, _mm256_add_epi64(I::load(static_cast<const void*>(sum)), part));
  }
};

using word_dot = i16x2;
inline constexpr word_packing packing{2, 0};
inline constexpr isa this_isa = isa::avx2;
inline constexpr std::size_t max_rows = 6;
using tile_rows = std::index_sequence<1, 2, 4, 6>;
inline constexpr bool code_panel_kernels = false;
inline constexpr std::size_t split_max_rows = 2;
using split_tile_rows = std::index_sequence<1, 2>;

#include <nniesim/kernels/generic/kernel_set.inl>

}  // namespace kernels::avx2

NNIESIM_END_NAMESPACE
NNIESIM_END_TARGET

#endif
