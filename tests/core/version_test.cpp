#include <nniesim/core/version.hpp>

#include "catch.hpp"

TEST_CASE("the version is three numbers, and results have one of their own") {
  CHECK(NNIESIM_VERSION_MAJOR >= 0);
  CHECK(NNIESIM_VERSION_MINOR >= 1);
  CHECK(NNIESIM_VERSION_PATCH >= 0);
  CHECK(NNIESIM_RESULTS_VERSION >= 1);
}
