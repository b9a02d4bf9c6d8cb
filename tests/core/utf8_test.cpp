#include <nniesim/core/csv_text.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/json_text.hpp>
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

TEST_CASE("strings of JSON are escaped and valid") {
  CHECK(detail::json_quoted("") == "\"\"");
  CHECK(detail::json_quoted("a/\"b\"\\") == R"("a/\"b\"\\")");
  CHECK(detail::json_quoted(std::string_view("\0\n\x1b\x7f", 4)) == R"("\u0000\u000a\u001b\u007f")");
  CHECK(detail::json_quoted("\xd6\xd0\xe4\xb8\xad") == "\"\xef\xbf\xbd\xef\xbf\xbd\xe4\xb8\xad\"");
}

TEST_CASE("cells of CSV are quoted and are no formulas") {
  CHECK(detail::csv_cell("conv1") == "conv1");
  CHECK(detail::csv_cell("a b") == "a b");
  CHECK(detail::csv_cell("") == "");
  CHECK(detail::csv_cell("a,b") == "\"a,b\"");
  CHECK(detail::csv_cell("a \"b\"") == "\"a \"\"b\"\"\"");
  CHECK(detail::csv_cell("a\nb") == "\"a\nb\"");
  CHECK(detail::csv_cell(" a") == "\" a\"");
  for (const std::string start : {"=", "+", "-", "@", "\t", "\r"}) {
    CHECK(detail::csv_cell(start + "cmd|'x'!A1") == "\"'" + start + "cmd|'x'!A1\"");
  }
  CHECK(detail::csv_cell("'=1") == "'=1");
  CHECK(detail::csv_cell("a\xff") == "a\xef\xbf\xbd");
  CHECK(detail::csv_cell(std::string_view("a\0b", 3)) ==
        "a\xef\xbf\xbd"
        "b");
}

TEST_CASE("a terminal is shown no byte that it would act on") {
  CHECK(detail::printable("conv\x1b[2J\n\x7f") == R"(conv\x1b[2J\x0a\x7f)");
  CHECK(detail::printable("\xe4\xb8\xad") == "\xe4\xb8\xad");
  // Control characters beyond ASCII, and bytes that are no UTF-8, as in GBK.
  CHECK(detail::printable("\xc2\x9b"
                          "2J") == R"(\xc2\x9b2J)");
  CHECK(detail::printable("\x9b"
                          "2J\xd6\xd0") == R"(\x9b2J\xd6\xd0)");
}

}  // namespace utf8_test
