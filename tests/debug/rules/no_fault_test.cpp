#include <nniesim/debug/rules/no_fault.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace no_fault_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: no fault is said only where every output was compared", "[debug]") {
  draws random(12);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_no_fault(file, detail::findings_so_far(file));
  };
  auto found = e.look(find);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::none);
  std::erase_if(e.other, [](const two_runs::dump& d) { return d.name == "fc"; });
  found = e.look(find);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::inconclusive);
  CHECK(found[0].what.layer == "fc");
}

}  // namespace no_fault_test
