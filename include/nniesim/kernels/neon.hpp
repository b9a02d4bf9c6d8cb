// Kernels for AArch64, whose vector unit NEON every processor has: no region of its own is needed.
#pragma once

#include <algorithm>
#include <array>
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

#if defined(NNIESIM_ARCH_ARM)

#include <arm_neon.h>

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
  static reg mul(reg a, reg b) { return vmulq_f32(a, b); }
  static reg div(reg a, reg b) { return vdivq_f32(a, b); }
  /// NaN stays.
  static reg clamp(reg x, reg least, reg most) { return vminq_f32(most, vmaxq_f32(least, x)); }
  static reg nearest(reg x) { return vrndnq_f32(x); }
  /// Whether |a - b| < distance everywhere but where they are NaN.
  static bool all_within(reg a, reg b, reg distance) { return vmaxvq_u32(vcgeq_f32(vabdq_f32(a, b), distance)) == 0; }
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
  static reg mul(reg a, reg b) { return vmulq_f64(a, b); }
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
};

#include <nniesim/kernels/generic/tiles.inl>

struct I {
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
  static void store(void* p, reg x) { std::memcpy(p, &x, sizeof x); }
  static void store(std::uint8_t* p, reg x) {
    const int8x8_t bytes = vmovn_s16(vcombine_s16(vmovn_s32(x), vdup_n_s16(0)));
    const std::uint32_t low = vget_lane_u32(vreinterpret_u32_s8(bytes), 0);
    std::memcpy(p, &low, sizeof low);
  }
  static void store(std::uint16_t* p, reg x) { vst1_u16(p, vreinterpret_u16_s16(vmovn_s32(x))); }
  static reg set(std::int32_t x) { return vdupq_n_s32(x); }
  static reg add(reg a, reg b) { return vaddq_s32(a, b); }
  static reg sub(reg a, reg b) { return vsubq_s32(a, b); }
  static reg bit_and(reg a, reg b) { return vandq_s32(a, b); }
  static reg bit_or(reg a, reg b) { return vorrq_s32(a, b); }
  template <int Bits>
  static reg shift_left(reg a) {
    return vshlq_n_s32(a, Bits);
  }
  template <int Bits>
  static reg shift_right(reg a) {
    return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a), Bits));
  }
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

  // Table look-ups; indices are taken modulo the table's size but for lookup128 and chord, where they must be inside.
  static reg lookup16(const std::array<std::int32_t, 16>& t, reg index) {
    return vreinterpretq_s32_u8(vqtbl4q_u8(bytes_of(t.data()), places(bit_and(index, set(15)))));
  }
  static reg lookup32(const std::array<std::int32_t, 32>& t, reg index) {
    return lookup_inside32(t.data(), bit_and(index, set(31)));
  }
  static reg lookup128(const std::array<std::int32_t, 128>& t, reg index) {
    reg found = vld1q_dup_s32(t.data() + vgetq_lane_s32(index, 0));
    found = vld1q_lane_s32(t.data() + vgetq_lane_s32(index, 1), found, 1);
    found = vld1q_lane_s32(t.data() + vgetq_lane_s32(index, 2), found, 2);
    return vld1q_lane_s32(t.data() + vgetq_lane_s32(index, 3), found, 3);
  }
  /// slope[interval] * mantissa + intercept[interval], truncated.
  static reg chord(const log_chords& c, reg interval, reg mantissa) {
    const float32x4_t slope = vreinterpretq_f32_s32(lookup_inside32(c.slope.data(), interval));
    const float32x4_t intercept = vreinterpretq_f32_s32(lookup_inside32(c.intercept.data(), interval));
    return vcvtq_s32_f32(vfmaq_f32(intercept, slope, vcvtq_f32_s32(mantissa)));
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

#include <nniesim/kernels/generic/elementwise.inl>

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
