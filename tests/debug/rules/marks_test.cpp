#include <nniesim/debug/rules/marks.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace marks_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("supplement: the layers to mark, where they were searched", "[debug]") {
  draws random(16);
  experiment e(plain_network(random), random);
  const experiment_context lab = e.lab();
  const auto r = two_runs::layers_as(e.reference), x = two_runs::layers_as(e.other);
  const diagnose_options options;
  const auto change = [&](std::optional<double> goal) {
    const detail::case_file file(r, x, options, &lab, {.goal = goal});
    finding f;
    detail::add_marks(file, f);
    return f.change;
  };
  CHECK(change({}).empty());
  REQUIRE(change(0.9).size() == 1);
  CHECK(change(0.9)[0].count("compile_mode") == 2);
}

}  // namespace marks_test
