#include <nniesim/ops/conv2d.hpp>
#include <nniesim/ops/scale.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace scale_test {

TEST_CASE("factors and shifts are broadcast from their axis on") {
  draws d(1);
  const auto x = d.tensor({2, 3, 4, 5});
  const auto f = d.tensor({3});
  const auto s = d.tensor({3});
  const auto sample = d.tensor({2});
  for_policies([&]<class P>() {
    const auto v = held<P>(x), factor = held<P>(f), shift = held<P>(s), per_sample = held<P>(sample);
    std::vector<double> scaled, shifted, by_sample;
    for (std::size_t i = 0; i < v.size(); ++i) {
      const std::size_t c = i / 20 % 3;
      scaled.push_back(v[i] * factor[c]);
      shifted.push_back(std::fma(v[i], factor[c], shift[c]));
      by_sample.push_back(v[i] * per_sample[i / 60]);
    }
    check_values<P>(scale<P>(x, f), scaled);
    check_values<P>(scale<P>(x, f, s), shifted);
    check_values<P>(scale<P>(x, sample, {.axis = 0}), by_sample);
  });
}

TEST_CASE("factors that are no run of the input's axes are refused") {
  const auto x = zeros({2, 3, 4});
  CHECK_THROWS_WITH(scale<w8a8>(x, zeros({4})), contains("2x3x4") && contains("axis 1"));
  CHECK_THROWS_AS(scale<w8a8>(x, zeros({3, 4, 1})), shape_error);
  CHECK_THROWS_AS(scale<w8a8>(x, zeros({3}), zeros({2})), shape_error);
  CHECK_THROWS_AS(scale<w8a8>(x, zeros({3}), {.axis = 9}), shape_error);
}

TEST_CASE("a folded normalization equals the convolution followed by it") {
  draws d(2);
  const auto x = d.tensor({1, 4, 9, 9});
  const auto w = d.tensor({6, 4, 3, 3});
  const auto bias = d.tensor({6});
  batch_norm_params bn{.epsilon = 1e-3F};
  for (int c = 0; c < 6; ++c) {
    bn.mean.push_back(d.symmetric());
    bn.variance.push_back(1.5F + d.symmetric());
    bn.gamma.push_back(d.symmetric());
    bn.beta.push_back(d.symmetric());
  }
  const auto folded = fold_batch_norm(w, bias, bn);
  const auto one = conv2d<float32>(x, folded.weights, folded.bias);
  const auto two = batch_norm<float32>(conv2d<float32>(x, w, bias), bn);
  for (std::size_t i = 0; i < one.size(); ++i)
    CHECK(one.data()[i] == approx(static_cast<double>(two.data()[i])).margin(1e-4));
  // By the formula, in another way of writing it.
  const auto y = batch_norm<float32>(x, {.mean = {1, 2, 3, 4}, .variance = {4, 4, 4, 4}, .epsilon = 0});
  CHECK(y(0, 2, 5, 5) == approx((static_cast<double>(x(0, 2, 5, 5)) - 3) / 2));
}

TEST_CASE("normalizations with wrong statistics are refused") {
  const auto x = zeros({1, 2, 3, 3});
  CHECK_THROWS_AS(batch_norm<w8a8>(x, {.mean = {0, 0}, .variance = {1}}), shape_error);
  CHECK_THROWS_AS(batch_norm<w8a8>(x, {.mean = {0, 0, 0}, .variance = {1, 1, 1}}), shape_error);
  CHECK_THROWS_WITH(batch_norm<w8a8>(x, {.mean = {0, 0}, .variance = {1, -1}}), contains("channel 1"));
  CHECK_THROWS_AS(fold_batch_norm(zeros({3, 2, 1, 1}), no_bias, {.mean = {0, 0}, .variance = {1, 1}}), shape_error);
}

TEST_CASE("scale and batch normalization by vectors equal the specification") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    for (const tensor_shape& shape : {tensor_shape{2, 3, n}, tensor_shape{2, n}, tensor_shape{1, 2, n, 2}}) {
      odd_tensor<P> x(d, shape), factor(d, {shape[1]}), shift(d, {shape[1]});
      for (const auto b : {std::span<const value_t<P>>(), shift.in().span()}) {
        check_vectors<P>(
            shape, [&](auto y) { reference::scale<P>(x.in(), factor.in(), b, {}, y); },
            [&](auto y) { return detail::vector_scale<P>(x.in(), factor.in(), b, {}, y); });
      }
      channel_affine a;
      for (std::size_t c = 0; c < shape[1]; ++c) {
        a.factor.push_back(static_cast<double>(d.normal()));
        a.shift.push_back(static_cast<double>(d.normal()));
      }
      check_vectors<P>(
          shape, [&](auto y) { reference::batch_norm<P>(x.in(), a, y); },
          [&](auto y) { return detail::vector_batch_norm<P>(x.in(), a, y); });
    }
  });
}

TEST_CASE("a batch normalization is evaluated in place") {
  tensor<float> x{{1, 2}, {3, 6}};
  const channel_affine a{{2, 0.5}, {1, -1}};
  batch_norm_into<float32>(view_of(std::as_const(x)), a, view_of(x));
  CHECK(same_bits(x, tensor<float>{{3, 0}, {7, 2}}));
  auto y = zeros({2, 3});
  CHECK_THROWS_WITH(batch_norm_into<float32>(view_of(std::as_const(x)), a, view_of(y)), contains("2x3"));
  CHECK_THROWS_WITH(batch_norm_into<float32>(view_of(std::as_const(y)), a, view_of(y)), contains("2 factors"));
  CHECK_THROWS_AS(batch_norm<float32>(zeros({0, 2}), {.mean = {0, 0}, .variance = {1, 1}}), shape_error);
}

TEST_CASE("Caffe's statistics are divided by their common number") {
  batch_norm_params p{.mean = {2, 4}, .variance = {6, 8}, .epsilon = 1, .count = 2};
  CHECK(as_affine(p).factor == std::vector<double>{0.5, 1 / std::sqrt(5.0)});
  CHECK(as_affine(p).shift[0] == -0.5);
  p.count = 0;
  CHECK(as_affine(p).factor == std::vector<double>{1, 1});
  CHECK(as_affine(p).shift == std::vector<double>{0, 0});
  for (const float count : {-1.0F, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    p.count = count;
    CHECK_THROWS_AS(as_affine(p), format_error);
  }
}

}  // namespace scale_test
