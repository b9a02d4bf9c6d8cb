#include <nniesim/debug/cosine_pattern.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

TEST_CASE("a dip that all behind it does not follow is no sharp fall", "[debug]") {
  draws random(51);
  two_runs::experiment e(two_runs::plain_network(random), random);
  two_runs::experiment dip = e;
  for (float& v : dip.shown("conv2")) v += 3 * random.normal();
  const auto judge = [](const detail::case_file& file) { return detail::cosine_pattern(file.runs()).judge(); };
  REQUIRE(dip.look(judge, false).has_value());
  CHECK(dip.look(judge, false)->layer == "conv2");
  CHECK(dip.look(judge, false)->cause != fault::suspect_layer);
  for (const char* name : {"conv2", "relu2", "conv3", "relu3", "fc"}) {
    for (float& v : e.shown(name)) v += 3 * random.normal();
  }
  REQUIRE(e.look(judge, false).has_value());
  CHECK(e.look(judge, false)->layer == "conv2");
}
