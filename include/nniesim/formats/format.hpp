// The concepts that operators, metrics and searches are written against, so that none of them names a format.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include <nniesim/formats/events.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The scale of a format whose values do not depend on one.
struct no_scale {
  friend constexpr bool operator==(no_scale, no_scale) = default;
};

/// A finite set of values with a code for each. `encode` never throws unless the format traps; `scale_of` derives the
/// scale from data and throws format_error where the data admit none; `step(x, s)` is the distance between the values
/// of the format around x: the unit of "error in steps"; `largest(s)` is the largest magnitude.
template <class F>
concept quantized_format = requires(float x, typename F::code c, const typename F::scale& s, std::span<const float> v,
                                    event_counts& counts) {
  { F::name } -> std::convertible_to<std::string_view>;
  { F::scale_of(v) } -> std::same_as<typename F::scale>;
  { F::encode(x, s) } -> std::same_as<typename F::code>;
  { F::encode(x, s, counts) } -> std::same_as<typename F::code>;
  { F::decode(c, s) }
  noexcept->std::same_as<float>;
  { F::step(x, s) }
  noexcept->std::same_as<float>;
  { F::largest(s) }
  noexcept->std::same_as<float>;
};

/// A format that needs no scale, so that a tensor of its codes is complete in itself: what layers write.
/// Its codes convert to double exactly, and one rounding turns a double into a code.
template <class F>
concept value_format = quantized_format<F> && std::same_as<typename F::scale, no_scale> &&
    requires(double x, float f, typename F::code c, event_counts& counts) {
  { F::from(x) } -> std::same_as<typename F::code>;
  { F::from(x, counts) } -> std::same_as<typename F::code>;
  { F::from(f) } -> std::same_as<typename F::code>;
  { F::to_double(c) }
  noexcept->std::same_as<double>;
  { F::to_float(c) }
  noexcept->std::same_as<float>;
};

/// A format whose codes are signed integers times a real scale: its products can be summed as integers.
template <class F>
concept uniform_format = quantized_format<F> && std::signed_integral<typename F::code> &&
    requires(const typename F::scale& s) {
  { s.step } -> std::convertible_to<float>;
  { F::max_code } -> std::convertible_to<int>;
};

/// IEEE 754 binary32 as a format: encodes every float as itself. The reference that the others are compared with.
struct binary32 {
  using code = float;
  using scale = no_scale;
  static constexpr std::string_view name = "binary32";

  [[nodiscard]] static constexpr scale scale_of(std::span<const float>) noexcept { return {}; }
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr code encode(float x, scale, C&& = {}) noexcept {
    return x;
  }
  [[nodiscard]] static constexpr float decode(code c, scale) noexcept { return c; }
  /// Distance to the next float away from zero; 0 for NaN and infinities.
  [[nodiscard]] static constexpr float step(float x, scale) noexcept {
    if (!(x <= std::numeric_limits<float>::max() && x >= std::numeric_limits<float>::lowest())) return 0.0F;
    auto bits = std::bit_cast<std::uint32_t>(x) & 0x7fffffffU;
    const auto exponent = bits >> 23U;
    // 2^(exponent - 150), built as bits: a normal float, or a denormal where the exponent is too small.
    if (exponent > 23U) return std::bit_cast<float>((exponent - 23U) << 23U);
    return std::bit_cast<float>(1U << (exponent == 0U ? 0U : exponent - 1U));
  }
  [[nodiscard]] static constexpr float largest(scale) noexcept { return std::numeric_limits<float>::max(); }
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr code from(double x, C&& = {}) noexcept {
    return static_cast<float>(x);
  }
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr code from(float x, C&& = {}) noexcept {
    return x;
  }
  [[nodiscard]] static constexpr double to_double(code c) noexcept { return static_cast<double>(c); }
  [[nodiscard]] static constexpr float to_float(code c) noexcept { return c; }
};
static_assert(value_format<binary32>);

NNIESIM_END_NAMESPACE
