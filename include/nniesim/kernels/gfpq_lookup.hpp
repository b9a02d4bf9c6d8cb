// Tables for the vector encoders and decoders: what a vector unit can look up in place of the binary search of the
// scalar specification. All are computed from the exact constants at compile time.
#pragma once

#include <array>
#include <cstdint>

#include <nniesim/formats/gfpq_tables.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// For 16 levels: a 23-bit mantissa m lies in interval m >> 18, which holds at most one threshold; adding the
/// interval's offset to the float's bits carries into bit 19 exactly at the threshold, so that (bits + offset) >> 19 =
/// 16 * biased exponent + number of thresholds <= m. In intervals without a threshold the carry comes at their end. So
/// the offset of an integer n serves n + 1 too: both sums have the same level only if n and n + 1 do.
consteval std::array<std::int32_t, 32> make_level_offset8() {
  std::array<std::int32_t, 32> offset{};
  const auto& threshold = detail::gfpq_table<16>.threshold;
  for (std::int32_t i = 0; i < 32; ++i) {
    const std::int32_t begin = i << 18;
    const std::int32_t end = begin + (1 << 18);
    std::int32_t below = 0;
    std::int32_t inside = -1;
    for (const std::uint32_t t : threshold) {
      const auto mantissa = static_cast<std::int32_t>(t) - (1 << 23);
      if (mantissa <= begin) ++below;
      if (mantissa > begin && mantissa < end) inside = mantissa;
    }
    // The low 23 bits of the sum must be (below << 19) + something under 2^19, stepping up at `inside`.
    offset[static_cast<std::size_t>(i)] = ((below + 1) << 19) - (inside < 0 ? end : inside);
  }
  return offset;
}
inline constexpr auto level_offset8 = make_level_offset8();

/// Mantissas of 2^(j/Levels).
template <std::size_t Levels>
consteval std::array<std::int32_t, Levels> make_fraction_mantissa() {
  std::array<std::int32_t, Levels> m{};
  for (std::size_t j = 0; j < Levels; ++j) {
    const auto f = static_cast<float>(detail::gfpq_table<Levels>.fraction[j]);
    m[j] = std::bit_cast<std::int32_t>(f) & 0x7fffff;
  }
  return m;
}
inline constexpr auto fraction_mantissa8 = make_fraction_mantissa<16>();
inline constexpr auto fraction_mantissa16 = make_fraction_mantissa<128>();

/// For 16 levels: what is added to a code's magnitude, shifted to bit 19, for the float that it is in units.
inline constexpr auto units8_offset = [] {
  std::array<std::int32_t, 16> offset{};
  for (std::int32_t j = 0; j < 16; ++j)
    offset[static_cast<std::size_t>(j)] = (127 << 23) + fraction_mantissa8[static_cast<std::size_t>(j)] - (j << 19);
  return offset;
}();

/// The halves of a level's float: its lower one, and what is added for the upper one to the biased level, which stands
/// where the exponent does. As many entries as a look-up wants.
template <std::size_t Levels, std::size_t Entries>
consteval auto make_level_halves() {
  struct {
    alignas(64) std::array<std::uint16_t, Entries> high{}, low{};
  } halves;
  const auto mantissa = make_fraction_mantissa<Levels>();
  for (std::size_t i = 0; i < Entries; ++i) {
    const std::size_t j = i % Levels;
    const auto bits = static_cast<std::uint32_t>(mantissa[j]);
    halves.high[i] = static_cast<std::uint16_t>((bits >> 16U) - j * (128 / Levels));
    halves.low[i] = static_cast<std::uint16_t>(bits & 0xffffU);
  }
  return halves;
}
inline constexpr auto halves8 = make_level_halves<16, 32>();
inline constexpr auto halves16 = make_level_halves<128, 128>();

/// 128 * log2(1.5 + t) for t from -0.5 to 0.5, highest power first. In float32 and by fma it is off by less than 6e-5,
/// as a test shows of every mantissa, and so tells the nearest level wherever it is not that near to the middle of two.
inline constexpr float log2_series[] = {0x1.efa0a4p+0F, -0x1.9b9f0ep+1F, 0x1.31a774p+2F, -0x1.212292p+3F,
                                        0x1.23eecep+4F, -0x1.4853d8p+5F, 0x1.ec7072p+6F, 0x1.2b803ep+6F};
/// The same in 32 pieces for processors that look as many up in registers: 128 * log2(1 + (piece + 32 u) / 32) by the
/// parabola through three points of the curve, which leaves it by less than 6e-5.
struct log_parabolas {
  alignas(64) std::array<float, 32> constant{};  ///< of each piece
  alignas(64) std::array<float, 32> linear{};    ///< factor of u
  alignas(64) std::array<float, 32> square{};    ///< factor of u * u
};
consteval log_parabolas make_log_parabolas() {
  const auto log2 = [](double x) {  // of 1 to 2
    const double s = (x - 1) / (x + 1);
    double sum = 0;
    for (int k = 61; k > 0; k -= 2) sum = sum * s * s + 1.0 / k;
    return 2 * s * sum * 1.4426950408889634;
  };
  constexpr double half = 0x1p-6, node = half * 0.8660254037844386;  // of three of the least error
  log_parabolas p;
  for (std::size_t i = 0; i < 32; ++i) {
    const double middle = 1 + (static_cast<double>(i) + 0.5) / 32;
    const double y = 128 * log2(middle), above = 128 * log2(middle + node), below = 128 * log2(middle - node);
    const double slope = (above - below) / (2 * node), curve = (above + below - 2 * y) / (2 * node * node);
    p.constant[i] = static_cast<float>(y - slope * half + curve * half * half);
    p.linear[i] = static_cast<float>(slope - 2 * curve * half);
    p.square[i] = static_cast<float>(curve);
  }
  return p;
}
inline constexpr log_parabolas parabolas16 = make_log_parabolas();

/// Nearer to a level than this it is that one.
inline constexpr float sure_of_level = 0.4999F;

/// Mantissa thresholds between level j and j + 1 of 128.
consteval std::array<std::int32_t, 128> make_threshold_mantissa16() {
  std::array<std::int32_t, 128> m{};
  for (std::size_t j = 0; j < 128; ++j) m[j] = static_cast<std::int32_t>(detail::exp2_midpoint[j]) - (1 << 23);
  return m;
}
inline constexpr auto threshold_mantissa16 = make_threshold_mantissa16();

}  // namespace kernels

NNIESIM_END_NAMESPACE
