// All 2^32 floats through the scalar and the vector encoders of both widths, against the vendor's checksums.
#include <nniesim/kernels/kernels.hpp>

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

/// Checks the blocks of one width and z under one instruction set: fake quantization, and codes decoded again.
void check(isa used, int bits, int z) {
  const kernels::table& k = kernels::kernels_of(used);
  REQUIRE(k.id == used);
#if defined(__SANITIZE_ADDRESS__) || defined(NNIESIM_SAMPLE_BLOCKS)
  const std::uint32_t every = 37;  // sanitized code is slow: a sample of the blocks
#else
  const std::uint32_t every = 1;
#endif
  constexpr std::size_t size = std::size_t{1} << 24U;
  constexpr std::size_t piece = 1U << 14U;
  std::vector<float> in(piece), out(size);
  std::vector<std::uint8_t> codes8(piece);
  std::vector<std::uint16_t> codes16(piece);
  std::size_t checked = 0;
  for (const block& b : golden_blocks()) {
    if (b.bits != bits || b.z != z || b.index % every != 0) continue;
    for (const bool through_codes : {false, true}) {
      // The scalar codes are what the scalar fake quantization is made of.
      if (through_codes && used == isa::scalar) continue;
      for (std::size_t at = 0; at < size; at += piece) {
        for (std::size_t i = 0; i < piece; ++i) {
          in[i] = std::bit_cast<float>(b.index << 24U | static_cast<std::uint32_t>(at + i));
        }
        float* to = out.data() + at;
        if (bits == 8 && !through_codes) k.fake_quantize8(in.data(), to, piece, gfpq8::scale(z));
        if (bits == 16 && !through_codes) k.fake_quantize16(in.data(), to, piece, gfpq16::scale(z));
        if (bits == 8 && through_codes) {
          k.encode8(in.data(), codes8.data(), piece, gfpq8::scale(z));
          k.decode8(codes8.data(), to, piece, gfpq8::scale(z));
        }
        if (bits == 16 && through_codes) {
          k.encode16(in.data(), codes16.data(), piece, gfpq16::scale(z));
          k.decode16(codes16.data(), to, piece, gfpq16::scale(z));
        }
      }
      const std::uint32_t crc = crc32c(out.data(), size * sizeof(float));
      if (crc != b.crc) {
        INFO(to_string(used) << " bits " << bits << " z " << z << " block " << b.index << " codes " << through_codes);
        CHECK(crc == b.crc);
      }
    }
    ++checked;
  }
  CHECK(checked == (256 + every - 1) / every);
}

void check_vector(int bits, int z) {
  for (const isa i : runnable_isas()) {
    // The VNNI tables share these kernels with the plain ones.
    if (i == isa::avx2 || i == isa::avx512 || i == isa::neon) check(i, bits, z);
  }
}

}  // namespace

TEST_CASE("CRC-32C is the Castagnoli checksum") {
  CHECK(crc32c("123456789", 9) == 0xe3069283U);
  CHECK(crc32c_plain(reinterpret_cast<const unsigned char*>("123456789"), 9) == 0xe3069283U);
}

TEST_CASE("scalar: all floats at 8 bits, z -150, equal the vendor's") { check(isa::scalar, 8, -150); }
TEST_CASE("scalar: all floats at 8 bits, z -127, equal the vendor's") { check(isa::scalar, 8, -127); }
TEST_CASE("scalar: all floats at 8 bits, z 17, equal the vendor's") { check(isa::scalar, 8, 17); }
TEST_CASE("scalar: all floats at 16 bits, z -1407, equal the vendor's") { check(isa::scalar, 16, -1407); }
TEST_CASE("scalar: all floats at 16 bits, z -1062, equal the vendor's") { check(isa::scalar, 16, -1062); }
TEST_CASE("vector: all floats at 8 bits, z -150, equal the vendor's") { check_vector(8, -150); }
TEST_CASE("vector: all floats at 8 bits, z -127, equal the vendor's") { check_vector(8, -127); }
TEST_CASE("vector: all floats at 8 bits, z 17, equal the vendor's") { check_vector(8, 17); }
TEST_CASE("vector: all floats at 16 bits, z -1407, equal the vendor's") { check_vector(16, -1407); }
TEST_CASE("vector: all floats at 16 bits, z -1062, equal the vendor's") { check_vector(16, -1062); }
