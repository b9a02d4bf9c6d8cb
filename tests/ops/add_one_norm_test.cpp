#include <nniesim/ops/add_one_norm.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace add_one_norm_test {

TEST_CASE("in float the outside form is x / (a + |x| s), the inside form x / sqrt(mean(x^2) + a)") {
  draws d(1);
  const auto x = d.tensor({3, 512}, 25);
  const auto outside = add_one_norm_outside<float32>(x, {.constant = 1.25, .scale = 1.0 / 512});
  const auto inside = add_one_norm_inside<float32>(x, 2.0);
  for (std::size_t n = 0; n < 3; ++n) {
    double sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += static_cast<double>(x(n, i)) * static_cast<double>(x(n, i));
    for (std::size_t i = 0; i < 512; ++i) {
      CHECK(outside(n, i) == approx(static_cast<double>(x(n, i)) / (1.25 + std::sqrt(sum) / 512)).epsilon(1e-6));
      CHECK(inside(n, i) == approx(static_cast<double>(x(n, i)) / std::sqrt(sum / 512 + 2)).epsilon(1e-6));
    }
  }
}

TEST_CASE("each layer of the chains writes the output format and is the operator it says") {
  draws d(2);
  const auto x = d.tensor({2, 64}, 25);
  const auto c = run_add_one_norm_outside<w8a8>(x, {.scale = 1.0 / 64});
  CHECK(same_bits(c.square, power<w8a8>(x, {.exponent = 2, .scale = 1.0 / 64})));
  CHECK(same_bits(c.mean, reduce_mean<w8a8>(c.square, {.axes = {1}})));
  CHECK(same_bits(c.root, power<w8a8>(c.mean, {.exponent = 0.5, .scale = 64})));
  CHECK(same_bits(c.reciprocal, power<w8a8>(c.root, {.exponent = -1, .shift = 1})));
  CHECK(same_bits(c.output, add_one_norm_outside<w8a8>(x, {.scale = 1.0 / 64})));
  const auto i = run_add_one_norm_inside<w8a8>(x);
  CHECK(same_bits(i.root, power<w8a8>(i.mean, {.exponent = 0.5, .shift = 1})));
  CHECK(same_bits(i.output, add_one_norm_inside<w8a8>(x)));
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t k = 0; k < 64; ++k) {
      const double product = q20_12::to_double(q20_12::from(x(n, k))) * q20_12::to_double(c.reciprocal(n, 0));
      CHECK(c.output(n, k) == q20_12::from(product));
    }
  }
}

TEST_CASE("truncated layers make the root low, and the norm high") {
  draws d(3);
  const auto x = d.tensor({50, 512}, 23);
  const auto exact = run_add_one_norm_outside<float32>(x);
  const auto layers = run_add_one_norm_outside<w8a8>(x);
  double loss = 0;
  for (std::size_t n = 0; n < 50; ++n)
    loss += static_cast<double>(exact.root(n, 0)) - static_cast<double>(layers.root(n, 0));
  CHECK(loss / 50 > 0.03);
}

TEST_CASE("features that are no matrix are refused") {
  CHECK_THROWS_WITH(add_one_norm_outside<w8a8>(zeros({2, 3, 4})), contains("samples, features"));
  CHECK_THROWS_AS(add_one_norm_inside<w8a8>(zeros({0, 4})), shape_error);
}

}  // namespace add_one_norm_test
