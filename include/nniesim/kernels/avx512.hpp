// Kernels for AVX-512 (F, BW, DQ, VL). Over 500 lines because one set of kernels is one file: its vocabularies of half,
// full and double floats and of integers, and what only it does.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nniesim/core/exp.hpp>
#include <nniesim/core/log.hpp>
#include <nniesim/kernels/functions.hpp>
#include <nniesim/kernels/gfpq_lookup.hpp>
#include <nniesim/kernels/region.hpp>
#include <nniesim/kernels/types.hpp>

#if defined(NNIESIM_ARCH_X86)

#define NNIESIM_AVX512_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"

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
  static reg sub(reg a, reg b) { return _mm512_sub_ps(a, b); }
  static reg mul(reg a, reg b) { return _mm512_mul_ps(a, b); }
  static reg div(reg a, reg b) { return _mm512_div_ps(a, b); }
  /// a > b ? a : b.
  static reg larger(reg a, reg b) { return _mm512_max_ps(a, b); }
  static reg where_positive(reg a, reg yes, reg no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_GT_OQ), no, yes);
  }
  static bool any_nan(reg a, reg b) { return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q) != 0; }
  static reg smaller(reg a, reg b) { return _mm512_min_ps(a, b); }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"  // of the macros that GCC has without optimization
  static reg floor(reg x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
  /// |x|, or `least` where that is smaller.
  static reg magnitude(reg x, reg least) { return _mm512_range_ps(x, least, 0b1011); }
#pragma GCC diagnostic pop
  /// NaN stays.
  static reg clamp(reg x, reg least, reg most) { return _mm512_min_ps(most, _mm512_max_ps(least, x)); }
  /// For |x| up to 2^22: the sum with 1.5 * 2^23 has no fraction bits. (The rounding intrinsic warns at -O0.)
  static reg nearest(reg x) { return _mm512_sub_ps(_mm512_add_ps(x, set(0x1.8p23F)), set(0x1.8p23F)); }
  /// Whether |a - b| < distance everywhere but where they are NaN.
  static bool all_within(reg a, reg b, reg distance) {
    return _mm512_cmp_ps_mask(_mm512_abs_ps(_mm512_sub_ps(a, b)), distance, _CMP_GE_OQ) == 0;
  }
};

/// As many 32-bit words as there are lanes of float64.
struct half {
  using reg = __m256i;
  static constexpr std::size_t lanes = 8;
  static reg load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static reg load_first(const void* p, std::size_t n) { return _mm256_maskz_loadu_epi32(first(n), p); }
  static void store(void* p, reg x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
  static void store_first(void* p, reg x, std::size_t n) { _mm256_mask_storeu_epi32(p, first(n), x); }
  /// Every other word of 15, the second register beginning at the eighth.
  static reg even(reg a, reg b) {
    return _mm256_permutex2var_epi32(a, _mm256_setr_epi32(0, 2, 4, 6, 9, 11, 13, 15), b);
  }
  /// The words of a table at these places.
  static reg at(const void* table, reg place) {
    return _mm256_i32gather_epi32(static_cast<const int*>(table), place, 4);
  }

 private:
  static __mmask8 first(std::size_t n) { return static_cast<__mmask8>((1U << n) - 1U); }
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
  static reg sub(reg a, reg b) { return _mm512_sub_pd(a, b); }
  static reg mul(reg a, reg b) { return _mm512_mul_pd(a, b); }
  static reg div(reg a, reg b) { return _mm512_div_pd(a, b); }
  static reg sqrt(reg a) { return _mm512_sqrt_pd(a); }
  static reg abs(reg a) { return _mm512_abs_pd(a); }
  /// a > b ? a : b.
  static reg larger(reg a, reg b) { return _mm512_max_pd(a, b); }
  /// a < b ? a : b.
  static reg smaller(reg a, reg b) { return _mm512_min_pd(a, b); }
  // GCC without optimization makes a macro of the intrinsic, whose mask of ones then warns in whoever includes this.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
  static reg floor(reg a) { return _mm512_roundscale_pd(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
#pragma GCC diagnostic pop
  /// a < b ? yes : no.
  static reg where_less(reg a, reg b, reg yes, reg no) {
    return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, b, _CMP_LT_OQ), no, yes);
  }
  static reg where_positive(reg a, reg yes, reg no) {
    return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, _mm512_setzero_pd(), _CMP_GT_OQ), no, yes);
  }
  /// +0 where a is zero, else b.
  static reg zero_where_zero(reg a, reg b) {
    return _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(a, _mm512_setzero_pd(), _CMP_NEQ_UQ), b);
  }
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
  /// Of layer values of type T.
  template <class T>
  static reg value(half::reg w) {
    if constexpr (std::same_as<T, q20_12>) return mul(_mm512_cvtepi32_pd(w), set(0x1p-12));
    else return _mm512_cvtps_pd(_mm256_castsi256_ps(w));
  }
  /// Written as a layer does: the nearest float, or floor(x * 4096), saturated, and 0 for NaN.
  template <class T>
  static half::reg code(reg x) {
    if constexpr (std::same_as<T, q20_12>) {
      const __mmask8 number = _mm512_cmp_pd_mask(x, x, _CMP_ORD_Q);
      const reg steps = _mm512_maskz_min_pd(number, mul(x, set(4096.0)), set(2147483647.0));
      return _mm512_cvt_roundpd_epi32(steps, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);  // too low: INT_MIN
    } else {
      return _mm256_castps_si256(_mm512_cvtpd_ps(x));
    }
  }
  /// c - a * b in one rounding.
  static reg minus_product(reg a, reg b, reg c) { return _mm512_fnmadd_pd(a, b, c); }
  /// x * 2^n in one rounding, for x near 1 and a whole number n from -1100 to 1100.
  static reg scaled(reg x, reg n) { return _mm512_scalef_pd(x, n); }
  /// A positive normal number is mantissa * 2^(exponent - 1023), the mantissa from 1 to 2.
  static reg mantissa(reg x) {
    const __m512i fraction = _mm512_and_si512(_mm512_castpd_si512(x), _mm512_set1_epi64((std::int64_t{1} << 52) - 1));
    return _mm512_castsi512_pd(_mm512_or_si512(fraction, _mm512_castpd_si512(set(1.0))));
  }
  static reg exponent(reg x) { return _mm512_cvtepi64_pd(_mm512_srli_epi64(_mm512_castpd_si512(x), 52)); }
};

#include <nniesim/kernels/generic/tiles.inl>

struct i32 {
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
  // Narrowed in registers: some processors store what a mask narrows a hundred times slower.
  static void store_first(std::uint8_t* p, reg x, std::size_t n) {
    _mm_mask_storeu_epi8(p, first(n), _mm512_cvtepi32_epi8(x));
  }
  static void store_first(std::uint16_t* p, reg x, std::size_t n) {
    _mm256_mask_storeu_epi16(p, first(n), _mm512_cvtepi32_epi16(x));
  }
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
  static reg saturated_add(reg a, reg b) {
    const reg sum = add(a, b);
    const reg overflow = _mm512_andnot_si512(bit_xor(a, b), bit_xor(a, sum));
    return select(is_negative(overflow), bit_xor(shift_right_arithmetic<31>(a), set(0x7fffffff)), sum);
  }
  static reg mul(reg a, reg b) { return _mm512_mullo_epi32(a, b); }
  /// The low words of a * b / 2^Bits, rounded down; b is the same in each pair of lanes.
  template <unsigned Bits>
  static reg mul_shifted(reg a, reg b) {
    const reg even = _mm512_srli_epi64(_mm512_mul_epi32(a, b), Bits);
    const reg odd = _mm512_slli_epi64(_mm512_mul_epi32(_mm512_srli_epi64(a, 32), b), 32 - Bits);
    return _mm512_mask_mov_epi32(even, 0xaaaa, odd);
  }
  /// Of numbers that fit 16 bits.
  static reg mul16(reg a, std::int16_t b) { return _mm512_madd_epi16(a, set(b)); }
  /// The sum of the products of both 16-bit halves.
  static reg dot(reg a, reg b) { return _mm512_madd_epi16(a, b); }
  static reg bit_and(reg a, reg b) { return _mm512_and_si512(a, b); }
  static reg bit_or(reg a, reg b) { return _mm512_or_si512(a, b); }
  static reg select_bits(reg of, reg yes, reg no) { return _mm512_ternarylogic_epi32(of, yes, no, 0xca); }
  static reg bit_xor(reg a, reg b) { return _mm512_xor_si512(a, b); }
  template <unsigned Bits>
  static reg shift_left(reg a) {
    return _mm512_slli_epi32(a, Bits);
  }
  template <unsigned Bits>
  static reg shift_right_logical(reg a) {
    return _mm512_srli_epi32(a, Bits);
  }
  template <unsigned Bits>
  static reg shift_right_arithmetic(reg a) {
    return _mm512_srai_epi32(a, Bits);
  }
  /// a * 2^exponent for a >= 0: shifted either way, by up to 32 bits. Counts that are negative shift everything out.
  static reg scaled(reg a, reg exponent) {
    return _mm512_or_si512(_mm512_sllv_epi32(a, exponent), _mm512_srlv_epi32(a, sub(set(0), exponent)));
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
  static reg minus_one_where(mask m) { return _mm512_movm_epi32(m); }
  /// Whether numbers are negative.
  using sign = mask;
  static sign sign_of(reg a) { return _mm512_movepi32_mask(a); }
  /// a + b, or a - b where the sign is negative.
  static reg plus(reg a, sign s, reg b) { return _mm512_mask_sub_epi32(add(a, b), s, a, b); }
  static reg minus(reg a, sign s, reg b) { return _mm512_mask_add_epi32(sub(a, b), s, a, b); }
  /// Every other word of 31, the second register beginning at the sixteenth.
  static reg even(reg a, reg b) {
    const reg index = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_permutex2var_epi32(a, index, b);
  }
  /// Each word of the first or second half twice.
  static reg twice_low(reg a) {
    return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7), a);
  }
  static reg twice_high(reg a) {
    return _mm512_permutexvar_epi32(_mm512_setr_epi32(8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15), a);
  }

  // Table look-ups; indices are taken modulo the table's size but for lookup128, where they must be inside.
  static reg lookup16(const std::array<std::int32_t, 16>& t, reg index) {
    return _mm512_permutexvar_epi32(index, load(t.data()));
  }
  static reg lookup32(const std::array<std::int32_t, 32>& t, reg index) {
    return _mm512_permutex2var_epi32(load(t.data()), index, load(t.data() + 16));
  }
  /// 128 * log2 of a mantissa.
  [[gnu::always_inline]] static __m512 log_by_parabolas(reg bits) {
    const reg piece = shift_right_logical<18>(bits);
    const auto at = [&](const std::array<float, 32>& t) __attribute__((always_inline)) {
      return _mm512_permutex2var_ps(_mm512_load_ps(t.data()), piece, _mm512_load_ps(t.data() + 16));
    };
    const __m512 u = _mm512_sub_ps(to_float(select_bits(set(0x3ffff), bits, set(0x3f800000))), _mm512_set1_ps(1.0F));
    return _mm512_fmadd_ps(_mm512_fmadd_ps(at(parabolas16.square), u, at(parabolas16.linear)), u,
                           at(parabolas16.constant));
  }
  static reg lookup128(const std::array<std::int32_t, 128>& t, reg index) {
    const auto part = [&](std::size_t i) {
      return _mm512_permutex2var_epi32(load(t.data() + 32 * i), index, load(t.data() + 32 * i + 16));
    };
    const mask bit5 = _mm512_test_epi32_mask(index, set(32));
    const mask bit6 = _mm512_test_epi32_mask(index, set(64));
    return select(bit6, select(bit5, part(3), part(2)), select(bit5, part(1), part(0)));
  }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"  // of the macro that GCC has without optimization
  /// table[index].
  static reg at(const std::int32_t* table, reg index) { return _mm512_i32gather_epi32(index, table, 4); }
  /// table[index] in the low half of each word, table[index + 1] in the high half.
  static reg pair_at(const std::int16_t* table, reg index) { return _mm512_i32gather_epi32(index, table, 2); }
#pragma GCC diagnostic pop
  /// Floats of codes whose magnitudes are counted from the biased level `bottom` on. Their upper halves are levels,
  /// where exponents stand, with something added; the lower ones are looked up.
  template <class F>
  struct decoder {
    static constexpr std::size_t registers = 2;
    explicit decoder(int bottom) : lowest(_mm512_set1_epi16(static_cast<short>(bottom))) {}
    [[gnu::always_inline]] void operator()(const typename F::code* in, reg (&out)[2]) const {
      // Quarters in the order in which the halves are put together.
      const reg code = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), load(bytes(in)));
      const reg q = _mm512_min_epu16(_mm512_and_si512(code, _mm512_set1_epi16(0x7fff)),
                                     _mm512_set1_epi16(static_cast<short>(F::max_magnitude)));
      const __mmask32 not_zero = _mm512_cmpneq_epi16_mask(code, _mm512_set1_epi16(static_cast<short>(F::zero)));
      const reg level = _mm512_add_epi16(q, lowest);
      const __mmask32 bit6 = _mm512_test_epi16_mask(level, _mm512_set1_epi16(64));
      const reg value = _mm512_add_epi16(level, word_of(halves16.high.data(), level, bit6));
      // With the sign's highest bit.
      const reg high = _mm512_maskz_mov_epi16(
          not_zero, _mm512_ternarylogic_epi32(_mm512_set1_epi16(std::numeric_limits<short>::min()), code, value, 0xca));
      const reg low = _mm512_maskz_mov_epi16(not_zero, word_of(halves16.low.data(), level, bit6));
      out[0] = _mm512_unpacklo_epi16(low, high);
      out[1] = _mm512_unpackhi_epi16(low, high);
    }
    static constexpr std::size_t turns = 32;
    [[gnu::always_inline]] void by_turns(const typename F::code* in, float* even, float* odd) const {
      const reg place = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
      reg out[2];
      (*this)(in, out);
      store(even, _mm512_permutex2var_epi32(out[0], place, out[1]));
      store(odd, _mm512_permutex2var_epi32(out[0], add(place, set(1)), out[1]));
    }

   private:
    reg lowest;
  };
  template <class F>
  requires(F::bits == 8) struct decoder<F> {
    static constexpr std::size_t registers = 4;
    /// The tables begin with the lowest level.
    explicit decoder(int bottom) {
      alignas(64) std::int16_t place[32];
      for (int i = 0; i < 32; ++i) place[i] = static_cast<std::int16_t>(i % 16 + bottom);
      const reg level = load(static_cast<const void*>(place));
      high = _mm512_add_epi16(_mm512_permutexvar_epi16(level, words(halves8.high.data())),
                              _mm512_set1_epi16(static_cast<short>(8 * bottom)));
      low = _mm512_permutexvar_epi16(level, words(halves8.low.data()));
    }
    [[gnu::always_inline]] void operator()(const typename F::code* in, reg (&out)[4]) const {
      const reg order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
      const reg all = _mm512_permutexvar_epi32(order, load(bytes(in)));
      upper(_mm512_unpacklo_epi8(_mm512_setzero_si512(), all), out[0], out[1]);
      upper(_mm512_unpackhi_epi8(_mm512_setzero_si512(), all), out[2], out[3]);
    }
    [[gnu::always_inline]] void operator()(const typename F::code* in, reg (&out)[2]) const {
      const __m256i all = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in));
      const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
      upper(_mm512_slli_epi16(_mm512_cvtepu8_epi16(_mm256_permutevar8x32_epi32(all, order)), 8), out[0], out[1]);
    }
    static constexpr std::size_t turns = 64;
    [[gnu::always_inline]] void by_turns(const typename F::code* in, float* even, float* odd) const {
      const reg all = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), load(bytes(in)));
      reg out[4];
      upper(_mm512_slli_epi16(all, 8), out[0], out[1]);
      upper(_mm512_and_si512(all, _mm512_set1_epi16(static_cast<short>(0xff00))), out[2], out[3]);
      store(even, out[0]);
      store(even + lanes, out[1]);
      store(odd, out[2]);
      store(odd + lanes, out[3]);
    }

   private:
    /// Of codes in the upper bytes of words.
    [[gnu::always_inline]] void upper(reg code, reg& a, reg& b) const {
      const __mmask32 not_zero = _mm512_cmpneq_epi16_mask(code, _mm512_set1_epi16(std::numeric_limits<short>::min()));
      const reg place = _mm512_srli_epi16(code, 8);
      const reg signed_level =  // where the exponent stands
          _mm512_and_si512(_mm512_srai_epi16(code, 5), _mm512_set1_epi16(static_cast<short>(0x83f8)));
      const reg h = _mm512_maskz_add_epi16(not_zero, signed_level, _mm512_permutexvar_epi16(place, high));
      const reg l = _mm512_maskz_permutexvar_epi16(not_zero, place, low);
      a = _mm512_unpacklo_epi16(l, h);
      b = _mm512_unpackhi_epi16(l, h);
    }
    reg high, low;
  };
  /// Of a float within 32 bits; what is too large gives the least number.
  static reg nearest(__m512 x) { return _mm512_cvtps_epi32(x); }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"  // of the macro that GCC has without optimization
  static __m512 larger_magnitude(__m512 a, __m512 b) { return _mm512_range_ps(a, b, 0x0b); }
#pragma GCC diagnostic pop
  struct word_packer;
  static constexpr std::int32_t saturated_bytes = 127;
  /// Words of four bytes each: numbers of four registers within -127 .. 127, what is beyond being the nearest of these.
  static reg words_of(const reg (&x)[4]) {
    const reg bytes = _mm512_packs_epi16(_mm512_packs_epi32(x[0], x[1]), _mm512_packs_epi32(x[2], x[3]));
    const reg order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    return _mm512_shuffle_epi8(_mm512_max_epi8(bytes, _mm512_set1_epi8(-127)), order);
  }
  /// out[i] = table[in[i]] of 256 entries for whole registers of the n; tells how many.
  static std::size_t bytes_at(const std::uint8_t* table, const std::uint8_t* in, std::uint8_t* out, std::size_t n) {
    const reg t[4] = {load(static_cast<const void*>(table)), load(static_cast<const void*>(table + 64)),
                      load(static_cast<const void*>(table + 128)), load(static_cast<const void*>(table + 192))};
    // Of words of two entries each the one whose place's lowest bit says so, in the low byte.
    const auto entry = [&](reg place) __attribute__((always_inline)) {
      const reg word = _mm512_srli_epi16(place, 1);
      const reg low = _mm512_permutex2var_epi16(t[0], word, t[1]), high = _mm512_permutex2var_epi16(t[2], word, t[3]);
      const reg pair = _mm512_mask_blend_epi16(_mm512_movepi16_mask(_mm512_slli_epi16(place, 8)), low, high);
      return _mm512_mask_srli_epi16(pair, _mm512_test_epi16_mask(place, _mm512_set1_epi16(1)), pair, 8);
    };
    const reg byte = _mm512_set1_epi16(255);
    std::size_t i = 0;
    for (; i + 64 <= n; i += 64) {
      const reg x = load(static_cast<const void*>(in + i));
      const reg even = entry(_mm512_and_si512(x, byte)), odd = entry(_mm512_srli_epi16(x, 8));
      store(static_cast<void*>(out + i), _mm512_or_si512(_mm512_and_si512(even, byte), _mm512_slli_epi16(odd, 8)));
    }
    return i;
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
  /// floor(x) of what fits.
  static reg floor_of_float(reg bits) {
    return _mm512_cvt_roundps_epi32(_mm512_castsi512_ps(bits), _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
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
  static reg words(const std::uint16_t* p) { return _mm512_loadu_si512(p); }
  static const void* bytes(const void* p) { return p; }
  /// table[place], of 128 words.
  static reg word_of(const std::uint16_t* table, reg place, __mmask32 bit6) {
    return _mm512_mask_blend_epi16(bit6, _mm512_permutex2var_epi16(words(table), place, words(table + 32)),
                                   _mm512_permutex2var_epi16(words(table + 64), place, words(table + 96)));
  }
  template <bool CanBeNan>
  static __m256i raw_of_steps(__m512d steps) {
    const __m512d most = _mm512_set1_pd(2147483647.0);
    const __m256i raw = _mm512_cvt_roundpd_epi32(_mm512_min_pd(steps, most),
                                                 _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);  // too low: INT_MIN
    if constexpr (!CanBeNan) return raw;
    else return _mm256_maskz_mov_epi32(_mm512_cmp_pd_mask(steps, steps, _CMP_ORD_Q), raw);
  }
};

/// Stores gfpq16 codes by pairs of registers.
struct i32::word_packer {
  static constexpr std::size_t registers = 2;
  /// Of levels counted so that `bottom` is the lowest.
  explicit word_packer(int bottom) : from(_mm512_set1_epi16(static_cast<short>(bottom - 129))) {
    alignas(64) std::int16_t place[lanes * 2];
    for (int i = 0; i < 32; ++i) place[i] = static_cast<std::int16_t>(2 * i);
    even = load(static_cast<const void*>(place));
    odd = add(even, set(0x10001));
    for (reg* x : {&from, &even, &odd, &octave, &most, &base, &one, &sign, &end}) NNIESIM_IN_REGISTER(*x);
  }
  /// Puts the codes of two registers, n of each, to places `distance` apart: of the exponents of x and of levels of an
  /// octave, in the low halves, their distance from the lowest, up to the highest magnitude, with the signs of x; that
  /// of zero where it is less than -128. Puts nothing and says so in doubt of the levels.
  [[gnu::always_inline]] bool store(std::uint16_t* p, std::size_t distance, std::size_t n, const reg (&level)[2],
                                    const reg (&x)[2]) const {
    const reg upper = _mm512_permutex2var_epi16(x[0], odd, x[1]);
    const reg levels = _mm512_add_epi16(_mm512_permutex2var_epi16(level[0], even, level[1]), bit_and(upper, octave));
    const reg above = _mm512_subs_epu16(levels, from);  // 0: zero; 129: the lowest level
    const reg is_minus = _mm512_srli_epi16(upper, 15);
    const reg q = _mm512_max_epu16(_mm512_subs_epu16(_mm512_min_epu16(above, most), base), is_minus);
    const reg not_zero = _mm512_subs_epu16(above, is_minus);
    if (_kortestz_mask32_u8(_mm512_cmpeq_epi16_mask(not_zero, one), _mm512_cmpge_epu16_mask(levels, end)) == 0)
        [[unlikely]]
      return false;
    const reg codes =
        _mm512_mask_mov_epi16(sign, _mm512_test_epi16_mask(not_zero, not_zero), select_bits(sign, upper, q));
    if (n == lanes && distance == lanes) {
      _mm512_storeu_si512(p, codes);
      return true;
    }
    const auto put = [&](std::uint16_t * to, __m256i part) __attribute__((always_inline)) {
      _mm256_mask_storeu_epi16(to, static_cast<__mmask16>((1U << n) - 1U), part);
    };
    put(p, _mm512_castsi512_si256(codes));
    put(p + distance, _mm512_extracti64x4_epi64(codes, 1));
    return true;
  }
  static __m512 larger_magnitude(__m512 a, __m512 b) { return i32::larger_magnitude(a, b); }

 private:
  reg from, even, odd, octave = _mm512_set1_epi16(0x7f80), most = _mm512_set1_epi16(gfpq16::max_magnitude + 129),
                       base = _mm512_set1_epi16(129), one = _mm512_set1_epi16(1), sign = _mm512_set1_epi16(-32768),
                       end = _mm512_set1_epi16(255 * gfpq16::levels);
};

/// Stores gfpq8 codes by fours of registers. Its constants stand in memory: compilers would make them anew each time.
struct code_packer {
  using reg = i32::reg;
  static constexpr std::size_t registers = 4;
  /// Of levels counted so that `bottom` is the lowest.
  explicit code_packer(int bottom) : from(_mm512_set1_epi16(static_cast<short>(bottom - 17))) {
    for (reg* x : {&from, &one, &base, &most, &sign, &order, &levels}) NNIESIM_IN_REGISTER(*x);
  }
  /// Puts the codes of four registers, n of each, to places `distance` apart: of levels their distance from the lowest,
  /// up to 127, with the signs of x if Signed; that of zero where it is less than -16. In doubt it puts nothing and
  /// says so; of ends that is where `differing` has bits above the 18th, or where signs change what is zero.
  template <bool Signed, doubt Of>
  [[gnu::always_inline]] bool store(std::uint8_t* p, std::size_t distance, std::size_t n, const reg (&level)[4],
                                    [[maybe_unused]] const reg (&x)[4], [[maybe_unused]] reg differing) const {
    const reg low = _mm512_subs_epu16(_mm512_packus_epi32(level[0], level[1]), from);
    const reg high = _mm512_subs_epu16(_mm512_packus_epi32(level[2], level[3]), from);
    const reg above = _mm512_packus_epi16(low, high);  // 0: zero; 17: the lowest level
    reg q = _mm512_subs_epu8(_mm512_min_epu8(above, most), base), not_zero = above;
    if constexpr (Signed) {
      const reg minus =
          _mm512_and_si512(_mm512_packs_epi16(_mm512_packs_epi32(x[0], x[1]), _mm512_packs_epi32(x[2], x[3])), sign);
      const reg is_minus = _mm512_srli_epi16(minus, 7);
      q = _mm512_or_si512(_mm512_max_epu8(q, is_minus), minus);  // their least is 1
      not_zero = _mm512_subs_epu8(above, is_minus);
    }
    __mmask64 few = 0, other = 0;
    if constexpr (Signed || Of == doubt::of_levels) few = _mm512_cmpeq_epi8_mask(not_zero, one);
    if constexpr (Of == doubt::of_levels) other = _mm512_cmpeq_epi8_mask(above, _mm512_set1_epi8(-1));
    else other = _mm512_test_epi32_mask(differing, levels);
    if (_kortestz_mask64_u8(few, other) == 0) [[unlikely]]
      return false;
    const reg codes =
        _mm512_permutexvar_epi32(order, _mm512_mask_mov_epi8(sign, _mm512_test_epi8_mask(not_zero, not_zero), q));
    if (n == i32::lanes && distance == i32::lanes) {
      _mm512_storeu_si512(p, codes);
      return true;
    }
    const auto put = [&](std::size_t v, __m128i part) __attribute__((always_inline)) {
      if (n == i32::lanes) _mm_storeu_si128(reinterpret_cast<__m128i*>(p + v * distance), part);
      else _mm_mask_storeu_epi8(p + v * distance, static_cast<__mmask16>((1U << n) - 1U), part);
    };
    put(0, _mm512_castsi512_si128(codes));
    put(1, _mm512_extracti32x4_epi32(codes, 1));
    put(2, _mm512_extracti32x4_epi32(codes, 2));
    put(3, _mm512_extracti32x4_epi32(codes, 3));
    return true;
  }

 private:
  reg from, one = _mm512_set1_epi8(1), base = _mm512_set1_epi8(17), most = _mm512_set1_epi8(-112),
            sign = _mm512_set1_epi8(-128), levels = _mm512_set1_epi32(-(1 << 19)),
            order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
};

#include <nniesim/kernels/generic/elementwise.inl>
#include <nniesim/kernels/generic/uniform.inl>

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

inline constexpr std::size_t pixel_sums = 24;
#include <nniesim/kernels/generic/pixels.inl>

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

/// Rows times 64 outputs, whose weights are decoded as they are multiplied.
template <class F, std::size_t Rows>
inline void code_tile(const float* a, std::ptrdiff_t stride, const typename F::code* w, const code_tables& t,
                      std::size_t steps, float* sum) {
  const code_decoder<F> decode(t);
  __m512 acc[Rows][4];
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < Rows; ++i) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < 4; ++v) acc[i][v] = _mm512_setzero_ps();
  }
  const float* row[(Rows + 2) / 3];
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < (Rows + 2) / 3; ++i) row[i] = a + static_cast<std::ptrdiff_t>(3 * i) * stride;
  for (std::size_t k = 0; k < steps; ++k) {
    __m512 b[4];
    decode(w + 64 * k, b);
    NNIESIM_UNROLL
    for (std::size_t i = 0; i < Rows; ++i) {
      const __m512 x = _mm512_set1_ps(row[i / 3][static_cast<std::ptrdiff_t>(i % 3) * stride]);
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < 4; ++v) acc[i][v] = _mm512_fmadd_ps(b[v], x, acc[i][v]);
    }
    NNIESIM_UNROLL
    for (std::size_t i = 0; i < (Rows + 2) / 3; ++i) ++row[i];
  }
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < Rows; ++i) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < 4; ++v) _mm512_storeu_ps(sum + (4 * i + v) * 16, acc[i][v]);
  }
}

template <class F, std::size_t... Rows>
inline void code_tile_rows(std::index_sequence<Rows...>, const float* a, std::ptrdiff_t stride,
                           const typename F::code* w, const code_tables& t, std::size_t steps, std::size_t rows,
                           float* sum) {
  bool done = false;
  ((done || rows > Rows || (code_tile<F, Rows>(a, stride, w, t, steps, sum), done = true)), ...);
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
inline constexpr std::string_view target = NNIESIM_AVX512_TARGET;
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
