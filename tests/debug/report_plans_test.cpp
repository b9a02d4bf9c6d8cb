#include <nniesim/debug/report_plans.hpp>

#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/sample_report.hpp"

using namespace nniesim;

namespace report_plans_test {

using namespace sample_report;

TEST_CASE("a distribution rises from 0 to 100 per cent and leaves out what is not finite", "[debug]") {
  const auto [x, y] = detail::report_html::distribution({3, not_a_number, 1, infinity}, 0, 4);
  CHECK(x == std::vector<double>{0, 1, 1, 3, 3, 4});
  CHECK(y == std::vector<double>{0, 0, 50, 50, 100, 100});
  CHECK(detail::report_html::distribution({not_a_number}, 0, 1).first.empty());
  CHECK(detail::report_html::finite_mean({1, infinity, 3}) == 2);
}

TEST_CASE("the chosen plan is marked in the list of plans", "[debug]") {
  std::ostringstream out;
  detail::report_html::write_search(out, sample(40));
  CHECK_THAT(out.str(), contains("<tr class='here'><td>1.0900</td><td>0.9911</td><td class='mark'>reached ▶ chosen</td>"
                                 "<td class='text'>stage3_conv26, stage0_conv0</td></tr>"));
}

}  // namespace report_plans_test
