#include <nniesim/ops/mvn.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace mvn_test {

TEST_CASE("mean and deviation of a map or of all channels are taken away") {
  const tensor<float> x{{{{1, 3}}, {{2, 10}}}};  // means 2 and 6, deviations 1 and 4
  const mvn_params plain{.epsilon = 0};
  CHECK(same_bits(mvn<float32>(x, plain), tensor<float>{{{{-1, 1}}, {{-1, 1}}}}));
  CHECK(same_bits(mvn<float32>(x, {.normalize_variance = false}), tensor<float>{{{{-1, 1}}, {{-4, 4}}}}));
  // Epsilon is added to the deviation: 1 + 1 and 4 + 1.
  CHECK(same_bits(mvn<float32>(x, {.epsilon = 1}), tensor<float>{{{{-0.5F, 0.5F}}, {{-0.8F, 0.8F}}}}));
  CHECK(same_bits(mvn<float32>(x, {.normalize_variance = false, .across_channels = true}),
                  tensor<float>{{{{-3, -1}}, {{-2, 6}}}}));
  // Variance (9 + 1 + 4 + 36) / 4.
  const auto y = mvn<w8a8>(x, {.across_channels = true});
  CHECK(y.data()[0].raw() == -3476);  // floor(-3 / sqrt(12.5) * 4096)
  CHECK(y.data()[3].raw() == 6951);
}

TEST_CASE("every group has mean 0 and variance 1") {
  draws d(1);
  const auto x = d.tensor({2, 3, 4, 5}, 3);
  for_policies([&]<class P>() {
    const auto v = held<P>(x);
    for (const bool across : {false, true}) {
      const std::size_t n = across ? 60 : 20;
      std::vector<double> expected;
      for (std::size_t begin = 0; begin < v.size(); begin += n) {
        double mean = 0, variance = 0;
        for (std::size_t i = begin; i < begin + n; ++i) mean += v[i];
        mean /= static_cast<double>(n);
        for (std::size_t i = begin; i < begin + n; ++i) variance = std::fma(v[i] - mean, v[i] - mean, variance);
        variance /= static_cast<double>(n);
        for (std::size_t i = begin; i < begin + n; ++i)
          expected.push_back((v[i] - mean) / (std::sqrt(variance) + 1e-9));
      }
      check_values<P>(mvn<P>(x, {.across_channels = across}), expected);
    }
  });
}

TEST_CASE("constant maps become 0, in place too") {
  auto x = zeros({1, 2, 3, 3});
  for (float& v : x) v = 7;
  mvn_into<float32>(view_of(std::as_const(x)), {}, view_of(x));
  CHECK(same_bits(x, zeros({1, 2, 3, 3})));
}

TEST_CASE("what MVN cannot take is refused") {
  CHECK_THROWS_WITH(mvn<w8a8>(zeros({3})), contains("shape 3"));
  CHECK_THROWS_AS(mvn<w8a8>(zeros({1, 2, 0, 2})), shape_error);
  CHECK_THROWS_WITH(mvn<w8a8>(zeros({1, 2}), {.epsilon = -1}), contains("epsilon -1"));
  CHECK_THROWS_AS(mvn<w8a8>(zeros({1, 2}), {.epsilon = std::nanf("")}), format_error);
  CHECK_THROWS_WITH(mvn<float32>(nan_tensor({1, 2, 2})), contains("NaN"));
  auto y = zeros({2, 1});
  CHECK_THROWS_AS(mvn_into<float32>(view_of(std::as_const(y)), {}, tensor_view<float>({y.data(), 2}, {1, 2})),
                  shape_error);
}

TEST_CASE("mean-variance normalization by vectors equals the specification") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    const tensor_shape shape{2, d.between(1, 19), n};
    odd_tensor<P> x(d, shape);
    if (n % 2 == 0) {
      for (auto& v : x.view().span()) v = P::output::from(d.normal());
    }
    for (const bool across : {true, false}) {
      for (const bool variance : {true, false}) {
        const mvn_params p{.normalize_variance = variance, .across_channels = across};
        check_vectors<P>(
            shape, [&](auto y) { reference::mvn<P>(x.in(), p, y); },
            [&](auto y) { return detail::vector_mvn<P>(x.in(), p, y); });
      }
    }
  });
}

}  // namespace mvn_test
