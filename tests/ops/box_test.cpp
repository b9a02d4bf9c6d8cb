#include <nniesim/ops/box.hpp>

#include <limits>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace box_test {

TEST_CASE("the share that two boxes have in common") {
  const box a{0, 0, 2, 2}, b{1, 1, 3, 3};
  CHECK(overlap(a, a, 0.0) == 1.0);
  CHECK(overlap(a, b, 0.0) == 1.0 / 7);
  CHECK(overlap(b, a, 0.0) == 1.0 / 7);
  CHECK(overlap(a, b, 1.0) == 4.0 / 14);  // 3 x 3 pixels each, 2 x 2 in common
  CHECK(overlap(a, {2, 0, 4, 2}, 0.0) == 0.0);
  CHECK(overlap(a, {2, 0, 4, 2}, 1.0) == 3.0 / 15);
  CHECK(overlap(a, {5, 5, 6, 6}, 1.0) == 0.0);
  CHECK(overlap(a, {2, 2, 0, 0}, 0.0) == 0.0);  // exchanged corners
  CHECK(overlap({1, 1, 1, 1}, {1, 1, 1, 1}, 0.0) == 0.0);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(overlap(a, {nan, 0, 2, 2}, 0.0) <= 1.0);
  CHECK(overlap({nan, nan, nan, nan}, a, 0.0) <= 1.0);
  const float infinity = std::numeric_limits<float>::infinity();
  const box all{-infinity, -infinity, infinity, infinity};
  CHECK(!(overlap(all, all, 0.0) < 0));
}

TEST_CASE("boxes that overlap a better one are dropped") {
  const std::vector<box> boxes{{0, 0, 10, 10}, {0, 0, 10, 8}, {0, 0, 10, 5}, {20, 0, 30, 10}};
  const std::vector<std::size_t> order{0, 1, 2, 3};
  CHECK(suppressed(boxes, order, {0.5, 1.0, 0.0}, 9) == std::vector<std::size_t>{0, 2, 3});  // 0.8, and just 0.5
  CHECK(suppressed(boxes, order, {0.9, 1.0, 0.0}, 9) == std::vector<std::size_t>{0, 1, 2, 3});
  CHECK(suppressed(boxes, order, {0.9, 1.0, 0.0}, 2) == std::vector<std::size_t>{0, 1});
  // The threshold falls to 0.45 after the first box, and no more.
  CHECK(suppressed(boxes, order, {0.9, 0.5, 0.0}, 9) == std::vector<std::size_t>{0, 3});
  CHECK(suppressed(boxes, {}, {0.5, 1.0, 0.0}, 9).empty());
}

TEST_CASE("the largest values come first, equal ones in their order") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{1, 9, nan, 9, 3, 9, 2, 9};
  CHECK(places_of_largest(values, 0, 2, 4, 0.5F, 9) == std::vector<std::size_t>{2, 3, 0});
  CHECK(places_of_largest(values, 1, 2, 4, 0.5F, 2) == std::vector<std::size_t>{0, 1});
  CHECK(places_of_largest(values, 0, 1, 8, 9.0F, 9).empty());
}

}  // namespace box_test
