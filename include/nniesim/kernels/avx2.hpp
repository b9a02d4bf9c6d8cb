// Kernels for AVX2 with FMA. Over 500 lines because one set of kernels is one file: its vocabularies of half, full and
// double floats and of integers, and what only it does.
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

#define NNIESIM_AVX2_TARGET "avx2,fma"

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
  static reg sub(reg a, reg b) { return _mm256_sub_ps(a, b); }
  static reg mul(reg a, reg b) { return _mm256_mul_ps(a, b); }
  static reg div(reg a, reg b) { return _mm256_div_ps(a, b); }
  /// a > b ? a : b.
  static reg larger(reg a, reg b) { return _mm256_max_ps(a, b); }
  static reg where_positive(reg a, reg yes, reg no) {
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_GT_OQ));
  }
  static bool any_nan(reg a, reg b) { return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_UNORD_Q)) != 0; }
  static reg smaller(reg a, reg b) { return _mm256_min_ps(a, b); }
  static reg floor(reg x) { return _mm256_floor_ps(x); }
  /// |x|, or `least` where that is smaller.
  static reg magnitude(reg x, reg least) { return _mm256_max_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0F), x), least); }
  /// NaN stays.
  static reg clamp(reg x, reg least, reg most) { return _mm256_min_ps(most, _mm256_max_ps(least, x)); }
  static reg nearest(reg x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  /// Whether |a - b| < distance everywhere but where they are NaN.
  static bool all_within(reg a, reg b, reg distance) {
    const reg size = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), _mm256_sub_ps(a, b));
    return _mm256_movemask_ps(_mm256_cmp_ps(size, distance, _CMP_GE_OQ)) == 0;
  }
};

/// As many 32-bit words as there are lanes of float64.
struct half {
  using reg = __m128i;
  static constexpr std::size_t lanes = 4;
  static reg load(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  static reg load_first(const void* p, std::size_t n) {
    return _mm_maskload_epi32(static_cast<const int*>(p), first(n));
  }
  static void store(void* p, reg x) { _mm_storeu_si128(static_cast<__m128i*>(p), x); }
  static void store_first(void* p, reg x, std::size_t n) { _mm_maskstore_epi32(static_cast<int*>(p), first(n), x); }
  /// Words 0 and 2 of the first, 1 and 3 of the second: every other one of seven where the second begins at the fourth.
  static reg even(reg a, reg b) {
    return _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b), 0xd8));
  }
  /// The words of a table at these places.
  static reg at(const void* table, reg place) { return _mm_i32gather_epi32(static_cast<const int*>(table), place, 4); }

 private:
  static reg first(std::size_t n) {
    return _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(n)), _mm_setr_epi32(0, 1, 2, 3));
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
  static reg sub(reg a, reg b) { return _mm256_sub_pd(a, b); }
  static reg mul(reg a, reg b) { return _mm256_mul_pd(a, b); }
  static reg div(reg a, reg b) { return _mm256_div_pd(a, b); }
  static reg sqrt(reg a) { return _mm256_sqrt_pd(a); }
  static reg abs(reg a) { return _mm256_andnot_pd(set(-0.0), a); }
  /// a > b ? a : b.
  static reg larger(reg a, reg b) { return _mm256_max_pd(a, b); }
  /// a < b ? a : b.
  static reg smaller(reg a, reg b) { return _mm256_min_pd(a, b); }
  static reg floor(reg a) { return _mm256_floor_pd(a); }
  /// a < b ? yes : no.
  static reg where_less(reg a, reg b, reg yes, reg no) {
    return _mm256_blendv_pd(no, yes, _mm256_cmp_pd(a, b, _CMP_LT_OQ));
  }
  static reg where_positive(reg a, reg yes, reg no) {
    return _mm256_blendv_pd(no, yes, _mm256_cmp_pd(a, _mm256_setzero_pd(), _CMP_GT_OQ));
  }
  /// +0 where a is zero, else b.
  static reg zero_where_zero(reg a, reg b) {
    return _mm256_and_pd(_mm256_cmp_pd(a, _mm256_setzero_pd(), _CMP_NEQ_UQ), b);
  }
  /// floor(x) + whole, for whole numbers of up to 32 bits.
  static reg floor_plus(reg x, reg whole) { return _mm256_add_pd(_mm256_floor_pd(x), whole); }
  static reg load(const float* p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
  /// a - b, exact up to the rounding of a 64-bit integer.
  static reg difference(const std::int32_t* a, const std::int32_t* b) {
    return _mm256_cvtepi32_pd(_mm_sub_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a)),
                                            _mm_loadu_si128(reinterpret_cast<const __m128i*>(b))));
  }
  /// In two halves, each of which stands in the low bits of a double of its own: their sum is rounded once.
  static reg difference(const std::int64_t* a, const std::int64_t* b) {
    const __m256i x = _mm256_sub_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a)),
                                       _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b)));
    const __m256i high = _mm256_xor_si256(_mm256_srli_epi64(x, 32), _mm256_castpd_si256(set(0x1p84 + 0x1p63)));
    const __m256i low = _mm256_blend_epi32(_mm256_castpd_si256(set(0x1p52)), x, 0x55);
    return _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(high), set(0x1p84 + 0x1p63 + 0x1p52)),
                         _mm256_castsi256_pd(low));
  }
  /// Of layer values of type T.
  template <class T>
  static reg value(half::reg w) {
    if constexpr (std::same_as<T, q20_12>) return mul(_mm256_cvtepi32_pd(w), set(0x1p-12));
    else return _mm256_cvtps_pd(_mm_castsi128_ps(w));
  }
  /// Written as a layer does: the nearest float, or floor(x * 4096), saturated, and 0 for NaN.
  template <class T>
  static half::reg code(reg x) {
    if constexpr (std::same_as<T, q20_12>) {
      const reg number = _mm256_and_pd(x, _mm256_cmp_pd(x, x, _CMP_ORD_Q));
      const reg steps = _mm256_min_pd(mul(number, set(4096.0)), set(2147483647.0));
      return _mm256_cvtpd_epi32(_mm256_floor_pd(steps));  // too low: INT_MIN
    } else {
      return _mm_castps_si128(_mm256_cvtpd_ps(x));
    }
  }
  /// c - a * b in one rounding.
  static reg minus_product(reg a, reg b, reg c) { return _mm256_fnmadd_pd(a, b, c); }
  /// x * 2^n in one rounding, for x near 1 and a whole number n from -1100 to 1100: in two factors, as the power itself
  /// may be no normal number.
  static reg scaled(reg x, reg n) {
    const __m256i biased = _mm256_castpd_si256(add(n, set(0x1.8p52 + 2046.0)));  // both of them, in the last bits
    const __m256i half = _mm256_srli_epi64(biased, 1);
    const __m256i rest = _mm256_sub_epi64(biased, half);
    const reg part = mul(x, _mm256_castsi256_pd(_mm256_slli_epi64(half, 52)));
    return mul(part, _mm256_castsi256_pd(_mm256_slli_epi64(rest, 52)));
  }
  /// A positive normal number is mantissa * 2^(exponent - 1023), the mantissa from 1 to 2.
  static reg mantissa(reg x) {
    const __m256i fraction = _mm256_and_si256(_mm256_castpd_si256(x), _mm256_set1_epi64x((std::int64_t{1} << 52) - 1));
    return _mm256_castsi256_pd(_mm256_or_si256(fraction, _mm256_castpd_si256(set(1.0))));
  }
  static reg exponent(reg x) {
    const __m256i bits = _mm256_srli_epi64(_mm256_castpd_si256(x), 52);
    return sub(_mm256_castsi256_pd(_mm256_or_si256(bits, _mm256_castpd_si256(set(0x1p52)))), set(0x1p52));
  }
};

#include <nniesim/kernels/generic/tiles.inl>

struct i32 {
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
  static reg load_first(const void* p, std::size_t n) {
    return _mm256_maskload_epi32(static_cast<const int*>(p), first(n));
  }
  static reg load_first(const std::uint8_t* p, std::size_t n) = delete;
  static reg load_first(const std::uint16_t* p, std::size_t n) = delete;
  static void store_first(void* p, reg x, std::size_t n) { _mm256_maskstore_epi32(static_cast<int*>(p), first(n), x); }
  static void store_first(std::uint8_t* p, reg x, std::size_t n) = delete;
  static void store_first(std::uint16_t* p, reg x, std::size_t n) = delete;
  static void store(void* p, reg x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
  static void store(std::uint8_t* p, reg x) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words(x), _mm_setzero_si128()));
  }
  static void store(std::uint16_t* p, reg x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words(x)); }
  static reg set(std::int32_t x) { return _mm256_set1_epi32(x); }
  static reg add(reg a, reg b) { return _mm256_add_epi32(a, b); }
  static reg sub(reg a, reg b) { return _mm256_sub_epi32(a, b); }
  static reg saturated_add(reg a, reg b) {
    const reg sum = add(a, b);
    const reg overflow = _mm256_andnot_si256(bit_xor(a, b), bit_xor(a, sum));
    return where_negative(overflow, bit_xor(shift_right_arithmetic<31>(a), set(0x7fffffff)), sum);
  }
  static reg mul(reg a, reg b) { return _mm256_mullo_epi32(a, b); }
  /// The low words of a * b / 2^Bits, rounded down; b is the same in each pair of lanes.
  template <int Bits>
  static reg mul_shifted(reg a, reg b) {
    const reg even = _mm256_srli_epi64(_mm256_mul_epi32(a, b), Bits);
    const reg odd = _mm256_slli_epi64(_mm256_mul_epi32(_mm256_srli_epi64(a, 32), b), 32 - Bits);
    return _mm256_blend_epi32(even, odd, 0xaa);
  }
  /// Of numbers that fit 16 bits.
  static reg mul16(reg a, std::int16_t b) { return _mm256_madd_epi16(a, set(b)); }
  /// The sum of the products of both 16-bit halves.
  static reg dot(reg a, reg b) { return _mm256_madd_epi16(a, b); }
  static reg bit_and(reg a, reg b) { return _mm256_and_si256(a, b); }
  static reg bit_or(reg a, reg b) { return _mm256_or_si256(a, b); }
  static reg select_bits(reg of, reg yes, reg no) { return bit_or(bit_and(of, yes), _mm256_andnot_si256(of, no)); }
  static reg bit_xor(reg a, reg b) { return _mm256_xor_si256(a, b); }
  template <int Bits>
  static reg shift_left(reg a) {
    return _mm256_slli_epi32(a, Bits);
  }
  template <int Bits>
  static reg shift_right_logical(reg a) {
    return _mm256_srli_epi32(a, Bits);
  }
  template <int Bits>
  static reg shift_right_arithmetic(reg a) {
    return _mm256_srai_epi32(a, Bits);
  }
  /// a * 2^exponent for a >= 0: shifted either way, by up to 32 bits. Counts that are negative shift everything out.
  static reg scaled(reg a, reg exponent) {
    return _mm256_or_si256(_mm256_sllv_epi32(a, exponent), _mm256_srlv_epi32(a, sub(set(0), exponent)));
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
  static reg where_negative(reg a, reg yes, reg no) {
    return _mm256_castps_si256(
        _mm256_blendv_ps(_mm256_castsi256_ps(no), _mm256_castsi256_ps(yes), _mm256_castsi256_ps(a)));
  }
  static reg minus_one_where(mask m) { return m; }
  /// Whether numbers are negative; an odd number of the same sign, which the instruction needs.
  using sign = reg;
  static sign sign_of(reg a) { return _mm256_or_si256(a, set(1)); }
  /// a + b, or a - b where the sign is negative.
  static reg plus(reg a, sign s, reg b) { return add(a, _mm256_sign_epi32(b, s)); }
  static reg minus(reg a, sign s, reg b) { return sub(a, _mm256_sign_epi32(b, s)); }
  /// Every other word of 15, the second register beginning at the eighth.
  static reg even(reg a, reg b) {
    const __m256 pairs = _mm256_shuffle_ps(to_float(a), to_float(b), 0xd8);
    return _mm256_permute4x64_epi64(of_float(pairs), 0xd8);
  }
  /// Each word of the first or second half twice.
  static reg twice_low(reg a) { return _mm256_permutevar8x32_epi32(a, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)); }
  static reg twice_high(reg a) { return _mm256_permutevar8x32_epi32(a, _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7)); }

  // Table look-ups; indices are taken modulo the table's size but for lookup128, where they must be inside.
  static reg lookup16(const std::array<std::int32_t, 16>& t, reg index) {
    const reg low = _mm256_permutevar8x32_epi32(load(t.data()), index);
    const reg high = _mm256_permutevar8x32_epi32(load(t.data() + 8), index);
    return where_negative(shift_left<28>(index), high, low);
  }
  static reg lookup32(const std::array<std::int32_t, 32>& t, reg index) {
    const auto part = [&](std::size_t i) { return _mm256_permutevar8x32_epi32(load(t.data() + 8 * i), index); };
    const reg bit3 = shift_left<28>(index), bit4 = shift_left<27>(index);
    return where_negative(bit4, where_negative(bit3, part(3), part(2)), where_negative(bit3, part(1), part(0)));
  }
  static reg lookup128(const std::array<std::int32_t, 128>& t, reg index) {
    return _mm256_i32gather_epi32(t.data(), index, 4);
  }
  /// table[index].
  static reg at(const std::int32_t* table, reg index) { return _mm256_i32gather_epi32(table, index, 4); }
  /// table[index] in the low half of each word, table[index + 1] in the high half.
  static reg pair_at(const std::int16_t* table, reg index) {
    return _mm256_i32gather_epi32(reinterpret_cast<const int*>(table), index, 2);
  }
  static reg float_of_q20_12(reg raw) {
    return _mm256_castps_si256(_mm256_mul_ps(_mm256_cvtepi32_ps(raw), _mm256_set1_ps(0x1p-12F)));
  }
  static __m256 to_float(reg bits) { return _mm256_castsi256_ps(bits); }
  /// Of a rounded float in range; NaN gives 0.
  static reg integer_of(__m256 x) {
    return zero_where(_mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)), _mm256_cvtps_epi32(x));
  }
  /// floor(x) of what fits.
  static reg floor_of_float(reg bits) { return _mm256_cvtps_epi32(_mm256_floor_ps(_mm256_castsi256_ps(bits))); }
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

  /// Floats of codes whose magnitudes are counted from the biased level `bottom` on, many at once: their bytes apart.
  template <class F>
  requires(F::bits == 8) struct decoder {
    static constexpr std::size_t registers = 4;
    explicit decoder(int bottom) {
      alignas(32) std::uint8_t byte[4][32];
      for (int j = 0; j < 32; ++j) {
        const int level = j % 16 + bottom;
        const auto bits = static_cast<std::uint32_t>(fraction_mantissa8[static_cast<std::size_t>(level) % 16]) +
                          (static_cast<std::uint32_t>(level / 16) << 23U) - (static_cast<std::uint32_t>(j % 16) << 19U);
        for (unsigned b = 0; b < 4; ++b) byte[b][j] = static_cast<std::uint8_t>(bits >> (8 * b));
      }
      for (std::size_t b = 0; b < 4; ++b) table[b] = load(static_cast<const void*>(byte[b]));
    }
    [[gnu::always_inline]] void operator()(const typename F::code* in, reg (&out)[4]) const {
      floats(_mm256_permutevar8x32_epi32(load(static_cast<const void*>(in)), order()), out);
    }
    static constexpr std::size_t turns = 64;
    [[gnu::always_inline]] void by_turns(const typename F::code* in, float* even, float* odd) const {
      const __m256i a = load(static_cast<const void*>(in)), b = load(static_cast<const void*>(in + 32));
      const auto put = [&](__m256i x, __m256i y, float* to) {
        const __m256i sorted = _mm256_permute4x64_epi64(_mm256_packus_epi16(x, y), 0xd8);
        reg out[4];
        floats(_mm256_permutevar8x32_epi32(sorted, order()), out);
        NNIESIM_UNROLL
        for (std::size_t v = 0; v < 4; ++v) store(to + v * lanes, out[v]);
      };
      const __m256i byte = _mm256_set1_epi16(255);
      put(_mm256_and_si256(a, byte), _mm256_and_si256(b, byte), even);
      put(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8), odd);
    }

   private:
    static __m256i order() { return _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7); }
    [[gnu::always_inline]] void floats(__m256i code, reg (&out)[4]) const {
      const __m256i none = _mm256_setzero_si256();
      const __m256i is_zero = _mm256_cmpeq_epi8(code, _mm256_set1_epi8(-128));
      const __m256i place = _mm256_or_si256(_mm256_and_si256(code, _mm256_set1_epi8(15)), is_zero);
      const auto byte = [&](std::size_t b) { return _mm256_shuffle_epi8(table[b], place); };  // 0 of zeros
      const __m256i b0 = byte(0), b1 = byte(1), b2 = byte(2), b3 = byte(3), c = _mm256_andnot_si256(is_zero, code);
      const auto put = [&](__m256i lower, __m256i upper, __m256i raised, reg& first, reg& second) {
        const __m256i x = _mm256_and_si256(_mm256_srai_epi16(raised, 5), _mm256_set1_epi16(static_cast<short>(0x83f8)));
        const __m256i high = _mm256_add_epi16(upper, x);
        first = _mm256_unpacklo_epi16(lower, high);
        second = _mm256_unpackhi_epi16(lower, high);
      };
      put(_mm256_unpacklo_epi8(b0, b1), _mm256_unpacklo_epi8(b2, b3), _mm256_unpacklo_epi8(none, c), out[0], out[1]);
      put(_mm256_unpackhi_epi8(b0, b1), _mm256_unpackhi_epi8(b2, b3), _mm256_unpackhi_epi8(none, c), out[2], out[3]);
    }
    reg table[4];
  };

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

/// Stores gfpq8 codes by fours of registers.
struct code_packer {
  using reg = i32::reg;
  static constexpr std::size_t registers = 4;
  /// Of levels counted so that `bottom` is the lowest.
  explicit code_packer(int bottom) : from(_mm256_set1_epi16(static_cast<short>(bottom - 17))) {}
  /// Puts the codes of four registers, n of each, to places `distance` apart: of levels their distance from the lowest,
  /// up to 127, with the signs of x if Signed; that of zero where it is less than -16. In doubt it puts nothing and
  /// says so; of ends that is where `differing` has bits above the 18th, or where signs change what is zero.
  template <bool Signed, doubt Of>
  [[gnu::always_inline]] bool store(std::uint8_t* p, std::size_t distance, std::size_t n, const reg (&level)[4],
                                    [[maybe_unused]] const reg (&x)[4], [[maybe_unused]] reg differing) const {
    const reg low = _mm256_subs_epu16(_mm256_packus_epi32(level[0], level[1]), from);
    const reg high = _mm256_subs_epu16(_mm256_packus_epi32(level[2], level[3]), from);
    const reg above = _mm256_packus_epi16(low, high);  // 0: zero; 17: the lowest level
    const reg sign = _mm256_set1_epi8(-128);
    reg q = _mm256_subs_epu8(_mm256_min_epu8(above, _mm256_set1_epi8(-112)), _mm256_set1_epi8(17)), not_zero = above;
    if constexpr (Of == doubt::of_ends) differing = _mm256_srli_epi32(differing, 19);
    else differing = _mm256_cmpeq_epi8(above, i32::set(-1));
    if constexpr (Signed) {
      const reg minus =
          _mm256_and_si256(_mm256_packs_epi16(_mm256_packs_epi32(x[0], x[1]), _mm256_packs_epi32(x[2], x[3])), sign);
      const reg is_minus = _mm256_srli_epi16(minus, 7);
      q = _mm256_or_si256(_mm256_max_epu8(q, is_minus), minus);  // their least is 1
      not_zero = _mm256_subs_epu8(above, is_minus);
    }
    if constexpr (Signed || Of == doubt::of_levels) {
      differing = _mm256_or_si256(differing, _mm256_cmpeq_epi8(not_zero, _mm256_set1_epi8(1)));
    }
    if (_mm256_testz_si256(differing, differing) == 0) [[unlikely]]
      return false;
    const reg is_zero = _mm256_cmpeq_epi8(not_zero, _mm256_setzero_si256());
    const reg codes =
        _mm256_permutevar8x32_epi32(_mm256_blendv_epi8(q, sign, is_zero), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    if (n == i32::lanes && distance == i32::lanes) {
      i32::store(static_cast<void*>(p), codes);
    } else if (n == i32::lanes) {
      const __m128i first = _mm256_castsi256_si128(codes), second = _mm256_extracti128_si256(codes, 1);
      _mm_storel_epi64(reinterpret_cast<__m128i*>(p), first);
      _mm_storeh_pd(reinterpret_cast<double*>(p + distance), _mm_castsi128_pd(first));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(p + 2 * distance), second);
      _mm_storeh_pd(reinterpret_cast<double*>(p + 3 * distance), _mm_castsi128_pd(second));
    } else {
      alignas(32) std::uint8_t all[4 * i32::lanes];
      i32::store(static_cast<void*>(all), codes);
      for (std::size_t v = 0; v < 4; ++v) copy_few<i32::lanes>(p + v * distance, all + v * i32::lanes, n);
    }
    return true;
  }

 private:
  reg from;
};

#include <nniesim/kernels/generic/elementwise.inl>
#include <nniesim/kernels/generic/uniform.inl>

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

inline constexpr std::size_t pixel_sums = 12;
#include <nniesim/kernels/generic/pixels.inl>

/// Products of pairs of 16-bit integers, summed. (The instruction for 8-bit operands saturates between the two
/// additions and cannot be used.)
struct i16x2 {
  using element = std::int32_t;
  using reg = __m256i;
  static constexpr std::size_t lanes = 8;
  static reg zero() { return _mm256_setzero_si256(); }
  static reg load(const std::int32_t* p) { return i32::load(p); }
  static void store(std::int32_t* p, reg x) { i32::store(p, x); }
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
    i32::store(sum, _mm256_add_epi64(i32::load(static_cast<const void*>(sum)), part));
  }
};

using word_dot = i16x2;
inline constexpr word_packing packing{2, 0};
inline constexpr std::string_view target = NNIESIM_AVX2_TARGET;
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
