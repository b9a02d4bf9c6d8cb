#include <nniesim/debug/report.hpp>

#include <cstdlib>
#include <fstream>
#include <ios>
#include <sstream>
#include <string>

#include "catch.hpp"
#include "support/decimal_comma.hpp"
#include "support/sample_report.hpp"

using namespace nniesim;

namespace report_test {

using namespace sample_report;

TEST_CASE("the stream's format and locale change nothing", "[debug]") {
  const report r = sample(400);
  std::string in_comma;
  {
    const decimal_comma locale;
    std::ostringstream out;
    out << std::hex << std::showbase;
    write_html(out, r);
    write_markdown(out, r);
    in_comma = out.str();
  }
  CHECK(in_comma == html(r) + markdown(r));
}

// For tests/examples/report_page.sh.
TEST_CASE("a page for the browser", "[.report_page]") {
  const char* path = std::getenv("NNIESIM_REPORT_PAGE");
  REQUIRE(path != nullptr);
  const char* layers = std::getenv("NNIESIM_REPORT_LAYERS");
  std::ofstream out(path, std::ios::binary);
  write_html(out, sample(layers == nullptr ? 40 : std::stoul(layers)));
  out.close();
  REQUIRE(out);
}

}  // namespace report_test
