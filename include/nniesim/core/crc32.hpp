// The CRC-32 of IEEE 802.3, reflected: PNG's chunks and compiled models carry it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// `start` is the register before the first byte: all ones by the standard. The result is inverted.
[[nodiscard]] constexpr std::uint32_t crc32(std::string_view bytes, std::uint32_t start = 0xffffffffU) noexcept {
  constexpr auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < t.size(); ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = t[i] >> 1U ^ ((t[i] & 1U) != 0 ? 0xedb88320U : 0U);
    }
    return t;
  }();
  std::uint32_t crc = start;
  for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 255U] ^ crc >> 8U;
  return ~crc;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
