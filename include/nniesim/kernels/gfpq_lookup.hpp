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
/// 16 * biased exponent + number of thresholds <= m. `Octaves` are taken off the exponent. In intervals without a
/// threshold the carry comes at their end. So the offset of an integer n serves n + 1 too: both sums have the same
/// level only if n and n + 1 do.
template <std::int32_t Octaves>
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
    offset[static_cast<std::size_t>(i)] = ((below + 1) << 19) - (inside < 0 ? end : inside) - (Octaves << 23);
  }
  return offset;
}
template <std::int32_t Octaves>
inline constexpr auto level_offset8 = make_level_offset8<Octaves>();

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

/// Its bytes, each of them twice for vectors of two equal halves.
inline constexpr auto units8_bytes = [] {
  std::array<std::array<std::uint8_t, 32>, 4> byte{};
  for (std::size_t b = 0; b < 4; ++b) {
    for (std::size_t j = 0; j < 32; ++j)
      byte[b][j] = static_cast<std::uint8_t>(static_cast<std::uint32_t>(units8_offset[j % 16]) >> (8 * b));
  }
  return byte;
}();

/// For 128 levels: chords of 128 * log2(1 + m) over 32 intervals of m, in units of the mantissa, lowered a little: they
/// lie under the curve by less than a tenth of a level, which is enough to name the one threshold that can matter.
struct log_chords {
  std::array<float, 32> slope{};      ///< levels per unit of the mantissa
  std::array<float, 32> intercept{};  ///< levels at mantissa 0
};
consteval log_chords make_log_chords() {
  // log2 at the ends, from the levels themselves: position of each interval end among the 128 boundaries.
  const auto& boundary = detail::exp2_boundary;
  const auto log_at = [&](std::int32_t mantissa) {
    if (mantissa >= (1 << 23)) return 128.0;
    const auto significand = static_cast<double>(mantissa + (1 << 23));
    std::size_t j = 0;
    while (j + 1 < 128 && static_cast<double>(boundary[j + 1]) <= significand) ++j;
    const double low = boundary[j];
    const double high = j + 1 < 128 ? static_cast<double>(boundary[j + 1]) : 16777216.0;
    return static_cast<double>(j) + (significand - low) / (high - low);
  };
  log_chords c;
  for (std::size_t i = 0; i < 32; ++i) {
    const auto begin = static_cast<std::int32_t>(i << 18U);
    const double y0 = log_at(begin);
    const double y1 = log_at(begin + (1 << 18));
    const double slope = (y1 - y0) / 262144.0;
    c.slope[i] = static_cast<float>(slope);
    c.intercept[i] = static_cast<float>(y0 - slope * begin - 0.02);
  }
  return c;
}
inline constexpr log_chords chords16 = make_log_chords();

/// Mantissa thresholds between level j and j + 1 of 128.
consteval std::array<std::int32_t, 128> make_threshold_mantissa16() {
  std::array<std::int32_t, 128> m{};
  for (std::size_t j = 0; j < 128; ++j) m[j] = static_cast<std::int32_t>(detail::exp2_midpoint[j]) - (1 << 23);
  return m;
}
inline constexpr auto threshold_mantissa16 = make_threshold_mantissa16();

}  // namespace kernels

NNIESIM_END_NAMESPACE
