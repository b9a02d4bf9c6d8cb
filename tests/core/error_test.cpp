#include <nniesim/core/error.hpp>

#include "catch.hpp"

using namespace nniesim;

TEST_CASE("every error is a runtime_error with its message") {
  CHECK_THROWS_AS(throw shape_error("a"), error);
  CHECK_THROWS_AS(throw format_error("a"), error);
  CHECK_THROWS_AS(throw parse_error("a"), std::runtime_error);
}

TEST_CASE("require throws the parts as one sentence, and only when it does not hold") {
  CHECK_NOTHROW(detail::require<format_error>(true, "never"));
  CHECK_THROWS_WITH(detail::require<format_error>(false, "got ", 3, ", expected ", 0.5), "got 3, expected 0.5");
}
