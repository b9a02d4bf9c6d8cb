#include <nniesim/tensor/shape.hpp>

#include <array>
#include <limits>
#include <sstream>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace {

std::string text(const tensor_shape& s) {
  std::ostringstream out;
  out << s;
  return out.str();
}

static_assert(tensor_shape{2, 3, 4}.size() == 24 && tensor_shape{2, 3, 4}.rank() == 3 && tensor_shape{2, 3, 4}[1] == 3);
static_assert(tensor_shape{2, 3} == tensor_shape{2, 3} && tensor_shape{2, 3} != tensor_shape{3, 2});

}  // namespace

TEST_CASE("the size is the product of the extents, 1 for a scalar") {
  CHECK(tensor_shape{}.size() == 1);
  CHECK(tensor_shape{}.rank() == 0);
  CHECK(tensor_shape{7}.size() == 7);
  CHECK(tensor_shape{1, 2, 3, 4, 5, 6, 7, 8}.size() == 40320);
  CHECK(tensor_shape{3, 0, 5}.size() == 0);
  const tensor_shape s{4, 9};
  CHECK(std::vector<std::size_t>(s.begin(), s.end()) == std::vector<std::size_t>{4, 9});
}

TEST_CASE("shapes are equal when rank and extents are") {
  CHECK(tensor_shape{2, 3} == tensor_shape(std::vector<std::size_t>{2, 3}));
  CHECK_FALSE(tensor_shape{2, 3} == tensor_shape{2, 3, 1});
  CHECK_FALSE(tensor_shape{} == tensor_shape{1});
  CHECK_FALSE(tensor_shape{0, 3} == tensor_shape{3, 0});
}

TEST_CASE("a shape prints its extents") {
  CHECK(text({1, 3, 224, 224}) == "1x3x224x224");
  CHECK(text({5}) == "5");
  CHECK(text({0, 2}) == "0x2");
  CHECK(text({}) == "scalar");
}

TEST_CASE("more than eight axes are a shape_error that gives the rank") {
  const std::vector<std::size_t> nine(9, 1);
  CHECK_THROWS_AS(tensor_shape(nine), shape_error);
  CHECK_THROWS_WITH(tensor_shape(nine), contains("rank 9, expected at most 8"));
}

TEST_CASE("an element count beyond the address space is a shape_error, not a wrapped number") {
  constexpr std::size_t half = std::size_t{1} << 32U;
  CHECK_THROWS_AS((tensor_shape{half, half}), shape_error);
  CHECK_THROWS_WITH((tensor_shape{2, half, half}), contains("2x4294967296x4294967296"));
  CHECK_THROWS_AS((tensor_shape{std::numeric_limits<std::size_t>::max()}), shape_error);
  CHECK_THROWS_AS((tensor_shape{std::size_t{1} << 63U}), shape_error);
  CHECK((tensor_shape{half, half / 4}).size() == std::size_t{1} << 62U);
}

TEST_CASE("whether a shape with an extent of 0 is taken does not depend on where the 0 stands") {
  constexpr std::size_t half = std::size_t{1} << 32U;
  const auto taken = [](const std::array<std::size_t, 3>& extents) {
    try {
      return tensor_shape(extents).size() == 0;
    } catch (const shape_error&) {
      return false;
    }
  };
  CHECK(taken({0, half, half}) == taken({half, half, 0}));
  CHECK(taken({half, 0, half}) == taken({half, half, 0}));
}

TEST_CASE("coordinates count the last axis fastest") {
  CHECK(coordinates({2, 3, 4}, 0) == "(0, 0, 0)");
  CHECK(coordinates({2, 3, 4}, 3) == "(0, 0, 3)");
  CHECK(coordinates({2, 3, 4}, 4) == "(0, 1, 0)");
  CHECK(coordinates({2, 3, 4}, 23) == "(1, 2, 3)");
  CHECK(coordinates({7}, 6) == "(6)");
  CHECK(coordinates({}, 0) == "()");
}

TEST_CASE("require_rank refuses another rank and empty axes, and says what was expected") {
  CHECK_NOTHROW(require_rank({1, 2, 3, 4}, 4, "conv2d", "N, C, H, W"));
  CHECK_THROWS_AS(require_rank({1, 2, 3}, 4, "conv2d", "N, C, H, W"), shape_error);
  CHECK_THROWS_AS(require_rank({1, 0, 3, 4}, 4, "conv2d", "N, C, H, W"), shape_error);
  CHECK_THROWS_WITH(require_rank({1, 2, 3}, 4, "conv2d", "N, C, H, W"),
                    contains("conv2d: got shape 1x2x3") && contains("expected rank 4 (N, C, H, W)"));
}

TEST_CASE("require_output gives both shapes") {
  CHECK_NOTHROW(detail::require_output({2, 3}, {2, 3}, "power"));
  CHECK_THROWS_AS(detail::require_output({2, 3}, {3, 2}, "power"), shape_error);
  CHECK_THROWS_WITH(detail::require_output({2, 3}, {3, 2}, "power"),
                    contains("power") && contains("shape 2x3, expected 3x2"));
}
