// A whole investigation as a program calls it: files in, a diagnosis and a report out.
#include <nniesim/debug/investigation.hpp>

#include <filesystem>
#include <string>

#include "catch.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace investigation_test {

namespace {

const std::string network_folder = std::string(NNIESIM_SOURCE_DIR) + "/examples/feature_norm/network/";

}  // namespace

TEST_CASE("an investigation needs something to compare", "[debug]") {
  CHECK_THROWS_WITH(investigation(investigation_options{}), contains("nothing to compare"));
  investigation_options one;
  one.reference = network_folder;
  CHECK_THROWS_WITH(investigation(one), contains("nothing to compare"));
}

TEST_CASE("a cfg alone gives a diagnosis of the simulation, and a report", "[debug]") {
  std::size_t steps = 0;
  investigation_options o;
  o.network = network_source{.cfg = network_folder + "feature_norm.cfg"};
  o.network->progress = [&](std::string_view, std::size_t done, std::size_t of) {
    CHECK(done <= of);
    ++steps;
  };
  investigation i(o);
  REQUIRE(i.network_files() != nullptr);
  REQUIRE(i.lab() != nullptr);
  CHECK(i.result().verdict.cause == fault::norm_gain);
  REQUIRE_FALSE(i.result().verdict.change.empty());
  CHECK(i.result().verdict.change[0].kind() == fact_kind::set_shift);  // solved on the cfg's pictures
  CHECK(steps != 0);
  report about;
  about.title = "a title";
  const report r = i.report_of(about);
  CHECK(r.title == "a title");
  CHECK(r.result.verdict.cause == fault::norm_gain);
  CHECK(r.histograms.size() == i.result().layers.size());
  CHECK_FALSE(r.norms.empty());
  const network& net = i.network_files()->net();
  REQUIRE(r.network_layers.size() == net.layers.size());
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    const report_layer& drawn = r.network_layers[l];
    CHECK(drawn.type == net.layers[l].type);
    CHECK(drawn.outputs.front() == net.layers[l].name);
    CHECK(drawn.shapes.size() == net.layers[l].outputs.size());
    CHECK(drawn.inputs.size() == net.layers[l].inputs.size());
    for (const std::size_t from : drawn.inputs) CHECK(from < l);
  }
}

}  // namespace investigation_test
