// Text from a file as an error message may show it: short, on one line, nothing that a terminal would act on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The text in quotes; bytes that are not printable ASCII as \xNN, "..." in place of what exceeds `limit` bytes.
[[nodiscard]] inline std::string excerpt(std::string_view text, std::size_t limit = 40) {
  std::string shown = "'";
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      shown += c;
    } else {
      shown += "\\x";
      shown += "0123456789abcdef"[byte >> 4U];
      shown += "0123456789abcdef"[byte & 15U];
    }
  }
  return shown + (text.size() > limit ? "...'" : "'");
}

}  // namespace detail

NNIESIM_END_NAMESPACE
