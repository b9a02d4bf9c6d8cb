// Cells of CSV files (RFC 4180).
#pragma once

#include <string>
#include <string_view>

#include <nniesim/core/config.hpp>
#include <nniesim/core/utf8.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A cell that is text. It is quoted where it has commas, quotes, line ends, or blanks at an end. One that begins with
/// = + - @, a tab or a carriage return would be a formula to a spreadsheet: an apostrophe stands before it. U+FFFD
/// replaces each byte that is not UTF-8, and NUL, which readers take for the end.
[[nodiscard]] inline std::string csv_cell(std::string_view text) {
  std::string cell = valid_utf8(text);
  for (std::size_t at = 0; (at = cell.find('\0', at)) != std::string::npos;) cell.replace(at, 1, replacement_character);
  const bool is_formula = !cell.empty() && std::string_view("=+-@\t\r").find(cell[0]) != std::string_view::npos;
  if (is_formula) cell.insert(0, 1, '\'');
  const auto is_blank_end = [&] { return cell.starts_with(' ') || cell.ends_with(' ') || cell.ends_with('\t'); };
  if (!is_formula && cell.find_first_of(",\"\r\n") == std::string::npos && !is_blank_end()) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace detail

NNIESIM_END_NAMESPACE
