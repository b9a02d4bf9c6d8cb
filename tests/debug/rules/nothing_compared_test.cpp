#include <nniesim/debug/rules/nothing_compared.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace nothing_compared_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: no layer of one run has a partner in the other", "[debug]") {
  draws random(1);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_nothing_compared(file, detail::findings_so_far(file));
  };
  CHECK(e.look(find).empty());
  e.other = {{"nobody", {1, 3}, {1, 2, 3}}};
  const auto found = e.look(find);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::inconclusive);
  CHECK(found[0].is_last);
}

}  // namespace nothing_compared_test
