// Vector kernels of the accelerator's functions (tables, CORDIC) on q20_12 values. Each gives the bits of the scalar
// specification: core/function_tables.hpp, core/cordic.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include <nniesim/core/cordic.hpp>
#include <nniesim/core/function_tables.hpp>
#include <nniesim/kernels/layerwise.hpp>

#if defined(NNIESIM_ARCH_ARM)
#include <arm_neon.h>
#endif

NNIESIM_BEGIN_NAMESPACE

namespace kernels::layerwise {

inline constexpr std::int32_t exp_bound = cordic::out_of_range * 128;  ///< in 1/4096

// Products of small numbers in place of two tables.
inline constexpr std::int16_t octave_factor = 2979;      ///< over 2^16: 1/22, which the steps of an octave are
inline constexpr std::int32_t last_octave = 18;          ///< of 24 steps
inline constexpr std::int32_t late_octave_begins = 288;  ///< one step later than the others
inline constexpr std::int16_t ln2_factor = 22713;        ///< over 2^3: 4096 ln 2
static_assert([] {
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(cordic::out_of_range); ++i) {
    const std::int32_t n = std::min((std::max(i, 1) - 1) * octave_factor >> 16, last_octave);
    if (n - (i == late_octave_begins - 1 ? 1 : 0) != cordic::octaves[static_cast<std::size_t>(i)]) return false;
  }
  for (std::int32_t n = 0; n <= last_octave; ++n) {
    if (n * ln2_factor >> 3 != cordic::ln2_multiple(n)) return false;
  }
  for (std::int32_t n = -10; n <= 18; n += 4) {
    if (n * ln2_factor >> 3 != cordic::ln2_multiple(n)) return false;
  }
  return true;
}());

}  // namespace kernels::layerwise

NNIESIM_END_NAMESPACE

#if defined(NNIESIM_ARCH_X86)

NNIESIM_BEGIN_TARGET(NNIESIM_AVX2_TARGET)
NNIESIM_BEGIN_NAMESPACE

namespace kernels::layerwise::avx2 {

struct i32 : full {
  static reg set(std::int32_t x) { return _mm256_set1_epi32(x); }
  static reg add(reg a, reg b) { return _mm256_add_epi32(a, b); }
  static reg sub(reg a, reg b) { return _mm256_sub_epi32(a, b); }
  static reg mul(reg a, reg b) { return _mm256_mullo_epi32(a, b); }
  /// Of numbers that fit 16 bits.
  static reg mul16(reg a, std::int16_t b) { return _mm256_madd_epi16(a, set(b)); }
  static reg min(reg a, reg b) { return _mm256_min_epi32(a, b); }
  static reg max(reg a, reg b) { return _mm256_max_epi32(a, b); }
  static reg min_unsigned(reg a, reg b) { return _mm256_min_epu32(a, b); }
  static reg bit_and(reg a, reg b) { return _mm256_and_si256(a, b); }
  static reg bit_xor(reg a, reg b) { return _mm256_xor_si256(a, b); }
  template <int Bits>
  static reg shift_left(reg a) {
    return _mm256_slli_epi32(a, Bits);
  }
  template <int Bits>
  static reg shift_right(reg a) {
    return _mm256_srai_epi32(a, Bits);
  }
  /// a * 2^exponent for a >= 0: shifted either way, by up to 32 bits. Counts that are negative shift everything out.
  static reg scaled(reg a, reg exponent) {
    return _mm256_or_si256(_mm256_sllv_epi32(a, exponent), _mm256_srlv_epi32(a, sub(set(0), exponent)));
  }
  /// -1 or 0.
  static reg greater(reg a, reg b) { return _mm256_cmpgt_epi32(a, b); }
  static reg equal(reg a, reg b) { return _mm256_cmpeq_epi32(a, b); }
  static reg select(reg mask, reg yes, reg no) { return _mm256_blendv_epi8(no, yes, mask); }
  /// Whether numbers are negative; an odd number of the same sign, which the instruction needs.
  using sign = reg;
  static sign sign_of(reg a) { return _mm256_or_si256(a, set(1)); }
  /// a + b, or a - b where the sign is negative.
  static reg plus(reg a, sign s, reg b) { return add(a, _mm256_sign_epi32(b, s)); }
  static reg minus(reg a, sign s, reg b) { return sub(a, _mm256_sign_epi32(b, s)); }
  /// table[index] in the low half of each word, table[index + 1] in the high half.
  static reg pair_at(const std::int16_t* table, reg index) {
    return _mm256_i32gather_epi32(reinterpret_cast<const int*>(table), index, 2);
  }
  /// The sum of the products of both halves.
  static reg dot(reg a, reg b) { return _mm256_madd_epi16(a, b); }
};

#include <nniesim/kernels/generic/functions.inl>

}  // namespace kernels::layerwise::avx2

NNIESIM_END_NAMESPACE
NNIESIM_END_TARGET

NNIESIM_BEGIN_TARGET(NNIESIM_AVX512_TARGET)
NNIESIM_BEGIN_NAMESPACE

namespace kernels::layerwise::avx512 {

struct i32 : full {
  static reg set(std::int32_t x) { return _mm512_set1_epi32(x); }
  static reg add(reg a, reg b) { return _mm512_add_epi32(a, b); }
  static reg sub(reg a, reg b) { return _mm512_sub_epi32(a, b); }
  static reg mul(reg a, reg b) { return _mm512_mullo_epi32(a, b); }
  static reg mul16(reg a, std::int16_t b) { return _mm512_madd_epi16(a, set(b)); }
  static reg min(reg a, reg b) { return _mm512_min_epi32(a, b); }
  static reg max(reg a, reg b) { return _mm512_max_epi32(a, b); }
  static reg min_unsigned(reg a, reg b) { return _mm512_min_epu32(a, b); }
  static reg bit_and(reg a, reg b) { return _mm512_and_si512(a, b); }
  static reg bit_xor(reg a, reg b) { return _mm512_xor_si512(a, b); }
  template <int Bits>
  static reg shift_left(reg a) {
    return _mm512_slli_epi32(a, Bits);
  }
  template <int Bits>
  static reg shift_right(reg a) {
    return _mm512_srai_epi32(a, Bits);
  }
  static reg scaled(reg a, reg exponent) {
    return _mm512_or_si512(_mm512_sllv_epi32(a, exponent), _mm512_srlv_epi32(a, sub(set(0), exponent)));
  }
  static reg greater(reg a, reg b) { return _mm512_movm_epi32(_mm512_cmpgt_epi32_mask(a, b)); }
  static reg equal(reg a, reg b) { return _mm512_movm_epi32(_mm512_cmpeq_epi32_mask(a, b)); }
  static reg select(reg mask, reg yes, reg no) { return _mm512_ternarylogic_epi32(mask, yes, no, 0xca); }
  using sign = __mmask16;
  static sign sign_of(reg a) { return _mm512_movepi32_mask(a); }
  static reg plus(reg a, sign s, reg b) { return _mm512_mask_sub_epi32(add(a, b), s, a, b); }
  static reg minus(reg a, sign s, reg b) { return _mm512_mask_add_epi32(sub(a, b), s, a, b); }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"  // of the macro that GCC has without optimization
  static reg pair_at(const std::int16_t* table, reg index) { return _mm512_i32gather_epi32(index, table, 2); }
#pragma GCC diagnostic pop
  static reg dot(reg a, reg b) { return _mm512_madd_epi16(a, b); }
};

#include <nniesim/kernels/generic/functions.inl>

}  // namespace kernels::layerwise::avx512

NNIESIM_END_NAMESPACE
NNIESIM_END_TARGET

#elif defined(NNIESIM_ARCH_ARM)

NNIESIM_BEGIN_NAMESPACE

namespace kernels::layerwise::neon {

struct i32 {
  using reg = int32x4_t;
  static constexpr std::size_t lanes = 4;
  // By memcpy: the elements are fixed-point numbers, which vld1q_s32 must not be pointed at.
  static reg load(const void* p, std::size_t n = lanes) {
    reg x = vdupq_n_s32(0);
    std::memcpy(&x, p, n * sizeof(std::int32_t));
    return x;
  }
  static void store(void* p, reg x, std::size_t n = lanes) { std::memcpy(p, &x, n * sizeof(std::int32_t)); }
  static reg set(std::int32_t x) { return vdupq_n_s32(x); }
  static reg add(reg a, reg b) { return vaddq_s32(a, b); }
  static reg sub(reg a, reg b) { return vsubq_s32(a, b); }
  static reg mul(reg a, reg b) { return vmulq_s32(a, b); }
  static reg mul16(reg a, std::int16_t b) { return vmulq_n_s32(a, b); }
  static reg min(reg a, reg b) { return vminq_s32(a, b); }
  static reg max(reg a, reg b) { return vmaxq_s32(a, b); }
  static reg min_unsigned(reg a, reg b) {
    return vreinterpretq_s32_u32(vminq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
  }
  static reg bit_and(reg a, reg b) { return vandq_s32(a, b); }
  static reg bit_xor(reg a, reg b) { return veorq_s32(a, b); }
  template <int Bits>
  static reg shift_left(reg a) {
    return vshlq_n_s32(a, Bits);
  }
  template <int Bits>
  static reg shift_right(reg a) {
    return vshrq_n_s32(a, Bits);
  }
  static reg scaled(reg a, reg exponent) { return vshlq_s32(a, exponent); }
  static reg greater(reg a, reg b) { return vreinterpretq_s32_u32(vcgtq_s32(a, b)); }
  static reg equal(reg a, reg b) { return vreinterpretq_s32_u32(vceqq_s32(a, b)); }
  static reg select(reg mask, reg yes, reg no) { return vbslq_s32(vreinterpretq_u32_s32(mask), yes, no); }
  using sign = reg;  // -1 or 0
  static sign sign_of(reg a) { return vshrq_n_s32(a, 31); }
  static reg plus(reg a, sign s, reg b) { return vaddq_s32(a, vsubq_s32(veorq_s32(b, s), s)); }
  static reg minus(reg a, sign s, reg b) { return vsubq_s32(a, vsubq_s32(veorq_s32(b, s), s)); }
  static reg pair_at(const std::int16_t* table, reg index) {
    std::int32_t at[lanes];
    std::int32_t pair[lanes];
    vst1q_s32(at, index);
    for (std::size_t i = 0; i < lanes; ++i) std::memcpy(pair + i, table + at[i], sizeof pair[i]);
    return vld1q_s32(pair);
  }
  static reg dot(reg a, reg b) {
    const reg low = vmulq_s32(vshrq_n_s32(vshlq_n_s32(a, 16), 16), vshrq_n_s32(vshlq_n_s32(b, 16), 16));
    return vmlaq_s32(low, vshrq_n_s32(a, 16), vshrq_n_s32(b, 16));
  }
};

#include <nniesim/kernels/generic/blocks.inl>
#include <nniesim/kernels/generic/functions.inl>

}  // namespace kernels::layerwise::neon

NNIESIM_END_NAMESPACE

#endif

NNIESIM_BEGIN_NAMESPACE

namespace kernels::layerwise {

/// Calls run(function_set) with the kernels of the active instruction set. False where it has none (scalar).
template <class Run>
[[nodiscard]] bool run_functions([[maybe_unused]] Run run) {
#if defined(NNIESIM_ARCH_X86)
  return run_one_of<avx512::function_set, avx2::function_set, void>(run);
#elif defined(NNIESIM_ARCH_ARM)
  return run_one_of<void, void, neon::function_set>(run);
#else
  return false;
#endif
}

}  // namespace kernels::layerwise

NNIESIM_END_NAMESPACE
