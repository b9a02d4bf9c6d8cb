#include <nniesim/debug/evaluation_compensation.hpp>

#include <array>
#include <cstddef>
#include <vector>

#include <nniesim/debug/evaluation_summary.hpp>

#include "catch.hpp"
#include "support/evaluated_network.hpp"
#include "support/networks.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;
using test_networks::evaluated_network;

namespace evaluation_compensation_test {

TEST_CASE("constants solved on records are those that runs give, and the compensated network is judged", "[debug]") {
  const evaluated_network c;
  const scratch_folder folder;
  REQUIRE(evaluate(c.problem(), c.pictures, {.state = folder / "s"}));
  evaluation_records r(folder / "s");
  const compensation_problem problem{.net = c.loaded.net(), .plan = c.plan, .ranges = c.ranges};
  const std::vector<norm_chain> chains = find_norm_chains(c.loaded.net());
  const auto by_runs = solve_compensation(problem, chains, c.loaded.listed_pictures());
  const auto by_records = solve_compensation(problem, r);
  REQUIRE(by_records.size() == by_runs.size());
  std::size_t solved = 0;
  for (std::size_t i = 0; i < chains.size(); ++i) {
    if (chains[i].sequence != 0) {
      CHECK(by_records[i].outcome == compensation_outcome::not_measurable);
      CHECK(by_records[i].constant == static_cast<float>(chains[i].constant));
      continue;
    }
    ++solved;
    CHECK(by_records[i].constant == by_runs[i].constant);
    CHECK(by_records[i].interval == by_runs[i].interval);
  }
  CHECK(solved == 4);

  const compensation whole = compensate_norms(problem, r, c.loaded.listed_pictures(), digest_of(c.pictures), 0.5);
  CHECK(whole.training_pictures == 10);
  CHECK(whole.held_out_pictures == 10);
  CHECK(compensate_norms(problem, r, c.loaded.listed_pictures(), "others", 0.5).training_pictures == 20);

  const std::vector<norm_constant> constants = changed_constants(c.loaded.net(), by_records);
  REQUIRE(constants.size() >= 3);
  const network changed = with_constants(c.loaded.net(), constants);
  evaluation_problem p = c.problem();
  p.compensated.emplace(compensated_network{changed, c.ranges});
  p.training = 5;
  REQUIRE(evaluate(p, c.pictures, {.state = folder / "c"}));
  evaluation_records with(folder / "c");
  const evaluation_summary s = summarize(with);
  const auto judged = judge_compensation(problem, chains, constants, c.loaded.listed_pictures());
  for (std::size_t k = 0; k < chains.size(); ++k) {
    REQUIRE(s.norms[k].in_float.count == 15);  // those that constants were not solved on
    for (std::size_t i = 0; i < 20; ++i) CHECK(with.read(i).chains[k][0].compensated == judged[k].compensated[i]);
    if (chains[k].sequence == 0) CHECK(s.norms[k].removed > 0.5);
  }
}

TEST_CASE("constants are solved on some of the pictures, once for all processes of an evaluation", "[debug]") {
  const evaluated_network c;
  const scratch_folder folder;
  const compensation_problem problem{.net = c.loaded.net(), .plan = c.plan, .ranges = c.ranges};
  const std::vector<norm_chain> chains = find_norm_chains(c.loaded.net());
  // Every fourth of the 20, of which the third that is asked for cannot be read.
  evaluation_pictures pictures = c.pictures;
  pictures.inputs = [&](std::size_t i) {
    if (i == 11) throw error("cut off");
    return c.pictures.inputs(i);
  };
  std::size_t calls = 0;
  const solved_network found =
      solve_constants(problem, pictures, 5, folder / "c", [&](std::size_t done, std::size_t of) {
        ++calls;
        CHECK(done == calls);
        CHECK(of >= 4);
      });
  CHECK(calls >= 4);
  CHECK(found.training == 5);
  const picture_set training = {4, [&](std::size_t i) { return pictures.inputs(std::array{3U, 7U, 15U, 19U}[i]); }};
  const auto solved = solve_compensation(problem, chains, training);
  const std::vector<norm_chain> changed = find_norm_chains(found.net);
  REQUIRE(changed.size() == chains.size());
  for (std::size_t k = 0; k < chains.size(); ++k) {
    CHECK(static_cast<float>(changed[k].constant) == solved[k].constant);
  }
  CHECK(found.ranges.blobs.size() == c.ranges.blobs.size());
  REQUIRE(found.intervals.size() >= 3);

  // What is in the file is taken.
  evaluation_problem p = c.problem();
  p.compensated.emplace(compensated_network{found.net, found.ranges});
  p.intervals = found.intervals;
  p.training = 5;
  REQUIRE(evaluate(p, pictures, {.state = folder / "c"}));
  calls = 0;
  const solved_network again = solve_constants(problem, pictures, 5, folder / "c", [&](auto, auto) { ++calls; });
  CHECK(calls == 0);
  CHECK(again.intervals == found.intervals);
  const std::vector<norm_chain> read = find_norm_chains(again.net);
  for (std::size_t k = 0; k < chains.size(); ++k) CHECK(read[k].constant == changed[k].constant);

  CHECK_THROWS_WITH(solve_constants(problem, pictures, 20, {}), contains("20 of 20 pictures leaves none to judge by"));
  test_networks::network_builder b;
  b.add("relu", relu_params{}, {b.input({1, 3, 4, 4})});
  const activation_ranges none;
  CHECK_THROWS_WITH(
      solve_constants({.net = b.net, .plan = plan_of(b.net, compile_mode::all_8bit), .ranges = none}, pictures, 5, {}),
      contains("the network has no norm chain"));
}

}  // namespace evaluation_compensation_test
