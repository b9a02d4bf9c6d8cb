#include <nniesim/core/json_text.hpp>

#include <string_view>

#include "catch.hpp"

using namespace nniesim;

namespace json_text_test {

TEST_CASE("strings of JSON are escaped and valid") {
  CHECK(detail::json_quoted("") == "\"\"");
  CHECK(detail::json_quoted("a/\"b\"\\") == R"("a/\"b\"\\")");
  CHECK(detail::json_quoted(std::string_view("\0\n\x1b\x7f", 4)) == R"("\u0000\u000a\u001b\u007f")");
  CHECK(detail::json_quoted("\xd6\xd0\xe4\xb8\xad") == "\"\xef\xbf\xbd\xef\xbf\xbd\xe4\xb8\xad\"");
  // Every control character has an escape of four digits; what is no control character stands as it is.
  for (unsigned byte = 0; byte < 0x80; ++byte) {
    CAPTURE(byte);
    const char c = static_cast<char>(byte);
    const std::string quoted = detail::json_quoted(std::string_view(&c, 1));
    const bool is_escaped = byte < 0x20 || byte == 0x7f || c == '"' || c == '\\';
    CHECK((quoted.size() > 3) == is_escaped);
    if (!is_escaped) CHECK(quoted == std::string("\"") + c + '"');
  }
}

}  // namespace json_text_test
