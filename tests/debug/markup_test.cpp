#include <nniesim/debug/markup.hpp>

#include <limits>
#include <string>

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
