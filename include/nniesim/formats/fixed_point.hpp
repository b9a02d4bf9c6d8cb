// Fixed-point numbers with the rounding and overflow rule in the type. q20_12 is what every layer of the accelerator
// writes. Conversions from float and double are exact up to the one rounding that the type names.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <nniesim/core/error.hpp>
#include <nniesim/formats/format.hpp>
#include <nniesim/formats/rounding.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A magnitude that has been rounded to an integer but not yet fitted into a range.
struct rounded {
  bool negative;
  std::uint64_t magnitude;  ///< modulo 2^64
  bool huge;                ///< the true magnitude is 2^64 or more
};

/// Rounds magnitude / 2^shift to an integer, shift > 0; `negative` is the sign of the number.
template <rounding R>
[[nodiscard]] constexpr std::uint64_t shift_right(std::uint64_t magnitude, int shift, bool negative) noexcept {
  const std::uint64_t whole = shift >= 64 ? 0 : magnitude >> static_cast<unsigned>(shift);
  const std::uint64_t rest = shift >= 64 ? magnitude : magnitude - (whole << static_cast<unsigned>(shift));
  if (rest == 0) return whole;
  if constexpr (R::rule == rounding_rule::toward_zero) return whole;
  if constexpr (R::rule == rounding_rule::floor) return negative ? whole + 1 : whole;
  // Nearest: half is 2^(shift-1); for shift > 64 every magnitude is below half.
  if (shift > 64) return whole;
  const std::uint64_t half = std::uint64_t{1} << static_cast<unsigned>(shift - 1);
  if (rest != half) return rest > half ? whole + 1 : whole;
  return R::rule == rounding_rule::nearest_away || (whole & 1U) != 0 ? whole + 1 : whole;
}

/// x * 2^fraction_bits rounded to an integer, for finite x.
template <rounding R>
[[nodiscard]] constexpr rounded round_scaled(double x, int fraction_bits) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const bool negative = (bits >> 63U) != 0;
  const int biased = static_cast<int>((bits >> 52U) & 0x7ffU);
  std::uint64_t significand = bits & ((std::uint64_t{1} << 52U) - 1);
  if (biased != 0) significand |= std::uint64_t{1} << 52U;
  const int shift = (biased == 0 ? 1 : biased) - 1075 + fraction_bits;
  if (significand == 0) return {negative, 0, false};
  if (shift < 0) return {negative, shift_right<R>(significand, -shift, negative), false};
  if (shift >= 64) return {negative, 0, true};
  return {negative, significand << static_cast<unsigned>(shift), std::countl_zero(significand) < shift};
}

/// Rounds value / 2^shift, or multiplies by 2^-shift where shift is negative.
template <rounding R>
[[nodiscard]] constexpr rounded rescale(std::int64_t value, int shift) noexcept {
  const bool negative = value < 0;
  const std::uint64_t magnitude = negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  if (shift > 0) return {negative, shift_right<R>(magnitude, shift, negative), false};
  if (magnitude == 0) return {negative, 0, false};
  if (shift <= -64) return {negative, 0, true};
  return {negative, magnitude << static_cast<unsigned>(-shift), std::countl_zero(magnitude) < -shift};
}

/// Fits a rounded number into `width` bits of two's complement.
template <overflow O, event_counter C>
[[nodiscard]] constexpr std::int64_t fit(rounded r, int width, C& count) {
  const std::uint64_t limit = std::uint64_t{1} << static_cast<unsigned>(width - 1);  // of negative numbers
  const bool fits = !r.huge && r.magnitude <= (r.negative ? limit : limit - 1);
  if (fits) return static_cast<std::int64_t>(r.negative ? 0 - r.magnitude : r.magnitude);
  count(event::saturated);
  if constexpr (O::rule == overflow_rule::trap) {
    throw format_error(concat("fixed point: ", r.negative ? "-" : "",
                              r.huge ? "2^64 or more" : std::to_string(r.magnitude), " steps do not fit ", width,
                              " bits"));
  } else if constexpr (O::rule == overflow_rule::saturate) {
    return static_cast<std::int64_t>(r.negative ? 0 - limit : limit - 1);
  } else {
    const auto unused = static_cast<unsigned>(64 - width);
    const std::uint64_t pattern = (r.negative ? 0 - r.magnitude : r.magnitude) << unused;
    return static_cast<std::int64_t>(pattern) >> unused;
  }
}

template <int Width>
using raw_integer = std::conditional_t<
    (Width <= 8), std::int8_t,
    std::conditional_t<(Width <= 16), std::int16_t, std::conditional_t<(Width <= 32), std::int32_t, std::int64_t>>>;

/// "q20_12_floor_saturate" and the like, built at compile time.
template <int IntBits, int FracBits>
constexpr auto fixed_point_name(std::string_view rounding, std::string_view overflow) {
  std::array<char, 48> text{};
  std::size_t at = 0;
  const auto put = [&](std::string_view s) {
    for (const char c : s) text[at++] = c;
  };
  const auto put_number = [&](int n) {
    if (n >= 10) text[at++] = static_cast<char>('0' + n / 10);
    text[at++] = static_cast<char>('0' + n % 10);
  };
  put("q");
  put_number(IntBits);
  put("_");
  put_number(FracBits);
  put("_");
  put(rounding);
  put("_");
  put(overflow);
  return text;
}

}  // namespace detail

/// Two's complement fixed point: IntBits (the sign bit included) before the point, FracBits behind it.
/// The value is raw / 2^FracBits. As a format it needs no scale.
template <int IntBits, int FracBits, rounding Rounding, overflow Overflow>
requires(IntBits >= 1 && FracBits >= 0 && IntBits + FracBits <= 64) class fixed_point {
  static constexpr auto name_text_ =
      detail::fixed_point_name<IntBits, FracBits>(to_string(Rounding::rule), to_string(Overflow::rule));

 public:
  using code = fixed_point;
  using scale = no_scale;
  using raw_type = detail::raw_integer<IntBits + FracBits>;
  using rounding_type = Rounding;
  using overflow_type = Overflow;

  static constexpr std::string_view name{name_text_.data()};
  static constexpr int integer_bits = IntBits;
  static constexpr int fraction_bits = FracBits;
  static constexpr int width = IntBits + FracBits;

  constexpr fixed_point() noexcept = default;

  /// The number with the given bits; throws format_error where they need more than `width` bits.
  [[nodiscard]] static constexpr fixed_point from_raw(std::int64_t raw) {
    detail::require<format_error>(raw >= lowest_raw() && raw <= max_raw(), name, ": raw value ", raw, ", expected ",
                                  lowest_raw(), " .. ", max_raw());
    return unchecked(raw);
  }
  /// Rounds, then fits. NaN becomes 0; an infinity saturates, or becomes 0 under wrap; both throw under trap.
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr fixed_point from(double x, C&& count = {}) {
    constexpr double max = std::numeric_limits<double>::max();
    if (!(x <= max && x >= -max)) return from_special(x, count);
    const detail::rounded r = detail::round_scaled<Rounding>(x, FracBits);
    const fixed_point result = unchecked(detail::fit<Overflow>(r, width, count));
    if (result.raw_ == 0 && x != 0.0 && r.magnitude == 0 && !r.huge) count(event::flushed);
    return result;
  }
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr fixed_point from(float x, C&& count = {}) {
    return from(static_cast<double>(x), count);
  }

  [[nodiscard]] constexpr raw_type raw() const noexcept { return raw_; }
  /// Exact for widths up to 53 bits, rounded to nearest above.
  [[nodiscard]] static constexpr double to_double(fixed_point x) noexcept {
    return static_cast<double>(x.raw_) * power_of_two(-FracBits);
  }
  /// The nearest float, ties to even.
  [[nodiscard]] static constexpr float to_float(fixed_point x) noexcept {
    return static_cast<float>(x.raw_) * static_cast<float>(power_of_two(-FracBits));
  }
  [[nodiscard]] explicit constexpr operator double() const noexcept { return to_double(*this); }
  [[nodiscard]] explicit constexpr operator float() const noexcept { return to_float(*this); }

  [[nodiscard]] static constexpr fixed_point max() noexcept { return unchecked(max_raw()); }
  [[nodiscard]] static constexpr fixed_point lowest() noexcept { return unchecked(lowest_raw()); }

  // As a quantized_format.
  [[nodiscard]] static constexpr scale scale_of(std::span<const float>) noexcept { return {}; }
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr code encode(float x, scale, C&& count = {}) {
    return from(x, count);
  }
  [[nodiscard]] static constexpr float decode(code c, scale) noexcept { return to_float(c); }
  [[nodiscard]] static constexpr float step(float, scale) noexcept {
    return static_cast<float>(power_of_two(-FracBits));
  }

  [[nodiscard]] static constexpr float largest(scale) noexcept { return to_float(max()); }
  [[nodiscard]] static constexpr std::int64_t code_distance(code a, code b) noexcept requires(width < 64) {
    return a > b ? std::int64_t{a.raw()} - b.raw() : std::int64_t{b.raw()} - a.raw();
  }

  friend constexpr auto operator<=>(const fixed_point&, const fixed_point&) = default;

  /// The shortest decimals that stand for this number alone, whatever the stream's precision.
  friend std::ostream& operator<<(std::ostream& out, fixed_point x) {
    using real = std::conditional_t<(width <= 53), double, long double>;
    char text[64];
    const auto value = static_cast<real>(x.raw_) * static_cast<real>(power_of_two(-FracBits));
    return out << std::string_view(text,
                                   static_cast<std::size_t>(std::to_chars(text, text + sizeof text, value).ptr - text));
  }

 private:
  static constexpr std::int64_t max_raw() noexcept {
    return static_cast<std::int64_t>((std::uint64_t{1} << static_cast<unsigned>(width - 1)) - 1);
  }
  static constexpr std::int64_t lowest_raw() noexcept { return -max_raw() - 1; }
  static constexpr fixed_point unchecked(std::int64_t raw) noexcept {
    fixed_point x;
    x.raw_ = static_cast<raw_type>(raw);
    return x;
  }
  static constexpr double power_of_two(int e) noexcept {
    return std::bit_cast<double>(static_cast<std::uint64_t>(e + 1023) << 52U);
  }
  template <event_counter C>
  static constexpr fixed_point from_special(double x, C& count) {
    const bool is_nan = x != x;
    count(is_nan ? event::nan : event::infinite);
    if constexpr (Overflow::rule == overflow_rule::trap) {
      throw format_error(detail::concat(name, ": got ",
                                        is_nan  ? "NaN"
                                        : x > 0 ? "+infinity"
                                                : "-infinity",
                                        ", expected a finite number"));
    }
    if (is_nan || Overflow::rule == overflow_rule::wrap) return {};
    return x > 0 ? max() : lowest();
  }

  raw_type raw_ = 0;
};

/// Converts between fixed-point types: rounds, then fits, by the rules of `To`.
template <class To, int I, int F, rounding R, overflow O, event_counter C = const no_events>
[[nodiscard]] constexpr To fixed_cast(fixed_point<I, F, R, O> x, C&& count = {}) {
  const detail::rounded r = detail::rescale<typename To::rounding_type>(x.raw(), F - To::fraction_bits);
  if (r.magnitude == 0 && !r.huge && x.raw() != 0) count(event::flushed);
  return To::from_raw(detail::fit<typename To::overflow_type>(r, To::width, count));
}

/// Exact product: the result is as wide as both operands together. The rules must agree.
template <int I1, int F1, int I2, int F2, rounding R, overflow O>
requires(I1 + F1 + I2 + F2 <= 64) [[nodiscard]] constexpr fixed_point<I1 + I2, F1 + F2, R, O> operator*(
    fixed_point<I1, F1, R, O> a, fixed_point<I2, F2, R, O> b) {
  return fixed_point<I1 + I2, F1 + F2, R, O>::from_raw(std::int64_t{a.raw()} * std::int64_t{b.raw()});
}

namespace detail {
template <int I1, int F1, int I2, int F2, rounding R, overflow O>
using sum_type = fixed_point<std::max(I1, I2) + 1, std::max(F1, F2), R, O>;
}

/// Exact sum: one integer bit more than the wider operand. The rules must agree.
template <int I1, int F1, int I2, int F2, rounding R, overflow O>
requires(std::max(I1, I2) + 1 + std::max(F1, F2) <= 64) [[nodiscard]] constexpr detail::sum_type<I1, F1, I2, F2, R, O>
operator+(fixed_point<I1, F1, R, O> a, fixed_point<I2, F2, R, O> b) {
  using sum = detail::sum_type<I1, F1, I2, F2, R, O>;
  return sum::from_raw(std::int64_t{a.raw()} * (std::int64_t{1} << (sum::fraction_bits - F1)) +
                       std::int64_t{b.raw()} * (std::int64_t{1} << (sum::fraction_bits - F2)));
}

/// Exact difference: one integer bit more than the wider operand. The rules must agree.
template <int I1, int F1, int I2, int F2, rounding R, overflow O>
requires(std::max(I1, I2) + 1 + std::max(F1, F2) <= 64) [[nodiscard]] constexpr detail::sum_type<I1, F1, I2, F2, R, O>
operator-(fixed_point<I1, F1, R, O> a, fixed_point<I2, F2, R, O> b) {
  using difference = detail::sum_type<I1, F1, I2, F2, R, O>;
  return difference::from_raw(std::int64_t{a.raw()} * (std::int64_t{1} << (difference::fraction_bits - F1)) -
                              std::int64_t{b.raw()} * (std::int64_t{1} << (difference::fraction_bits - F2)));
}

/// What every layer of the accelerator writes: int32 in steps of 1/4096. Truncation toward minus infinity is read
/// from the feature-norm measurements (positive values); its direction for negative values is our assumption.
using q20_12 = fixed_point<20, 12, floor_rounding, saturate>;

/// The compiler's "24.0" bias. How the hardware scales it is not known; layers here add a float32 bias.
using bias24 = fixed_point<24, 0, nearest_even, saturate>;

static_assert(value_format<q20_12> && sizeof(q20_12) == 4);

NNIESIM_END_NAMESPACE
