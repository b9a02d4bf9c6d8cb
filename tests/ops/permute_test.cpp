#include <nniesim/ops/permute.hpp>

#include <numeric>

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

TEST_CASE("permuting by rows and tiles moves every element where the specification does") {
  draws d(2);
  for (int i = 0; i < 400; ++i) {
    permute_params p;
    std::vector<std::size_t> extents;
    const std::size_t rank = d.between(1, 6);
    for (std::size_t axis = 0; axis < rank; ++axis) {
      p.order.insert(p.order.begin() + static_cast<std::ptrdiff_t>(d.between(0, axis)), axis);
      extents.push_back(d.between(1, rank < 4 ? 37 : 9));
    }
    const tensor_shape shape{std::span<const std::size_t>(extents)};
    std::vector<std::uint32_t> x(shape.size()), expected(x.size()), got(x.size());
    std::iota(x.begin(), x.end(), 1U);
    const tensor_shape to = infer_shape(p, shape);
    reference::permute<std::uint32_t>({x, shape}, p, {expected, to});
    detail::permute_by_parts<std::uint32_t>({x, shape}, p, {got, to});
    INFO(shape << " to " << to);
    CHECK(got == expected);
  }
}

TEST_CASE("orders that are no permutation are refused") {
  const auto x = zeros({2, 3});
  CHECK_THROWS_WITH(permute<w8a8>(x, {.order = {0, 0}}), contains("(0, 0)") && contains("2x3"));
  CHECK_THROWS_AS(permute<w8a8>(x, {.order = {0}}), shape_error);
  CHECK_THROWS_AS(permute<w8a8>(x, {.order = {0, 2}}), shape_error);
}

}  // namespace permute_test
