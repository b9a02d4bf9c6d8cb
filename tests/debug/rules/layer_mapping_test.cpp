#include <nniesim/debug/rules/layer_mapping.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace layer_mapping_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: names that stand for each other's blobs", "[debug]") {
  draws random(10);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_layer_mapping(file, detail::findings_so_far(file));
  };
  CHECK(e.look(find).empty());
  std::swap(e.shown("conv1"), e.shown("conv3"));
  const auto found = e.look(find);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::layer_mapping);
}

}  // namespace layer_mapping_test
