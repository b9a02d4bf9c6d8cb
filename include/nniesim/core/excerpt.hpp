// Text from a file as an error message may show it: short, on one line, nothing that a terminal would act on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nniesim/core/config.hpp>
#include <nniesim/core/utf8.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The text with control characters, which a terminal would act on, and bytes that are not UTF-8 written as \xNN; with
/// `ascii` all bytes that are not ASCII.
[[nodiscard]] inline std::string printable(std::string_view text, bool ascii = false) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    const auto first = static_cast<unsigned char>(character[0]);
    const bool is_control =
        first < 0x20 || first == 0x7f || (first == 0xc2 && length == 2 && static_cast<unsigned char>(text[1]) < 0xa0);
    for (const char c : character) {
      const auto byte = static_cast<unsigned char>(c);
      if (length != 0 && !is_control && (byte < 0x7f || !ascii)) {
        shown += c;
      } else {
        shown += "\\x";
        shown += "0123456789abcdef"[byte >> 4U];
        shown += "0123456789abcdef"[byte & 15U];
      }
    }
    text.remove_prefix(character.size());
  }
  return shown;
}

/// The text in quotes, as printable() shows it, in whatever script; "..." in place of what exceeds `limit` bytes.
[[nodiscard]] inline std::string excerpt(std::string_view text, std::size_t limit = 40) {
  if (text.size() <= limit) return "'" + printable(text) + "'";
  std::string_view shown = text.substr(0, limit);
  // No character is cut in two.
  for (std::size_t at = 0; at < shown.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    if (at + length > limit) shown = shown.substr(0, at);
    at += length == 0 ? 1 : length;
  }
  return "'" + printable(shown) + "...'";
}

}  // namespace detail

NNIESIM_END_NAMESPACE
