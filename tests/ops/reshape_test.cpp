#include <nniesim/ops/reshape.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace reshape_test {

TEST_CASE("0 copies an extent, -1 takes what is left") {
  draws d(1);
  const auto x = d.tensor({2, 3, 4});
  const auto y = reshape<float32>(x, {.extents = {0, -1}});
  CHECK(shape_of(y) == tensor_shape{2, 12});
  CHECK(std::equal(x.data(), x.data() + x.size(), y.data()));
  CHECK(shape_of(reshape<float32>(x, {.extents = {-1}})) == tensor_shape{24});
  CHECK(shape_of(reshape<float32>(x, {.extents = {1, 0, 8}})) == tensor_shape{1, 3, 8});
}

TEST_CASE("extents that do not give the elements are refused") {
  const auto x = zeros({2, 3, 4});
  for (const auto& extents : std::vector<std::vector<std::int64_t>>{
           {5, -1}, {-1, -1}, {2, 3}, {2, 3, 5}, {-2, 12}, {24, 0, 0, 0}, {INT64_MAX, INT64_MAX}, {}}) {
    CHECK_THROWS_AS(reshape<w8a8>(x, {.extents = extents}), shape_error);
  }
  CHECK_THROWS_WITH(reshape<w8a8>(x, {.extents = {7, -1}}), contains("2x3x4") && contains("(7, -1)"));
}

}  // namespace reshape_test
