// Kernels for AVX-512 (F, BW, DQ, VL).
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

NNIESIM_BEGIN_TARGET(NNIESIM_AVX512_TARGET)
NNIESIM_BEGIN_NAMESPACE

namespace kernels::avx512 {

struct f32 {
  using element = float;
  using reg = __m512;
  static constexpr std::size_t lanes = 16;
  static reg zero() { return _mm512_setzero_ps(); }
  static reg load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, reg x) { _mm512_storeu_ps(p, x); }
  static reg set(float x) { return _mm512_set1_ps(x); }
  static reg fma(reg a, reg b, reg c) { return _mm512_fmadd_ps(a, b, c); }
  static reg add(reg a, reg b) { return _mm512_add_ps(a, b); }
  static reg mul(reg a, reg b) { return _mm512_mul_ps(a, b); }
  static reg div(reg a, reg b) { return _mm512_div_ps(a, b); }
  /// NaN stays.
  static reg clamp(reg x, reg least, reg most) { return _mm512_min_ps(most, _mm512_max_ps(least, x)); }
  /// For |x| up to 2^22: the sum with 1.5 * 2^23 has no fraction bits. (The rounding intrinsic warns at -O0.)
  static reg nearest(reg x) { return _mm512_sub_ps(_mm512_add_ps(x, set(0x1.8p23F)), set(0x1.8p23F)); }
  /// Whether |a - b| < distance everywhere but where they are NaN.
  static bool all_within(reg a, reg b, reg distance) {
    return _mm512_cmp_ps_mask(_mm512_abs_ps(_mm512_sub_ps(a, b)), distance, _CMP_GE_OQ) == 0;
  }
};

struct f64 {
  using element = double;
  using reg = __m512d;
  static constexpr std::size_t lanes = 8;
  static reg zero() { return _mm512_setzero_pd(); }
  static reg load(const double* p) { return _mm512_loadu_pd(p); }
  static void store(double* p, reg x) { _mm512_storeu_pd(p, x); }
  static reg set(double x) { return _mm512_set1_pd(x); }
  static reg fma(reg a, reg b, reg c) { return _mm512_fmadd_pd(a, b, c); }
  static reg add(reg a, reg b) { return _mm512_add_pd(a, b); }
  static reg mul(reg a, reg b) { return _mm512_mul_pd(a, b); }
  /// What floor() of it is floor(x) + whole, for whole numbers of up to 32 bits: the sum, rounded down, lies between
  /// that and the next.
  static reg floor_plus(reg x, reg whole) {
    return _mm512_maskz_add_round_pd(0xff, x, whole, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  }
  static reg load(const float* p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
  /// a - b, exact up to the rounding of a 64-bit integer.
  static reg difference(const std::int32_t* a, const std::int32_t* b) {
    return _mm512_cvtepi32_pd(_mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a)),
                                               _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b))));
  }
  static reg difference(const std::int64_t* a, const std::int64_t* b) {
    return _mm512_cvtepi64_pd(_mm512_sub_epi64(_mm512_loadu_si512(a), _mm512_loadu_si512(b)));
  }
};

#include <nniesim/kernels/generic/tiles.inl>

struct I {
  using reg = __m512i;
  using mask = __mmask16;
  static constexpr std::size_t lanes = 16;

  static reg load(const void* p) { return _mm512_loadu_si512(p); }
  static reg load(const std::uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static reg load(const std::uint16_t* p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static reg load_first(const void* p, std::size_t n) { return _mm512_maskz_loadu_epi32(first(n), p); }
  static reg load_first(const std::uint8_t* p, std::size_t n) {
    return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first(n), p));
  }
  static reg load_first(const std::uint16_t* p, std::size_t n) {
    return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first(n), p));
  }
  static void store_first(void* p, reg x, std::size_t n) { _mm512_mask_storeu_epi32(p, first(n), x); }
  static void store_first(std::uint8_t* p, reg x, std::size_t n) { _mm512_mask_cvtepi32_storeu_epi8(p, first(n), x); }
  static void store_first(std::uint16_t* p, reg x, std::size_t n) { _mm512_mask_cvtepi32_storeu_epi16(p, first(n), x); }
  static void store(void* p, reg x) { _mm512_storeu_si512(p, x); }
  static void store(std::uint8_t* p, reg x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x));
  }
  static void store(std::uint16_t* p, reg x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(x));
  }
  static reg set(std::int32_t x) { return _mm512_set1_epi32(x); }
  static reg add(reg a, reg b) { return _mm512_add_epi32(a, b); }
  static reg sub(reg a, reg b) { return _mm512_sub_epi32(a, b); }
  static reg bit_and(reg a, reg b) { return _mm512_and_si512(a, b); }
  static reg bit_or(reg a, reg b) { return _mm512_or_si512(a, b); }
  template <unsigned Bits>
  static reg shift_left(reg a) {
    return _mm512_slli_epi32(a, Bits);
  }
  template <unsigned Bits>
  static reg shift_right(reg a) {
    return _mm512_srli_epi32(a, Bits);
  }
  static reg min(reg a, reg b) { return _mm512_min_epi32(a, b); }
  static reg max(reg a, reg b) { return _mm512_max_epi32(a, b); }
  static reg unsigned_min(reg a, reg b) { return _mm512_min_epu32(a, b); }
  static reg unsigned_max(reg a, reg b) { return _mm512_max_epu32(a, b); }
  static mask is_negative(reg a) { return _mm512_movepi32_mask(a); }
  static mask greater(reg a, reg b) { return _mm512_cmpgt_epi32_mask(a, b); }
  static mask not_greater(reg a, reg b) { return _mm512_cmple_epi32_mask(a, b); }
  static mask equal(reg a, reg b) { return _mm512_cmpeq_epi32_mask(a, b); }
  static bool any(mask a) { return a != 0; }
  static mask mask_or(mask a, mask b) { return static_cast<mask>(a | b); }
  static reg select(mask m, reg yes, reg no) { return _mm512_mask_blend_epi32(m, no, yes); }
  static reg zero_where(mask m, reg a) { return _mm512_maskz_mov_epi32(static_cast<mask>(~m), a); }

  // Table look-ups; indices are taken modulo the table's size but for lookup128, where they must be inside.
  static reg lookup16(const std::array<std::int32_t, 16>& t, reg index) {
    return _mm512_permutexvar_epi32(index, load(t.data()));
  }
  static reg lookup32(const std::array<std::int32_t, 32>& t, reg index) {
    return _mm512_permutex2var_epi32(load(t.data()), index, load(t.data() + 16));
  }
  static reg lookup128(const std::array<std::int32_t, 128>& t, reg index) {
    const auto part = [&](std::size_t i) {
      return _mm512_permutex2var_epi32(load(t.data() + 32 * i), index, load(t.data() + 32 * i + 16));
    };
    const mask bit5 = _mm512_test_epi32_mask(index, set(32));
    const mask bit6 = _mm512_test_epi32_mask(index, set(64));
    return select(bit6, select(bit5, part(3), part(2)), select(bit5, part(1), part(0)));
  }
  /// slope[interval] * mantissa + intercept[interval], truncated.
  static reg chord(const log_chords& c, reg interval, reg mantissa) {
    const __m512 slope =
        _mm512_permutex2var_ps(_mm512_loadu_ps(c.slope.data()), interval, _mm512_loadu_ps(c.slope.data() + 16));
    const __m512 intercept =
        _mm512_permutex2var_ps(_mm512_loadu_ps(c.intercept.data()), interval, _mm512_loadu_ps(c.intercept.data() + 16));
    return _mm512_cvttps_epi32(_mm512_fmadd_ps(slope, _mm512_cvtepi32_ps(mantissa), intercept));
  }
  static reg float_of_q20_12(reg raw) {
    return _mm512_castps_si512(_mm512_mul_ps(_mm512_cvtepi32_ps(raw), _mm512_set1_ps(0x1p-12F)));
  }
  static __m512 to_float(reg bits) { return _mm512_castsi512_ps(bits); }
  /// Of a rounded float in range; NaN gives 0.
  static reg integer_of(__m512 x) {
    return _mm512_maskz_mov_epi32(_mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), _mm512_cvtps_epi32(x));
  }
  static reg float_of_int(reg x) { return _mm512_castps_si512(_mm512_cvtepi32_ps(x)); }
  static reg of_float(__m512 x) { return _mm512_castps_si512(x); }
  /// Rounded to floats.
  static reg of_doubles(__m512d low, __m512d high) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_castps_si256(_mm512_cvtpd_ps(low))),
                              _mm256_castps_si256(_mm512_cvtpd_ps(high)), 1);
  }
  /// floor(x * 4096), saturated; NaN gives 0.
  static reg q20_12_of_float(reg bits) {
    const __m512 x = _mm512_castsi512_ps(bits);
    const __m512 steps = _mm512_mul_ps(x, _mm512_set1_ps(4096.0F));
    const reg raw = _mm512_cvt_roundps_epi32(steps, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);  // too low: INT_MIN
    const mask odd = _mm512_cmp_ps_mask(steps, _mm512_set1_ps(0x1p31F), _CMP_NLT_UQ);            // too high, or NaN
    if (odd == 0) return raw;
    return _mm512_mask_mov_epi32(_mm512_mask_mov_epi32(raw, odd, set(0x7fffffff)),
                                 _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), set(0));
  }
  /// The low 32 bits of each.
  static reg low_halves(__m512d low, __m512d high) {
    const reg even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_epi32(_mm512_castpd_si512(low), even, _mm512_castpd_si512(high));
  }
  /// floor(steps), saturated; NaN, where there can be any, gives 0.
  template <bool CanBeNan>
  static reg q20_12_of_steps(__m512d low, __m512d high) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(raw_of_steps<CanBeNan>(low)), raw_of_steps<CanBeNan>(high), 1);
  }

 private:
  static __mmask16 first(std::size_t n) { return static_cast<__mmask16>((1U << n) - 1U); }
  template <bool CanBeNan>
  static __m256i raw_of_steps(__m512d steps) {
    const __m512d most = _mm512_set1_pd(2147483647.0);
    const __m256i raw = _mm512_cvt_roundpd_epi32(_mm512_min_pd(steps, most),
                                                 _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);  // too low: INT_MIN
    if constexpr (!CanBeNan) return raw;
    else return _mm256_maskz_mov_epi32(_mm512_cmp_pd_mask(steps, steps, _CMP_ORD_Q), raw);
  }
};

#include <nniesim/kernels/generic/elementwise.inl>

/// 16 x 16 elements of 32 bits.
inline void transpose(__m512i (&r)[16]) {
  __m512i t[16];
  NNIESIM_UNROLL
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  NNIESIM_UNROLL
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  NNIESIM_UNROLL
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  NNIESIM_UNROLL
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

/// Products of pairs of 16-bit integers, summed.
struct i16x2 {
  using element = std::int32_t;
  using reg = __m512i;
  static constexpr std::size_t lanes = 16;
  static reg zero() { return _mm512_setzero_si512(); }
  static reg load(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static void store(std::int32_t* p, reg x) { _mm512_storeu_si512(p, x); }
  static reg set(std::int32_t x) { return _mm512_set1_epi32(x); }
  static reg fma(reg a, reg b, reg c) { return _mm512_add_epi32(c, _mm512_madd_epi16(a, b)); }
  /// sum += 256 * high + low.
  static void add_split(std::int64_t* sum, reg high, reg low) {
    add_half(sum, _mm512_castsi512_si256(high), _mm512_castsi512_si256(low));
    add_half(sum + 8, _mm512_extracti64x4_epi64(high, 1), _mm512_extracti64x4_epi64(low, 1));
  }

 private:
  static void add_half(std::int64_t* sum, __m256i high, __m256i low) {
    const reg part = _mm512_add_epi64(_mm512_slli_epi64(_mm512_cvtepi32_epi64(high), 8), _mm512_cvtepi32_epi64(low));
    _mm512_storeu_si512(sum, _mm512_add_epi64(_mm512_loadu_si512(sum), part));
  }
};

#include <nniesim/kernels/generic/finish.inl>

/// Floats of 64 packed codes (code_panels.hpp): their upper and lower halves are looked up as words of 16 bits.
template <class F>
struct code_decoder {
  explicit code_decoder(const code_tables& t) {
    NNIESIM_UNROLL
    for (std::size_t i = 0; i < parts; ++i) {
      high[i] = _mm512_loadu_si512(t.high.data() + 32 * i);
      low[i] = _mm512_loadu_si512(t.low.data() + 32 * i);
    }
  }
  void operator()(const typename F::code* w, __m512 (&out)[4]) const {
    if constexpr (F::bits == 8) {
      const __m512i both = _mm512_loadu_si512(w);
      words8(_mm512_and_si512(both, _mm512_set1_epi16(0xff)), out[0], out[1]);
      words8(_mm512_srli_epi16(both, 8), out[2], out[3]);
    } else {
      words16(_mm512_loadu_si512(w), out[0], out[1]);
      words16(_mm512_loadu_si512(w + 32), out[2], out[3]);
    }
  }

 private:
  static constexpr std::size_t parts = F::bits == 8 ? 1 : 4;

  void words8(__m512i w, __m512& a, __m512& b) const {
    const __mmask32 not_zero = _mm512_test_epi16_mask(w, w);
    const __m512i upper =
        _mm512_maskz_add_epi16(not_zero, _mm512_slli_epi16(w, 2), _mm512_permutexvar_epi16(w, high[0]));
    join(upper, _mm512_maskz_permutexvar_epi16(not_zero, w, low[0]), a, b);
  }
  void words16(__m512i w, __m512& a, __m512& b) const {
    const __mmask32 not_zero = _mm512_cmpneq_epi16_mask(w, _mm512_set1_epi16(static_cast<short>(F::zero)));
    const __mmask32 bit6 = _mm512_test_epi16_mask(w, _mm512_set1_epi16(64));
    const auto look_up = [&](const __m512i* t) {
      return _mm512_mask_blend_epi16(bit6, _mm512_permutex2var_epi16(t[0], w, t[1]),
                                     _mm512_permutex2var_epi16(t[2], w, t[3]));
    };
    join(_mm512_maskz_add_epi16(not_zero, w, look_up(high)), _mm512_maskz_mov_epi16(not_zero, look_up(low)), a, b);
  }
  static void join(__m512i upper, __m512i lower, __m512& a, __m512& b) {
    a = _mm512_castsi512_ps(_mm512_unpacklo_epi16(lower, upper));
    b = _mm512_castsi512_ps(_mm512_unpackhi_epi16(lower, upper));
  }

  __m512i high[parts], low[parts];
};

template <class F>
inline void multiply_code_panel(const float* x, const typename F::code* w, const code_tables& t, std::size_t steps,
                                float* sum) {
  const code_decoder<F> decode(t);
  __m512 acc[4];
  NNIESIM_UNROLL
  for (std::size_t v = 0; v < 4; ++v) acc[v] = _mm512_setzero_ps();
  for (std::size_t k = 0; k < steps; ++k) {
    __m512 b[4];
    decode(w + 64 * k, b);
    const __m512 xk = _mm512_set1_ps(x[k]);
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < 4; ++v) acc[v] = _mm512_fmadd_ps(b[v], xk, acc[v]);
  }
  NNIESIM_UNROLL
  for (std::size_t v = 0; v < 4; ++v) _mm512_storeu_ps(sum + 16 * v, acc[v]);
}

template <class F>
inline void decode_code_panel(const typename F::code* w, const code_tables& t, std::size_t steps, float* out) {
  const code_decoder<F> decode(t);
  for (std::size_t k = 0; k < steps; ++k) {
    __m512 b[4];
    decode(w + 64 * k, b);
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < 4; ++v) _mm512_storeu_ps(out + v / 2 * 32 * steps + 32 * k + v % 2 * 16, b[v]);
  }
}

inline constexpr bool code_panel_kernels = true;
using word_dot = i16x2;
inline constexpr word_packing packing{2, 0};
inline constexpr isa this_isa = isa::avx512;
inline constexpr std::size_t max_rows = 14;
using tile_rows = std::index_sequence<1, 2, 4, 6, 8, 10, 12, 14>;
inline constexpr std::size_t split_max_rows = 6;
using split_tile_rows = std::index_sequence<1, 2, 4, 6>;

#include <nniesim/kernels/generic/kernel_set.inl>

}  // namespace kernels::avx512

NNIESIM_END_NAMESPACE
NNIESIM_END_TARGET

#endif
