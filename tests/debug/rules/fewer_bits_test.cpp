#include <nniesim/debug/rules/fewer_bits.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace fewer_bits_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: layers that show what fewer bits give", "[debug]") {
  draws random(6);
  experiment e(plain_network(random), random, compile_mode::all_16bit);
  const auto find = [](const detail::case_file& file) {
    return detail::find_fewer_bits(file, detail::findings_so_far(file));
  };
  CHECK(e.look(find).empty());
  const precision_plan planned = e.plan;
  e.plan = plan_of(e.net, compile_mode::all_8bit);
  e.run(e.net);
  e.plan = planned;
  const auto found = e.look(find);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::bits_not_as_planned);
  CHECK(found[0].what.layer == "conv1");
  CHECK(found[0].position == 1);
}

}  // namespace fewer_bits_test
