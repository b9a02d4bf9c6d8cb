#include <nniesim/debug/precision_runs.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace precision_runs_test {

TEST_CASE("runs as planned and in the most bits that can be had", "[debug]") {
  draws random(1);
  const two_runs::experiment e(two_runs::plain_network(random), random);
  const detail::precision_runs p = detail::run_precisions(e.lab());
  CHECK(p.planned.size() == 8);
  CHECK(p.coarse == std::set<std::string>{"8 bits"});
  CHECK(p.fine == std::set<std::string>{"16 bits"});
  CHECK(p.are_marks);
  CHECK(p.in_most_bits.at({7, 0}).cosine > p.planned.at({7, 0}).cosine);
  CHECK(p.worst_in_most_bits <= p.in_most_bits.at({7, 0}).cosine);
  STATIC_REQUIRE(detail::is_marked_width(layer_precision::w8a8, layer_precision::w16a16));
  STATIC_REQUIRE_FALSE(detail::is_marked_width(layer_precision::w16a16, layer_precision::w8a8));
}

}  // namespace precision_runs_test
