#include <nniesim/formats/hex.hpp>

#include <cstdint>
#include <string>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace hex_test {

namespace {

using narrow = fixed_point<6, 6, nearest_even, saturate>;  // 12 bits in 16

static_assert(hex_code<std::uint8_t> && hex_code<std::int16_t> && hex_code<q20_12> && hex_code<narrow>);
static_assert(!hex_code<float> && !hex_code<bool> && !hex_code<char>);

template <class Code>
void check_round_trip_of_all(std::size_t digits) {
  std::size_t failures = 0;
  for (std::uint32_t bits = 0; bits >> (sizeof(Code) * 8) == 0; ++bits) {
    const auto code = static_cast<Code>(bits);
    const std::string text = to_hex(code);
    if (text.size() != digits || from_hex<Code>(text) != code || std::stoul(text, nullptr, 16) != bits) ++failures;
  }
  CHECK(failures == 0);
}

}  // namespace

TEST_CASE("codes are written in lower case with two digits for each byte") {
  CHECK(to_hex(std::uint8_t{0x80}) == "80");
  CHECK(to_hex(std::uint8_t{5}) == "05");
  CHECK(to_hex(std::uint16_t{0xabc}) == "0abc");
  CHECK(to_hex(std::int8_t{-1}) == "ff");
  CHECK(to_hex(std::int16_t{-32768}) == "8000");
  CHECK(to_hex(std::int32_t{0x12abcdef}) == "12abcdef");
}

TEST_CASE("fixed-point values are written as the two's complement of their raw value") {
  CHECK(to_hex(q20_12::from(1.0)) == "00001000");
  CHECK(to_hex(q20_12::from(-1.0)) == "fffff000");
  CHECK(to_hex(q20_12::from_raw(-1)) == "ffffffff");
  CHECK(to_hex(q20_12::lowest()) == "80000000");
  CHECK(to_hex(q20_12::max()) == "7fffffff");
  CHECK(to_hex(narrow::lowest()) == "f800");
  CHECK(from_hex<q20_12>("ffffd000") == q20_12::from(-3.0));
  CHECK(static_cast<double>(from_hex<q20_12>("fffffffe")) == -2.0 / 4096);
}

TEST_CASE("every 8-bit and 16-bit code survives a round trip") {
  check_round_trip_of_all<std::uint8_t>(2);
  check_round_trip_of_all<std::int8_t>(2);
  check_round_trip_of_all<std::uint16_t>(4);
  check_round_trip_of_all<std::int16_t>(4);
}

TEST_CASE("random q20_12 values survive a round trip") {
  draws d(1);
  for (int i = 0; i < 1000; ++i) {
    const auto x = q20_12::from_raw(static_cast<std::int32_t>(d.bits()));
    CHECK(from_hex<q20_12>(to_hex(x)) == x);
  }
}

TEST_CASE("upper-case digits are read as well") {
  CHECK(from_hex<std::uint16_t>("ABCD") == 0xabcd);
  CHECK(from_hex<q20_12>("FFFFF000") == q20_12::from(-1.0));
}

TEST_CASE("text that is no code is a parse_error that shows it") {
  for (const char* text :
       {"", "8", "800", "0x80", "8 ", " 8", "g0", "G0", "0G", "/0", ":0", "@0", "`0", "-1", "+1", "8\n"}) {
    INFO("'" << text << "'");
    CHECK_THROWS_AS(from_hex<std::uint8_t>(text), parse_error);
  }
  CHECK_THROWS_WITH(from_hex<std::uint8_t>("123"),
                    contains("got '123' (3 characters)") && contains("expected 2 hexadecimal digits"));
  CHECK_THROWS_WITH(from_hex<q20_12>("0000100g"), contains("got '0000100g'") && contains("character 8"));
  CHECK_THROWS_WITH(from_hex<std::uint16_t>("00\n0"), contains("got '00\\x0a0'"));
  CHECK_THROWS_WITH(from_hex<std::uint8_t>(std::string(1000, 'f')), contains("ffff...'") && contains("1000"));
  CHECK_THROWS_AS(from_hex<std::uint8_t>(std::string_view("8\0", 2)), parse_error);
}

TEST_CASE("a raw value of more bits than the fixed-point format has is a parse_error") {
  CHECK(from_hex<narrow>("07ff") == narrow::max());
  CHECK(from_hex<narrow>("f800") == narrow::lowest());
  CHECK_THROWS_AS(from_hex<narrow>("0800"), parse_error);
  CHECK_THROWS_AS(from_hex<narrow>("f7ff"), parse_error);
  CHECK_THROWS_WITH(from_hex<narrow>("0800"), contains("raw value 2048") && contains("-2048 .. 2047"));
}

}  // namespace hex_test
