#include <nniesim/ops/axpy.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace axpy_test {

TEST_CASE("axpy multiplies each channel by its factor and adds") {
  draws d(1);
  const auto x = d.tensor({2, 3, 4, 5}), b = d.tensor({2, 3, 4, 5});
  for (const tensor_shape& shape : {tensor_shape{2, 3}, tensor_shape{2, 3, 1, 1}}) {
    const auto a = d.tensor(shape);
    for_policies([&]<class P>() {
      const auto va = held<P>(a), vx = held<P>(x), vb = held<P>(b);
      std::vector<double> expected;
      for (std::size_t i = 0; i < vx.size(); ++i) expected.push_back(std::fma(va[i / 20], vx[i], vb[i]));
      check_values<P>(axpy<P>(a, x, b), expected);
    });
  }
  auto y = b;
  const auto factors = d.tensor({2, 3});
  axpy_into<float32>(view_of(factors), view_of(x), view_of(std::as_const(y)), view_of(y));
  CHECK_FALSE(same_bits(y, b));
}

TEST_CASE("axpy refuses inputs that do not fit") {
  const auto x = zeros({2, 3, 4, 5});
  CHECK_THROWS_WITH(axpy<float32>(zeros({2, 4}), x, x), contains("factors 2x4") && contains("2x3x4x5"));
  CHECK_THROWS_AS(axpy<float32>(zeros({6}), x, x), shape_error);
  CHECK_THROWS_AS(axpy<float32>(zeros({2, 3, 4, 5}), x, x), shape_error);
  CHECK_THROWS_AS(axpy<float32>(zeros({2, 3}), x, zeros({2, 3, 4, 4})), shape_error);
  CHECK_THROWS_AS(axpy<float32>(zeros({2, 0}), zeros({2, 0, 4}), zeros({2, 0, 4})), shape_error);
  CHECK_THROWS_WITH(axpy<float32>(nan_tensor({2, 3}), x, x), contains("NaN"));
}

}  // namespace axpy_test
