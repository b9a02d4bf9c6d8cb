// Uniform integers: symmetric, one scale per tensor, real or a power of two; the common choice of other accelerators.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

#include <nniesim/core/error.hpp>
#include <nniesim/formats/format.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Any positive step.
struct real_scale {};
/// Steps that are powers of two.
struct power_of_two_scale {};

/// Signed integers -max_code .. max_code times a step. The most negative integer is not used (symmetric).
/// encode(x) = x / step, divided and rounded to nearest (ties to even) in float32, then saturated; NaN gives 0.
template <int Bits, class ScaleRule>
requires((Bits == 8 || Bits == 16) &&
         (std::same_as<ScaleRule, real_scale> || std::same_as<ScaleRule, power_of_two_scale>)) struct uniform {
  using code = integer_code<std::conditional_t<Bits == 8, std::int8_t, std::int16_t>>;  ///< a signed integer

  /// Whether steps are powers of two.
  static constexpr bool power_of_two = std::same_as<ScaleRule, power_of_two_scale>;
  /// For tables and messages.
  static constexpr std::string_view name =
      Bits == 8 ? (power_of_two ? "uniform8_pow2" : "uniform8") : (power_of_two ? "uniform16_pow2" : "uniform16");
  static constexpr int bits = Bits;                       ///< 8 or 16
  static constexpr int max_code = (1 << (Bits - 1)) - 1;  ///< 127 or 32767

  /// The distance between two neighbouring values.
  class scale {
   public:
    float step = 1.0F;  ///< positive, finite and normal

    constexpr scale() noexcept = default;
    /// Throws format_error unless the step is a positive, finite, normal float, max_code steps are finite, and the
    /// step is a power of two where the format asks for one.
    constexpr explicit scale(float s) : step(s) {
      detail::require<format_error>(s >= std::numeric_limits<float>::min() && s <= largest_step(), name,
                                    " scale: step is ", s, ", expected a positive normal float with ", max_code,
                                    " steps in range");
      if constexpr (power_of_two) {
        detail::require<format_error>((std::bit_cast<std::uint32_t>(s) & 0x7fffffU) == 0, name, " scale: step is ", s,
                                      ", expected a power of two");
      }
    }
    /// Of the same step.
    friend constexpr bool operator==(const scale&, const scale&) = default;
  };

  /// The smallest step of the format's kind with which `m`, the largest magnitude, is at most max_code steps
  /// (real: m / max_code in float32; near the largest floats: the largest step whose multiples are all finite).
  /// 1 for m = 0. Throws format_error for a negative or infinite m and for NaN.
  [[nodiscard]] static constexpr scale scale_of_max(float m) {
    detail::require<format_error>(m >= 0.0F && m <= std::numeric_limits<float>::max(), name,
                                  " scale: the largest magnitude is ", m, ", expected a finite one, not negative");
    if (m == 0.0F) return scale(1.0F);
    float s = std::max(m / static_cast<float>(max_code), std::numeric_limits<float>::min());
    if constexpr (power_of_two) {
      const auto bits_of_s = std::bit_cast<std::uint32_t>(s);
      s = std::bit_cast<float>(bits_of_s & 0x7f800000U);
      if (static_cast<double>(m) > static_cast<double>(s) * max_code) s = s * 2.0F;
    }
    return scale(std::min(s, largest_step()));
  }

  /// From the largest magnitude of the data; NaN is skipped.
  [[nodiscard]] static constexpr scale scale_of(std::span<const float> data) {
    float m = 0.0F;
    for (const float x : data) m = std::max(m, x < 0.0F ? -x : (x > 0.0F ? x : 0.0F));
    return scale_of_max(m);
  }

  /// x / step, rounded to nearest (ties to even) in float32, then saturated; NaN gives 0.
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr code encode(float x, scale s, C&& count = {}) noexcept {
    if (x != x) {
      count(event::nan);
      return code{};
    }
    const float steps = x / s.step;
    // Half a step above max_code is a tie that would go to the even max_code + 1.
    if (!(steps < static_cast<float>(max_code) + 0.5F && steps > -static_cast<float>(max_code) - 0.5F)) {
      count(x - x != x - x ? event::infinite : event::saturated);
      return steps > 0 ? static_cast<code>(max_code) : static_cast<code>(-max_code);
    }
    const int rounded = round_to_even(steps);
    if (rounded == 0 && x != 0.0F) count(event::flushed);
    return static_cast<code>(rounded);
  }
  /// c * step.
  [[nodiscard]] static constexpr float decode(code c, scale s) noexcept { return static_cast<float>(c) * s.step; }
  /// The step, everywhere.
  [[nodiscard]] static constexpr float step(float, scale s) noexcept { return s.step; }
  /// max_code * step.
  [[nodiscard]] static constexpr float largest(scale s) noexcept { return static_cast<float>(max_code) * s.step; }
  /// Distance in steps.
  [[nodiscard]] static constexpr int code_distance(code a, code b) noexcept { return a > b ? a - b : b - a; }

 private:
  /// |x| < 2^22, so that adding 1.5 * 2^23 leaves the nearest integer, ties to even, in the significand.
  static constexpr int round_to_even(float x) noexcept {
    constexpr float magic = 12582912.0F;
    return static_cast<int>(x + magic) - static_cast<int>(magic);
  }
  /// The largest step whose max_code-fold is a finite float.
  static constexpr float largest_step() noexcept {
    constexpr float max = std::numeric_limits<float>::max();
    auto s = std::bit_cast<std::uint32_t>(max / static_cast<float>(max_code));
    if (static_cast<double>(std::bit_cast<float>(s)) * max_code > static_cast<double>(max)) --s;  // rounded up
    return std::bit_cast<float>(power_of_two ? s & 0x7f800000U : s);
  }
};

using uniform8 = uniform<8, real_scale>;                 ///< 8 bits, any step
using uniform16 = uniform<16, real_scale>;               ///< 16 bits, any step
using uniform8_pow2 = uniform<8, power_of_two_scale>;    ///< 8 bits, steps that are powers of two
using uniform16_pow2 = uniform<16, power_of_two_scale>;  ///< 16 bits, steps that are powers of two

static_assert(uniform_format<uniform8> && uniform_format<uniform16> && uniform_format<uniform8_pow2>);

NNIESIM_END_NAMESPACE
