#include <nniesim/precision/compile_mode.hpp>

#include <string>

#include "catch.hpp"

using namespace nniesim;

static_assert(is_marked_hp("conv1_hp") && is_marked_hp("_hp") && !is_marked_hp("conv1") && !is_marked_hp("hp") &&
              !is_marked_hp("conv1_hp_") && !is_marked_hp("conv1_HP") && !is_marked_hp(""));

TEST_CASE("the compiler's numbers are its modes, others a format_error that gives the number") {
  CHECK(compile_mode_of(0) == compile_mode::all_8bit);
  CHECK(compile_mode_of(1) == compile_mode::all_16bit);
  CHECK(compile_mode_of(2) == compile_mode::mixed);
  CHECK_THROWS_AS(compile_mode_of(3), format_error);
  CHECK_THROWS_WITH(compile_mode_of(-1), contains("compile_mode is -1, expected 0, 1 or 2"));
}

TEST_CASE("mode 2 gives 16 bits to the layers marked _hp, the other modes one width to all") {
  CHECK(layer_bits(compile_mode::all_8bit, "conv1") == 8);
  CHECK(layer_bits(compile_mode::all_16bit, "conv1") == 16);
  CHECK(layer_bits(compile_mode::mixed, "conv1") == 8);
  CHECK(layer_bits(compile_mode::mixed, "conv1_hp") == 16);
}

TEST_CASE("a _hp mark outside mode 2 is a format_error that names layer and mode") {
  CHECK_THROWS_AS(layer_bits(compile_mode::all_8bit, "conv1_hp"), format_error);
  CHECK_THROWS_AS(layer_bits(compile_mode::all_16bit, "conv1_hp"), format_error);
  CHECK_THROWS_WITH(layer_bits(compile_mode::all_16bit, "conv1_hp"),
                    contains("layer 'conv1_hp'") && contains("got compile_mode 1"));
}

TEST_CASE("with_policy calls with the policy of the layer and returns what the call does") {
  const auto name = [](auto policy) { return policy_name<decltype(policy)>(); };
  CHECK(with_policy(compile_mode::all_8bit, "a", name) == "w8a8");
  CHECK(with_policy(compile_mode::all_16bit, "a", name) == "w16a16");
  CHECK(with_policy(compile_mode::mixed, "a", name) == "w8a8");
  CHECK(with_policy(compile_mode::mixed, "a_hp", name) == "w16a16");
  int calls = 0;
  with_policy(compile_mode::mixed, "a", [&calls](auto) { ++calls; });
  CHECK(calls == 1);
  CHECK_THROWS_AS(with_policy(compile_mode::all_8bit, "a_hp", name), format_error);
}
