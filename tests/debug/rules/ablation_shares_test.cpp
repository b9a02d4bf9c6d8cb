#include <nniesim/debug/rules/ablation_shares.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace ablation_shares_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("supplement: what weights and activations do by themselves, where that is asked for", "[debug]") {
  draws random(15);
  experiment e(plain_network(random), random);
  const experiment_context lab = e.lab();
  const auto r = two_runs::layers_as(e.reference), x = two_runs::layers_as(e.other);
  const diagnose_options options;
  for (const bool is_asked : {false, true}) {
    case_extras extras;
    if (is_asked) extras.ablation = case_extras::ablations::for_too_few_bits;
    const detail::case_file file(r, x, options, &lab, extras);
    finding f;
    detail::add_ablation_shares(file, f);
    CHECK(f.evidence.size() == (is_asked ? 1U : 0U));
  }
}

}  // namespace ablation_shares_test
