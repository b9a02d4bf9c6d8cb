#include <nniesim/debug/rules/not_a_number.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace not_a_number_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: NaN that enters in a layer, at the first that has finite inputs", "[debug]") {
  draws random(4);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_not_a_number(file, detail::findings_so_far(file));
  };
  CHECK(e.look(find).empty());
  for (const char* name : {"conv2", "relu2", "conv3", "relu3", "fc"}) {
    e.shown(name)[0] = std::numeric_limits<float>::infinity();
  }
  for (const bool with_lab : {true, false}) {
    const auto found = e.look(find, with_lab);
    REQUIRE(found.size() == 1);
    CHECK(found[0].what.cause == fault::not_a_number);
    CHECK(found[0].what.layer == "conv2");
    CHECK(found[0].position == 3);
    CHECK_FALSE(found[0].as_simulated);
  }
}

}  // namespace not_a_number_test
