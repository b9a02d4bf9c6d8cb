#include <nniesim/ops/power.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace power_test {

TEST_CASE("power is (shift + scale x)^exponent, written once in the output format") {
  draws d(1);
  const auto x = d.tensor({3, 5, 7});
  for_policies([&]<class P>() {
    for (const float exponent : {-3.0F, -2.0F, -1.0F, -0.5F, 0.5F, 1.0F, 2.0F, 3.0F}) {
      std::vector<double> expected;
      for (const double v : held<P>(x)) expected.push_back(0.5 * v + 4);  // exact: few bits
      const auto y = power<P>(x, {.exponent = exponent, .scale = 0.5, .shift = 4});
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const double truth = std::pow(expected[i], static_cast<double>(exponent));
        const double step = static_cast<double>(P::output::step(static_cast<float>(truth), {}));
        CHECK(std::fabs(P::output::to_double(y.data()[i]) - truth) <= step * 1.001);
      }
    }
  });
}

TEST_CASE("squares and roots of layer values are truncated toward minus infinity") {
  const tensor<float> x = {-0.3F, 0.3F, 2.0F};
  const auto square = power<w8a8>(x, {.exponent = 2});
  // -0.3 is held as -1229/4096, 0.3 as 1228/4096.
  CHECK(square(0).raw() == 1229 * 1229 / 4096);
  CHECK(square(1).raw() == 1228 * 1228 / 4096);
  CHECK(power<w8a8>(x, {.exponent = 1, .scale = -1})(1).raw() == -1228);
  CHECK(power<w8a8>(tensor<float>{2.0F}, {.exponent = 0.5})(0).raw() == 5792);  // 1.41421356 * 4096 = 5792.6
}

TEST_CASE("the accelerator's policies take only the hardware's exponents, the float reference any") {
  const tensor<float> x = {1.0F, 2.0F};
  CHECK_THROWS_WITH(power<w8a8>(x, {.exponent = 0.7F}), contains("0.7") && contains("-3, -2, -1, -1/2, 1/2, 1, 2, 3"));
  CHECK_THROWS_AS(power<uniform_w8a8>(x, {.exponent = 4}), format_error);
  CHECK(power<float32>(x, {.exponent = 4})(1) == 16.0F);
  CHECK_THROWS_WITH(power<float32>(x, {.exponent = std::numeric_limits<float>::quiet_NaN()}), contains("finite"));
  CHECK_THROWS_AS(power<w8a8>(x, {.scale = std::numeric_limits<float>::infinity()}), format_error);
}

TEST_CASE("power refuses NaN and empty tensors and says where") {
  auto x = zeros({2, 3});
  x.fill(1.0F);
  x(1, 0) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(power<w8a8>(x, {}), contains("power: NaN at (1, 0)"));
  CHECK_THROWS_WITH(power<w8a8>(zeros({2, 0}), {}), contains("2x0"));
  auto y = make_tensor<q20_12>({3, 2});
  const auto held_x = make_tensor<q20_12>({2, 3});
  CHECK_THROWS_WITH(power_into<w8a8>(view_of(held_x), {}, view_of(y)), contains("3x2") && contains("2x3"));
}

TEST_CASE("power by vectors equals the specification") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    odd_tensor<P> x(d, {n});
    for (const float exponent : {-3.0F, -2.0F, -1.0F, -0.5F, 0.5F, 1.0F, 2.0F, 3.0F}) {
      for (const power_params p : {power_params{exponent}, power_params{exponent, -0.37F, 0.1F}}) {
        check_vectors<P>(
            {n}, [&](auto y) { reference::power<P>(x.in(), p, y); },
            [&](auto y) { return detail::vector_power<P>(x.in(), p, y); });
      }
    }
    odd_tensor<P> y(d, {n});
    CHECK_FALSE(detail::vector_power<P>(x.in(), {.exponent = 0.7F}, y.view()));
  });
}

}  // namespace power_test
