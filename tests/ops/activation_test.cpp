#include <nniesim/ops/activation.hpp>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace activation_test {

TEST_CASE("activations equal the math library's functions within float's last places") {
  draws d(1);
  auto x = d.tensor({2, 3, 40}, 4);
  x.data()[0] = 0.0F;
  x.data()[1] = -0.0F;
  x.data()[2] = 80.0F;
  x.data()[3] = -80.0F;
  x.data()[4] = 1e-30F;
  x.data()[5] = 0.0099F;
  x.data()[6] = -0.0101F;
  const auto check = [&](activation_function f, auto expected) {
    const auto y = activation<float32>(x, {.function = f, .alpha = 0.7F});
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double e = expected(static_cast<double>(x.data()[i]));
      INFO(to_string(f) << " of " << x.data()[i]);
      CHECK(std::fabs(static_cast<double>(y.data()[i]) - e) <= 1.3e-7 * std::fabs(e));
    }
  };
  check(activation_function::sigmoid, [](double v) { return 1.0 / (1.0 + std::exp(-v)); });
  check(activation_function::tanh, [](double v) { return std::tanh(v); });
  check(activation_function::elu, [](double v) { return v > 0 ? v : static_cast<double>(0.7F) * (std::exp(v) - 1.0); });
  check(activation_function::absolute, [](double v) { return std::fabs(v); });
  check(activation_function::exponential, [](double v) { return std::exp(v); });
}

TEST_CASE("activations of layer values are written truncated") {
  const tensor<float> x{{-1.0F, 0.0F, 1.0F}};
  const auto y = activation<w8a8>(x, {.function = activation_function::tanh});
  CHECK(y.data()[0].raw() == -3120);  // floor(-0.7616 * 4096)
  CHECK(y.data()[1].raw() == 0);
  CHECK(y.data()[2].raw() == 3119);
  CHECK_THROWS_AS(
      activation<w8a8>(x, {.function = activation_function::elu, .alpha = std::numeric_limits<float>::infinity()}),
      format_error);
  CHECK_THROWS_WITH(activation<w8a8>(tensor<float>{{1.0F, std::nanf("")}}, {}), contains("NaN"));
}

TEST_CASE("exp and log have a base, a scale and a shift") {
  const tensor<float> x{{0.5F, 1.0F, 3.0F, 40.0F}};
  const auto check = [&](const activation_params& p, auto expected) {
    const auto y = activation<float32>(x, p);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double e = expected(static_cast<double>(x.data()[i]));
      INFO(to_string(p.function) << " to base " << p.base << " of " << x.data()[i]);
      CHECK(std::fabs(static_cast<double>(y.data()[i]) - e) <= 1.3e-7 * std::fabs(e));
    }
  };
  using enum activation_function;
  check({.function = exponential, .scale = 0.5, .shift = 1}, [](double v) { return std::exp(0.5 * v + 1); });
  check({.function = exponential, .base = 2, .scale = -1, .shift = 3}, [](double v) { return std::exp2(3 - v); });
  check({.function = exponential, .base = 1}, [](double) { return 1.0; });
  check({.function = logarithm}, [](double v) { return std::log(v); });
  check({.function = logarithm, .scale = 2, .shift = 3}, [](double v) { return std::log(2 * v + 3); });
  check({.function = logarithm, .base = 10}, [](double v) { return std::log10(v); });
  check({.function = logarithm, .base = 0.5}, [](double v) { return -std::log2(v); });
  CHECK(activation<w8a8>(x, {.function = logarithm}).data()[0].raw() == -2840);  // floor(-0.6931 * 4096)
  CHECK_THROWS_WITH(activation<w8a8>(x, {.function = logarithm, .base = 1}), contains("log: base 1"));
  CHECK_THROWS_AS(activation<w8a8>(x, {.function = exponential, .base = 0}), format_error);
  CHECK_THROWS_AS(activation<w8a8>(x, {.function = exponential, .base = -2}), format_error);
  CHECK_THROWS_AS(activation<w8a8>(x, {.function = exponential, .scale = std::nanf("")}), format_error);
  CHECK_THROWS_AS(activation<w8a8>(x, {.function = logarithm, .shift = std::numeric_limits<float>::infinity()}),
                  format_error);
}

TEST_CASE("logarithms of numbers that are not positive are written as infinity and NaN") {
  const tensor<float> x{{0.0F, -1.0F}};
  const auto y = activation<float32>(x, {.function = activation_function::logarithm});
  CHECK(y.data()[0] == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(y.data()[1]));
  const auto q = activation<w8a8>(x, {.function = activation_function::logarithm});
  CHECK(q.data()[0] == q20_12::lowest());
  CHECK(q.data()[1] == q20_12{});
}

TEST_CASE("prelu has a slope per channel, or one for all") {
  const tensor<float> x{{{-2.0F, 2.0F}, {-4.0F, 4.0F}}};
  const auto y = prelu<float32>(x, tensor<float>{0.5F, 0.25F});
  CHECK(same_bits(y, tensor<float>{{{-1.0F, 2.0F}, {-1.0F, 4.0F}}}));
  CHECK(same_bits(prelu<float32>(x, tensor<float>{0.5F}), tensor<float>{{{-1.0F, 2.0F}, {-2.0F, 4.0F}}}));
  CHECK_THROWS_WITH(prelu<float32>(x, tensor<float>{1.0F, 1.0F, 1.0F}), contains("3") && contains("1x2x2"));
}

}  // namespace activation_test
