#include <nniesim/core/check.hpp>

#include "catch.hpp"

TEST_CASE("internal checks throw in builds without NDEBUG and vanish in the others") {
  [[maybe_unused]] int evaluated = 0;
#if defined(NDEBUG)
  NNIESIM_DCHECK(++evaluated == 0);
  CHECK(evaluated == 0);
#else
  CHECK_THROWS_WITH([] { NNIESIM_DCHECK(1 == 2); }(), contains("1 == 2") && contains("check_test.cpp"));
#endif
}
