#include <nniesim/io/wk_blocks.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace wk_blocks_test {

namespace {

/// As the decoder's rules have them: a stream of tokens, each a string of bits, with the flags between.
std::vector<std::uint8_t> stored_block(std::uint8_t coding, std::size_t length,
                                       const std::vector<std::uint8_t>& palette,
                                       const std::vector<std::string>& tokens) {
  std::string bits = "0";
  std::size_t flag = 0, end = 34;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    bits += tokens[i];
    if (bits.size() < end || i + 1 == tokens.size()) continue;
    bits[flag] = (bits.size() - end) % 6 == 0 ? '1' : '0';
    flag = bits.size();
    end += 43;
    bits += '0';
  }
  bits.resize((bits.size() + 7) / 8 * 8, '0');
  std::vector<std::uint8_t> stored = {coding, static_cast<std::uint8_t>(length & 255U),
                                      static_cast<std::uint8_t>(length >> 8U)};
  stored.insert(stored.end(), palette.begin(), palette.end());
  for (std::size_t i = 0; i < bits.size(); i += 8) {
    unsigned byte = 0;
    for (std::size_t k = 0; k < 8; ++k) byte |= (bits[i + k] == '1' ? 1U : 0U) << k;
    stored.push_back(static_cast<std::uint8_t>(byte));
  }
  stored.insert(stored.end(), 2, std::uint8_t{0});
  return stored;
}

std::vector<std::uint8_t> counted_palette() {
  std::vector<std::uint8_t> p(37);
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = static_cast<std::uint8_t>(100 + i);
  return p;
}

}  // namespace

TEST_CASE("every token of the prefix code is the palette's byte that the format names") {
  const std::vector<std::string> plain = {"000",    "001",          "010",    "011",       "100",       "101011",
                                          "110111", "111110100101", "111001", "111010000", "111011110", "111011111"};
  wk_block_decoder decoder;
  const auto stored = stored_block(0x11, 12, counted_palette(), plain);
  const wk_decoded got = decoder.decode(stored);
  CHECK(got.problem.empty());
  CHECK(got.bytes == std::vector<std::uint8_t>{100, 100, 100, 101, 102, 103, 107, 119, 0xa5, 121, 122, 136});

  const std::vector<std::string> runs = {"000",    "001",       "010",      "011",    "100",
                                         "101000", "101011",    "110111",   "111000", "111110100101",
                                         "111001", "111010000", "111011111"};
  const auto with_runs = stored_block(0x51, 26, counted_palette(), runs);
  const wk_decoded more = wk_block_decoder().decode(with_runs);
  CHECK(more.problem.empty());
  std::vector<std::uint8_t> expected(10, 100);
  expected.push_back(101);
  expected.insert(expected.end(), 9, 100);
  for (const int b : {104, 116, 117, 0xa5, 118, 119}) expected.push_back(static_cast<std::uint8_t>(b));
  CHECK(more.bytes == expected);
}

TEST_CASE("a palette stays for the blocks behind it, and falls with a block that does not decode") {
  wk_block_decoder decoder;
  const auto fresh = stored_block(0x11, 2, counted_palette(), {"010", "011", "111011111"});
  const auto again = stored_block(0x01, 1, {}, {"100", "111011111"});
  CHECK_THAT(decoder.decode(again).problem, contains("there is none"));
  CHECK(decoder.decode(fresh).bytes == std::vector<std::uint8_t>{101, 102});
  CHECK(decoder.decode(again).bytes == std::vector<std::uint8_t>{103});
  const std::vector<std::uint8_t> raw = {0x00, 2, 0, 7, 9, 0, 0};
  CHECK(decoder.decode(raw).bytes == std::vector<std::uint8_t>{7, 9});
  CHECK(decoder.decode(again).bytes == std::vector<std::uint8_t>{103});
  auto damaged = fresh;
  damaged[1] = 3;
  CHECK_THAT(decoder.decode(damaged).problem, contains("2 bytes, expected 3"));
  CHECK_THAT(decoder.decode(again).problem, contains("there is none"));
}

TEST_CASE("blocks that break a rule of the code are refused, each with its reason") {
  const auto good = stored_block(0x11, 2, counted_palette(), {"010", "011", "111011111"});
  const auto problem = [](std::vector<std::uint8_t> stored) { return wk_block_decoder().decode(stored).problem; };
  CHECK(problem(good).empty());
  CHECK_THAT(problem({}), contains("0 bytes, expected at least 3"));
  CHECK_THAT(problem({0x41, 0, 0, 0, 0}), contains("coding 65"));
  CHECK_THAT(problem({0x00, 2, 0, 1}), contains("expected 7"));
  CHECK_THAT(problem({0x11, 2, 0, 1}), contains("a palette of 1 bytes"));
  auto bad = good;
  bad[1] = 1;
  CHECK_THAT(problem(bad), contains("more than its 1"));
  bad = good;
  bad.pop_back();
  CHECK_THAT(problem(bad), contains("bits behind its end mark"));
  bad = good;
  bad.resize(bad.size() - 4);
  CHECK_THAT(problem(bad), contains("without an end mark"));
  bad = good;
  bad[40] ^= 1U;  // the flag
  CHECK_THAT(problem(bad), contains("parity of its last piece"));
  std::vector<std::string> many(12, "010");
  many.emplace_back("111011111");
  bad = stored_block(0x11, 12, counted_palette(), many);
  CHECK(problem(bad).empty());
  bad[40] ^= 1U;
  CHECK_THAT(problem(bad), contains("the parity before bit 34"));
}

TEST_CASE("any bytes are a block or a reason why not, of no more bytes than the header says") {
  draws d(2);
  std::size_t decoded = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::uint8_t> stored(d.between(0, 90));
    for (std::uint8_t& b : stored) b = static_cast<std::uint8_t>(d.bits() & 255U);
    if (!stored.empty()) stored[0] = std::vector<std::uint8_t>{0x00, 0x01, 0x11, 0x51}[d.between(0, 3)];
    if (stored.size() > 2) stored[2] = 0;
    const bool is_raw = stored.size() > 4 && stored[0] == 0 && round % 2 == 0;
    if (is_raw) stored[1] = static_cast<std::uint8_t>(stored.size() - 5);
    const wk_decoded got = wk_block_decoder().decode(stored);
    if (!got.problem.empty()) continue;
    ++decoded;
    REQUIRE(stored.size() >= 3);
    CHECK(got.bytes.size() == stored[1]);
  }
  CHECK(decoded > 1000);
}

}  // namespace wk_blocks_test
