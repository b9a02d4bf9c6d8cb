#include <nniesim/debug/rules/post_processing.hpp>

#include <string>
#include <vector>

#include <nniesim/debug/diagnose.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace post_processing_test {

namespace {

decision_facts facts(probe_verdict verdict, std::string other = "4") {
  decision_facts d{.name = "top_k of 'fc'"};
  d.probe.verdict = verdict;
  d.probe.reference_decision = "3";
  d.probe.other_decision = std::move(other);
  d.probe.trials = 100;
  d.probe.flip_rate = 0.3;
  d.probe.margin = 0.5;
  return d;
}

}  // namespace

TEST_CASE("what a probe of the post-processing finds", "[debug]") {
  // A sensitive one is a finding whatever else there is; the order of rules makes it the verdict or a further one.
  for (const bool is_first : {true, false}) {
    const auto found = detail::judge_decision(facts(probe_verdict::sensitive), is_first, true);
    REQUIRE(found.size() == 1);
    CHECK(found[0].what.cause == fault::post_processing);
  }
  // More bits are advised only where some can be had.
  const auto advice = [](bool can_have) {
    return detail::judge_decision(facts(probe_verdict::sensitive), true, can_have).at(0).what.change.at(0);
  };
  CHECK_THAT(advice(true), contains("_hp"));
  CHECK_THAT(advice(false), !contains("_hp") && !contains("bits"));
  // The same decision on both is none, unless the board's is another one.
  decision_facts board = facts(probe_verdict::board_side, "3");
  CHECK(detail::judge_decision(board, true, true).empty());
  board.board_decision = "3";
  CHECK(detail::judge_decision(board, true, true).empty());
  board.board_decision = "5";
  REQUIRE(detail::judge_decision(board, true, true).size() == 1);
  CHECK(detail::judge_decision(board, true, true)[0].what.evidence.back().text("decision") == "5");
  // Outputs that are far apart say nothing of it: with nothing else found, something is wrong all the same.
  CHECK(detail::judge_decision(facts(probe_verdict::data_fault), false, true).empty());
  CHECK(detail::judge_decision(facts(probe_verdict::data_fault), true, true).at(0).what.cause == fault::inconclusive);
}

TEST_CASE("a diagnosis asks the post-processing on the outputs of both runs", "[debug]") {
  draws random(3);
  const two_runs::experiment e(two_runs::plain_network(random), random);
  const experiment_context lab = e.lab();
  case_extras extras;
  extras.decision = {.post = postprocess::top_k(1)};
  const auto diagnosed = [&](const std::string& board) {
    case_extras with = extras;
    if (!board.empty()) with.decision->board_decision = board;
    return diagnose(two_runs::layers_as(e.reference), two_runs::layers_as(e.other), {}, &lab, with);
  };
  diagnosis d = diagnosed("");
  const bool is_stable = d.verdict.cause == fault::none;
  CHECK((is_stable || d.verdict.cause == fault::post_processing));
  CHECK(find_fact(d.verdict.evidence, fact_kind::flips) != nullptr);
  d = diagnosed("no such decision");
  CHECK(d.verdict.cause == fault::post_processing);
  // Where the data are at fault that comes first.
  two_runs::experiment bad = e;
  for (float& v : bad.shown("conv2")) v = -v;
  d = diagnose(two_runs::layers_as(bad.reference), two_runs::layers_as(bad.other), {}, &lab, extras);
  CHECK(d.verdict.cause != fault::post_processing);
  extras.decision->outputs = {"nosuch"};
  CHECK_THROWS_WITH(diagnosed(""), contains("'nosuch' is not in the reference"));
}

}  // namespace post_processing_test
