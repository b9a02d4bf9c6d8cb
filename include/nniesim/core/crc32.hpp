// The CRC-32 of IEEE 802.3, reflected: PNG's chunks and compiled models carry it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// tables[k][b]: what byte b does to the register when k bytes follow it.
inline constexpr auto crc32_tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    t[0][i] = i;
    for (int bit = 0; bit < 8; ++bit) t[0][i] = t[0][i] >> 1U ^ ((t[0][i] & 1U) != 0 ? 0xedb88320U : 0U);
  }
  for (std::size_t k = 1; k < t.size(); ++k) {
    for (std::size_t i = 0; i < 256; ++i) t[k][i] = t[k - 1][i] >> 8U ^ t[0][t[k - 1][i] & 255U];
  }
  return t;
}();

/// `start` is the register before the first byte: all ones by the standard. The result is inverted.
[[nodiscard]] constexpr std::uint32_t crc32(std::string_view bytes, std::uint32_t start = 0xffffffffU) noexcept {
  const auto& t = crc32_tables;
  std::uint32_t crc = start;
  std::size_t i = 0;
  const auto byte = [&](std::size_t k) { return std::uint32_t{static_cast<unsigned char>(bytes[i + k])}; };
  for (; i + 8 <= bytes.size(); i += 8) {  // eight bytes at once: their steps do not wait for each other
    crc ^= byte(0) | byte(1) << 8U | byte(2) << 16U | byte(3) << 24U;
    crc = t[7][crc & 255U] ^ t[6][crc >> 8U & 255U] ^ t[5][crc >> 16U & 255U] ^ t[4][crc >> 24U] ^ t[3][byte(4)] ^
          t[2][byte(5)] ^ t[1][byte(6)] ^ t[0][byte(7)];
  }
  for (; i < bytes.size(); ++i) crc = t[0][(crc ^ byte(0)) & 255U] ^ crc >> 8U;
  return ~crc;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
