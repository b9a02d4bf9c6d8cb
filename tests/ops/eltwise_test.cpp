#include <nniesim/ops/eltwise.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace eltwise_test {

TEST_CASE("sums take coefficients, products and maxima none") {
  draws d(1);
  const auto a = d.tensor({2, 3, 5});
  const auto b = d.tensor({2, 3, 5});
  for_policies([&]<class P>() {
    const auto u = held<P>(a), v = held<P>(b);
    std::vector<double> sum, weighted, product, maximum;
    for (std::size_t i = 0; i < u.size(); ++i) {
      sum.push_back(u[i] + v[i]);
      weighted.push_back(std::fma(-0.5, v[i], u[i] * 2));
      product.push_back(u[i] * v[i]);
      maximum.push_back(u[i] > v[i] ? u[i] : v[i]);
    }
    check_values<P>(eltwise<P>(a, b, {}), sum);
    check_values<P>(eltwise<P>(a, b, {.coefficients = {2, -0.5}}), weighted);
    check_values<P>(eltwise<P>(a, b, {.operation = eltwise_operation::product}), product);
    check_values<P>(eltwise<P>(a, b, {.operation = eltwise_operation::maximum}), maximum);
  });
}

TEST_CASE("three inputs are combined in order") {
  const auto x = tensor<float>{1.0F, 2.0F};
  const std::array views = {view_of(x), view_of(x), view_of(x)};
  auto y = zeros({2});
  eltwise_into<float32>(views, {.coefficients = {1, 10, 100}}, view_of(y));
  CHECK(y(1) == 222.0F);
  eltwise_into<float32>(views, {.operation = eltwise_operation::product}, view_of(y));
  CHECK(y(1) == 8.0F);
}

TEST_CASE("inputs that do not match are refused with both shapes") {
  const auto a = zeros({2, 3});
  CHECK_THROWS_WITH(eltwise<w8a8>(a, zeros({3, 2}), {}), contains("2x3") && contains("3x2"));
  CHECK_THROWS_WITH(eltwise<w8a8>(a, a, {.coefficients = {1}}), contains("1 coefficients for 2"));
  CHECK_THROWS_AS(eltwise<w8a8>(a, a, {.operation = eltwise_operation::maximum, .coefficients = {1, 1}}), shape_error);
  CHECK_THROWS_AS(eltwise<w8a8>(a, a, {.coefficients = {1, std::numeric_limits<float>::infinity()}}), format_error);
  auto y = zeros({2, 3});
  CHECK_THROWS_AS(eltwise_into<float32>(std::array{view_of(std::as_const(a))}, {}, view_of(y)), shape_error);
}

TEST_CASE("eltwise by vectors equals the specification") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    odd_tensor<P> a(d, {n}), b(d, {n}), c(d, {n});
    const std::array all = {a.in(), b.in(), c.in()};
    for (const std::size_t count : {2U, 3U}) {
      const auto inputs = std::span(all).first(count);
      const auto check = [&](const eltwise_params& p) {
        check_vectors<P>(
            {n}, [&](auto y) { reference::eltwise<P>(inputs, p, y); },
            [&](auto y) { return detail::vector_eltwise<P>(inputs, p, y); });
      };
      check({});
      check({.coefficients = count == 2 ? std::vector{-0.7F, 1e-3F} : std::vector{1.0F, 0.3F, -1e5F}});
      check({.operation = eltwise_operation::product});
      check({.operation = eltwise_operation::maximum});
    }
  });
}

TEST_CASE("the sum may be written over an input") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    odd_tensor<P> a(d, {n}, false), b(d, {n}, false);
    std::vector<value_t<P>> expected(n);
    const std::array inputs = {a.in(), b.in()};
    reference::eltwise<P>(inputs, {}, tensor_view<value_t<P>>(expected, {n}));
    eltwise_into<P>(inputs, {}, b.view());
    CHECK(std::equal(expected.begin(), expected.end(), b.view().data(), same_value<value_t<P>>));
  });
}

}  // namespace eltwise_test
