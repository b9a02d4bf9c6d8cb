#include <nniesim/core/utf8.hpp>

#include <string>
#include <string_view>

#include "catch.hpp"

using namespace nniesim;

namespace utf8_test {

namespace {

/// As RFC 3629 writes a code point.
std::string encoded(unsigned code) {
  const auto tail = [code](unsigned shift) { return static_cast<char>(0x80U | (code >> shift & 0x3fU)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xc0U | code >> 6U), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xe0U | code >> 12U), tail(6), tail(0)};
  return {static_cast<char>(0xf0U | code >> 18U), tail(12), tail(6), tail(0)};
}

}  // namespace

TEST_CASE("UTF-8 is what encodes a character, in its shortest form, and nothing else") {
  std::size_t wrong = 0;
  for (unsigned code = 0; code < 0x120000; ++code) {
    const bool is_character = code < 0xd800 || (code > 0xdfff && code <= 0x10ffff);
    wrong += detail::is_utf8(encoded(code)) == is_character ? 0U : 1U;
  }
  CHECK(wrong == 0);
  for (const std::string_view text :
       {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x88\x80\x80\x80", "\x80", "\xbf", "\xc3",
        "\xe4\xb8", "\xf0\x9f\x98", "\xc3(", "\xff", "\xfe"}) {
    CAPTURE(text);
    CHECK_FALSE(detail::is_utf8(text));
    CHECK(detail::is_utf8(detail::valid_utf8(text)));
  }
  CHECK(detail::valid_utf8("a\xffz") == "a\xef\xbf\xbdz");
  CHECK(detail::valid_utf8("\xe4\xb8") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(detail::valid_utf8("\xe4\xb8\xad\xed\xa0\x80") == "\xe4\xb8\xad\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(detail::valid_utf8(std::string_view("a\0b", 3)) == std::string_view("a\0b", 3));
}

}  // namespace utf8_test
