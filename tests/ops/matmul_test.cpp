#include <nniesim/ops/matmul.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace matmul_test {

namespace {

/// What an input's codes are worth, in float64.
template <class F>
std::vector<double> decoded(const tensor<float>& x) {
  const auto s = F::scale_of(std::span<const float>(x.data(), x.size()));
  std::vector<double> all;
  for (const float v : x) all.push_back(static_cast<double>(F::decode(F::encode(v, s), s)));
  return all;
}

}  // namespace

TEST_CASE("products of matrices, transposed or not") {
  draws d(1);
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const std::size_t m = 3, k = 7, n = 5, count = 4;
      const auto a = d.tensor(ta ? tensor_shape{2, 2, k, m} : tensor_shape{2, 2, m, k});
      const auto b = d.tensor(tb ? tensor_shape{2, 2, n, k} : tensor_shape{2, 2, k, n});
      const auto y = matmul<float32>(a, b, {ta, tb});
      REQUIRE(shape_of(y) == tensor_shape{2, 2, m, n});
      for (std::size_t i = 0; i < count * m * n; ++i) {
        const std::size_t matrix = i / (m * n), row = i / n % m, column = i % n;
        double sum = 0, size = 0;
        for (std::size_t j = 0; j < k; ++j) {
          const double product = static_cast<double>(a.data()[matrix * m * k + (ta ? j * m + row : row * k + j)]) *
                                 static_cast<double>(b.data()[matrix * k * n + (tb ? column * k + j : j * n + column)]);
          sum += product;
          size += std::fabs(product);
        }
        CAPTURE(ta, tb, i);
        CHECK(std::fabs(static_cast<double>(y.data()[i]) - sum) <= 8 * 0x1p-24 * size);
      }
    }
  }
  const auto x = d.tensor({6, 4});
  const auto by_sizes = matmul<float32>(x, d.tensor({2, 2, 8}), {.sizes = {3, 8, 4}});
  CHECK(shape_of(by_sizes) == tensor_shape{3, 4});
}

TEST_CASE("both inputs are read as codes, and the sum is written truncated") {
  draws d(2);
  const auto check = [&]<class P>() {
    for (int run = 0; run < 20; ++run) {
      const std::size_t m = d.between(1, 6), k = d.between(1, 40), n = d.between(1, 9);
      // As the layers before would have written them.
      auto a = d.tensor({m, k}, 3), b = d.tensor({k, n});
      for (auto* t : {&a, &b}) {
        for (float& v : *t) v = std::floor(v * 4096.0F) / 4096.0F;
      }
      const auto va = decoded<typename P::activations>(a), vb = decoded<typename P::activations>(b);
      const auto y = matmul<P>(a, b);
      for (std::size_t i = 0; i < m * n; ++i) {
        double sum = 0, size = 0;
        for (std::size_t j = 0; j < k; ++j) {
          sum += va[i / n * k + j] * vb[j * n + i % n];
          size += std::fabs(va[i / n * k + j] * vb[j * n + i % n]);
        }
        // Of the chain, and of the multiplier, which is rounded to an integer of at least 2^19 here.
        const double tolerance = (static_cast<double>(k + 2) * 0x1p-24 * size + 0x1p-20 * std::fabs(sum)) * 4096;
        const double steps = static_cast<double>(y.data()[i].raw());
        CAPTURE(policy_name<P>(), m, k, n, i);
        CHECK(steps >= std::floor(sum * 4096 - tolerance));
        CHECK(steps <= std::floor(sum * 4096 + tolerance));
      }
    }
  };
  check.template operator()<w8a8>();
  check.template operator()<w16a16>();
}

TEST_CASE("matmul refuses what does not fit") {
  const auto a = zeros({2, 3, 4});
  CHECK_THROWS_WITH(matmul<float32>(a, zeros({2, 5, 3})), contains("rows of 4 elements and columns of 5"));
  CHECK_THROWS_AS(matmul<float32>(a, zeros({3, 4, 3})), shape_error);
  CHECK_THROWS_AS(matmul<float32>(a, zeros({4, 3})), shape_error);
  CHECK_THROWS_AS(matmul<float32>(zeros({4}), zeros({4})), shape_error);
  CHECK_THROWS_AS(matmul<float32>(zeros({2, 0}), zeros({0, 2})), shape_error);
  CHECK_THROWS_WITH(matmul<float32>(a, a, {.sizes = {2, 12, 3}}), contains("2x12 and 12x3"));
  CHECK_THROWS_AS(matmul<float32>(a, a, {.sizes = {2, 0, 3}}), shape_error);
  CHECK_THROWS_AS(matmul<float32>(a, a, {.transpose_a = true, .sizes = {2, 12, 2}}), shape_error);
  CHECK_THROWS_WITH(matmul<float32>(nan_tensor({2, 2}), zeros({2, 2})), contains("NaN"));
  const auto large = zeros({1, 70000});
  CHECK_THROWS_AS((matmul<precision<uniform16, uniform16, exact_int32, q20_12>>(large, large, {.transpose_b = true})),
                  format_error);
}

}  // namespace matmul_test
