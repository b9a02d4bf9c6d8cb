#include <nniesim/debug/norm_compensation.hpp>

#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace norm_compensation_test {

TEST_CASE("pictures are split evenly, at least one on each side", "[debug]") {
  const detail::picture_split half = detail::split_pictures(5, 0.5);
  CHECK(half.held_out == std::vector<std::size_t>{1, 3});
  CHECK(half.training == std::vector<std::size_t>{0, 2, 4});
  CHECK_THROWS_WITH(detail::split_pictures(1, 0.5), contains("expected at least one each"));
  CHECK_THROWS_AS(detail::split_pictures(10, 0.0), error);
  CHECK_THROWS_AS(detail::split_pictures(10, 1.0), error);
}

TEST_CASE("without a norm there is nothing to compensate, and no picture is looked at", "[debug]") {
  draws random(5);
  const two_runs::experiment e(two_runs::plain_network(random), random);
  const compensation_problem problem{.net = e.net, .plan = e.plan, .ranges = e.ranges};
  const picture_set pictures{4, [](std::size_t) -> std::vector<tensor<float>> { throw error("looked at"); }};
  CHECK(compensate_norms(problem, pictures, 0.5).chains.empty());
  CHECK(judge_used_constants(problem, e.net, pictures).constants.empty());
}

}  // namespace norm_compensation_test
