#include <nniesim/ops/crop.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace crop_test {

TEST_CASE("a crop begins at its offsets") {
  draws d(1);
  const auto x = d.tensor({2, 3, 6, 7});
  const tensor_shape size{9, 2, 3, 4};
  const auto check = [&](const crop_params& p, const std::array<std::size_t, 4>& offset, const tensor_shape& shape) {
    for_policies([&]<class P>() {
      const auto v = held<P>(x);
      const auto y = crop<P>(x, size, p);
      REQUIRE(shape_of(y) == shape);
      std::vector<double> expected;
      for (std::size_t i = 0; i < shape.size(); ++i) {
        std::size_t rest = i, index = 0, stride = 1;
        for (std::size_t axis = 4; axis-- > 0; stride *= x.shape()[axis]) {
          index += (rest % shape[axis] + offset[axis]) * stride;
          rest /= shape[axis];
        }
        expected.push_back(v[index]);
      }
      check_values<P>(y, expected);
    });
  };
  check({}, {0, 0, 0, 0}, {2, 3, 3, 4});
  check({.offsets = {2}}, {0, 0, 2, 2}, {2, 3, 3, 4});
  check({.offsets = {3, 1}}, {0, 0, 3, 1}, {2, 3, 3, 4});
  check({.axis = 1, .offsets = {1, 2, 3}}, {0, 1, 2, 3}, {2, 2, 3, 4});
  check({.axis = 3, .offsets = {3}}, {0, 0, 0, 3}, {2, 3, 6, 4});
}

TEST_CASE("crops that are not within the tensor are refused") {
  const auto x = zeros({1, 2, 4, 4});
  CHECK_THROWS_WITH(crop<w8a8>(x, {1, 2, 3, 3}, {.offsets = {2}}), contains("3 elements from 2") && contains("axis 2"));
  CHECK_THROWS_AS(crop<w8a8>(x, {1, 2, 5, 1}), shape_error);
  CHECK_THROWS_AS(crop<w8a8>(x, {1, 2, 1, 1}, {.offsets = {std::size_t(-1)}}), shape_error);
  CHECK_THROWS_WITH(crop<w8a8>(x, {4, 4}), contains("1x2x4x4") && contains("equal ranks"));
  CHECK_THROWS_AS(crop<w8a8>(x, {1, 2, 4, 4}, {.axis = 4}), shape_error);
  CHECK_THROWS_AS(crop<w8a8>(x, {1, 2, 0, 4}), shape_error);
  CHECK_THROWS_WITH(crop<w8a8>(x, {1, 2, 1, 1}, {.offsets = {1, 1, 1}}), contains("3 offsets"));
  CHECK_THROWS_WITH(crop<float32>(nan_tensor({1, 2}), {1, 1}, {.axis = 0}), contains("NaN"));
}

}  // namespace crop_test
