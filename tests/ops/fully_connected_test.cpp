#include <nniesim/ops/fully_connected.hpp>

#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/tensor/eigen.hpp>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace fully_connected_test {

namespace {

template <class P>
tensor<value_t<P>> specified(const tensor<float>& x, const tensor<float>& w, const tensor<float>& bias,
                             const fully_connected_layer<P>& layer) {
  const detail::mac_input<P, tensor<float>> in(x, "test");
  auto y = make_tensor<value_t<P>>(layer.output_shape(in.shape()));
  reference::fully_connected<P>(in.view(), layer.activation_scale_of(in.view()), view_of(w), layer.weight_group(),
                                {bias.data(), bias.size()}, layer.options(), view_of(y));
  return y;
}

template <class P>
void equals_its_specification(std::uint32_t seed) {
  draws d(seed);
  for (int i = 0; i < 40; ++i) {
    const std::size_t batch = d.between(1, 33);
    const std::size_t inputs = d.between(1, 120);
    const std::size_t outputs = d.between(1, 90);
    const auto x = d.tensor({batch, inputs}, 3);
    const auto w = d.tensor({outputs, inputs});
    const auto bias = d.tensor({outputs});
    for_each_isa([&](isa used) {
      const fully_connected_layer<P> layer(w, bias);
      const auto expected = specified(x, w, bias, layer);
      INFO(policy_name<P>() << " on " << to_string(used) << ": " << batch << " x " << inputs << " -> " << outputs);
      CHECK(same_bits(layer(x), expected));
      CHECK(layer.instruction_set() == used);
    });
  }
}

}  // namespace

TEST_CASE("every policy of the fully connected layer equals its specification on every instruction set") {
  equals_its_specification<float32>(1);
  equals_its_specification<w8a8>(2);
  equals_its_specification<w16a16>(3);
  equals_its_specification<uniform_w8a8>(4);
  equals_its_specification<uniform_w16a16>(5);
  equals_its_specification<precision<gfpq8, gfpq8, fp64_chain, binary32>>(6);
  equals_its_specification<precision<gfpq8, binary32, fp32_chain, fixed_point<12, 4, nearest_away, saturate>>>(7);
}

TEST_CASE("long chains of many samples, which are summed piece by piece, equal the specification, threads or not") {
  draws d(12);
  const std::size_t batch = 61, inputs = 1091, outputs = 71;
  const auto x = d.tensor({batch, inputs}, 3);
  const auto w = d.tensor({outputs, inputs});
  const auto bias = d.tensor({outputs});
  thread_pool pool(2);
  const auto check = [&]<class P>(P) {
    for_each_isa([&](isa used) {
      const fully_connected_layer<P> layer(w, bias);
      const auto expected = specified(x, w, bias, layer);
      INFO(policy_name<P>() << " on " << to_string(used));
      CHECK(same_bits(layer(x), expected));
      CHECK(same_bits(layer(x, pool.handle()), expected));
    });
  };
  check(float32{});
  check(w8a8{});
  check(uniform_w8a8{});
  check(uniform_w16a16{});
  check(precision<gfpq8, gfpq8, fp64_chain, q20_12>{});
}

TEST_CASE("few samples are multiplied with codes as these are decoded, more with what is decoded into the workspace") {
  draws d(13);
  const auto w = d.tensor({64, 64});
  for_each_isa([&](isa used) {
    const fully_connected_layer<w8a8> layer(w, no_bias);
    const std::size_t operands = 2 * 64 * sizeof(float);  // of a sample, and what keeps rows apart
    const std::size_t of_six = layer.workspace_bytes({6, 64}), of_seven = layer.workspace_bytes({7, 64});
    INFO(to_string(used));
    if (layer.keeps_codes(used)) CHECK(of_seven >= of_six + 64 * 64 * sizeof(float));
    else CHECK(of_seven <= of_six + operands);
  });
}

TEST_CASE("a feature map is taken as one vector per sample, an Eigen matrix as rows of samples") {
  draws d(8);
  const auto x = d.tensor({2, 3, 4, 5});
  const auto w = d.tensor({7, 60});
  const auto y = fully_connected<w8a8>(x, w, no_bias);
  CHECK(shape_of(y) == tensor_shape{2, 7});
  Eigen::MatrixXf columns(2, 60);
  for (Eigen::Index n = 0; n < 2; ++n) {
    for (Eigen::Index k = 0; k < 60; ++k) columns(n, k) = x.data()[n * 60 + k];
  }
  CHECK(same_bits(fully_connected<w8a8>(columns, w, no_bias), y));
}

TEST_CASE("threads do not change a bit of a fully connected layer") {
  draws d(9);
  const auto x = d.tensor({70, 200});
  const fully_connected_layer<w16a16> layer(d.tensor({130, 200}), no_bias);
  thread_pool pool(3);
  CHECK(same_bits(layer(x), layer(x, pool.handle())));
}

TEST_CASE("float32 of a fully connected layer lies within the bound of a chain") {
  draws d(10);
  const auto x = d.tensor({5, 333});
  const auto w = d.tensor({11, 333});
  const auto y = fully_connected<float32>(x, w, no_bias);
  for (std::size_t n = 0; n < 5; ++n) {
    for (std::size_t o = 0; o < 11; ++o) {
      double sum = 0;
      double magnitude = 0;
      for (std::size_t k = 333; k-- > 0;) {
        const double product = static_cast<double>(x(n, k)) * static_cast<double>(w(o, k));
        sum += product;
        magnitude += std::abs(product);
      }
      CHECK(std::abs(static_cast<double>(y(n, o)) - sum) <= 334 * 0x1p-24 * 1.01 * magnitude);
    }
  }
}

TEST_CASE("wrong fully connected layers are refused with both sides in the message") {
  draws d(11);
  const auto w = d.tensor({7, 60});
  CHECK_THROWS_WITH(fully_connected<w8a8>(d.tensor({2, 59}), w, no_bias), contains("7x60") && contains("2x59"));
  CHECK_THROWS_WITH(fully_connected<w8a8>(d.tensor({60}), w, no_bias), contains("batch and features"));
  CHECK_THROWS_WITH(fully_connected<w8a8>(d.tensor({0, 60}), w, no_bias), contains("empty axis"));
  CHECK_THROWS_WITH(fully_connected<w8a8>(d.tensor({2, 60}), d.tensor({7, 60, 1}), no_bias), contains("rank 2"));
  CHECK_THROWS_WITH(fully_connected<w8a8>(d.tensor({2, 60}), w, d.tensor({6})), contains("expected 7"));
  CHECK_THROWS_WITH(fully_connected<uniform_w8a8>(d.tensor({1, 140000}), d.tensor({1, 140000}), no_bias),
                    contains("exact_int32"));
}

}  // namespace fully_connected_test
