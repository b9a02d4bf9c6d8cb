#include <nniesim/ops/im2col.hpp>

#include <numeric>

#include <nniesim/ops/conv2d.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace im2col_test {

TEST_CASE("windows stand channel by channel, kernel row by kernel row") {
  auto x = make_tensor<float>({1, 2, 2, 2});
  std::iota(x.begin(), x.end(), 1.0F);
  im2col_params p;
  p.kernel = {2, 1};
  p.geometry.pad = {1, 0};
  const auto y = im2col<float32>(x, p);
  REQUIRE(shape_of(y) == tensor_shape{1, 4, 3, 2});
  const std::vector<float> expected{0, 0, 1, 2, 3, 4,  // channel 0, kernel row 0: rows -1, 0, 1
                                    1, 2, 3, 4, 0, 0,  // kernel row 1: rows 0, 1, 2
                                    0, 0, 5, 6, 7, 8, 5, 6, 7, 8, 0, 0};
  CHECK(std::equal(y.begin(), y.end(), expected.begin(), expected.end()));
}

TEST_CASE("a convolution is a product with the windows") {
  draws d(1);
  for (int i = 0; i < 20; ++i) {
    im2col_params p;
    p.kernel = {d.between(1, 3), d.between(1, 3)};
    p.geometry.stride = {d.between(1, 3), d.between(1, 3)};
    p.geometry.dilation = {d.between(1, 2), d.between(1, 2)};
    p.geometry.pad = {d.between(0, 2), d.between(0, 2), d.between(0, 2), d.between(0, 2)};
    const auto x = d.tensor({2, 3, d.between(5, 8), d.between(5, 8)});
    auto w = d.tensor({4, 3, p.kernel[0], p.kernel[1]});
    const auto expected = conv2d<float32>(x, w, p.geometry);
    w.reshape({4, 3 * p.kernel[0] * p.kernel[1], 1, 1});
    CHECK(same_bits(conv2d<float32>(im2col<float32>(x, p), w), expected));
  }
}

TEST_CASE("columns of windows that do not fit are refused") {
  const auto x = zeros({1, 2, 4, 4});
  im2col_params p;
  p.kernel = {5, 5};
  CHECK_THROWS_WITH(im2col<w8a8>(x, p), contains("reaches over 5"));
  p.kernel = {0, 1};
  CHECK_THROWS_WITH(im2col<w8a8>(x, p), contains("kernel 0 x 1"));
  p.kernel = {1, 1};
  p.geometry.groups = 2;
  CHECK_THROWS_WITH(im2col<w8a8>(x, p), contains("2 groups"));
  CHECK_THROWS_WITH(im2col<w8a8>(zeros({4, 4}), {}), contains("rank 4"));
  CHECK_THROWS_WITH(im2col<w8a8>(zeros({1, 0, 4, 4}), {}), contains("no empty axis"));
  CHECK_THROWS_WITH(im2col<float32>(nan_tensor({1, 1, 1, 2}), {}), contains("NaN"));
}

}  // namespace im2col_test
