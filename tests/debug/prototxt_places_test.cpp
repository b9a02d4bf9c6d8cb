#include <nniesim/debug/prototxt_places.hpp>

#include <string>
#include <string_view>

#include "catch.hpp"

using namespace nniesim;

namespace prototxt_places_test {

namespace {

/// The position of a field of the text's only layer.
prototxt_position of(const std::string& text, std::string_view name) {
  static prototxt_message kept = parse_prototxt("", "p");
  kept = parse_prototxt(text, "p");
  return kept.find("layer")->message().find(name)->where();
}
std::string number(const std::string& text, std::string_view name) {
  const auto [begin, end] = detail::prototxt_places(text).number(of(text, name));
  return text.substr(begin, end - begin);
}

}  // namespace

TEST_CASE("numbers are found with their sign and exponent, behind comments and line ends", "[debug]") {
  CHECK(number("layer { pad: 3 }", "pad") == "3");
  CHECK(number("layer {\n  pad :\t-0.5e-3}", "pad") == "-0.5e-3");
  CHECK(number("layer {\r\n pad: # why\n 7 }", "pad") == "7");
  CHECK(number("\xef\xbb\xbflayer { pad: 1e+2 }", "pad") == "1e+2");  // a byte order mark
}

TEST_CASE("the last quote of a string, of several side by side, with escapes", "[debug]") {
  const auto quoted = [](const std::string& text) {
    return detail::prototxt_places(text).closing_quote(of(text, "name"));
  };
  const std::string plain = "layer { name: 'conv' }";
  CHECK(quoted(plain) == plain.rfind('\''));
  const std::string escaped = "layer { name: \"a\\\"b\" top: 'x' }";
  CHECK(quoted(escaped) == escaped.find("\" top"));
  const std::string parts = "layer { name: 'a' \n \"b\" top: 'x' }";
  CHECK(quoted(parts) == parts.find("\" top"));
}

TEST_CASE("behind the brace of a message", "[debug]") {
  const std::string text = "layer { power_param  {shift: 1} }";
  CHECK(detail::prototxt_places(text).inside(of(text, "power_param")) == text.find("shift"));
  const std::string colon = "layer { power_param: {shift: 1} }";
  CHECK(detail::prototxt_places(colon).inside(of(colon, "power_param")) == colon.find("shift"));
}

}  // namespace prototxt_places_test
