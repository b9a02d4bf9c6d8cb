#include <nniesim/debug/rules/precision.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace precision_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: rows that a fault further up explains are no want of bits", "[debug]") {
  draws random(8);
  experiment e(plain_network(random), random);
  for (float& v : e.shown("fc")) v = random.normal();
  e.look([](const detail::case_file& file) {
    detail::findings_so_far so_far(file);
    const std::size_t all = detail::unexplained_rows(file, so_far).size();
    CHECK(all == file.runs().judged_rows().size());
    CHECK(detail::find_precision(file, so_far).size() == 1);
    so_far.add({.what = {fault::suspect_layer, "fc"}, .position = 7}, 0);
    CHECK(detail::unexplained_rows(file, so_far).size() == all - 1);
    CHECK(detail::find_precision(file, so_far).empty());
  });
}

}  // namespace precision_test
