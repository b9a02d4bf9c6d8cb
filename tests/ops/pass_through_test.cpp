#include <nniesim/ops/pass_through.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace pass_through_test {

namespace {

/// darknet's reorg_cpu without `forward`, as its definition of indices reads.
tensor<float> darknet_reorg(const tensor<float>& x, std::size_t stride) {
  const std::size_t n = x.shape()[0], c = x.shape()[1], h = x.shape()[2], w = x.shape()[3];
  const std::size_t few = c / (stride * stride);
  auto y = make_tensor<float>({n, c * stride * stride, h / stride, w / stride});
  for (std::size_t b = 0; b < n; ++b) {
    for (std::size_t k = 0; k < c; ++k) {
      for (std::size_t j = 0; j < h; ++j) {
        for (std::size_t i = 0; i < w; ++i) {
          const std::size_t column = i * stride + k / few % stride, row = j * stride + k / few / stride;
          y.data()[i + w * (j + h * (k + c * b))] =
              x.data()[column + w * stride * (row + h * stride * (k % few + few * b))];
        }
      }
    }
  }
  return y;
}

}  // namespace

TEST_CASE("blocks become channels by hand") {
  const auto x = counted({1, 2, 2, 4});
  const auto y = pass_through<float32>(x);
  CHECK(same_bits(
      y, tensor<float>{{{{0, 2}}, {{8, 10}}, {{1, 3}}, {{9, 11}}, {{4, 6}}, {{12, 14}}, {{5, 7}}, {{13, 15}}}}));
  const auto wide = pass_through<float32>(x, {{1, 4}});
  CHECK(shape_of(wide) == tensor_shape{1, 8, 2, 1});
  CHECK(std::vector<float>(wide.begin(), wide.end()) ==
        std::vector<float>{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15});
  CHECK(same_bits(pass_through<float32>(counted({1, 4, 1, 2}), {{2, 2}, block_order::shuffle}),
                  tensor<float>{{{{0, 2, 1, 3}, {4, 6, 5, 7}}}}));
  CHECK(same_bits(pass_through<float32>(counted({1, 8, 1, 1}), {{2, 2}, block_order::to_space}),
                  tensor<float>{{{{0, 2}, {4, 6}}, {{1, 3}, {5, 7}}}}));
}

TEST_CASE("every way back gives what was there") {
  draws d(1);
  for (int i = 0; i < 30; ++i) {
    const pass_through_params there{{d.between(1, 3), d.between(1, 3)}};
    const auto x = d.tensor(
        {d.between(1, 2), d.between(1, 3), there.block[0] * d.between(1, 4), there.block[1] * d.between(1, 4)});
    const auto y = pass_through<float32>(x, there);
    CHECK(same_bits(pass_through<float32>(y, {there.block, block_order::to_space}), x));
    for (std::size_t k = 0; k < y.size(); ++k) {
      const std::size_t w = y.shape()[3], h = y.shape()[2], c = y.shape()[1];
      const std::size_t column = k % w, row = k / w % h, channel = k / w / h % c, n = k / w / h / c;
      const std::size_t block = channel / x.shape()[1];
      CHECK(y.data()[k] == x(n, channel % x.shape()[1], row * there.block[0] + block / there.block[1],
                             column * there.block[1] + block % there.block[1]));
    }
  }
}

TEST_CASE("darknet's reorganisation") {
  for (const std::size_t stride : {std::size_t{2}, std::size_t{3}}) {
    const auto x = counted({2, 2 * stride * stride, 2 * stride, 3 * stride});
    CHECK(same_bits(pass_through<float32>(x, {{stride, stride}, block_order::darknet}), darknet_reorg(x, stride)));
  }
  const auto small = counted({1, 4, 2, 2});
  CHECK(same_bits(pass_through<float32>(small, {{2, 2}, block_order::darknet}), darknet_reorg(small, 2)));
}

TEST_CASE("elements keep their bits under every policy") {
  draws d(2);
  const auto x = d.tensor({1, 4, 4, 4});
  for_policies([&]<class P>() {
    const auto values = held<P>(x);
    const auto y = pass_through<P>(x, {{2, 2}, block_order::darknet});
    const auto moved = darknet_reorg(counted({1, 4, 4, 4}), 2);
    std::vector<double> expected;
    for (const float at : moved) expected.push_back(values[static_cast<std::size_t>(at)]);
    check_values<P>(y, expected);
  });
}

TEST_CASE("maps that do not divide are refused") {
  CHECK_THROWS_WITH(pass_through<w8a8>(zeros({1, 1, 3, 4})), contains("2 x 2") && contains("1x1x3x4"));
  CHECK_THROWS_AS(pass_through<w8a8>(zeros({1, 2, 4, 4}), {{2, 2}, block_order::darknet}), shape_error);
  CHECK_THROWS_AS(pass_through<w8a8>(zeros({1, 3, 4, 4}), {{2, 2}, block_order::shuffle}), shape_error);
  CHECK_THROWS_AS(pass_through<w8a8>(zeros({1, 4, 4, 4}), {{0, 2}}), shape_error);
  CHECK_THROWS_AS(pass_through<float32>(zeros({1, 4, 4, 4}),
                                        {{std::size_t{1} << 40U, std::size_t{1} << 40U}, block_order::to_space}),
                  shape_error);
  CHECK_THROWS_AS(pass_through<w8a8>(zeros({4, 4})), shape_error);
  CHECK_THROWS_WITH(pass_through<float32>(nan_tensor({1, 1, 2, 2})), contains("NaN"));
}

}  // namespace pass_through_test
