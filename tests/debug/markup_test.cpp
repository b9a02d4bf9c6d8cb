#include <nniesim/debug/markup.hpp>

#include <limits>
#include <string>
#include <string_view>

#include "catch.hpp"

using namespace nniesim;

TEST_CASE("texts in markup: nothing of them is markup", "[debug]") {
  CHECK(detail::escape_html("<a href='b'>&\"").find('<') == std::string::npos);
  CHECK(detail::escape_html("a&b") == "a&amp;b");
  CHECK(detail::escape_markdown("conv1_2") == "conv1_2");  // no emphasis within a word
  CHECK(detail::escape_markdown("*a*") != "*a*");
  CHECK(detail::shortened("abcdef", 10) == "abcdef");
  CHECK(detail::count_characters(detail::shortened("abcdefghijklm", 5)) <= 6);
}

TEST_CASE("numbers in words", "[debug]") {
  CHECK(detail::fixed_text(-0.0001, 2) == "0.00");
  CHECK(detail::cosine_text(0.5) == "0.50000");
  CHECK(detail::percent(0.25) == "25 %");
  CHECK(detail::percent_with_sign(0.0123, 2) == "+1.23 %");
  CHECK(detail::number_text(std::numeric_limits<double>::quiet_NaN()) == "NaN");
}

TEST_CASE("text for pages is escaped and valid UTF-8", "[debug]") {
  using namespace nniesim::detail;
  const std::string bad = "\xef\xbf\xbd";
  CHECK(escape_html("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;");
  CHECK(escape_html("é€😀") == "é€😀");
  CHECK(escape_html("\xff\xc3x\xe2\x82") == bad + bad + "x" + bad + bad);
  CHECK(escape_html("\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80") == bad + bad + bad + bad + bad + bad + bad + bad + bad);
  CHECK(escape_html(std::string_view("a\0\x1b\x7f\xc2\x85\tb\r\nc\rd", 13)) ==
        "a" + bad + bad + bad + bad + "\tb\nc\nd");
  CHECK(escape_markdown("a|b_c_ *x*\n<y> `z`") == "a\\|b_c\\_ \\*x\\* \\<y\\> \\`z\\`");
  CHECK(shortened("äöüß", 4) == "äöüß");
  CHECK(shortened("äöüßx", 4) == "äöü…");
  CHECK(number_text(0.1) == "0.1");
  CHECK(number_text(std::numeric_limits<double>::quiet_NaN()) == "NaN");
  CHECK(fixed_text(-std::numeric_limits<double>::infinity(), 2) == "-∞");
  CHECK(fixed_text(-0.0001, 2) == "0.00");
  CHECK(fixed_text(1e300, 2) == "1e+300");
  CHECK(percent_with_sign(0.031, 1) == "+3.1 %");
  CHECK(percent_with_sign(-std::numeric_limits<double>::infinity(), 1) == "-∞");
}
