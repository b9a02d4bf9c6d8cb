#include <nniesim/debug/bundle_files.hpp>

#include <algorithm>
#include <string>

#include "catch.hpp"

using namespace nniesim;

namespace bundle_files_test {

TEST_CASE("a layer is bundled with the user's own files", "[debug]") {
  const std::string folder = std::string(NNIESIM_SOURCE_DIR) + "/examples/feature_norm/network/";
  loaded_network loaded(network_source{.cfg = folder + "feature_norm.cfg"});
  const activation_ranges ranges = loaded.ranges("", plan_of(loaded.net(), loaded.cfg().mode));
  const layer_bundle made = bundle_layer(loaded, ranges, "classifier", {.compiler_version = "a version"});
  const auto has = [&](const std::string& end) {
    return std::any_of(made.files.begin(), made.files.end(), [&](const tar_file& f) { return f.name.ends_with(end); });
  };
  CHECK(has("feature_norm.cfg"));
  CHECK(made.cosine > 0.9);
  CHECK_FALSE(made.seed.has_value());
  CHECK_THROWS_AS(bundle_layer(loaded, ranges, "nosuch"), error);
  CHECK_THROWS_WITH(bundle_layer(loaded, ranges, "classifier", {.other = {folder + "feature_norm.cfg"}}),
                    contains("expected .npy"));
}

TEST_CASE("files of one name get numbers in front", "[debug]") {
  detail::file_collection files;
  files.add("a.npy", "1");
  files.add("a.npy", "2");
  const auto taken = files.take();
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].name == "a.npy");
  CHECK(taken[1].name != "a.npy");
}

}  // namespace bundle_files_test
