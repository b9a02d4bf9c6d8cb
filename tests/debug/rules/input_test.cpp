#include <nniesim/debug/rules/input.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace input_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: another input, unless the dump alone is wrong", "[debug]") {
  draws random(13);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_other_input(file, detail::findings_so_far(file));
  };
  CHECK(e.look(find).empty());
  // What is computed from it agrees with the reference: the dump alone is wrong.
  for (float& v : e.shown("data")) v = random.normal();
  CHECK(e.look(find).empty());
  // The layers have it, too.
  for (float& v : e.inputs[0]) v = random.normal();
  e.run(e.net);
  const auto found = e.look(find);
  REQUIRE(found.size() == 1);
  CHECK(detail::input_faults.contains(found[0].what.cause));
  CHECK(found[0].what.layer == "data");
}

}  // namespace input_test
