#include <nniesim/debug/loaded_network.hpp>

#include <string>
#include <string_view>

#include "catch.hpp"

using namespace nniesim;

namespace loaded_network_test {

namespace {

const std::string folder = std::string(NNIESIM_SOURCE_DIR) + "/examples/feature_norm/network/";

}  // namespace

TEST_CASE("a network is loaded from a cfg with its lists", "[debug]") {
  std::size_t pictures = 0;
  network_source source{.cfg = folder + "feature_norm.cfg"};
  source.progress = [&](std::string_view what, std::size_t done, std::size_t of) {
    CHECK(what == "calibrating");
    CHECK(done <= of);
    ++pictures;
  };
  loaded_network loaded(source);
  CHECK(loaded.net().layers.size() <= loaded.original().layers.size());
  REQUIRE(loaded.listed() > 1);
  CHECK(loaded.listed_pictures().size == loaded.listed());
  CHECK(loaded.chosen_inputs().size() == loaded.listed_inputs(0).size());
  CHECK(loaded.network_files().size() == 3);
  CHECK(loaded.mode("1") == compile_mode::all_16bit);
  CHECK(loaded.mode("") == loaded.cfg().mode);
  const activation_ranges ranges = loaded.ranges("", plan_of(loaded.net(), compile_mode::all_8bit));
  CHECK(ranges.pictures == loaded.listed());
  CHECK(pictures == loaded.listed());
}

TEST_CASE("a network that is not there, or is given twice over, is an error", "[debug]") {
  CHECK_THROWS_WITH(loaded_network(network_source{}), contains("no network given"));
  CHECK_THROWS_AS(loaded_network(network_source{.cfg = folder + "nosuch.cfg"}), error);
  network_source files{.prototxt = folder + "feature_norm.prototxt", .caffemodel = folder + "feature_norm.caffemodel"};
  CHECK_THROWS_WITH(loaded_network(files), contains("no input given"));
  const loaded_network without(files, false);
  CHECK(without.listed() == 0);
  CHECK_FALSE(without.net().layers.empty());
}

}  // namespace loaded_network_test
