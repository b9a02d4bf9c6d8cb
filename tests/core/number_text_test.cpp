#include <nniesim/core/number_text.hpp>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace number_text_test {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

std::string printed(const char* format, int digits, double v) {
  char text[400];
  std::snprintf(text, sizeof text, format, digits, v);
  return text;
}

}  // namespace

TEST_CASE("numbers are as printf has them in the C locale") {
  draws random(3);
  for (int i = 0; i < 20000; ++i) {
    const double v = static_cast<double>(random.normal()) * std::pow(10.0, static_cast<double>(i % 40) - 20);
    CAPTURE(v);
    REQUIRE(detail::general_number(v, 1 + i % 17) == printed("%.*g", 1 + i % 17, v));
    REQUIRE(detail::fixed_number(v, i % 9) == printed("%.*f", i % 9, v));
    REQUIRE(detail::with_sign(detail::fixed_number(v, 3)) == printed("%+.*f", 3, v));
    double again = 0;
    const std::string text = detail::shortest(v);
    REQUIRE(std::from_chars(text.data(), text.data() + text.size(), again).ptr == text.data() + text.size());
    REQUIRE(again == v);
  }
  constexpr double largest = std::numeric_limits<double>::max();
  CHECK(detail::fixed_number(-largest, 40) == printed("%.*f", 40, -largest));
  CHECK(detail::general_number(largest, 40) == printed("%.*g", 40, largest));
}

TEST_CASE("what is no number has one text, and none in JSON") {
  CHECK(detail::shortest(-not_a_number) == "nan");
  CHECK(detail::general_number(infinity, 6) == "inf");
  CHECK(detail::fixed_number(-infinity, 6) == "-inf");
  CHECK(detail::with_sign(detail::fixed_number(infinity, 6)) == "+inf");
  for (const double v : {not_a_number, infinity, -infinity}) CHECK(detail::json_number(v) == "null");
  CHECK(detail::json_number(-0.1) == "-0.1");
  CHECK(detail::shortest(0.1F) == "0.1");
}

}  // namespace number_text_test
