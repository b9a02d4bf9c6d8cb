#include <nniesim/debug/report_elements.hpp>

#include <sstream>
#include <string>

#include "catch.hpp"
#include "support/sample_report.hpp"

using namespace nniesim;

namespace report_elements_test {

using namespace sample_report;

TEST_CASE("a finding's heading names cause and layer, escaped", "[debug]") {
  finding f;
  f.cause = fault::precision;
  f.layer = "<conv>";
  std::ostringstream out;
  detail::report_html::write_finding(out, f, "verdict");
  CHECK_THAT(out.str(), contains("<h3>too few bits in layer <code>&lt;conv&gt;</code></h3>"));
}

TEST_CASE("a cell's value is what Number() of the script reads", "[debug]") {
  using detail::report_html::data_value;
  CHECK(data_value(0.1) == "0.1");
  CHECK(data_value(not_a_number) == "NaN");
  CHECK(data_value(-infinity) == "-Infinity");
}

}  // namespace report_elements_test
