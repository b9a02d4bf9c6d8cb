#include <nniesim/debug/mark_files.hpp>

#include <filesystem>
#include <string>

#include "catch.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace mark_files_test {

TEST_CASE("marks are written once the marked files do what the search says", "[debug]") {
  const std::string folder = std::string(NNIESIM_SOURCE_DIR) + "/examples/feature_norm/network/";
  loaded_network loaded(network_source{.cfg = folder + "feature_norm.cfg"});
  const activation_ranges ranges = loaded.ranges("", plan_of(loaded.net(), compile_mode::mixed), true);
  const auto inputs = loaded.chosen_inputs();
  search_problem problem{loaded.net(), ranges};
  problem.pictures.push_back(loaded_network::views(inputs));
  problem.target = output_cosine(loaded.net());
  problem.goal = 0.9999;
  const search_result found = search_precisions(problem);
  REQUIRE_FALSE(found.best.layers.empty());
  const scratch_folder out;
  const std::string name = (out / "marked").string();
  // A score that the files do not have: nothing is written.
  search_result wrong = found;
  wrong.best.score -= 1e-6;
  CHECK_FALSE(write_marks(loaded, problem, wrong, name).wrong.empty());
  CHECK_FALSE(std::filesystem::exists(name + ".prototxt"));
  CHECK(write_marks(loaded, problem, found, name).wrong.empty());
  CHECK(std::filesystem::exists(name + ".prototxt"));
  CHECK(std::filesystem::exists(name + ".caffemodel"));
}

}  // namespace mark_files_test
