#include <nniesim/debug/rules/norm_gain.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace norm_gain_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: norms that are off while cosines are intact", "[debug]") {
  draws random(11);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_norm_gain(file, detail::findings_so_far(file));
  };
  CHECK(e.look(find, false).empty());
  for (float& v : e.shown("fc")) v *= 1.1F;
  const auto found = e.look(find, false);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::norm_gain);
  CHECK(found[0].what.layer == "fc");
}

}  // namespace norm_gain_test
