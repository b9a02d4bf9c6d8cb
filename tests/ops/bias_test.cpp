#include <nniesim/ops/bias.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace bias_test {

TEST_CASE("a shift per channel, per element or for all is added") {
  draws d(1);
  const auto x = d.tensor({2, 3, 4, 5});
  const auto check = [&](const tensor_shape& shape, std::size_t axis, std::size_t inner) {
    const auto shift = d.tensor(shape);
    for_policies([&]<class P>() {
      const auto v = held<P>(x), b = held<P>(shift);
      std::vector<double> expected;
      for (std::size_t i = 0; i < v.size(); ++i) expected.push_back(v[i] + b[i / inner % b.size()]);
      check_values<P>(bias<P>(x, shift, {.axis = axis}), expected);
    });
  };
  check({3}, 1, 20);
  check({3, 4}, 1, 5);
  check({5}, 3, 1);
  check({2, 3, 4, 5}, 0, 1);
  check({}, 2, 120);
}

TEST_CASE("a bias is added in place") {
  tensor<float> x{{1, 2}, {3, 4}};
  bias_into<float32>(view_of(std::as_const(x)), view_of(std::as_const(x)), {.axis = 0}, view_of(x));
  CHECK(same_bits(x, tensor<float>{{2, 4}, {6, 8}}));
}

TEST_CASE("shifts that do not fit are refused") {
  const auto x = zeros({2, 3, 4});
  CHECK_THROWS_WITH(bias<w8a8>(x, zeros({4})), contains("bias: shifts 4") && contains("2x3x4"));
  CHECK_THROWS_AS(bias<w8a8>(x, zeros({4}), {.axis = 4}), shape_error);
  CHECK_THROWS_AS(bias<w8a8>(x, zeros({4, 1}), {.axis = 2}), shape_error);
  CHECK_THROWS_AS(bias<w8a8>(zeros({2, 0}), zeros({0})), shape_error);
  CHECK_THROWS_WITH(bias<float32>(nan_tensor({1, 2}), zeros({2})), contains("bias input: NaN"));
  CHECK_THROWS_WITH(bias<float32>(zeros({1, 2}), nan_tensor({2})), contains("bias shifts: NaN"));
}

TEST_CASE("biases by vectors equal the specification") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    if (n == 1) return;  // the specification's
    odd_tensor<P> x(d, {2, 3, n}), shift(d, {3});
    check_vectors<P>(
        {2, 3, n}, [&](auto y) { reference::bias<P>(x.in(), shift.in(), {}, y); },
        [&](auto y) { return detail::vector_bias<P>(x.in(), shift.in(), {}, y); });
  });
}

}  // namespace bias_test
