#include <nniesim/debug/evaluation_search.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/evaluated_network.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;
using test_networks::evaluated_network;

namespace evaluation_search_test {

TEST_CASE("a search gets the pictures on which an evaluation found the outputs worst", "[debug]") {
  evaluated_network c;
  loaded_network& loaded = c.loaded;
  const evaluation_pictures& pictures = c.pictures;
  evaluation_problem problem = c.problem();
  const scratch_folder folder;
  REQUIRE(evaluate(problem, pictures, {.state = folder / "s"}));
  evaluation_records records(folder / "s");

  const std::vector<evaluated_picture> worst = summarize(records).worst;
  REQUIRE(worst.size() > 3);
  CHECK(worst[0].picture != 0);  // they are in another order than in the lists
  const named_inputs found = worst_inputs(loaded, records, {}, 3);
  REQUIRE(found.names.size() == 3);
  REQUIRE(found.inputs.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(found.names[i] == worst[i].name);
    CHECK(found.names[i] == loaded.listed_name(worst[i].picture));
    const std::vector<tensor<float>> expected = loaded.listed_inputs(worst[i].picture);
    REQUIRE(found.inputs[i].size() == expected.size());
    for (std::size_t x = 0; x < expected.size(); ++x) CHECK(found.inputs[i][x] == expected[x]);
  }

  CHECK_THROWS_WITH(worst_inputs(loaded, records, {}, pictures.size + 1),
                    contains(std::to_string(pictures.size) + " pictures could be evaluated, expected " +
                             std::to_string(pictures.size + 1)));
  std::vector<std::string> others;
  for (std::size_t i = 0; i < loaded.cfg().inputs.size(); ++i) {
    others.push_back((folder / ("other" + std::to_string(i))).string());
    std::ofstream(others.back()) << "a.png\nb.png\n";
  }
  CHECK_THROWS_WITH(worst_inputs(loaded, records, {.lists = others}, 1),
                    contains(std::to_string(pictures.size) + " other pictures than the 2 of the lists given"));

  problem.identity[0].second = "another";
  REQUIRE(evaluate(problem, pictures, {.state = folder / "of_another"}));
  evaluation_records of_another(folder / "of_another");
  CHECK_THROWS_WITH(worst_inputs(loaded, of_another, {}, 1), contains("is of another network"));
}

}  // namespace evaluation_search_test
