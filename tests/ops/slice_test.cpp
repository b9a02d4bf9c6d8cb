#include <nniesim/ops/slice.hpp>

#include <nniesim/ops/concat.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace slice_test {

TEST_CASE("a tensor is cut at points or into equal parts") {
  const tensor<float> x{{0, 1, 2, 3, 4, 5}, {6, 7, 8, 9, 10, 11}};
  const auto at = slice<float32>(x, {.axis = 1, .points = {1, 3}});
  REQUIRE(at.size() == 3);
  CHECK(shape_of(at[0]) == tensor_shape{2, 1});
  CHECK(at[0](1, 0) == 6.0F);
  CHECK(same_bits(at[1], tensor<float>{{1, 2}, {7, 8}}));
  CHECK(same_bits(at[2], tensor<float>{{3, 4, 5}, {9, 10, 11}}));
  const auto equal = slice<float32>(x, {.axis = 0, .parts = 2});
  REQUIRE(equal.size() == 2);
  CHECK(same_bits(equal[1], tensor<float>{{6, 7, 8, 9, 10, 11}}));
  CHECK(same_bits(slice<float32>(x, {})[0], x));
}

TEST_CASE("parts put together again are the tensor") {
  draws d(1);
  const auto x = d.tensor({4, 6, 5});
  for_policies([&]<class P>() {
    for (const std::size_t axis : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
      const auto parts = slice<P>(x, {.axis = axis, .points = {1, 3}});
      check_values<P>(concat<P>({.axis = axis}, parts[0], parts[1], parts[2]), held<P>(x));
    }
  });
}

TEST_CASE("cuts that do not fit are refused") {
  const auto x = zeros({2, 6});
  CHECK_THROWS_WITH(slice<w8a8>(x, {.axis = 2}), contains("axis 2") && contains("2x6"));
  CHECK_THROWS_WITH(slice<w8a8>(x, {.parts = 4}), contains("4 equal parts") && contains("divisor of 6"));
  CHECK_THROWS_AS(slice<w8a8>(x, {.parts = 0}), shape_error);
  CHECK_THROWS_WITH(slice<w8a8>(x, {.points = {3, 3}}), contains("from 3 to 3"));
  CHECK_THROWS_WITH(slice<w8a8>(x, {.points = {4, 3}}), contains("from 4 to 3"));
  CHECK_THROWS_AS(slice<w8a8>(x, {.points = {0}}), shape_error);
  CHECK_THROWS_AS(slice<w8a8>(x, {.points = {6}}), shape_error);
  CHECK_THROWS_AS(slice<w8a8>(x, {.points = {7}}), shape_error);
  CHECK_THROWS_WITH(slice<w8a8>(x, {.points = {3}, .parts = 2}), contains("one or the other"));
  CHECK_THROWS_AS(slice<w8a8>(zeros({0, 6}), {.parts = 2}), shape_error);
  CHECK_THROWS_WITH(slice<float32>(nan_tensor({1, 2}), {}), contains("NaN"));
  auto y = zeros({2, 3});
  const std::array one = {view_of(y)};
  CHECK_THROWS_WITH(slice_into<float>(view_of(x), {.parts = 2}, one), contains("1 output") && contains("expected 2"));
}

}  // namespace slice_test
