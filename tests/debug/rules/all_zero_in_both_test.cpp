#include <nniesim/debug/rules/all_zero_in_both.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace all_zero_in_both_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: from zeros in both runs nothing can be told", "[debug]") {
  draws random(2);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_all_zero_in_both(file, detail::findings_so_far(file));
  };
  CHECK(e.look(find).empty());
  for (auto* run : {&e.reference, &e.other}) {
    for (two_runs::dump& d : *run) std::fill(d.values.begin(), d.values.end(), 0.0F);
  }
  const auto found = e.look(find);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::inconclusive);
  CHECK(found[0].is_last);
}

}  // namespace all_zero_in_both_test
