#include <nniesim/core/config.hpp>

#include <string_view>

#include "catch.hpp"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

TEST_CASE("the inline namespace names version, instruction set and build kind") {
  const std::string_view name = TEXT(NNIESIM_ABI);
#if defined(NDEBUG)
  CHECK(name.ends_with("_release"));
#else
  CHECK(name.ends_with("_debug"));
#endif
  CHECK(name.starts_with("v0_1_"));
}
