#include <nniesim/debug/rules/remarks.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace remarks_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("supplement: layers that were not judged are named", "[debug]") {
  draws random(14);
  experiment e(plain_network(random), random);
  const auto remarks = [&](const std::vector<std::string>& not_simulated) {
    case_extras extras;
    extras.not_simulated = not_simulated;
    const experiment_context lab = e.lab();
    const auto r = two_runs::layers_as(e.reference), x = two_runs::layers_as(e.other);
    const diagnose_options options;
    const detail::case_file file(r, x, options, &lab, extras);
    finding f;
    detail::add_remarks(file, f);
    return f.against;
  };
  CHECK(remarks({}).empty());
  CHECK(remarks({"an option"}) == std::vector<fact>{fact::text_of("an option")});
  std::erase_if(e.other, [](const two_runs::dump& d) { return d.name == "conv3" || d.name == "data"; });
  CHECK_FALSE(remarks({}).empty());
}

}  // namespace remarks_test
