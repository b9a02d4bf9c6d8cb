#include <nniesim/io/text.hpp>

#include <cmath>
#include <limits>
#include <string>

#include "catch.hpp"

using namespace nniesim::detail;

namespace text_test {

TEST_CASE("lines end at a line feed or at the text's end") {
  std::string_view text = "a\r\n\nb";
  CHECK(take_line(text) == "a\r");
  CHECK(take_line(text).empty());
  CHECK(take_line(text) == "b");
  CHECK(text.empty());
  CHECK(trimmed(" \ta b\r") == "a b");
  CHECK(trimmed(" \r ").empty());
}

TEST_CASE("only finite decimal numbers are floats") {
  CHECK(finite_float("1.000000000000000000e+00") == 1.0F);
  CHECK(finite_float("+0.1") == 0.1F);
  CHECK(finite_float("-3") == -3.0F);
  CHECK(std::signbit(finite_float("-0").value()));
  CHECK(finite_float("3.4028234e38") == std::numeric_limits<float>::max());
  CHECK(finite_float("1e-45") == std::numeric_limits<float>::denorm_min());
  CHECK(finite_float("1e-60") == 0.0F);
  for (const std::string text : {"", "+", "-", "+-1", "x", "1x", " 1", "1 ", "nan", "-nan", "inf", "1e39", "-1e39",
                                 "1e400", "0x10", "1,5", "--1"}) {
    CAPTURE(text);
    CHECK_FALSE(finite_float(text));
  }
}

TEST_CASE("only decimal digits are integers, and only those that fit") {
  CHECK(whole_integer<int>("-12") == -12);
  for (const std::string text : {"", "+1", "1.0", "0x1", "1 ", "2147483648"}) CHECK_FALSE(whole_integer<int>(text));
}

}  // namespace text_test
