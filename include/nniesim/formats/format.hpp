// Concepts of number formats. Operators, metrics and searches are written against them and name no format.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include <nniesim/formats/events.hpp>
#include <nniesim/formats/integer_code.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The scale of a format whose values do not depend on one.
struct no_scale {
  /// There is only one.
  friend constexpr bool operator==(no_scale, no_scale) = default;
};

/// The parts of a format, one concept each, so that the compiler names the part that a format of your own lacks.
namespace format_has {

/// F::code: what an encoded value is stored as. Default-constructible and copyable: an integer, float, small struct.
template <class F>
concept code = std::semiregular<typename F::code>;
/// F::scale: what the values of one tensor have in common; no_scale where there is nothing.
template <class F>
concept scale = std::semiregular<typename F::scale>;
/// static constexpr std::string_view name, for tables and messages.
template <class F>
concept name = requires {
  { F::name } -> std::convertible_to<std::string_view>;
};
/// static scale scale_of(std::span<const float>): derived from data; throws format_error where these admit none.
template <class F>
concept scale_of = requires(std::span<const float> data) {
  { F::scale_of(data) } -> std::same_as<typename F::scale>;
};
/// static code encode(float, scale): of any float; NaN gives zero's code. Never throws unless the format traps.
template <class F>
concept encode = requires(float x, const typename F::scale& s) {
  { F::encode(x, s) } -> std::same_as<typename F::code>;
};
/// static code encode(float, scale, counter): the same, calling counter(event) for what happens to the value
/// (events.hpp). One template of encode(float, scale, C&& = {}) with `event_counter C = const no_events` is both.
template <class F>
concept encode_with_events = requires(float x, const typename F::scale& s, event_counts& counts) {
  { F::encode(x, s, counts) } -> std::same_as<typename F::code>;
};
/// static float decode(code, scale) noexcept.
template <class F>
concept decode = requires(typename F::code c, const typename F::scale& s) {
  { F::decode(c, s) }
  noexcept->std::same_as<float>;
};
/// static float step(float x, scale) noexcept: the distance between the values around x, the unit of "error in steps".
template <class F>
concept step = requires(float x, const typename F::scale& s) {
  { F::step(x, s) }
  noexcept->std::same_as<float>;
};
/// static float largest(scale) noexcept: the largest magnitude.
template <class F>
concept largest = requires(const typename F::scale& s) {
  { F::largest(s) }
  noexcept->std::same_as<float>;
};

/// scale is no_scale: the codes stand alone.
template <class F>
concept codes_without_scale = std::same_as<typename F::scale, no_scale>;
/// static code from(double) and from(float), both rounding once.
template <class F>
concept from = requires(double x, float f) {
  { F::from(x) } -> std::same_as<typename F::code>;
  { F::from(f) } -> std::same_as<typename F::code>;
};
/// static code from(double, counter): the same, calling counter(event).
template <class F>
concept from_with_events = requires(double x, event_counts& counts) {
  { F::from(x, counts) } -> std::same_as<typename F::code>;
};
/// static double to_double(code) noexcept, exactly.
template <class F>
concept to_double = requires(typename F::code c) {
  { F::to_double(c) }
  noexcept->std::same_as<double>;
};
/// static float to_float(code) noexcept, the nearest.
template <class F>
concept to_float = requires(typename F::code c) {
  { F::to_float(c) }
  noexcept->std::same_as<float>;
};
/// Codes are compared as their values by < and ==, and static_cast<double>(code) is the value, as of a number.
template <class F>
concept codes_as_numbers = std::totally_ordered<typename F::code> && requires(typename F::code c) {
  static_cast<double>(c);
};

/// Codes are signed integers.
template <class F>
concept signed_codes = std::signed_integral<detail::integer_of_t<typename F::code>>;
/// scale.step, a float: a code's value is code * step.
template <class F>
concept step_in_scale = requires(const typename F::scale& s) {
  { s.step } -> std::convertible_to<float>;
};
/// static constexpr int max_code: codes lie in -max_code .. max_code.
template <class F>
concept max_code = requires {
  { F::max_code } -> std::convertible_to<int>;
};

}  // namespace format_has

/// A finite set of values with a code for each: what weights and inputs are stored in. Everything that is asked of a
/// format is one of these parts; examples/custom_format.cpp has one from scratch. (EqualCodesWithin also uses
/// static code_distance(code, code), scale_of a static scale_of_max(float) where there is one.)
template <class F>
concept quantized_format = format_has::code<F> && format_has::scale<F> && format_has::name<F> &&
    format_has::scale_of<F> && format_has::encode<F> && format_has::encode_with_events<F> && format_has::decode<F> &&
    format_has::step<F> && format_has::largest<F>;

/// A format that needs no scale, so that a tensor of its codes is complete in itself: what layers write.
template <class F>
concept value_format = quantized_format<F> && format_has::codes_without_scale<F> && format_has::from<F> &&
    format_has::from_with_events<F> && format_has::to_double<F> && format_has::to_float<F> &&
    format_has::codes_as_numbers<F>;

/// A format whose codes are signed integers times a real scale: its products can be summed as integers.
template <class F>
concept uniform_format =
    quantized_format<F> && format_has::signed_codes<F> && format_has::step_in_scale<F> && format_has::max_code<F>;

/// IEEE 754 binary32 as a format: encodes every float as itself. The reference that the others are compared with.
struct binary32 {
  using code = float;                                   ///< the value itself
  using scale = no_scale;                               ///< there is none
  static constexpr std::string_view name = "binary32";  ///< for tables and messages

  /// Nothing to derive.
  [[nodiscard]] static constexpr scale scale_of(std::span<const float>) noexcept { return {}; }
  /// x, NaN and infinities among them.
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr code encode(float x, scale, C&& = {}) noexcept {
    return x;
  }
  /// c.
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
  /// The largest finite float.
  [[nodiscard]] static constexpr float largest(scale) noexcept { return std::numeric_limits<float>::max(); }
  /// The nearest float, ties to even.
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr code from(double x, C&& = {}) noexcept {
    return static_cast<float>(x);
  }
  /// x.
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr code from(float x, C&& = {}) noexcept {
    return x;
  }
  /// c, exactly.
  [[nodiscard]] static constexpr double to_double(code c) noexcept { return static_cast<double>(c); }
  /// c.
  [[nodiscard]] static constexpr float to_float(code c) noexcept { return c; }
};
static_assert(value_format<binary32>);

NNIESIM_END_NAMESPACE
