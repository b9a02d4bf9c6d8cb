#include <nniesim/ops/upsample.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace upsample_test {

TEST_CASE("every element is repeated along rows and columns") {
  const tensor<float> x{{{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}};
  const auto y = upsample<float32>(x);
  CHECK(same_bits(y, tensor<float>{{{{1, 1, 2, 2}, {1, 1, 2, 2}, {3, 3, 4, 4}, {3, 3, 4, 4}},
                                    {{5, 5, 6, 6}, {5, 5, 6, 6}, {7, 7, 8, 8}, {7, 7, 8, 8}}}}));
  const tensor<float> row{{{{1, 2}}}};
  CHECK(same_bits(upsample<float32>(row, {.factor = 3}),
                  tensor<float>{{{{1, 1, 1, 2, 2, 2}, {1, 1, 1, 2, 2, 2}, {1, 1, 1, 2, 2, 2}}}}));
  CHECK(same_bits(upsample<float32>(row, {.factor = 1}), row));
}

TEST_CASE("upsampling to a size takes the row that the place falls in") {
  const tensor<float> x{{{{1, 2, 3}, {4, 5, 6}}}};
  CHECK(same_bits(upsample<float32>(x, {.size = {{3, 5}}}),
                  tensor<float>{{{{1, 1, 2, 2, 3}, {1, 1, 2, 2, 3}, {4, 4, 5, 5, 6}}}}));
  CHECK(same_bits(upsample<float32>(x, {.size = {{2, 9}}}),
                  tensor<float>{{{{1, 1, 1, 2, 2, 2, 3, 3, 3}, {4, 4, 4, 5, 5, 5, 6, 6, 6}}}}));
  CHECK(same_bits(upsample<w8a8>(x, {.size = {{4, 6}}}), upsample<w8a8>(x)));
  CHECK_THROWS_WITH(upsample<w8a8>(x, {.size = {{4, 5}}}), contains("1x1x4x5") && contains("w8a8"));
  CHECK_THROWS_WITH(upsample<float32>(x, {.size = {{1, 6}}}), contains("1 rows"));
  CHECK_THROWS_AS(upsample<float32>(x, {.size = {{2, std::size_t{1} << 30U}}}), shape_error);
}

TEST_CASE("an upsampling's input goes through the activation format") {
  draws d(1);
  const auto x = d.tensor({2, 3, 4, 5});
  for_policies([&]<class P>() {
    using activations = typename P::activations;
    const auto v = held<P>(x);
    std::vector<float> values(v.begin(), v.end());
    const auto s = activations::scale_of(values);
    std::vector<double> expected;
    for (std::size_t i = 0; i < 4 * v.size(); ++i) {
      const std::size_t map = i / 80, row = i / 10 % 8, column = i % 10;
      const float at = values[map * 20 + row / 2 * 5 + column / 2];
      expected.push_back(static_cast<double>(activations::decode(activations::encode(at, s), s)));
    }
    check_values<P>(upsample<P>(x), expected);
    check_values<P>(upsample<P>(x, {}, s), expected);
  });
}

namespace {

struct float_activations : precision<binary32, binary32, fp32_chain, q20_12> {};

template <class P>
void vectors_equal_specification(draws& d, const tensor_shape& shape, const upsample_params& p,
                                 const typename P::activations::scale& s) {
  odd_tensor<P> x(d, shape);
  check_vectors<P>(
      infer_shape(p, shape), [&](auto y) { reference::upsample<P>(x.in(), s, p, y); },
      [&](auto y) { return detail::vector_upsample<P>(x.in(), s, y); });
}

}  // namespace

TEST_CASE("upsampling by vectors equals the specification") {
  draws d(3);
  for_each_isa([&](isa) {
    for (const std::size_t columns : {1U, 3U, 4U, 5U, 7U, 8U, 9U, 15U, 16U, 17U, 31U, 33U, 1023U, 1025U, 2050U}) {
      const tensor_shape shape{2, d.between(1, 2), d.between(1, 3), columns};
      vectors_equal_specification<float32>(d, shape, {}, {});
      vectors_equal_specification<float_activations>(d, shape, {}, {});
      vectors_equal_specification<w8a8>(d, shape, {}, gfpq8::scale(static_cast<int>(d.between(0, 300)) - 200));
      vectors_equal_specification<w16a16>(d, shape, {}, gfpq16::scale(static_cast<int>(d.between(0, 2000)) - 1500));
      vectors_equal_specification<uniform_w8a8>(d, shape, {}, uniform8::scale(0.01F));
      vectors_equal_specification<float32>(d, shape, {.factor = d.between(1, 5)}, {});
      const std::array size{shape[2] + d.between(0, 4), columns + d.between(0, 2 * columns)};
      vectors_equal_specification<float32>(d, shape, {.size = size}, {});
    }
  });
}

TEST_CASE("the hardware's upsampling has factor 2") {
  const auto x = zeros({1, 1, 2, 2});
  CHECK_THROWS_WITH(upsample<w8a8>(x, {.factor = 3}), contains("1x1x6x6") && contains("w8a8"));
  CHECK_THROWS_AS(upsample<w8a8>(x, {.factor = 3}), format_error);
  CHECK_THROWS_AS(upsample<float32>(x, {.factor = 0}), shape_error);
  CHECK_THROWS_AS(upsample<float32>(x, {.factor = std::size_t{1} << 63U}), shape_error);
  CHECK_THROWS_WITH(upsample<float32>(zeros({2, 2})), contains("2x2") && contains("rank 4"));
  CHECK_THROWS_AS(upsample<float32>(zeros({1, 1, 0, 2})), shape_error);
  CHECK_THROWS_WITH(upsample<w8a8>(nan_tensor({1, 1, 1, 2})), contains("NaN"));
  auto y = zeros({1, 1, 2, 4});
  CHECK_THROWS_WITH(upsample_into<float32>(view_of(std::as_const(x)), {}, {}, view_of(y)), contains("1x1x2x4"));
}

}  // namespace upsample_test
