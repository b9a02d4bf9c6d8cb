#include <nniesim/ops/deconv2d.hpp>

#include <nniesim/kernels/thread_pool.hpp>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace deconv2d_test {

namespace {

template <class P>
void equals_its_specification(std::uint32_t seed) {
  draws d(seed);
  for (int i = 0; i < 30; ++i) {
    conv2d_params p;
    p.groups = d.between(1, 3);
    p.stride = {d.between(1, 3), d.between(1, 3)};
    p.dilation = {d.between(1, 2), d.between(1, 2)};
    const std::size_t rows = d.between(1, 4);
    const std::size_t columns = d.between(1, 4);
    p.pad =
        padding(d.between(0, rows - 1), d.between(0, columns - 1), d.between(0, rows - 1), d.between(0, columns - 1));
    const std::size_t outputs = d.between(1, 20);
    const auto x = d.tensor({d.between(1, 2), p.groups * d.between(1, 4), d.between(3, 8), d.between(3, 20)}, 3);
    const auto w = d.tensor({shape_of(x)[1], outputs, rows, columns});
    const auto bias = d.tensor({outputs * p.groups});
    for_each_isa([&](isa used) {
      const deconv2d_layer<P> layer(w, bias, p);
      const detail::mac_input<P, tensor<float>> in(x, "test");
      auto expected = make_tensor<value_t<P>>(layer.output_shape(shape_of(x)));
      reference::deconv2d<P>(in.view(), layer.activation_scale_of(in.view()), view_of(w), layer.weight_groups(),
                             {bias.data(), bias.size()}, p, {}, view_of(expected));
      INFO(policy_name<P>() << " on " << to_string(used) << ", case " << i << ": x " << shape_of(x) << ", w "
                            << shape_of(w));
      CHECK(same_bits(layer(x), expected));
    });
  }
}

}  // namespace

TEST_CASE("a deconvolution equals its specification bit for bit on every instruction set") {
  equals_its_specification<float32>(1);
  equals_its_specification<w8a8>(2);
  equals_its_specification<w16a16>(3);
  equals_its_specification<uniform_w8a8>(4);
}

TEST_CASE("a deconvolution takes a map that is smaller than its kernel", "[ops]") {
  draws d(7);
  const auto check = [&]<class P>(P) {
    for (const std::size_t batch : {1UL, 2UL}) {
      const conv2d_params p{.stride = {3, 2}, .pad = {3, 3}, .groups = 2};
      const auto x = d.tensor({batch, 4, 2, 2});
      const auto w = d.tensor({4, 3, 5, 5});
      const deconv2d_layer<P> layer(w, no_bias, p);
      const detail::mac_input<P, tensor<float>> in(x, "test");
      auto expected = make_tensor<value_t<P>>({batch, 6, 2, 1});
      reference::deconv2d<P>(in.view(), layer.activation_scale_of(in.view()), view_of(w), layer.weight_groups(), {}, p,
                             {}, view_of(expected));
      CHECK(same_bits(layer(x), expected));
    }
  };
  check(float32{});
  check(w8a8{});
  check(uniform_w8a8{});
}

TEST_CASE("a deconvolution is the transpose of the convolution with the same weights") {
  // <conv(u), v> = <u, deconv(v)> for all u, v.
  draws d(5);
  const conv2d_params p{.stride = {2, 2}, .pad = {1, 1}};
  const auto u = d.tensor({1, 3, 9, 11});
  const auto w = d.tensor({4, 3, 3, 3});
  const auto forward = conv2d<float32>(u, w, no_bias, p);
  const auto v = d.tensor(shape_of(forward));
  const auto back = deconv2d<float32>(v, w, no_bias, p);
  REQUIRE(shape_of(back) == shape_of(u));
  double left = 0;
  double right = 0;
  for (std::size_t i = 0; i < v.size(); ++i) left += static_cast<double>(forward.data()[i]) * v.data()[i];
  for (std::size_t i = 0; i < u.size(); ++i) right += static_cast<double>(u.data()[i]) * back.data()[i];
  CHECK(std::fabs(left - right) < 1e-4 * std::fabs(left) + 1e-4);
}

TEST_CASE("threads do not change a bit of a deconvolution, and wrong ones are refused") {
  draws d(6);
  const auto x = d.tensor({2, 6, 9, 17});
  const auto w = d.tensor({6, 1, 4, 4});
  const deconv2d_layer<w8a8> layer(w, no_bias, {.stride = {2, 2}, .pad = {1, 1}, .groups = 6});
  CHECK(shape_of(layer(x)) == tensor_shape{2, 6, 18, 34});
  thread_pool pool(3);
  CHECK(same_bits(layer(x), layer(x, pool.handle())));
  CHECK_THROWS_WITH(deconv2d<w8a8>(x, d.tensor({5, 1, 4, 4}), no_bias), contains("5x1x4x4") && contains("2x6x9x17"));
  CHECK_THROWS_WITH(deconv2d<w8a8>(x, w, no_bias, {.pad = {4, 0}, .groups = 6}), contains("padding"));
  CHECK_THROWS_AS(deconv2d<w8a8>(d.tensor({6, 9, 17}), w, no_bias), shape_error);
}

}  // namespace deconv2d_test
