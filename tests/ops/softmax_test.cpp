#include <nniesim/ops/softmax.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace softmax_test {

TEST_CASE("softmax is exp over the sum of exp along its axis") {
  draws d(1);
  const auto x = d.tensor({2, 5, 3}, 3);
  for_policies([&]<class P>() {
    const auto v = held<P>(x);
    for (const std::size_t axis : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
      const auto y = softmax<P>(x, {.axis = axis});
      const std::size_t stride[3] = {15, 3, 1};
      const std::size_t extent[3] = {2, 5, 3};
      for (std::size_t i = 0; i < v.size(); ++i) {
        const std::size_t first = i - i / stride[axis] % extent[axis] * stride[axis];
        long double sum = 0;
        for (std::size_t k = 0; k < extent[axis]; ++k)
          sum += std::exp(static_cast<long double>(v[first + k * stride[axis]]));
        const auto truth = static_cast<double>(std::exp(static_cast<long double>(v[i])) / sum);
        const double step = static_cast<double>(P::output::step(static_cast<float>(truth), {}));
        CHECK(std::fabs(P::output::to_double(y.data()[i]) - truth) <= step);
      }
    }
  });
}

TEST_CASE("softmax of large values does not overflow") {
  const auto y = softmax<float32>(tensor<float>{{1e30F, 1e30F, -1e30F}});
  CHECK(y(0, 0) == 0.5F);
  CHECK(y(0, 2) == 0.0F);
  CHECK_THROWS_WITH(softmax<w8a8>(tensor<float>{1.0F}), contains("axis 1"));
  CHECK_THROWS_AS(softmax<w8a8>(zeros({1, 0})), shape_error);
}

TEST_CASE("softmax equals the specification where its exponentials are kept and where they are not") {
  draws d(2);
  for (const std::size_t n : {1U, 255U, 256U, 257U, 1000U, 1023U, 1024U, 1025U, 3000U}) {
    for (const std::size_t inner : {1U, 3U}) {
      for_policies([&]<class P>() {
        const tensor_shape shape{2, n, inner};
        auto x = make_tensor<value_t<P>>(shape);
        for (auto& v : x) v = P::output::from(d.normal() * 3);
        auto expected = x;
        reference::softmax<P>(view_of(std::as_const(x)), {}, view_of(expected));
        CHECK(same_bits(softmax<P>(x), expected));
        softmax_into<P>(view_of(std::as_const(x)), {}, view_of(x));  // in place
        CHECK(same_bits(x, expected));
      });
    }
  }
}

}  // namespace softmax_test
