// What the readers of text files share: lines, trimmed texts, numbers that are finite.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>

#include <nniesim/core/config.hpp>
#include <nniesim/core/error.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }

/// The text without spaces, tabs and carriage returns at its ends.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Takes the first line off the text, without its line feed.
[[nodiscard]] constexpr std::string_view take_line(std::string_view& text) noexcept {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

/// The text without the byte-order mark of UTF-8, as Windows' editors begin their files. Throws parse_error, with
/// `file`, for the marks of UTF-16, in which every second byte is another one's half.
[[nodiscard]] inline std::string_view without_mark(std::string_view text, std::string_view file) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    throw parse_error(message(file, ":1: got UTF-16 (byte-order mark), expected UTF-8 or ASCII"));
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text;
}

/// Whether every byte may stand in a line of text: no control characters, which no name or path has.
[[nodiscard]] constexpr bool is_plain(std::string_view text) noexcept {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') return false;
  }
  return true;
}

/// The float nearest to a decimal number that is the whole text; nothing for other texts, NaN, infinity and numbers
/// beyond the floats. Numbers too small for a float round to 0 or a subnormal one.
[[nodiscard]] inline std::optional<float> finite_float(std::string_view text) {
  if (text.starts_with('+') && text.substr(1, 1) != "-") text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  float value = 0.0F;
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (text.empty() || stop != end) return std::nullopt;
  if (problem == std::errc::result_out_of_range) {
    double wide = 0.0;
    const auto again = std::from_chars(text.data(), end, wide);
    if (again.ec != std::errc{} || std::abs(wide) > 1.0) return std::nullopt;
    return static_cast<float>(wide);
  }
  if (problem != std::errc{} || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// An integer in decimal digits that is the whole text.
template <class Integer>
[[nodiscard]] std::optional<Integer> whole_integer(std::string_view text) {
  Integer value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (stop != end || problem != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
