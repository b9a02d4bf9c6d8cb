#include <nniesim/debug/rules/zero_layer.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace zero_layer_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: a layer of zeros that float does not give", "[debug]") {
  draws random(5);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_zero_layers(file, detail::findings_so_far(file));
  };
  CHECK(e.look(find).empty());
  std::fill(e.shown("conv2").begin(), e.shown("conv2").end(), 0.0F);
  for (const bool with_lab : {true, false}) {
    const auto found = e.look(find, with_lab);
    REQUIRE_FALSE(found.empty());
    CHECK(found[0].what.cause == fault::all_zero);
    CHECK(found[0].what.layer == "conv2");
    CHECK(found[0].position == 3);
    CHECK_FALSE(found[0].as_simulated);
  }
}

}  // namespace zero_layer_test
