// CRC-32C (Castagnoli), by slicing-by-8 or the processor's instruction: the hash of the exhaustive golden data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace crc32c_detail {

using table = std::array<std::array<std::uint32_t, 256>, 8>;

consteval table make_table() {
  table t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1U) ^ ((c & 1U) != 0 ? 0x82f63b78U : 0U);
    t[0][i] = c;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t i = 0; i < 256; ++i) t[k][i] = (t[k - 1][i] >> 8U) ^ t[0][t[k - 1][i] & 255U];
  }
  return t;
}

inline constexpr table slices = make_table();

}  // namespace crc32c_detail

/// CRC-32C of the words' bytes, each word little-endian; `so_far` is the result for what stands before them.
[[nodiscard]] constexpr std::uint32_t crc32c(std::span<const std::uint32_t> words, std::uint32_t so_far = 0) noexcept {
  std::uint32_t c = ~so_far;
  const auto mix = [](std::uint32_t w, std::size_t first) {
    const auto& t = crc32c_detail::slices;
    return t[first + 3][w & 255U] ^ t[first + 2][(w >> 8U) & 255U] ^ t[first + 1][(w >> 16U) & 255U] ^
           t[first][w >> 24U];
  };
  std::size_t i = 0;
  for (; i + 1 < words.size(); i += 2) c = mix(c ^ words[i], 4) ^ mix(words[i + 1], 0);
  if (i < words.size()) c = mix(c ^ words[i], 0);
  return ~c;
}

// The catalogue's check value: "123456789" gives e3069283. Whole words only here, so its first eight characters.
static_assert(crc32c(std::array<std::uint32_t, 2>{0x34333231, 0x38373635}) == 0x6087809a);
// RFC 3720, B.4: 32 zero bytes, 32 bytes of ones.
static_assert(crc32c(std::array<std::uint32_t, 8>{}) == 0x8a9136aa);
static_assert(crc32c(std::array<std::uint32_t, 8>{~0U, ~0U, ~0U, ~0U, ~0U, ~0U, ~0U, ~0U}) == 0x62a8ab43);
static_assert(crc32c(std::array<std::uint32_t, 3>{1, 2, 3}) ==
              crc32c(std::array<std::uint32_t, 1>{3}, crc32c(std::array<std::uint32_t, 2>{1, 2})));

#if defined(__x86_64__)
namespace crc32c_detail {

[[gnu::target("sse4.2")]] inline std::uint32_t by_instruction(std::span<const std::uint32_t> words,
                                                              std::uint32_t so_far) noexcept {
  std::uint64_t c = static_cast<std::uint32_t>(~so_far);
  std::size_t i = 0;
  for (; i + 1 < words.size(); i += 2) {
    c = __builtin_ia32_crc32di(c, words[i] | std::uint64_t{words[i + 1]} << 32U);
  }
  auto last = static_cast<std::uint32_t>(c);
  if (i < words.size()) last = __builtin_ia32_crc32si(last, words[i]);
  return ~last;
}

}  // namespace crc32c_detail
#endif

/// The same, by the processor's instruction where it has one.
[[nodiscard]] inline std::uint32_t crc32c_fast(std::span<const std::uint32_t> words, std::uint32_t so_far) noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return crc32c_detail::by_instruction(words, so_far);
#endif
  return crc32c(words, so_far);
}
