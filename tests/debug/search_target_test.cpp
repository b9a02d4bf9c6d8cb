#include <nniesim/debug/search_target.hpp>

#include <limits>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

TEST_CASE("targets score a plan: the worst picture and blob, float being perfect", "[debug]") {
  draws random(71);
  const two_runs::experiment e(two_runs::plain_network(random), random);
  const std::vector<std::vector<tensor_view<const float>>> pictures = {e.views()};
  const auto score = [&](const search_target& t, const precision_plan& p) {
    return score_of(t, e.net, p, e.ranges, pictures);
  };
  for (const search_target& t : {output_cosine(e.net), worst_layer_cosine(e.net)}) {
    CHECK(score(t, float_plan(e.net)) == approx(1));
    CHECK(score(t, e.plan) < 1);
  }
  CHECK(score(worst_layer_cosine(e.net), e.plan) <= score(output_cosine(e.net), e.plan));
  CHECK(score(norm_error(e.net, "conv1"), float_plan(e.net)) == approx(0).margin(1e-12));
  CHECK_THROWS_WITH(norm_error(e.net, "conv9"), contains("no layer 'conv9'"));
}
