#include <nniesim/debug/experiment_context.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

TEST_CASE("which precisions are finer, and the finest that can be had", "[debug]") {
  STATIC_REQUIRE(is_finer(layer_precision::w16a16, layer_precision::w8a8));
  STATIC_REQUIRE_FALSE(is_finer(layer_precision::w8a8, layer_precision::w16a16));
  STATIC_REQUIRE_FALSE(is_finer(layer_precision::w8a8, layer_precision::w8a8));
  CHECK(finest_precision({}, layer_precision::w8a8) == layer_precision::w16a16);
  CHECK_FALSE(finest_precision({}, layer_precision::w16a16).has_value());
  CHECK(other_precisions({}, layer_precision::float32).empty());
  CHECK(bits_text(layer_precision::w8a8) == "8 bits");
}

TEST_CASE("whether any layer can have more bits", "[debug]") {
  draws random(2);
  const network net = two_runs::plain_network(random);
  for (const compile_mode mode : {compile_mode::all_8bit, compile_mode::all_16bit}) {
    const two_runs::experiment e(net, random, mode);
    CHECK(can_have_more_bits(e.lab()) == (mode == compile_mode::all_8bit));
  }
}

TEST_CASE("a runner's values are layers by name, in order", "[debug]") {
  draws random(1);
  const two_runs::experiment e(two_runs::plain_network(random), random);
  network_runner runner(e.net, float_plan(e.net), {.keep_all = true});
  runner.run(e.views());
  const auto layers = layers_of(runner);
  REQUIRE(layers.size() == e.reference.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    CHECK(layers[i].name == e.reference[i].name);
    CHECK(layers[i].values() == e.reference[i].values);
  }
}
