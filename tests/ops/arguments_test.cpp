// What operators and whole-tensor functions take: containers, spans, pointers with a shape; a bias or none.
#include <array>
#include <span>
#include <vector>

#include <nniesim/kernels/quantize.hpp>
#include <nniesim/ops/deconv2d.hpp>
#include <nniesim/ops/fully_connected.hpp>
#include <nniesim/ops/relu.hpp>
#include <nniesim/ops/scale.hpp>

#include "elementwise.hpp"

namespace arguments_test {

using namespace nniesim;

TEST_CASE("layers are called without a bias, with parameters or not") {
  draws d(1);
  const auto x = d.tensor({1, 4, 5, 5}), w = d.tensor({4, 4, 3, 3}), m = d.tensor({2, 100});
  const conv2d_params p{.stride = {2, 2}, .pad = {1, 1}};
  CHECK(same_bits(conv2d<w8a8>(x, w), conv2d<w8a8>(x, w, no_bias)));
  CHECK(same_bits(conv2d<w8a8>(x, w, {.stride = {2, 2}, .pad = {1, 1}}), conv2d<w8a8>(x, w, no_bias, p)));
  CHECK(same_bits(conv2d<w8a8>(x, w, {}), conv2d<w8a8>(x, w)));
  CHECK(same_bits(conv2d_layer<w8a8>(w, p)(x), conv2d<w8a8>(x, w, p)));
  CHECK(same_bits(deconv2d<w8a8>(x, w), deconv2d<w8a8>(x, w, no_bias)));
  CHECK(same_bits(deconv2d<w8a8>(x, w, p), deconv2d_layer<w8a8>(w, p)(x)));
  CHECK(same_bits(fully_connected<w8a8>(x, m), fully_connected<w8a8>(x, m, no_bias)));
  CHECK(same_bits(fully_connected_layer<w8a8>(m)(x), fully_connected<w8a8>(x, m)));
  const batch_norm_params bn{.mean = {0, 0, 0, 0}, .variance = {1, 2, 3, 4}};
  CHECK(same_bits(fold_batch_norm(w, bn).weights, fold_batch_norm(w, no_bias, bn).weights));
}

TEST_CASE("a bias is a tensor, a vector, an array, a span, or a pointer with its length") {
  draws d(2);
  const auto x = d.tensor({1, 4, 5, 5}), w = d.tensor({3, 4, 3, 3}), bias = d.tensor({3});
  const auto expected = conv2d<w16a16>(x, w, bias);
  const std::vector<float> vector(bias.begin(), bias.end());
  const std::array<float, 3> array{vector[0], vector[1], vector[2]};
  CHECK(same_bits(conv2d<w16a16>(x, w, vector), expected));
  CHECK(same_bits(conv2d<w16a16>(x, w, array), expected));
  CHECK(same_bits(conv2d<w16a16>(x, w, std::span(vector)), expected));
  CHECK(same_bits(conv2d<w16a16>(x, w, std::span(vector.data(), 3)), expected));
  CHECK_THROWS_WITH(conv2d<w16a16>(x, w, std::vector<float>{1, 2}), contains("expected 3 values"));
}

TEST_CASE("operators take lists of values as tensors of rank 1, and memory with a shape") {
  draws d(3);
  const auto x = d.tensor({2, 6}), w = d.tensor({3, 6});
  const std::vector<float> values(x.begin(), x.end());
  const tensor_view<const float> shaped(values, {2, 6});
  CHECK(same_bits(fully_connected<w8a8>(shaped, w), fully_connected<w8a8>(x, w)));
  CHECK(shape_of(relu<w8a8>(values)) == tensor_shape{12});
  CHECK(
      same_bits(scale<w8a8>(x, std::vector<float>{1, 2, 3, 4, 5, 6}), scale<w8a8>(x, tensor<float>{1, 2, 3, 4, 5, 6})));
}

TEST_CASE("whole tensors become codes and values in their shape") {
  draws d(4);
  const auto x = d.tensor({3, 5, 7}, 3);
  const auto check = [&]<class F>(F) {
    const auto s = scale_of<F>(x);
    CHECK(s == F::scale_of(std::span(x.data(), x.size())));
    const auto codes = encode<F>(x, s);
    REQUIRE(shape_of(codes) == shape_of(x));
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(codes.data()[i] == F::encode(x.data()[i], s));
    const auto y = decode<F>(codes, s);
    REQUIRE(shape_of(y) == shape_of(x));
    CHECK(same_bits(fake_quantize<F>(x, s), y));
    CHECK(same_bits(fake_quantize<F>(x), y));
    event_counts counts;
    CHECK(same_bits(fake_quantize<F>(x, s, counts), y));
    // Lists and expressions too.
    const std::vector<float> values(x.begin(), x.end());
    CHECK(scale_of<F>(values) == s);
    CHECK(encode<F>(values, s)(37) == codes.data()[37]);
    CHECK(fake_quantize<F>(values)(37) == y.data()[37]);
    CHECK(same_bits(fake_quantize<F>(x + 0.0F, s), y));
    CHECK(fake_quantize<F>(xt::transpose(x), s)(6, 4, 2) == y(2, 4, 6));
  };
  check(gfpq8{});
  check(gfpq16{});
  check(q20_12{});
  check(uniform8{});
}

TEST_CASE("scalar specifications refuse scales, biases and outputs that do not fit") {
  draws d(5);
  const auto x = d.tensor({1, 4, 5, 5}), w = d.tensor({4, 2, 3, 3});
  auto y = zeros({1, 4, 3, 3});
  const std::vector<group_weights<binary32>> three(3), two(2);
  const std::vector<float> bias(4), short_bias(3);
  const conv2d_params p{.groups = 2};
  const auto run = [&](std::span<const group_weights<binary32>> groups, std::span<const float> b, tensor<float>& out) {
    reference::conv2d<float32>(view_of(x), {}, view_of(w), groups, b, p, {}, view_of(out));
  };
  run(two, bias, y);
  const tensor<float> with_zeros = y;
  run(two, {}, y);
  CHECK(same_bits(y, with_zeros));
  CHECK_THROWS_AS(run(three, bias, y), shape_error);
  CHECK_THROWS_AS(run({}, bias, y), shape_error);
  CHECK_THROWS_WITH(run(two, short_bias, y), contains("3 values for 4 outputs"));
  auto wrong = zeros({1, 4, 3, 4});
  CHECK_THROWS_AS(run(two, bias, wrong), shape_error);
  CHECK_THROWS_AS(reference::deconv2d<float32>(view_of(x), {}, view_of(w), three, bias, p, {}, view_of(y)),
                  shape_error);
  const auto m = d.tensor({2, 100});
  auto rows = zeros({1, 2});
  CHECK_THROWS_WITH(reference::fully_connected<float32>(view_of(x), {}, view_of(m), {}, short_bias, {}, view_of(rows)),
                    contains("3 values for 2 outputs"));
}

}  // namespace arguments_test
