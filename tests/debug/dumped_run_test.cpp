#include <nniesim/debug/dumped_run.hpp>

#include <map>
#include <string>

#include <nniesim/io/npy.hpp>

#include "catch.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace dumped_run_test {

TEST_CASE("a folder of dumps is a run, in a graph's order where there is one", "[debug]") {
  const scratch_folder folder;
  CHECK_THROWS_WITH(read_run(folder / ""), contains("no dumps of layers' outputs"));
  draws random(1);
  for (const char* name : {"a", "b", "c"}) {
    write_npy(folder / (std::string(name) + ".npy"), random.tensor({1, 4}, 1.0F));
  }
  dumped_run run = read_run(folder / "");
  REQUIRE(run.layers.size() == 3);
  CHECK(run.places.empty());
  CHECK(run.sort_by({}) == 0);
  const std::map<std::string, std::size_t> graph = {{detail::match_key("c"), 0}, {detail::match_key("a"), 1}};
  CHECK(run.sort_by(graph) == 2);
  CHECK(run.layers[0].name == "c");
  CHECK(run.layers[1].name == "a");
  CHECK(run.layers[2].name == "b");
}

}  // namespace dumped_run_test
