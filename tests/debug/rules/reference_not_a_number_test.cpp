#include <nniesim/debug/rules/reference_not_a_number.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace reference_not_a_number_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: a reference with NaN is none", "[debug]") {
  draws random(3);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_reference_not_a_number(file, detail::findings_so_far(file));
  };
  CHECK(e.look(find).empty());
  e.reference[3].values[5] = std::numeric_limits<float>::quiet_NaN();
  const auto found = e.look(find);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::not_a_number);
  CHECK(found[0].what.layer == e.reference[3].name);
}

}  // namespace reference_not_a_number_test
