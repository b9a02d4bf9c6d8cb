#include <nniesim/debug/report_page.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "catch.hpp"

using namespace nniesim;

namespace report_page_test {

namespace {

std::ptrdiff_t count(std::string_view text, char c) { return std::count(text.begin(), text.end(), c); }

/// The value of a property, "#rrggbb", in the n-th list of them.
std::string colour_of(std::string_view name, std::size_t list) {
  const std::string_view text = detail::report_html::style;
  std::size_t at = 0;
  for (std::size_t i = 0; i <= list; ++i) at = text.find("--" + std::string(name) + ": #", at + 1);
  REQUIRE(at != std::string_view::npos);
  return std::string(text.substr(text.find('#', at), 7));
}

/// WCAG 2: of 0 .. 1.
double luminance(const std::string& colour) {
  const unsigned long rgb = std::stoul(colour.substr(1), nullptr, 16);
  const auto linear = [&](unsigned shift) {
    const double v = static_cast<double>((rgb >> shift) & 0xffU) / 255;
    return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0);
}

double contrast(const std::string& a, const std::string& b) {
  const double x = luminance(a) + 0.05, y = luminance(b) + 0.05;
  return std::max(x, y) / std::min(x, y);
}

}  // namespace

TEST_CASE("texts and lines of a page stand out, in light and dark colours", "[debug]") {
  CHECK(contrast("#000000", "#ffffff") == Approx(21));
  for (const std::size_t list : {0U, 1U}) {
    INFO((list == 0 ? "light" : "dark"));
    const auto pair = [&](std::string_view front, std::string_view back, double least) {
      INFO(front << " on " << back);
      CHECK(contrast(colour_of(front, list), colour_of(back, list)) >= least);
    };
    for (const char* back : {"page", "head", "code", "bad"}) pair("text", back, 7);
    for (const char* front : {"soft", "link"}) pair(front, "page", 4.5);
    pair("link", "bad", 4.5);  // links within rows
    for (const char* level : {"e0", "e1", "e2", "e3", "e4"}) pair("node-text", level, 6);
    for (const char* line : {"plot-black", "plot-blue", "plot-vermillion", "plot-green", "plot-grey", "accent", "alarm",
                             "fine", "frame"}) {
      pair(line, "page", 3);
    }
  }
}

TEST_CASE("a page's style and script are whole, and stand in an element without escapes", "[debug]") {
  for (const std::string_view part :
       {detail::report_html::style, detail::report_html::script, detail::report_html::style_without_script}) {
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
