#include <nniesim/ops/arg_max.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace arg_max_test {

TEST_CASE("without an axis: places, then values, of each batch item") {
  const tensor<float> x{{{{1, 5}, {3, 2}}}, {{{-4, -1}, {-2, -3}}}};
  for_policies([&]<class P>() {
    const auto y = arg_max<P>(x, {.top_k = 2});
    CHECK(shape_of(y) == tensor_shape{2, 1, 2, 1});
    CHECK(std::equal(y.begin(), y.end(), std::begin({1.0F, 2.0F, 1.0F, 2.0F})));
    const auto both = arg_max<P>(x, {.top_k = 2, .out_max_val = true});
    CHECK(shape_of(both) == tensor_shape{2, 2, 2, 1});
    CHECK(std::equal(both.begin(), both.end(), std::begin({1.0F, 2.0F, 5.0F, 3.0F, 1.0F, 2.0F, -1.0F, -2.0F})));
  });
  CHECK(shape_of(arg_max<float32>(zeros({2, 3}))) == tensor_shape{2, 1, 1});
  CHECK(shape_of(arg_max<float32>(zeros({2}))) == tensor_shape{2, 1, 1});
  CHECK(shape_of(arg_max<float32>(zeros({2, 3, 4, 5, 6}))) == tensor_shape{2, 1, 1, 1, 1});
}

TEST_CASE("along an axis: places or values") {
  const tensor<float> x{{{1, 5, 3}, {4, 2, 6}}};
  CHECK(same_bits(arg_max<float32>(x, {.axis = 1}), tensor<float>{{{1, 0, 1}}}));
  CHECK(same_bits(arg_max<float32>(x, {.out_max_val = true, .axis = 1}), tensor<float>{{{4, 5, 6}}}));
  CHECK(same_bits(arg_max<float32>(x, {.top_k = 2, .axis = 2}), tensor<float>{{{1, 2}, {2, 0}}}));
  CHECK(same_bits(arg_max<float32>(x, {.top_k = 2, .out_max_val = true, .axis = 1}),
                  tensor<float>{{{4, 5, 6}, {1, 2, 3}}}));
}

TEST_CASE("of equal elements the last comes first") {
  CHECK(same_bits(arg_max<float32>(tensor<float>{{0, 7, 7, 1}}, {.top_k = 3, .axis = 1}), tensor<float>{{2, 1, 3}}));
  CHECK(arg_max<float32>(tensor<float>{{0.0F, -0.0F}}).data()[0] == 1.0F);
}

TEST_CASE("what ArgMax cannot take is refused") {
  const auto x = zeros({2, 3});
  CHECK_THROWS_WITH(arg_max<w8a8>(x, {.axis = 2}), contains("axis 2") && contains("2x3"));
  CHECK_THROWS_WITH(arg_max<w8a8>(x, {.top_k = 4}), contains("4 largest of 3"));
  CHECK_THROWS_AS(arg_max<w8a8>(x, {.top_k = 0}), shape_error);
  CHECK_THROWS_AS(arg_max<w8a8>(zeros({0, 3})), shape_error);
  CHECK_THROWS_AS(arg_max<w8a8>(zeros({})), shape_error);
  CHECK_THROWS_WITH(arg_max<float32>(nan_tensor({2, 3})), contains("NaN"));
  const auto bad = nan_tensor({1, 3});
  auto y = zeros({1, 1, 1});
  CHECK_THROWS_WITH(arg_max_into<float32>(view_of(bad), {}, view_of(y)), contains("NaN"));
}

}  // namespace arg_max_test
