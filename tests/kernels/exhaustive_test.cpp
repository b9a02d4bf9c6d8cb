// All 2^32 floats through the vector encoders of both widths, against the vendor's checksums.
#include <nniesim/kernels/kernels.hpp>

#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/crc32c.hpp"

using namespace nniesim;

namespace {

struct block {
  int bits, z;
  std::uint32_t index, crc;
};

std::vector<block> golden_blocks() {
  std::ifstream file(std::string(NNIESIM_SOURCE_DIR) + "/tests/golden/gfpq/exhaustive.txt");
  REQUIRE(file.is_open());
  std::vector<block> blocks;
  const auto fill_to = [&](std::uint32_t end) {  // a hash holds up to the next line's block
    while (!blocks.empty() && blocks.back().index + 1 < end) {
      block next = blocks.back();
      ++next.index;
      blocks.push_back(next);
    }
  };
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    block b{};
    words >> b.bits >> b.z >> std::hex >> b.index >> b.crc;
    REQUIRE(!words.fail());
    fill_to(b.index == 0 ? 256 : b.index);
    blocks.push_back(b);
  }
  fill_to(256);
  REQUIRE(blocks.size() == 5 * 256);
  return blocks;
}

// Sanitized and emulated code is slow: a sample of the blocks.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool is_tried(std::uint32_t block) { return block % 37 == 0; }
#elif defined(NNIESIM_EMULATED)
constexpr bool is_tried(std::uint32_t block) { return block == 0x3d || block == 0x7f || block == 0xbe; }
#else
constexpr bool is_tried(std::uint32_t) { return true; }
#endif

/// Checks one block through one kernel set: fake quantization, and codes decoded again.
template <class F, class Set>
void check_block(Set, const block& b) {
  constexpr std::size_t piece = 1U << 14U;
  std::vector<float> in(piece), out(piece);
  std::vector<typename F::code> codes(piece);
  std::vector<std::uint32_t> words(piece);
  const typename F::scale s(b.z);
  std::uint32_t direct = 0;
  std::uint32_t through_codes = 0;
  for (std::uint32_t at = 0; at < 1U << 24U; at += piece) {
    for (std::uint32_t i = 0; i < piece; ++i) in[i] = std::bit_cast<float>(b.index << 24U | (at + i));
    Set::template fake_quantize<F>(in.data(), out.data(), piece, s);
    std::memcpy(words.data(), out.data(), piece * sizeof(float));
    direct = crc32c_fast(words, direct);
    Set::template encode<F>(in.data(), codes.data(), piece, s);
    Set::template decode<F>(codes.data(), out.data(), piece, s);
    if (std::memcmp(words.data(), out.data(), piece * sizeof(float)) != 0) ++through_codes;
  }
  if (direct != b.crc || through_codes != 0) {
    INFO(to_string(Set::id) << " bits " << b.bits << " z " << b.z << " block " << b.index);
    CHECK(direct == b.crc);
    CHECK(through_codes == 0);
  }
}

/// Every vector kernel set that runs here.
void check_vector(int bits, int z) {
  std::size_t sets = 0;
  for (const isa i : runnable_isas()) {
    // Those with products of integers of their own share these kernels with the plain ones.
    if (i == isa::scalar || i != kernels::select(i, [](auto set) { return decltype(set)::base_id; })) continue;
    std::size_t blocks = 0;
    for (const block& b : golden_blocks()) {
      if (b.bits != bits || b.z != z || !is_tried(b.index)) continue;
      kernels::select(i, [&](auto set) {
        REQUIRE(set.id == i);
        if (bits == 8) check_block<gfpq8>(set, b);
        else check_block<gfpq16>(set, b);
      });
      ++blocks;
    }
    std::size_t expected = 0;
    for (std::uint32_t index = 0; index < 256; ++index) {
      if (is_tried(index)) ++expected;
    }
    CHECK(blocks == expected);
    ++sets;
  }
#if defined(__x86_64__) || defined(__aarch64__)
  if (sets == 0) WARN("no vector kernels run on this machine");
#endif
}

}  // namespace

TEST_CASE("both ways to the checksum agree") {
  std::vector<std::uint32_t> words;
  for (std::uint32_t i = 0; i < 9; ++i) {
    CHECK(crc32c_fast(words, 0x12345678) == crc32c(words, 0x12345678));
    words.push_back(0x9e3779b9 * (i + 1));
  }
}

TEST_CASE("vector: all floats at 8 bits, z -150, equal the vendor's", "[long]") { check_vector(8, -150); }
TEST_CASE("vector: all floats at 8 bits, z -127, equal the vendor's", "[long]") { check_vector(8, -127); }
TEST_CASE("vector: all floats at 8 bits, z 17, equal the vendor's", "[long]") { check_vector(8, 17); }
TEST_CASE("vector: all floats at 16 bits, z -1407, equal the vendor's", "[long]") { check_vector(16, -1407); }
TEST_CASE("vector: all floats at 16 bits, z -1062, equal the vendor's", "[long]") { check_vector(16, -1062); }
