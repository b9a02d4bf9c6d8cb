#include <nniesim/formats/rounding.hpp>

#include <type_traits>

#include "catch.hpp"

using namespace nniesim;

namespace rounding_test {

namespace {

static_assert(rounding<floor_rounding> && rounding<toward_zero> && rounding<nearest_even> && rounding<nearest_away>);
static_assert(overflow<saturate> && overflow<wrap> && overflow<trap>);
// One kind of rule is not the other, and neither is anything else.
static_assert(!overflow<floor_rounding> && !rounding<saturate>);

struct own_rule {
  int rule = 0;
};
static_assert(!rounding<own_rule> && !overflow<own_rule>);

}  // namespace

TEST_CASE("every rounding rule has a name of its own") {
  CHECK(to_string(floor_rounding::rule) == "floor");
  CHECK(to_string(toward_zero::rule) == "toward_zero");
  CHECK(to_string(nearest_even::rule) == "nearest_even");
  CHECK(to_string(nearest_away::rule) == "nearest_away");
  CHECK(to_string(static_cast<rounding_rule>(17)) == "?");
}

TEST_CASE("every overflow rule has a name of its own") {
  CHECK(to_string(saturate::rule) == "saturate");
  CHECK(to_string(wrap::rule) == "wrap");
  CHECK(to_string(trap::rule) == "trap");
  CHECK(to_string(static_cast<overflow_rule>(17)) == "?");
}

}  // namespace rounding_test
