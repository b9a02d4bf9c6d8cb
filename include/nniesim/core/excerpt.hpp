// Text from a file as an error message may show it: short, on one line, nothing that a terminal would act on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The text with the bytes that a terminal would act on, and with `ascii` also those that are not ASCII, as \xNN.
[[nodiscard]] inline std::string printable(std::string_view text, bool ascii = false) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f && (byte < 0x7f || !ascii)) {
      shown += c;
    } else {
      shown += "\\x";
      shown += "0123456789abcdef"[byte >> 4U];
      shown += "0123456789abcdef"[byte & 15U];
    }
  }
  return shown;
}

/// The text in quotes; bytes that are not printable ASCII as \xNN, "..." in place of what exceeds `limit` bytes.
[[nodiscard]] inline std::string excerpt(std::string_view text, std::size_t limit = 40) {
  return "'" + printable(text.substr(0, limit), true) + (text.size() > limit ? "...'" : "'");
}

}  // namespace detail

NNIESIM_END_NAMESPACE
