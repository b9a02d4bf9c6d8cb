#include <nniesim/debug/rules/norm_remedy.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace norm_remedy_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("supplement: constants in use are right, or to be solved again", "[debug]") {
  compensation used;
  used.held_out_pictures = 4;
  used.judged.emplace_back().name = "norm";
  used.judged[0].after.mean = 0.01;
  used.judged[0].before.mean = -0.2;
  finding f{fault::norm_gain};
  detail::judge_constants_in_use(used, 0.02, f);
  CHECK(f.evidence.size() == 1);
  REQUIRE(f.change.size() == 1);
  CHECK(f.change[0].kind() == fact_kind::change_no_constant);
  used.judged[0].after.mean = -0.03;
  detail::judge_constants_in_use(used, 0.02, f);
  REQUIRE(f.change.size() == 1);
  CHECK(f.change[0].kind() == fact_kind::solve_again);
}

}  // namespace norm_remedy_test
