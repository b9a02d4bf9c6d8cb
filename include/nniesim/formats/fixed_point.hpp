// Fixed-point numbers with the rounding and overflow rule in the type. q20_12 is what every layer of the accelerator
// writes. Rounding happens in one place only: where a number is put into a type, by that type's rule.
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
#include <utility>

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
    throw format_error(message("fixed point: ", r.negative ? "-" : "",
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

/// Built-in numbers that become fixed-point numbers with one rounding.
template <class T>
concept number = (std::integral<T> && !std::same_as<T, bool>) || std::same_as<T, float> || std::same_as<T, double>;

/// How raw / 2^fraction compares with a built-in number, exactly.
template <class T>
[[nodiscard]] constexpr auto compare_exactly(std::int64_t raw, int fraction, T x) noexcept {
  if constexpr (std::floating_point<T>) {
    if (x != x) return std::partial_ordering::unordered;
    if ((raw < 0) != (x < 0)) return raw < 0 ? std::partial_ordering::less : std::partial_ordering::greater;
    // Both of one sign: magnitudes, the whole part first; none of these steps rounds.
    const std::uint64_t a = raw < 0 ? 0 - static_cast<std::uint64_t>(raw) : static_cast<std::uint64_t>(raw);
    const T b = x < 0 ? -x : x;
    const auto in_order = [negative = raw < 0](auto u, auto v) -> std::partial_ordering {
      return negative ? v <=> u : u <=> v;
    };
    if (b >= static_cast<T>(std::uint64_t{1} << 63U) * 2) return in_order(0, 1);
    const std::uint64_t whole = a >> fraction;
    const auto whole_b = static_cast<std::uint64_t>(b);
    if (whole != whole_b) return in_order(whole, whole_b);
    const std::uint64_t rest = a - (whole << fraction);
    const T steps = (b - static_cast<T>(whole_b)) * static_cast<T>(std::uint64_t{1} << fraction);
    const auto rest_b = static_cast<std::uint64_t>(steps);
    return rest != rest_b ? in_order(rest, rest_b) : in_order(static_cast<T>(rest_b), steps);
  } else {
    using wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
    const std::int64_t whole = raw >> fraction;
    const auto y = static_cast<wide>(x);
    if (std::cmp_less(whole, y)) return std::strong_ordering::less;
    if (std::cmp_greater(whole, y)) return std::strong_ordering::greater;
    return static_cast<std::uint64_t>(raw) - (static_cast<std::uint64_t>(whole) << fraction) <=> std::uint64_t{0};
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
///
/// + - * of fixed-point numbers of one rounding and one overflow rule are exact: the result's type is wide enough for
/// every result. Assigned to a narrower type of the same rules (q20_12 y = a * b; y += a) it is rounded once and fitted
/// by that type's rules: q20_12 saturates. Numbers of different rules do not mix; convert them with fixed_cast.
/// Built-in numbers become fixed point explicitly, q20_12(1.5) or q20_12::from(1.5), with one rounding. A fixed-point
/// number converts to double implicitly and exactly; arithmetic with built-in numbers and quotients give doubles. All
/// comparisons are exact. Conversion to integers does not compile: raw() gives the bits, and
/// static_cast<int>(double(x)) rounds toward zero.
template <int IntBits, int FracBits, rounding Rounding, overflow Overflow>
requires(IntBits >= 1 && FracBits >= 0 && IntBits + FracBits <= 64) class fixed_point {
  static constexpr auto name_text_ =
      detail::fixed_point_name<IntBits, FracBits>(to_string(Rounding::rule), to_string(Overflow::rule));

 public:
  using code = fixed_point;                                  ///< a number is its own code
  using scale = no_scale;                                    ///< no scale: the point stands where it stands
  using raw_type = detail::raw_integer<IntBits + FracBits>;  ///< the smallest signed integer that holds `width` bits
  using rounding_type = Rounding;                            ///< Rounding
  using overflow_type = Overflow;                            ///< Overflow

  static constexpr std::string_view name{name_text_.data()};  ///< "q20_12_floor_saturate"
  static constexpr int integer_bits = IntBits;                ///< before the point, the sign among them
  static constexpr int fraction_bits = FracBits;              ///< behind the point
  static constexpr int width = IntBits + FracBits;            ///< all bits

  constexpr fixed_point() noexcept = default;
  /// As from(x).
  template <detail::number T>
  constexpr explicit fixed_point(T x) : fixed_point(from(x)) {}
  /// As fixed_cast.
  template <int I, int F>
  requires(I != IntBits || F != FracBits) constexpr fixed_point(fixed_point<I, F, Rounding, Overflow> x);

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
  /// As from a double: every float is one exactly.
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr fixed_point from(float x, C&& count = {}) {
    return from(static_cast<double>(x), count);
  }
  /// Of an integer: fitted by the overflow rule.
  template <std::integral T, event_counter C = const no_events>
  [[nodiscard]] static constexpr fixed_point from(T x, C&& count = {}) {
    const bool negative = std::cmp_less(x, 0);
    const std::uint64_t magnitude = negative ? 0 - static_cast<std::uint64_t>(x) : static_cast<std::uint64_t>(x);
    const bool huge = magnitude != 0 && std::countl_zero(magnitude) < FracBits;
    return unchecked(detail::fit<Overflow>({negative, magnitude << FracBits, huge}, width, count));
  }

  /// The bits, a two's complement integer: the value is raw() / 2^FracBits.
  [[nodiscard]] constexpr raw_type raw() const noexcept { return raw_; }
  /// Exact for widths up to 53 bits, rounded to nearest above.
  [[nodiscard]] static constexpr double to_double(fixed_point x) noexcept {
    return static_cast<double>(x.raw_) * power_of_two(-FracBits);
  }
  /// The nearest float, ties to even.
  [[nodiscard]] static constexpr float to_float(fixed_point x) noexcept {
    return static_cast<float>(x.raw_) * static_cast<float>(power_of_two(-FracBits));
  }
  /// Implicit where every number is exact as a double (widths up to 53 bits), else explicit.
  [[nodiscard]] explicit(width > 53) constexpr operator double() const noexcept { return to_double(*this); }
  /// As to_float.
  [[nodiscard]] explicit constexpr operator float() const noexcept { return to_float(*this); }
  /// Deleted: say how to round, as static_cast<int>(double(x)) does, or take the bits, raw().
  template <std::integral T>
  requires(!std::same_as<T, bool>) operator T() const = delete;

  /// The largest number, (2^(width - 1) - 1) / 2^FracBits.
  [[nodiscard]] static constexpr fixed_point max() noexcept { return unchecked(max_raw()); }
  /// The smallest number, -2^(IntBits - 1).
  [[nodiscard]] static constexpr fixed_point lowest() noexcept { return unchecked(lowest_raw()); }

  // As a quantized_format.
  /// Nothing to derive.
  [[nodiscard]] static constexpr scale scale_of(std::span<const float>) noexcept { return {}; }
  /// As from(x, count).
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr code encode(float x, scale, C&& count = {}) {
    return from(x, count);
  }
  /// As to_float(c).
  [[nodiscard]] static constexpr float decode(code c, scale) noexcept { return to_float(c); }
  /// 2^-FracBits, everywhere.
  [[nodiscard]] static constexpr float step(float, scale) noexcept {
    return static_cast<float>(power_of_two(-FracBits));
  }

  /// max() as a float.
  [[nodiscard]] static constexpr float largest(scale) noexcept { return to_float(max()); }
  /// Distance in steps.
  [[nodiscard]] static constexpr std::int64_t code_distance(code a, code b) noexcept requires(width < 64) {
    return a > b ? std::int64_t{a.raw()} - b.raw() : std::int64_t{b.raw()} - a.raw();
  }

  /// Each rounds the exact result once and fits it.
  constexpr fixed_point& operator+=(fixed_point x) { return *this = fixed_point(*this + x); }
  /// Rounds the exact result once and fits it.
  constexpr fixed_point& operator-=(fixed_point x) { return *this = fixed_point(*this - x); }
  /// Rounds the exact result once and fits it.
  constexpr fixed_point& operator*=(fixed_point x) { return *this = fixed_point(*this * x); }
  /// The number itself.
  [[nodiscard]] friend constexpr fixed_point operator+(fixed_point x) noexcept { return x; }
  /// Exact: one integer bit more, as the lowest number's negative needs.
  [[nodiscard]] friend constexpr auto operator-(fixed_point x) { return fixed_point() - x; }
  /// The magnitude, exact: one integer bit more.
  [[nodiscard]] friend constexpr auto abs(fixed_point x) { return x.raw_ < 0 ? -x : x - fixed_point(); }

  /// By value.
  friend constexpr auto operator<=>(const fixed_point&, const fixed_point&) = default;
  /// By value, exactly, with any built-in number.
  template <class T>
  requires std::is_arithmetic_v<T>
  friend constexpr auto operator<=>(fixed_point a, T b) noexcept {
    return detail::compare_exactly(std::int64_t{a.raw_}, FracBits, b);
  }
  /// By value, exactly, with any built-in number.
  template <class T>
  requires std::is_arithmetic_v<T>
  friend constexpr bool operator==(fixed_point a, T b) noexcept { return (a <=> b) == 0; }

  /// Prints the shortest decimals that read back as this number, whatever the stream's precision.
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
      throw format_error(detail::message(name, ": got ",
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

template <int IntBits, int FracBits, rounding Rounding, overflow Overflow>
requires(IntBits >= 1 && FracBits >= 0 && IntBits + FracBits <= 64) template <int I, int F>
requires(I != IntBits || F != FracBits)  //
    constexpr fixed_point<IntBits, FracBits, Rounding, Overflow>::fixed_point(fixed_point<I, F, Rounding, Overflow> x)
    : fixed_point(fixed_cast<fixed_point>(x)) {}

namespace detail {

/// The zero of the result's type. Does not compile, with one sentence, where there is no exact result.
template <int I, int F, class A, class B>
[[nodiscard]] constexpr auto exact_result() {
  constexpr bool one_rule = std::same_as<typename A::rounding_type, typename B::rounding_type> &&
                            std::same_as<typename A::overflow_type, typename B::overflow_type>;
  static_assert(one_rule,
                "nniesim: fixed-point numbers of different rounding or overflow rules do not mix: whose rule "
                "would the result have? fixed_cast one of them to the other's type");
  static_assert(I + F <= 64,
                "nniesim: the exact result has more than 64 bits: fixed_cast an operand to a narrower type");
  if constexpr (one_rule && I + F <= 64) {
    return fixed_point<I, F, typename A::rounding_type, typename A::overflow_type>();
  } else {
    return A();
  }
}

/// The raw value of x with `fraction` bits behind the point.
template <class X>
[[nodiscard]] constexpr std::int64_t raw_with(X x, int fraction) noexcept {
  return std::int64_t{x.raw()} * (std::int64_t{1} << (fraction - X::fraction_bits));
}

}  // namespace detail

/// Exact product: as wide as both operands together.
template <int I1, int F1, rounding R1, overflow O1, int I2, int F2, rounding R2, overflow O2>
[[nodiscard]] constexpr auto operator*(fixed_point<I1, F1, R1, O1> a, fixed_point<I2, F2, R2, O2> b) {
  using product = decltype(detail::exact_result<I1 + I2, F1 + F2, decltype(a), decltype(b)>());
  return product::from_raw(std::int64_t{a.raw()} * std::int64_t{b.raw()});
}
/// Exact sum: one integer bit more than the wider operand.
template <int I1, int F1, rounding R1, overflow O1, int I2, int F2, rounding R2, overflow O2>
[[nodiscard]] constexpr auto operator+(fixed_point<I1, F1, R1, O1> a, fixed_point<I2, F2, R2, O2> b) {
  constexpr int fraction = std::max(F1, F2);
  using sum = decltype(detail::exact_result<std::max(I1, I2) + 1, fraction, decltype(a), decltype(b)>());
  return sum::from_raw(detail::raw_with(a, fraction) + detail::raw_with(b, fraction));
}
/// Exact difference: one integer bit more than the wider operand.
template <int I1, int F1, rounding R1, overflow O1, int I2, int F2, rounding R2, overflow O2>
[[nodiscard]] constexpr auto operator-(fixed_point<I1, F1, R1, O1> a, fixed_point<I2, F2, R2, O2> b) {
  constexpr int fraction = std::max(F1, F2);
  using difference = decltype(detail::exact_result<std::max(I1, I2) + 1, fraction, decltype(a), decltype(b)>());
  return difference::from_raw(detail::raw_with(a, fraction) - detail::raw_with(b, fraction));
}

/// Numbers of different widths and rules compare by their values.
template <int I1, int F1, rounding R1, overflow O1, int I2, int F2, rounding R2, overflow O2>
[[nodiscard]] constexpr std::strong_ordering operator<=>(fixed_point<I1, F1, R1, O1> a,
                                                         fixed_point<I2, F2, R2, O2> b) noexcept {
  const std::int64_t whole_a = std::int64_t{a.raw()} >> F1;
  const std::int64_t whole_b = std::int64_t{b.raw()} >> F2;
  if (whole_a != whole_b) return whole_a <=> whole_b;
  const auto rest = [](std::int64_t raw, int fraction) {
    return fraction == 0 ? 0 : static_cast<std::uint64_t>(raw) << static_cast<unsigned>(64 - fraction);
  };
  return rest(std::int64_t{a.raw()}, F1) <=> rest(std::int64_t{b.raw()}, F2);
}
/// Numbers of different widths and rules are equal if their values are.
template <int I1, int F1, rounding R1, overflow O1, int I2, int F2, rounding R2, overflow O2>
[[nodiscard]] constexpr bool operator==(fixed_point<I1, F1, R1, O1> a, fixed_point<I2, F2, R2, O2> b) noexcept {
  return (a <=> b) == 0;
}

namespace detail {

/// A fixed-point or built-in number of a mixed expression, for which double is exact.
template <class T>
inline constexpr bool is_exact_double = std::is_arithmetic_v<T>;
template <int I, int F, rounding R, overflow O>
inline constexpr bool is_exact_double<fixed_point<I, F, R, O>> = I + F <= 53;

template <class T>
inline constexpr bool is_fixed = false;
template <int I, int F, rounding R, overflow O>
inline constexpr bool is_fixed<fixed_point<I, F, R, O>> = true;

template <class A, class B>
concept mixed = is_exact_double<A> && is_exact_double<B> && is_fixed<A>
!= is_fixed<B>;
template <class A, class B>
concept quotient = is_exact_double<A> && is_exact_double<B> &&(is_fixed<A> || is_fixed<B>);

}  // namespace detail

// Mixed arithmetic and quotients, in double.
/// A fixed-point and a built-in number, in double.
template <class A, class B>
requires detail::mixed<A, B>
[[nodiscard]] constexpr double operator+(A a, B b) noexcept { return static_cast<double>(a) + static_cast<double>(b); }
/// A fixed-point and a built-in number, in double.
template <class A, class B>
requires detail::mixed<A, B>
[[nodiscard]] constexpr double operator-(A a, B b) noexcept { return static_cast<double>(a) - static_cast<double>(b); }
/// A fixed-point and a built-in number, in double.
template <class A, class B>
requires detail::mixed<A, B>
[[nodiscard]] constexpr double operator*(A a, B b) noexcept { return static_cast<double>(a) * static_cast<double>(b); }
/// A quotient, one of the two in fixed point at least, in double.
template <class A, class B>
requires detail::quotient<A, B>
[[nodiscard]] constexpr double operator/(A a, B b) noexcept { return static_cast<double>(a) / static_cast<double>(b); }

/// What every layer of the accelerator writes: int32 in steps of 1/4096. Truncation toward minus infinity is read
/// from the feature-norm measurements (positive values); its direction for negative values is our assumption.
using q20_12 = fixed_point<20, 12, floor_rounding, saturate>;

/// The compiler's "24.0" bias: whole units of the sum. Compiled models store it as an int32 (precision/mac_stage.hpp).
using bias24 = fixed_point<24, 0, nearest_even, saturate>;

static_assert(value_format<q20_12> && sizeof(q20_12) == 4);

NNIESIM_END_NAMESPACE

// Doxygen does not know the templates of std.
/// \cond
/// Of a fixed-point type: min() and epsilon() are one step.
template <int I, int F, nniesim::rounding R, nniesim::overflow O>
class std::numeric_limits<nniesim::fixed_point<I, F, R, O>> {
  using number = nniesim::fixed_point<I, F, R, O>;

 public:
  static constexpr bool is_specialized = true;
  static constexpr bool is_signed = true;
  static constexpr bool is_integer = F == 0;
  static constexpr bool is_exact = true;
  static constexpr bool has_infinity = false;
  static constexpr bool has_quiet_NaN = false;
  static constexpr bool has_signaling_NaN = false;
  static constexpr bool is_iec559 = false;
  static constexpr bool is_bounded = true;
  static constexpr bool is_modulo = O::rule == nniesim::overflow_rule::wrap;
  static constexpr int radix = 2;
  static constexpr int digits = I + F - 1;
  static constexpr int digits10 = digits * 30103 / 100000;
  static constexpr number lowest() noexcept { return number::lowest(); }
  static constexpr number min() noexcept { return F == 0 ? lowest() : epsilon(); }
  static constexpr number max() noexcept { return number::max(); }
  static constexpr number epsilon() noexcept { return I + F == 1 ? number() : number::from_raw(1); }
};
/// \endcond
