#include <nniesim/io/wk_codes.hpp>

#include <cstdint>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace wk_codes_test {

namespace {

/// Codes 1, 2, 3, ... of weights in their own order.
template <int Bits>
std::vector<typename gfpq<Bits>::code> counted(std::size_t n) {
  std::vector<typename gfpq<Bits>::code> codes(n);
  for (std::size_t i = 0; i < n; ++i) codes[i] = static_cast<typename gfpq<Bits>::code>(i % 127 + 1);
  return codes;
}

}  // namespace

TEST_CASE("the order of codes is the one of the format's description") {
  // 16 bits, 3x3 of 8 channels: nine units dealt to three rows.
  const std::size_t channels = 8;
  std::vector<gfpq16::code> codes(9 * channels);
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<gfpq16::code>(i + 1);
  const auto wide = wk_block_codes<16>(codes, {1, channels, 3, 3});
  CHECK(wide.size() == 64 * 3);
  const auto at = [&](std::size_t row, std::size_t lane, std::size_t c) {
    const std::size_t i = 2 * (row * 32 + lane * 8 + c);
    return wide[i] | wide[i + 1] << 8;
  };
  // Unit u = ky*3 + kx stands in row u mod 3, lane u / 3; weight (c, ky, kx) is number c*9 + u.
  CHECK(at(0, 0, 0) == 1 << 2);
  CHECK(at(1, 0, 0) == 2 << 2);
  CHECK(at(0, 1, 0) == 4 << 2);
  CHECK(at(2, 2, 7) == 72 << 2);
  CHECK(at(0, 3, 0) == 0x8000);

  // 8 bits, two kernel rows as channels: weight (c, ky, kx) is channel 2c + ky%2 of row ky/2.
  std::vector<gfpq8::code> small(2 * 9);
  for (std::size_t i = 0; i < small.size(); ++i) small[i] = static_cast<gfpq8::code>(i + 1);
  const auto merged = wk_block_codes<8>(small, {1, 2, 3, 3, true});
  CHECK(merged.size() == 64 * 6);
  CHECK(merged[0] == 1);              // c 0, ky 0, kx 0
  CHECK(merged[1] == 4);              // c 0, ky 1
  CHECK(merged[2] == 10);             // c 1, ky 0
  CHECK(merged[3 * 64 + 0] == 7);     // c 0, ky 2
  CHECK(merged[3 * 64 + 1] == 0x80);  // ky 3: none
  CHECK(merged[64 + 1] == 5);         // kx 1
  CHECK(merged[16] == 0x80);          // output 1
  CHECK(wk_depthwise_codes(small, 9)[64 * 8 + 16] == 18);
  CHECK_THROWS_AS(wk_block_codes<8>(small, {3, 2, 3, 3}), shape_error);
  CHECK(wk_fully_connected_outputs<8>(800) == 48);
  CHECK(wk_fully_connected_outputs<16>(500) == 39);
}

TEST_CASE("blocks of 8 bits are read off their memory: row, column, 16 channels, four outputs") {
  draws d(1);
  for (int round = 0; round < 200; ++round) {
    const wk_kernel k{d.between(1, 4), d.between(1, 40), d.between(1, 4), d.between(1, 4), d.between(0, 3) == 0};
    CAPTURE(k.outputs, k.channels, k.rows, k.columns, k.merged_rows);
    const auto weights = counted<8>(k.size());
    // Two rows that stand as channels: channel 2c is row 2y of c, channel 2c + 1 the row behind it.
    const std::size_t deep = k.channels * (k.merged_rows ? 2 : 1), rows = k.merged_rows ? (k.rows + 1) / 2 : k.rows;
    std::vector<std::uint8_t> expected;
    for (std::size_t y = 0; y < rows; ++y) {
      for (std::size_t x = 0; x < k.columns; ++x) {
        for (std::size_t from = 0; from < deep; from += 16) {
          for (std::size_t o = 0; o < 4; ++o) {
            for (std::size_t c = from; c < from + 16; ++c) {
              const std::size_t channel = k.merged_rows ? c / 2 : c, row = k.merged_rows ? 2 * y + c % 2 : y;
              const bool is_weight = o < k.outputs && channel < k.channels && row < k.rows;
              const std::size_t at = ((o * k.channels + channel) * k.rows + row) * k.columns + x;
              expected.push_back(is_weight ? static_cast<std::uint8_t>(weights[at]) : std::uint8_t{0x80});
            }
          }
        }
      }
    }
    CHECK(wk_block_codes<8>(weights, k) == expected);
  }
}

TEST_CASE("blocks of 16 bits are read off their memory: rows of four lanes of 8 channels") {
  draws d(2);
  for (int round = 0; round < 200; ++round) {
    const wk_kernel k{1, d.between(1, 40), d.between(1, 4), d.between(1, 4)};
    CAPTURE(k.channels, k.rows, k.columns);
    const auto weights = counted<16>(k.size());
    const std::size_t chunks = (k.channels + 7) / 8, units = k.rows * k.columns * chunks, lines = (units + 3) / 4;
    std::vector<std::uint8_t> expected;
    for (std::size_t line = 0; line < lines; ++line) {
      for (std::size_t lane = 0; lane < 4; ++lane) {
        const std::size_t unit = lane * lines + line, place = unit / chunks;
        for (std::size_t i = 0; i < 8; ++i) {
          const std::size_t channel = unit % chunks * 8 + i;
          const bool is_weight = unit < units && channel < k.channels;
          const unsigned code = is_weight ? weights[channel * k.rows * k.columns + place] * 4U : 0x8000U;
          expected.push_back(static_cast<std::uint8_t>(code & 255U));
          expected.push_back(static_cast<std::uint8_t>(code >> 8U));
        }
      }
    }
    CHECK(wk_block_codes<16>(weights, k) == expected);
  }
}

TEST_CASE("outputs of fully connected blocks are as many as 40,960 bytes hold, and stand one group behind the other") {
  for (const std::size_t inputs : {1U, 16U, 17U, 500U, 800U, 2000U, 9000U}) {
    CAPTURE(inputs);
    const auto bytes_of = [&](std::size_t outputs, std::size_t step, std::size_t chunk, std::size_t unit) {
      return (outputs * 4 + 63) / 64 * 64 + outputs / step * ((inputs + chunk - 1) / chunk * unit);
    };
    const std::size_t narrow = wk_fully_connected_outputs<8>(inputs);
    CHECK(narrow % 4 == 0);
    CHECK((narrow == 4 || bytes_of(narrow, 4, 16, 64) <= 40960));
    CHECK(bytes_of(narrow + 4, 4, 16, 64) > 40960);
    const std::size_t wide = wk_fully_connected_outputs<16>(inputs);
    CHECK((wide == 1 || bytes_of(wide, 1, 32, 64) <= 40960));
    CHECK(bytes_of(wide + 1, 1, 32, 64) > 40960);
  }
  // Six outputs of 20 inputs: a whole group of four, and one of two.
  const auto codes = counted<8>(6 * 20);
  const std::vector<std::uint8_t> all = wk_fully_connected_codes<8>(codes, 20);
  std::vector<std::uint8_t> expected = wk_block_codes<8>(std::span(codes).first(80), {4, 20, 1, 1});
  const std::vector<std::uint8_t> rest = wk_block_codes<8>(std::span(codes).subspan(80), {2, 20, 1, 1});
  expected.insert(expected.end(), rest.begin(), rest.end());
  CHECK(all == expected);
  CHECK(all.size() == 2 * 128);
  CHECK(wk_fully_connected_codes<8>({}, 20).empty());
}

TEST_CASE("codes that do not fill their block are refused") {
  const auto codes = counted<8>(18);
  CHECK_THROWS_WITH(wk_block_codes<8>(codes, {2, 2, 3, 3}),
                    contains("weight block: 18 codes of 2 outputs, expected 36"));
  CHECK_THROWS_WITH(wk_block_codes<8>(counted<8>(10), {5, 2, 1, 1}), contains("of at most 4"));
  CHECK_THROWS_WITH(wk_block_codes<16>(counted<16>(2), {2, 1, 1, 1}), contains("of at most 1"));
  CHECK_THROWS_WITH(wk_fully_connected_codes<8>(codes, 0), contains("fully connected block: 18 codes of 0 inputs"));
  CHECK_THROWS_WITH(wk_fully_connected_codes<8>(codes, 7), contains("18 codes of 7 inputs"));
  CHECK_THROWS_WITH(wk_fully_connected_codes<8>(codes, 19), contains("18 codes of 19 inputs"));
  CHECK_THROWS_WITH(wk_depthwise_codes(codes, 0), contains("depthwise block: 18 codes of 0 kernel positions"));
  CHECK_THROWS_WITH(wk_depthwise_codes(codes, 4), contains("18 codes of 4 kernel positions"));
  CHECK_THROWS_WITH(wk_depthwise_codes(counted<8>(65), 1), contains("at most 64 channels"));
}

TEST_CASE("a depthwise block has four lanes of 16 channels for each kernel position") {
  const auto codes = counted<8>(63);  // 7 channels of 3 x 3
  const std::vector<std::uint8_t> bytes = wk_depthwise_codes(codes, 9);
  REQUIRE(bytes.size() == 9 * 64);
  for (std::size_t p = 0; p < 9; ++p) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      for (std::size_t i = 0; i < 16; ++i) {
        const std::size_t channel = i * 4 + lane;
        CHECK(bytes[p * 64 + lane * 16 + i] ==
              (channel < 7 ? static_cast<std::uint8_t>(codes[channel * 9 + p]) : 0x80));
      }
    }
  }
}

}  // namespace wk_codes_test
