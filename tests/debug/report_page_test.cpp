#include <nniesim/debug/report_page.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "catch.hpp"

using namespace nniesim;

namespace report_page_test {

namespace {

std::ptrdiff_t count(std::string_view text, char c) { return std::count(text.begin(), text.end(), c); }

}  // namespace

TEST_CASE("a page's style and script are whole, and stand in an element without escapes", "[debug]") {
  for (const std::string_view part : {detail::report_html::style, detail::report_html::script}) {
    CHECK_FALSE(part.empty());
    for (const auto& [open, close] : {std::pair('{', '}'), std::pair('(', ')'), std::pair('[', ']')}) {
      CHECK(count(part, open) == count(part, close));
    }
    CHECK(part.find("</") == std::string_view::npos);
    CHECK(part.find("<!--") == std::string_view::npos);
    // One file: nothing is fetched.
    for (const char* from : {"http:", "https:", "url(", "@import", "fetch(", "XMLHttpRequest", "import("}) {
      INFO(from);
      CHECK(part.find(from) == std::string_view::npos);
    }
    CHECK(std::all_of(part.begin(), part.end(), [](char c) { return c == '\n' || (c >= ' ' && c < 0x7f); }));
  }
}

}  // namespace report_page_test
