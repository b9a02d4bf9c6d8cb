// What the vector kernels of the accelerator's functions have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <nniesim/core/cordic.hpp>
#include <nniesim/core/function_tables.hpp>

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
    const std::int32_t rest = 128 * i - cordic::ln2_multiple(cordic::octaves[static_cast<std::size_t>(i)]);
    if (rest < -cordic::most_rest || rest + 128 > cordic::most_rest) return false;
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
