// What a case file tells, with and without an experiment context, and that it stays what it is.
#include <nniesim/debug/case_file.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace case_file_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("a case file computes each fact once, when it is asked for", "[debug]") {
  draws random(1);
  const experiment e(plain_network(random), random);
  e.look([&](const detail::case_file& file) {
    const auto before = file.evidence();
    REQUIRE(before.size() == e.reference.size());
    for (const layer_evidence& l : before) CHECK_FALSE(l.isolated.has_value());
    CHECK(file.trials().size() == 7);
    CHECK(file.trials().data() == file.trials().data());
    CHECK(&file.precisions() == &file.precisions());
    CHECK(file.trial_of(1, 0) == &file.trials()[0]);
    CHECK(file.trial_of(0, 0) == nullptr);
    const auto after = file.evidence();
    CHECK(after.back().isolated.has_value());
    CHECK(after.back().in_16bit.has_value());
    CHECK(after.back().result->cosine == before.back().result->cosine);
  });
}

TEST_CASE("without an experiment context nothing is tried, and positions are those of the rows", "[debug]") {
  draws random(2);
  const experiment e(plain_network(random), random);
  e.look(
      [&](const detail::case_file& file) {
        CHECK(file.lab() == nullptr);
        CHECK(file.trials().empty());
        CHECK(file.suspects().off.empty());
        CHECK(file.position_of(file.runs().rows()[3]) == 3);
        CHECK_FALSE(file.norms().has_value());
        CHECK_FALSE(file.marks().has_value());
        CHECK_FALSE(file.decision().has_value());
        CHECK(file.ablation().empty());
      },
      false);
}

}  // namespace case_file_test
