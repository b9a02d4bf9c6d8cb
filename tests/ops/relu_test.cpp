#include <nniesim/ops/relu.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace relu_test {

TEST_CASE("relu keeps what is positive and multiplies the rest by the slope") {
  draws d(1);
  const auto x = d.tensor({3, 50});
  for_policies([&]<class P>() {
    std::vector<double> plain, leaky;
    for (const double v : held<P>(x)) {
      plain.push_back(v > 0 ? v : 0);
      const double slope = std::same_as<typename P::output, q20_12> ? 409.0 / 4096.0 : static_cast<double>(0.1F);
      leaky.push_back(v > 0 ? v : v * slope);
    }
    check_values<P>(relu<P>(x), plain);
    check_values<P>(relu<P>(x, {.negative_slope = 0.1F}), leaky);
  });
}

TEST_CASE("relu never gives minus zero and may work in place") {
  tensor<float> x = {-0.0F, -1.0F, 3.0F};
  relu_into<float32>(view_of(std::as_const(x)), {}, view_of(x));
  CHECK_FALSE(std::signbit(x(0)));
  CHECK_FALSE(std::signbit(x(1)));
  CHECK(x(2) == 3.0F);
  CHECK_THROWS_AS(relu<w8a8>(x, {.negative_slope = std::numeric_limits<float>::quiet_NaN()}), format_error);
  CHECK_THROWS_AS(relu<w8a8>(zeros({0})), shape_error);
}

TEST_CASE("a slope is what the stage of compiled models makes of it") {
  draws d(3);
  for (const float slope : {0.1F, -0.1F, 0.25F, 1e-5F, 0.9999F, 1.0F, -3.0F, 5e5F, 1e30F, -1e30F}) {
    const mac_stage stage{.slope = slope_steps(static_cast<double>(slope))};
    odd_tensor<w8a8> x(d, {2000});
    const auto y = relu<w8a8>(x.in(), {.negative_slope = slope});
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(y.data()[i].raw() == stage.activated(x.in()[i].raw()));
    // In integers: the product is exact.
    for (const q20_12 v : x.in().span()) {
      const std::int64_t product = std::int64_t{v.raw()} * stage.slope >> 12;
      const std::int64_t expected = v.raw() < 0 ? std::clamp<std::int64_t>(product, INT32_MIN, INT32_MAX) : v.raw();
      CHECK(stage.activated(v.raw()) == expected);
    }
  }
}

TEST_CASE("relu by vectors equals the specification") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    odd_tensor<P> x(d, {n});
    for (const float slope : {0.0F, 0.1F, -3.0F}) {
      const relu_params p{.negative_slope = slope};
      check_vectors<P>(
          {n}, [&](auto y) { reference::relu<P>(x.in(), p, y); },
          [&](auto y) { return detail::vector_relu<P>(x.in(), p, y); });
    }
  });
}

}  // namespace relu_test
