#include <nniesim/core/crc32.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace crc32_test {

namespace {

/// The remainder as the standard has it: the polynomial from its highest power down, bits of a byte from the lowest up.
std::uint32_t remainder(std::string_view bytes) {
  std::uint32_t r = 0xffffffffU;
  for (const char c : bytes) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const bool in = (static_cast<unsigned char>(c) >> bit & 1U) != 0, top = r >> 31U != 0;
      r = (r << 1U) ^ (in != top ? 0x04c11db7U : 0U);
    }
  }
  std::uint32_t reflected = 0;
  for (unsigned bit = 0; bit < 32; ++bit) reflected |= (~r >> bit & 1U) << (31U - bit);
  return reflected;
}

}  // namespace

TEST_CASE("the check sum is IEEE 802.3's", "[core]") {
  static_assert(detail::crc32("123456789") == 0xcbf43926U);
  CHECK(detail::crc32("") == 0);
  CHECK(detail::crc32("IEND") == 0xae426082U);  // of PNG's last chunk
  draws d(1);
  for (int round = 0; round < 300; ++round) {
    std::string bytes(d.between(0, 70), '\0');
    for (char& c : bytes) c = static_cast<char>(d.bits() & 255U);
    CHECK(detail::crc32(bytes) == remainder(bytes));
    // In pieces: the register is the inverted result.
    const std::size_t cut = d.between(0, bytes.size());
    CHECK(detail::crc32(std::string_view(bytes).substr(cut), ~detail::crc32(std::string_view(bytes).substr(0, cut))) ==
          remainder(bytes));
  }
}

}  // namespace crc32_test
