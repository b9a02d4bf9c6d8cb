// Codes as the compiler's dumps print them: lower-case hexadecimal of fixed width, two's complement for negative
// numbers. One code at a time; the readers of whole dumps are in io/.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/integer_code.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Codes of gfpq (unsigned) and of uniform formats (signed), and other integers that are numbers.
template <class T>
concept hex_integer = std::integral<integer_of_t<T>> && !std::same_as<T, bool> && !std::same_as<T, char>;

template <class T>
struct is_fixed_point : std::false_type {};
template <int I, int F, rounding R, overflow O>
struct is_fixed_point<fixed_point<I, F, R, O>> : std::true_type {};

[[nodiscard]] inline std::string hex_text(std::uint64_t bits, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; bits >>= 4U) text[i] = "0123456789abcdef"[bits & 15U];
  return text;
}

[[nodiscard]] constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

[[nodiscard]] inline std::uint64_t hex_bits(std::string_view text, std::size_t digits) {
  require<parse_error>(text.size() == digits, "hex code: got ", excerpt(text), " (", text.size(),
                       " characters), expected ", digits, " hexadecimal digits");
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const int digit = hex_digit(text[i]);
    require<parse_error>(digit >= 0, "hex code: got ", excerpt(text), ", expected ", digits,
                         " hexadecimal digits; character ", i + 1, " is not a hexadecimal digit");
    bits = bits << 4U | static_cast<std::uint64_t>(digit);
  }
  return bits;
}

}  // namespace detail

/// A code that has a text: an integer, or a fixed-point number (its raw value).
template <class Code>
concept hex_code = detail::hex_integer<Code> || detail::is_fixed_point<Code>::value;

/// Two digits for each byte of the code, lower case: 0x80 of gfpq8 is "80", -1 of an int8 code "ff", 1.0 of q20_12
/// "00001000", -1/4096 "ffffffff".
template <hex_code Code>
[[nodiscard]] std::string to_hex(Code code) {
  if constexpr (detail::hex_integer<Code>) {
    return detail::hex_text(static_cast<std::make_unsigned_t<detail::integer_of_t<Code>>>(code), sizeof(Code) * 2);
  } else {
    return to_hex(code.raw());
  }
}

/// The code that `text` gives. Throws parse_error unless it is exactly as many digits as to_hex writes (upper case is
/// taken too), and for a fixed-point value of more bits than the format has. Whether the bits are a code of a format
/// that leaves patterns unused (gfpq16) is its is_code's to say.
template <hex_code Code>
[[nodiscard]] Code from_hex(std::string_view text) {
  if constexpr (detail::hex_integer<Code>) {
    return static_cast<Code>(
        static_cast<std::make_unsigned_t<detail::integer_of_t<Code>>>(detail::hex_bits(text, sizeof(Code) * 2)));
  } else {
    const std::int64_t raw = from_hex<typename Code::raw_type>(text);
    detail::require<parse_error>(raw >= Code::lowest().raw() && raw <= Code::max().raw(), "hex code: got ",
                                 detail::excerpt(text), ", raw value ", raw, ", expected a value of ", Code::name, ": ",
                                 std::int64_t{Code::lowest().raw()}, " .. ", std::int64_t{Code::max().raw()});
    return Code::from_raw(raw);
  }
}

NNIESIM_END_NAMESPACE
