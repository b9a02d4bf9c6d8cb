// The debug side of NNIESIM_DCHECK, whatever the build.
#undef NDEBUG
#include <nniesim/core/check.hpp>

#include "catch.hpp"

namespace {

int checked(int x) {
  NNIESIM_DCHECK(x > 0);
  return x;
}

int unbraced(bool first, int x) {
  if (first) NNIESIM_DCHECK(x == 1);
  else NNIESIM_DCHECK(x == 2);
  return x;
}

}  // namespace

TEST_CASE("a failing internal check throws with the place and the condition in debug builds") {
  CHECK(checked(1) == 1);
  CHECK_THROWS_AS(checked(0), nniesim::error);
  CHECK_THROWS_WITH(checked(-1), contains("check_test.cpp:") && contains("internal check failed: x > 0"));
}

TEST_CASE("an internal check is one statement") {
  CHECK(unbraced(true, 1) == 1);
  CHECK(unbraced(false, 2) == 2);
  CHECK_THROWS_AS(unbraced(false, 1), nniesim::error);
}
