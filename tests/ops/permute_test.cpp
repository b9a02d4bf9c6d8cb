#include <nniesim/ops/permute.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace permute_test {

TEST_CASE("axis i of the result is axis order[i] of the input") {
  draws d(1);
  const auto x = d.tensor({2, 3, 4, 5});
  const auto y = permute<float32>(x, {.order = {0, 2, 3, 1}});
  CHECK(shape_of(y) == tensor_shape{2, 4, 5, 3});
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t h = 0; h < 4; ++h) {
        for (std::size_t w = 0; w < 5; ++w) CHECK(y(n, h, w, c) == x(n, c, h, w));
      }
    }
  }
  CHECK(same_bits(permute<float32>(y, {.order = {0, 3, 1, 2}}), x));
}

TEST_CASE("orders that are no permutation are refused") {
  const auto x = zeros({2, 3});
  CHECK_THROWS_WITH(permute<w8a8>(x, {.order = {0, 0}}), contains("(0, 0)") && contains("2x3"));
  CHECK_THROWS_AS(permute<w8a8>(x, {.order = {0}}), shape_error);
  CHECK_THROWS_AS(permute<w8a8>(x, {.order = {0, 2}}), shape_error);
}

}  // namespace permute_test
