// Kernels for AArch64, whose vector unit NEON every processor has: no region of its own is needed.
#pragma once

#include <algorithm>
#include <array>
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

#if defined(NNIESIM_ARCH_ARM)

NNIESIM_BEGIN_NAMESPACE

namespace kernels::neon {

struct f32 {
  using element = float;
  using reg = float32x4_t;
  static constexpr std::size_t lanes = 4;
  static reg zero() { return vdupq_n_f32(0.0F); }
  static reg load(const float* p) { return vld1q_f32(p); }
  static void store(float* p, reg x) { vst1q_f32(p, x); }
  static reg set(float x) { return vdupq_n_f32(x); }
  static reg fma(reg a, reg b, reg c) { return vfmaq_f32(c, a, b); }
  static reg add(reg a, reg b) { return vaddq_f32(a, b); }
  static reg sub(reg a, reg b) { return vsubq_f32(a, b); }
  static reg mul(reg a, reg b) { return vmulq_f32(a, b); }
  static reg div(reg a, reg b) { return vdivq_f32(a, b); }
  /// a > b ? a : b.
  static reg larger(reg a, reg b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static reg where_positive(reg a, reg yes, reg no) { return vbslq_f32(vcgtzq_f32(a), yes, no); }
  static bool any_nan(reg a, reg b) { return vminvq_u32(vandq_u32(vceqq_f32(a, a), vceqq_f32(b, b))) == 0; }
  static reg smaller(reg a, reg b) { return vminq_f32(a, b); }
  static reg floor(reg x) { return vrndmq_f32(x); }
  /// |x|, or `least` where that is smaller.
  static reg magnitude(reg x, reg least) { return vmaxq_f32(vabsq_f32(x), least); }
  /// NaN stays.
  static reg clamp(reg x, reg least, reg most) { return vminq_f32(most, vmaxq_f32(least, x)); }
  static reg nearest(reg x) { return vrndnq_f32(x); }
  /// Whether |a - b| < distance everywhere but where they are NaN.
  static bool all_within(reg a, reg b, reg distance) { return vmaxvq_u32(vcgeq_f32(vabdq_f32(a, b), distance)) == 0; }
};

/// As many 32-bit words as there are lanes of float64.
struct half {
  using reg = int32x2_t;
  static constexpr std::size_t lanes = 2;
  static reg load(const void* p) {
    reg x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  static reg load_first(const void* p, std::size_t n) {
    if (n == lanes) return load(p);
    std::int32_t x = 0;
    if (n == 1) std::memcpy(&x, p, sizeof x);
    return vset_lane_s32(x, vdup_n_s32(0), 0);
  }
  static void store(void* p, reg x) { std::memcpy(p, &x, sizeof x); }
  static void store_first(void* p, reg x, std::size_t n) {
    if (n == lanes) return store(p, x);
    const std::int32_t first = vget_lane_s32(x, 0);
    if (n == 1) std::memcpy(p, &first, sizeof first);
  }
  /// Every other word of three, the second register beginning at the second.
  static reg even(reg a, reg b) { return vcopy_lane_s32(b, 0, a, 0); }
  /// The words of a table at these places.
  static reg at(const void* table, reg place) {
    const auto* words = static_cast<const unsigned char*>(table);
    std::int32_t found[lanes];
    std::memcpy(found, words + sizeof *found * static_cast<std::size_t>(vget_lane_s32(place, 0)), sizeof *found);
    std::memcpy(found + 1, words + sizeof *found * static_cast<std::size_t>(vget_lane_s32(place, 1)), sizeof *found);
    return vld1_s32(found);
  }
};

struct f64 {
  using element = double;
  using reg = float64x2_t;
  static constexpr std::size_t lanes = 2;
  static reg zero() { return vdupq_n_f64(0.0); }
  static reg load(const double* p) { return vld1q_f64(p); }
  static void store(double* p, reg x) { vst1q_f64(p, x); }
  static reg set(double x) { return vdupq_n_f64(x); }
  static reg fma(reg a, reg b, reg c) { return vfmaq_f64(c, a, b); }
  static reg add(reg a, reg b) { return vaddq_f64(a, b); }
  static reg sub(reg a, reg b) { return vsubq_f64(a, b); }
  static reg mul(reg a, reg b) { return vmulq_f64(a, b); }
  static reg div(reg a, reg b) { return vdivq_f64(a, b); }
  static reg sqrt(reg a) { return vsqrtq_f64(a); }
  static reg abs(reg a) { return vabsq_f64(a); }
  /// a > b ? a : b.
  static reg larger(reg a, reg b) { return vbslq_f64(vcgtq_f64(a, b), a, b); }
  /// a < b ? a : b.
  static reg smaller(reg a, reg b) { return vbslq_f64(vcltq_f64(a, b), a, b); }
  static reg floor(reg a) { return vrndmq_f64(a); }
  /// a < b ? yes : no.
  static reg where_less(reg a, reg b, reg yes, reg no) { return vbslq_f64(vcltq_f64(a, b), yes, no); }
  static reg where_positive(reg a, reg yes, reg no) { return vbslq_f64(vcgtzq_f64(a), yes, no); }
  /// +0 where a is zero, else b.
  static reg zero_where_zero(reg a, reg b) { return vbslq_f64(vceqzq_f64(a), zero(), b); }
  /// floor(x) + whole, for whole numbers of up to 32 bits.
  static reg floor_plus(reg x, reg whole) { return vaddq_f64(vrndmq_f64(x), whole); }
  static reg load(const float* p) { return vcvt_f64_f32(vld1_f32(p)); }
  /// a - b, exact up to the rounding of a 64-bit integer.
  static reg difference(const std::int32_t* a, const std::int32_t* b) {
    return vcvtq_f64_s64(vmovl_s32(vsub_s32(vld1_s32(a), vld1_s32(b))));
  }
  static reg difference(const std::int64_t* a, const std::int64_t* b) {
    return vcvtq_f64_s64(vsubq_s64(vld1q_s64(a), vld1q_s64(b)));
  }
  /// Of layer values of type T.
  template <class T>
  static reg value(half::reg w) {
    if constexpr (std::same_as<T, q20_12>) return vcvtq_n_f64_s64(vmovl_s32(w), 12);
    else return vcvt_f64_f32(vreinterpret_f32_s32(w));
  }
  /// Written as a layer does: the nearest float, or floor(x * 4096), saturated, and 0 for NaN, by the conversions.
  template <class T>
  static half::reg code(reg x) {
    if constexpr (std::same_as<T, q20_12>) return vqmovn_s64(vcvtmq_s64_f64(mul(x, set(4096.0))));
    else return vreinterpret_s32_f32(vcvt_f32_f64(x));
  }
  /// c - a * b in one rounding.
  static reg minus_product(reg a, reg b, reg c) { return vfmsq_f64(c, a, b); }
  /// x * 2^n in one rounding, for x near 1 and a whole number n from -1100 to 1100: in two factors, as the power itself
  /// may be no normal number.
  static reg scaled(reg x, reg n) {
    const uint64x2_t biased = bits(add(n, set(0x1.8p52 + 2046.0)));  // both of them, in the last bits
    const uint64x2_t half = vshrq_n_u64(biased, 1);
    const uint64x2_t rest = vsubq_u64(biased, half);
    return mul(mul(x, of_bits(vshlq_n_u64(half, 52))), of_bits(vshlq_n_u64(rest, 52)));
  }
  /// A positive normal number is mantissa * 2^(exponent - 1023), the mantissa from 1 to 2.
  static reg mantissa(reg x) {
    const uint64x2_t fraction = vandq_u64(bits(x), vdupq_n_u64((std::uint64_t{1} << 52) - 1));
    return of_bits(vorrq_u64(fraction, bits(set(1.0))));
  }
  static reg exponent(reg x) { return vcvtq_f64_u64(vshrq_n_u64(bits(x), 52)); }

 private:
  static uint64x2_t bits(reg x) { return vreinterpretq_u64_f64(x); }
  static reg of_bits(uint64x2_t x) { return vreinterpretq_f64_u64(x); }
};

#include <nniesim/kernels/generic/tiles.inl>

struct i32 {
  using reg = int32x4_t;
  using mask = uint32x4_t;
  static constexpr std::size_t lanes = 4;

  // By memcpy: the elements are floats, codes or fixed-point numbers, which vld1q_s32 must not be pointed at.
  static reg load(const void* p) {
    reg x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  static reg load(const std::uint8_t* p) {
    std::uint32_t bytes = 0;
    std::memcpy(&bytes, p, sizeof bytes);
    const uint16x8_t words = vmovl_u8(vcreate_u8(bytes));
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(words)));
  }
  static reg load(const std::uint16_t* p) { return vreinterpretq_s32_u32(vmovl_u16(vld1_u16(p))); }
  static reg load_first(const void* p, std::size_t n) {
    if (n == lanes) return load(p);
    const std::size_t low = std::min(n, half::lanes);
    const void* second = static_cast<const std::int32_t*>(p) + low;
    return vcombine_s32(half::load_first(p, low), half::load_first(second, n - low));
  }
  static reg load_first(const std::uint8_t* p, std::size_t n) = delete;
  static reg load_first(const std::uint16_t* p, std::size_t n) = delete;
  static void store(void* p, reg x) { std::memcpy(p, &x, sizeof x); }
  static void store_first(void* p, reg x, std::size_t n) {
    if (n == lanes) return store(p, x);
    const std::size_t low = std::min(n, half::lanes);
    half::store_first(p, vget_low_s32(x), low);
    half::store_first(static_cast<std::int32_t*>(p) + low, vget_high_s32(x), n - low);
  }
  static void store_first(std::uint8_t* p, reg x, std::size_t n) = delete;
  static void store_first(std::uint16_t* p, reg x, std::size_t n) = delete;
  static void store(std::uint8_t* p, reg x) {
    const int8x8_t bytes = vmovn_s16(vcombine_s16(vmovn_s32(x), vdup_n_s16(0)));
    const std::uint32_t low = vget_lane_u32(vreinterpret_u32_s8(bytes), 0);
    std::memcpy(p, &low, sizeof low);
  }
  static void store(std::uint16_t* p, reg x) { vst1_u16(p, vreinterpret_u16_s16(vmovn_s32(x))); }
  static reg set(std::int32_t x) { return vdupq_n_s32(x); }
  static reg add(reg a, reg b) { return vaddq_s32(a, b); }
  static reg sub(reg a, reg b) { return vsubq_s32(a, b); }
  static reg saturated_add(reg a, reg b) { return vqaddq_s32(a, b); }
  static reg mul(reg a, reg b) { return vmulq_s32(a, b); }
  /// The low words of a * b / 2^Bits, rounded down; b is the same in each pair of lanes.
  template <int Bits>
  static reg mul_shifted(reg a, reg b) {
    const int32x2_t low = vshrn_n_s64(vmull_s32(vget_low_s32(a), vget_low_s32(b)), Bits);
    return vshrn_high_n_s64(low, vmull_high_s32(a, b), Bits);
  }
  /// Of numbers that fit 16 bits.
  static reg mul16(reg a, std::int16_t b) { return vmulq_n_s32(a, b); }
  /// The sum of the products of both 16-bit halves.
  static reg dot(reg a, reg b) {
    const reg low = vmulq_s32(vshrq_n_s32(vshlq_n_s32(a, 16), 16), vshrq_n_s32(vshlq_n_s32(b, 16), 16));
    return vmlaq_s32(low, vshrq_n_s32(a, 16), vshrq_n_s32(b, 16));
  }
  static reg bit_and(reg a, reg b) { return vandq_s32(a, b); }
  static reg bit_or(reg a, reg b) { return vorrq_s32(a, b); }
  static reg select_bits(reg of, reg yes, reg no) { return vbslq_s32(vreinterpretq_u32_s32(of), yes, no); }
  static reg bit_xor(reg a, reg b) { return veorq_s32(a, b); }
  template <int Bits>
  static reg shift_left(reg a) {
    return vshlq_n_s32(a, Bits);
  }
  template <int Bits>
  static reg shift_right_logical(reg a) {
    return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a), Bits));
  }
  template <int Bits>
  static reg shift_right_arithmetic(reg a) {
    return vshrq_n_s32(a, Bits);
  }
  /// a * 2^exponent for a >= 0: shifted either way, by up to 32 bits.
  static reg scaled(reg a, reg exponent) { return vshlq_s32(a, exponent); }
  static reg min(reg a, reg b) { return vminq_s32(a, b); }
  static reg max(reg a, reg b) { return vmaxq_s32(a, b); }
  static reg unsigned_min(reg a, reg b) {
    return vreinterpretq_s32_u32(vminq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
  }
  static reg unsigned_max(reg a, reg b) {
    return vreinterpretq_s32_u32(vmaxq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
  }
  static mask is_negative(reg a) { return vcltzq_s32(a); }
  static mask greater(reg a, reg b) { return vcgtq_s32(a, b); }
  static mask not_greater(reg a, reg b) { return vcleq_s32(a, b); }
  static mask equal(reg a, reg b) { return vceqq_s32(a, b); }
  static bool any(mask a) { return vmaxvq_u32(a) != 0; }
  static mask mask_or(mask a, mask b) { return vorrq_u32(a, b); }
  static reg select(mask m, reg yes, reg no) { return vbslq_s32(m, yes, no); }
  static reg zero_where(mask m, reg a) { return vbicq_s32(a, vreinterpretq_s32_u32(m)); }
  static reg minus_one_where(mask m) { return vreinterpretq_s32_u32(m); }
  /// Whether numbers are negative: -1 or 0.
  using sign = reg;
  static sign sign_of(reg a) { return vshrq_n_s32(a, 31); }
  /// a + b, or a - b where the sign is negative.
  static reg plus(reg a, sign s, reg b) { return vaddq_s32(a, vsubq_s32(veorq_s32(b, s), s)); }
  static reg minus(reg a, sign s, reg b) { return vsubq_s32(a, vsubq_s32(veorq_s32(b, s), s)); }
  /// Every other word of seven, the second register beginning at the fourth.
  static reg even(reg a, reg b) { return vuzp1q_s32(a, vextq_s32(b, b, 1)); }
  /// Each word of the first or second half twice.
  static reg twice_low(reg a) { return vzip1q_s32(a, a); }
  static reg twice_high(reg a) { return vzip2q_s32(a, a); }

  // Table look-ups; indices are taken modulo the table's size but for lookup128, where they must be inside.
  static reg lookup16(const std::array<std::int32_t, 16>& t, reg index) {
    return vreinterpretq_s32_u8(vqtbl4q_u8(bytes_of(t.data()), places(bit_and(index, set(15)))));
  }
  static reg lookup32(const std::array<std::int32_t, 32>& t, reg index) {
    return lookup_inside32(t.data(), bit_and(index, set(31)));
  }
  static reg lookup128(const std::array<std::int32_t, 128>& t, reg index) { return at(t.data(), index); }
  /// table[index].
  static reg at(const std::int32_t* table, reg index) {
    reg found = vld1q_dup_s32(table + vgetq_lane_s32(index, 0));
    found = vld1q_lane_s32(table + vgetq_lane_s32(index, 1), found, 1);
    found = vld1q_lane_s32(table + vgetq_lane_s32(index, 2), found, 2);
    return vld1q_lane_s32(table + vgetq_lane_s32(index, 3), found, 3);
  }
  /// table[index] in the low half of each word, table[index + 1] in the high half.
  static reg pair_at(const std::int16_t* table, reg index) {
    std::int32_t at[lanes];
    std::int32_t pair[lanes];
    vst1q_s32(at, index);
    for (std::size_t i = 0; i < lanes; ++i) std::memcpy(pair + i, table + at[i], sizeof pair[i]);
    return vld1q_s32(pair);
  }
  static reg float_of_q20_12(reg raw) { return vreinterpretq_s32_f32(vcvtq_n_f32_s32(raw, 12)); }
  static float32x4_t to_float(reg bits) { return vreinterpretq_f32_s32(bits); }
  /// Of a rounded float in range; NaN gives 0, by the conversion.
  static reg integer_of(float32x4_t x) { return vcvtnq_s32_f32(x); }
  static reg float_of_int(reg x) { return vreinterpretq_s32_f32(vcvtq_f32_s32(x)); }
  static reg of_float(float32x4_t x) { return vreinterpretq_s32_f32(x); }
  /// Rounded to floats.
  static reg of_doubles(float64x2_t low, float64x2_t high) {
    return vreinterpretq_s32_f32(vcvt_high_f32_f64(vcvt_f32_f64(low), high));
  }
  /// floor(x) of what fits.
  static reg floor_of_float(reg bits) { return vcvtmq_s32_f32(vreinterpretq_f32_s32(bits)); }
  /// floor(x * 4096), saturated; NaN gives 0: what the conversion does.
  static reg q20_12_of_float(reg bits) {
    return vcvtmq_s32_f32(vmulq_f32(vreinterpretq_f32_s32(bits), vdupq_n_f32(4096.0F)));
  }
  /// The low 32 bits of each.
  static reg low_halves(float64x2_t low, float64x2_t high) {
    return vuzp1q_s32(vreinterpretq_s32_f64(low), vreinterpretq_s32_f64(high));
  }
  /// floor(steps), saturated; NaN gives 0: what the conversions do.
  template <bool CanBeNan>
  static reg q20_12_of_steps(float64x2_t low, float64x2_t high) {
    return vqmovn_high_s64(vqmovn_s64(vcvtmq_s64_f64(low)), vcvtmq_s64_f64(high));
  }

 private:
  /// The 64 bytes of 16 elements.
  static uint8x16x4_t bytes_of(const void* p) {
    uint8x16x4_t t;
    std::memcpy(&t, p, sizeof t);
    return t;
  }
  /// The bytes 4 i .. 4 i + 3 of each index i < 64.
  static uint8x16_t places(reg index) {
    return vreinterpretq_u8_s32(vmlaq_s32(set(0x03020100), index, set(0x04040404)));
  }
  /// From two halves: a place outside a half is 0 in the first look-up and left alone by the second.
  static reg lookup_inside32(const void* table, reg index) {
    const auto* p = static_cast<const unsigned char*>(table);
    const uint8x16_t place = places(index);
    const uint8x16_t low = vqtbl4q_u8(bytes_of(p), place);
    return vreinterpretq_s32_u8(vqtbx4q_u8(low, bytes_of(p + 64), vsubq_u8(place, vdupq_n_u8(64))));
  }
};

/// Stores gfpq8 codes by fours of registers.
struct code_packer {
  using reg = i32::reg;
  static constexpr std::size_t registers = 4;
  /// Of levels counted so that `bottom` is the lowest.
  explicit code_packer(int bottom) : from(vdupq_n_u16(static_cast<std::uint16_t>(bottom - 17))) {}
  /// Puts the codes of four registers, n of each, to places `distance` apart: of levels their distance from the lowest,
  /// up to 127, with the signs of x if Signed; that of zero where it is less than -16. In doubt it puts nothing and
  /// says so; of ends that is where `differing` has bits above the 18th, or where signs change what is zero.
  template <bool Signed, doubt Of>
  [[gnu::always_inline]] bool store(std::uint8_t* p, std::size_t distance, std::size_t n, const reg (&level)[4],
                                    [[maybe_unused]] const reg (&x)[4], [[maybe_unused]] reg differing) const {
    const auto words = [&](std::size_t i) {
      const uint16x8_t both = vreinterpretq_u16_s16(vcombine_s16(vmovn_s32(level[i]), vmovn_s32(level[i + 1])));
      return vqmovn_u16(vqsubq_u16(both, from));
    };
    const uint8x16_t above = vcombine_u8(words(0), words(2));  // 0: zero; 17: the lowest level
    uint8x16_t not_zero = above;
    const uint8x16_t sign = vdupq_n_u8(128);
    uint8x16_t q = vqsubq_u8(vminq_u8(above, vdupq_n_u8(127 + 17)), vdupq_n_u8(17));
    if constexpr (Signed) {
      const auto narrow = [&](std::size_t i) { return vcombine_s16(vqmovn_s32(x[i]), vqmovn_s32(x[i + 1])); };
      const int8x16_t signs = vcombine_s8(vqmovn_s16(narrow(0)), vqmovn_s16(narrow(2)));
      const uint8x16_t minus = vandq_u8(vreinterpretq_u8_s8(signs), sign);
      q = vorrq_u8(vmaxq_u8(q, vshrq_n_u8(minus, 7)), minus);  // their least is 1
      not_zero = vqsubq_u8(above, vshrq_n_u8(minus, 7));
    }
    uint32x4_t few = vdupq_n_u32(0), other = few;
    if constexpr (Signed || Of == doubt::of_levels) few = vreinterpretq_u32_u8(vceqq_u8(not_zero, vdupq_n_u8(1)));
    if constexpr (Of == doubt::of_ends) other = vshrq_n_u32(vreinterpretq_u32_s32(differing), 19);
    else other = vreinterpretq_u32_u8(vceqq_u8(above, vdupq_n_u8(255)));
    if (vmaxvq_u32(vorrq_u32(few, other)) != 0) [[unlikely]]
      return false;
    std::uint8_t all[4 * i32::lanes];
    vst1q_u8(all, vbslq_u8(vceqzq_u8(not_zero), sign, q));
    for (std::size_t v = 0; v < 4; ++v) copy_few<i32::lanes>(p + v * distance, all + v * i32::lanes, n);
    return true;
  }

 private:
  uint16x8_t from;
};

#include <nniesim/kernels/generic/elementwise.inl>
#include <nniesim/kernels/generic/uniform.inl>

/// 4 x 4 elements of 32 bits.
inline void transpose(int32x4_t (&r)[4]) {
  const int32x4x2_t a = vzipq_s32(r[0], r[2]);
  const int32x4x2_t b = vzipq_s32(r[1], r[3]);
  for (int i = 0; i < 2; ++i) {
    const int32x4x2_t rows = vzipq_s32(a.val[i], b.val[i]);
    r[2 * i] = rows.val[0];
    r[2 * i + 1] = rows.val[1];
  }
}

#include <nniesim/kernels/generic/finish.inl>

inline constexpr std::size_t pixel_sums = 24;
#include <nniesim/kernels/generic/pixels.inl>

/// Products of four signed bytes, summed. Exact for the codes of uniform8, which are at least -127: two products fit 16
/// bits.
struct i8x4 {
  using element = std::int32_t;
  using reg = int32x4_t;
  static constexpr std::size_t lanes = 4;
  static reg zero() { return vdupq_n_s32(0); }
  static reg load(const std::int32_t* p) { return vld1q_s32(p); }
  static void store(std::int32_t* p, reg x) { vst1q_s32(p, x); }
  static reg set(std::int32_t x) { return vdupq_n_s32(x); }
  static reg fma(reg a, reg b, reg c) {
    const int8x16_t w = vreinterpretq_s8_s32(a);
    const int8x16_t x = vreinterpretq_s8_s32(b);
    const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x));
    return vpadalq_s16(c, vpaddq_s16(low, vmull_high_s8(w, x)));
  }
};

/// Products of pairs of 16-bit integers, summed.
struct i16x2 {
  using element = std::int32_t;
  using reg = int32x4_t;
  static constexpr std::size_t lanes = 4;
  static reg zero() { return vdupq_n_s32(0); }
  static reg load(const std::int32_t* p) { return vld1q_s32(p); }
  static reg set(std::int32_t x) { return vdupq_n_s32(x); }
  static reg fma(reg a, reg b, reg c) {
    const int16x8_t w = vreinterpretq_s16_s32(a);
    const int16x8_t x = vreinterpretq_s16_s32(b);
    const int32x4_t low = vmull_s16(vget_low_s16(w), vget_low_s16(x));
    return vaddq_s32(c, vpaddq_s32(low, vmull_high_s16(w, x)));
  }
  /// sum += 256 * high + low.
  static void add_split(std::int64_t* sum, reg high, reg low) {
    add_half(sum, vget_low_s32(high), vget_low_s32(low));
    add_half(sum + 2, vget_high_s32(high), vget_high_s32(low));
  }

 private:
  static void add_half(std::int64_t* sum, int32x2_t high, int32x2_t low) {
    vst1q_s64(sum, vaddq_s64(vld1q_s64(sum), vaddw_s32(vshll_n_s32(high, 8), low)));
  }
};

inline constexpr bool code_panel_kernels = false;
using word_dot = i8x4;
inline constexpr word_packing packing{4, 0};
inline constexpr std::string_view target = "";
inline constexpr isa this_isa = isa::neon;
// Twenty registers for sums, two for weights, ten for operands.
inline constexpr std::size_t max_rows = 10;
using tile_rows = std::index_sequence<1, 2, 4, 6, 8, 10>;
inline constexpr std::size_t split_max_rows = 5;
using split_tile_rows = std::index_sequence<1, 3, 5>;

#include <nniesim/kernels/generic/kernel_set.inl>

}  // namespace kernels::neon

NNIESIM_END_NAMESPACE

#endif
