// The release side of NNIESIM_DCHECK, whatever the build.
#if !defined(NDEBUG)
#define NDEBUG
#endif
#include <nniesim/core/check.hpp>

#include "catch.hpp"

TEST_CASE("an internal check is gone in release builds, its condition not evaluated") {
  int evaluated = 0;
  NNIESIM_DCHECK(++evaluated > 100);
  CHECK(evaluated == 0);
}

TEST_CASE("a variable that only an internal check uses draws no warning in release builds") {
  const int used_by_the_check = 1;
  NNIESIM_DCHECK(used_by_the_check == 2);
  SUCCEED("compiled with warnings as errors");
}
