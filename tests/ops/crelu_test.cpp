#include <nniesim/ops/crelu.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace crelu_test {

TEST_CASE("the negated half stands behind the other along the axis") {
  draws d(1);
  const auto x = d.tensor({2, 3, 4});
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (const float slope : {0.0F, 0.25F}) {
      for_policies([&]<class P>() {
        const auto v = held<P>(x);
        tensor_shape shape = axis == 0   ? tensor_shape{4, 3, 4}
                             : axis == 1 ? tensor_shape{2, 6, 4}
                                         : tensor_shape{2, 3, 8};
        std::vector<double> expected;
        for (std::size_t i = 0; i < shape.size(); ++i) {
          std::array<std::size_t, 3> o = {i / (shape[1] * shape[2]), i / shape[2] % shape[1], i % shape[2]};
          const bool negated = o[axis] >= x.shape()[axis];
          if (negated) o[axis] -= x.shape()[axis];
          const double at = v[(o[0] * 3 + o[1]) * 4 + o[2]];
          const double in = P::output::to_double(P::output::from(negated ? -at : at));
          expected.push_back(in > 0 ? in : in * static_cast<double>(slope));
        }
        const auto y = crelu<P>(x, {axis, slope});
        CHECK(shape_of(y) == shape);
        check_values<P>(y, expected);
      });
    }
  }
}

TEST_CASE("the smallest layer value negated is the largest") {
  auto x = make_tensor<q20_12>({1, 2});
  x.data()[0] = q20_12::lowest();
  x.data()[1] = q20_12::from_raw(5);
  auto y = make_tensor<q20_12>({1, 4});
  crelu_into<w8a8>(view_of(std::as_const(x)), {}, view_of(y));
  CHECK(y.data()[0].raw() == 0);
  CHECK(y.data()[1].raw() == 5);
  CHECK(y.data()[2] == q20_12::max());
  CHECK(y.data()[3].raw() == 0);
}

TEST_CASE("crelu refuses what does not fit") {
  CHECK_THROWS_WITH(crelu<w8a8>(zeros({1, 2}), {2}), contains("axis 2 of input 1x2"));
  CHECK_THROWS_AS(crelu<w8a8>(zeros({1, 0})), shape_error);
  CHECK_THROWS_AS(crelu<w8a8>(zeros({1, 2}), {1, std::numeric_limits<float>::infinity()}), format_error);
  CHECK_THROWS_WITH(crelu<w8a8>(nan_tensor({1, 2})), contains("NaN"));
}

}  // namespace crelu_test
