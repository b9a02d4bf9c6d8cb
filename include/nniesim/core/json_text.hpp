// Strings of JSON (RFC 8259): valid UTF-8 whatever came in.
#pragma once

#include <string>
#include <string_view>

#include <nniesim/core/config.hpp>
#include <nniesim/core/utf8.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The text in quotes: quotes, backslashes, control characters and DEL escaped, U+FFFD for each byte that is not UTF-8.
[[nodiscard]] inline std::string json_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : valid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += {'\\', 'u', '0', '0', "0123456789abcdef"[byte >> 4U], "0123456789abcdef"[byte & 15U]};
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace detail

NNIESIM_END_NAMESPACE
