#include <nniesim/debug/norm_check.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

TEST_CASE("a norm that is off beyond the limit is found, one within it is not", "[debug]") {
  draws random(61);
  const two_runs::experiment clean(two_runs::plain_network(random), random);
  for (const float gain : {1.0F, 1.01F, 0.9F, 1.5F}) {
    two_runs::experiment e = clean;
    for (float& v : e.shown("fc")) v *= gain;
    const bool is_found = e.look(
        [](const detail::case_file& file) {
          return detail::norm_check(file.runs(), nullptr, {}).find(file.runs().judged_rows(), false).has_value();
        },
        false);
    CHECK(is_found == (gain > 1.2F || gain < 0.95F));
  }
}
