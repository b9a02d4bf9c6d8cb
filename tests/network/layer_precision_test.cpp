#include <nniesim/network/layer_precision.hpp>

#include <set>

#include <nniesim/formats/uniform.hpp>

#include "catch.hpp"
#include "support/other_policies.hpp"

using namespace nniesim;

namespace layer_precision_test {

using namespace other_policies;

TEST_CASE("a policy's name is its identity, whatever the name of another", "[network]") {
  CHECK(layer_precision::w8a8 == layer_precision::of<w8a8>());
  CHECK(layer_precision() == layer_precision::float32);
  CHECK(layer_precision::of<twin>() != layer_precision::w8a8);
  CHECK(layer_precision::of<twin>().name() == "twin");
  CHECK(to_string(layer_precision::of<mixed>()) == "gfpq16/gfpq8/fp64_chain/q20_12_floor_saturate");
  CHECK(layer_precision::of<mixed>().weight_bits() == 16);
  CHECK(layer_precision::of<mixed>().activation_bits() == 8);
  CHECK(layer_precision::of<uniform_w16a16>().activation_bits() == 16);
  CHECK_FALSE(layer_precision::float32.encodes());
  CHECK(layer_precision::of<in_float>().encodes());
  CHECK(layer_precision::of<in_float>().writes_floats());
  CHECK((layer_precision::w8a8 < layer_precision::w16a16) != (layer_precision::w16a16 < layer_precision::w8a8));
}

TEST_CASE("what is known of a policy is what its parts are", "[network]") {
  const auto float32 = layer_precision::float32, w8a8 = layer_precision::w8a8, w16a16 = layer_precision::w16a16;
  CHECK(float32.name() == "float32");
  CHECK(w8a8.activations() == "gfpq8");
  CHECK(w16a16.activations() == "gfpq16");
  CHECK(w16a16.weight_bits() == 16);
  CHECK(float32.weight_bits() == 32);
  CHECK(w8a8.encodes_activations());
  CHECK_FALSE(float32.encodes_activations());
  const auto only = layer_precision::of<weights_alone>();
  CHECK(only.encodes());
  CHECK_FALSE(only.encodes_activations());
  CHECK((w8a8.writes_q20_12() && !w8a8.writes_floats()));
  CHECK((float32.writes_floats() && !float32.writes_q20_12()));
  const auto neither = layer_precision::of<narrow>();
  CHECK((!neither.writes_floats() && !neither.writes_q20_12()));
}

TEST_CASE("ranges of log formats have their levels and octaves, of others the bits", "[network]") {
  // 8 bits: 127 magnitudes, 16 of them in an octave; 16 bits: 128 in each.
  CHECK(layer_precision::w8a8.levels_per_octave() == 16);
  CHECK(layer_precision::w16a16.levels_per_octave() == 128);
  CHECK(layer_precision::w8a8.octaves() == static_cast<double>(gfpq8::max_magnitude) / 16);
  CHECK(layer_precision::w16a16.octaves() == static_cast<double>(gfpq16::max_magnitude) / 128);
  CHECK(layer_precision::of<uniform_w8a8>().levels_per_octave() == 16);
  CHECK(layer_precision::of<uniform_w8a8>().octaves() == 7);
  CHECK(layer_precision::of<uniform_w16a16>().octaves() == 15);
  CHECK(layer_precision::float32.octaves() == 128);
}

TEST_CASE("policies are ordered, so that containers tell them apart", "[network]") {
  const std::set<layer_precision> all{layer_precision::w8a8, layer_precision::of<twin>(), layer_precision::w16a16,
                                      layer_precision::of<w8a8>(), layer_precision()};
  CHECK(all.size() == 4);
}

}  // namespace layer_precision_test
