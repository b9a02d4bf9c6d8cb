#include <nniesim/ops/padding.hpp>

#include <array>
#include <cstddef>

#include "catch.hpp"

using namespace nniesim;

namespace padding_test {

namespace {

constexpr std::array<std::size_t, 4> sides(const padding& p) { return {p.top, p.left, p.bottom, p.right}; }

}  // namespace

TEST_CASE("a pair pads rows on both sides, then columns; four numbers go around from the top by the left") {
  static_assert(sides(padding()) == std::array<std::size_t, 4>{0, 0, 0, 0});
  CHECK(sides(padding(1, 2)) == std::array<std::size_t, 4>{1, 2, 1, 2});
  CHECK(sides({1, 2, 3, 4}) == std::array<std::size_t, 4>{1, 2, 3, 4});
}

}  // namespace padding_test
