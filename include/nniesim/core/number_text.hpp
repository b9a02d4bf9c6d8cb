// Numbers as text, the same in every locale of C and C++: what machines read, and columns for people.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// "nan", "inf" or "-inf", as printf writes them, whatever the sign of a NaN.
[[nodiscard]] inline std::string not_a_number_text(double v) { return std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf"; }

/// The shortest decimal number that reads as the same value; "nan", "inf", "-inf".
template <std::floating_point T>
[[nodiscard]] std::string shortest(T v) {
  if (!std::isfinite(v)) return not_a_number_text(static_cast<double>(v));
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

/// A JSON number; null for NaN and infinities, which JSON does not have.
[[nodiscard]] inline std::string json_number(double v) { return std::isfinite(v) ? shortest(v) : "null"; }

/// As printf's %.*g, digits at most 40.
[[nodiscard]] inline std::string general_number(double v, int digits) {
  if (!std::isfinite(v)) return not_a_number_text(v);
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, v, std::chars_format::general, digits).ptr};
}

/// As printf's %.*f, decimals at most 40.
[[nodiscard]] inline std::string fixed_number(double v, int decimals) {
  if (!std::isfinite(v)) return not_a_number_text(v);
  char text[400];  // the largest double has 309 digits before its point
  return {text, std::to_chars(text, text + sizeof text, v, std::chars_format::fixed, decimals).ptr};
}

/// With a sign in front, also where it is not negative.
[[nodiscard]] inline std::string with_sign(std::string number) {
  return number.starts_with('-') ? number : '+' + number;
}

/// The text behind as many spaces as make it `width` bytes.
[[nodiscard]] inline std::string right_aligned(const std::string& text, std::size_t width) {
  return std::string(text.size() < width ? width - text.size() : 0, ' ') + text;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
