#include <nniesim/debug/rules/suspect_layer.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace suspect_layer_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: a layer that computes something else", "[debug]") {
  draws random(7);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_suspect_layers(file, detail::findings_so_far(file));
  };
  CHECK(e.look(find).empty());
  network other = e.net;
  auto& conv = std::get<layers::convolution>(other.layers[3].params);
  for (float& v : conv.weights) v = random.normal();
  e.run(other);
  const auto found = e.look(find);
  REQUIRE_FALSE(found.empty());  // those behind it get values that their ranges are not for
  CHECK(found[0].what.layer == "conv2");
  CHECK(found[0].position == 3);
  CHECK_FALSE(found[0].as_simulated);
}

}  // namespace suspect_layer_test
