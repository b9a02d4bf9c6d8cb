#include <nniesim/core/csv_text.hpp>

#include <string>
#include <string_view>

#include "catch.hpp"

using namespace nniesim;

namespace csv_text_test {

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

TEST_CASE("a cell of CSV is read back as the text that it was", "[core]") {
  // RFC 4180: within quotes, two quotes are one.
  const auto read = [](const std::string& cell) {
    if (!cell.starts_with('"')) return cell;
    std::string text;
    for (std::size_t i = 1; i + 1 < cell.size(); ++i) {
      text += cell[i];
      if (cell[i] == '"') CHECK(cell[++i] == '"');
    }
    return text;
  };
  for (const std::string text : {"\"", "\"\"", "a\r\nb", "a ", "a\t", " ", "\xe4\xb8\xad,1", "a\"=1", "'", ","}) {
    CAPTURE(text);
    const std::string cell = detail::csv_cell(text);
    CHECK(read(cell) == text);
    const bool stands_plain =
        text.find_first_of(",\"\r\n") == std::string::npos && text.find_first_of(" \t") == std::string::npos;
    CHECK(cell.starts_with('"') == !stands_plain);
  }
}

}  // namespace csv_text_test
