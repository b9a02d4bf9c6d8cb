#include <nniesim/debug/rules/cosines_alone.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace cosines_alone_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: without a network the pattern of cosines decides", "[debug]") {
  draws random(9);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_by_cosines(file, detail::findings_so_far(file));
  };
  CHECK(e.look(find, false).empty());
  for (const char* name : {"conv2", "relu2", "conv3", "relu3", "fc"}) {
    for (float& v : e.shown(name)) v += 3 * random.normal();
  }
  const auto found = e.look(find, false);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::inconclusive);
  CHECK(found[0].what.layer == "conv2");
}

}  // namespace cosines_alone_test
