#include <nniesim/debug/report_curves.hpp>

#include <cmath>
#include <string>

#include "catch.hpp"
#include "support/sample_report.hpp"

using namespace nniesim;

namespace report_curves_test {

using namespace sample_report;

TEST_CASE("a cosine's nines tell 0.999 from 0.9999", "[debug]") {
  using detail::report_html::nines;
  CHECK(nines(0.9) == Approx(1));
  CHECK(nines(0.999) == Approx(3));
  CHECK(nines(1) == Approx(6));
  CHECK(nines(-1) == Approx(-std::log10(2.0)));
  CHECK(std::isnan(nines(not_a_number)));
}

TEST_CASE("layers' names stand at the axis where they have room", "[debug]") {
  CHECK(detail::report_html::layers_axis(sample(40)).ticks.size() == 40);
  CHECK(detail::report_html::layers_axis(sample(41)).ticks.empty());
  CHECK(detail::report_html::layers_axis(sample(41)).label == "layer (# in the table)");
}

}  // namespace report_curves_test
