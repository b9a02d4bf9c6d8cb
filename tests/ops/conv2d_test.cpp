#include <nniesim/ops/conv2d.hpp>

#include <nniesim/kernels/thread_pool.hpp>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace conv2d_test {

namespace {

using wide_study = precision<gfpq16, gfpq8, fp64_chain, q20_12>;
using overflow_study = precision<gfpq8, gfpq16, fixed_accumulator<40, 4, nearest_even, saturate>,
                                 fixed_point<16, 16, nearest_even, saturate>>;

struct layer_case {
  conv2d_params p;
  tensor<float> x, w, bias;
};

layer_case random_case(draws& d) {
  layer_case c;
  c.p.groups = d.between(1, 3);
  c.p.stride = {d.between(1, 3), d.between(1, 3)};
  c.p.dilation = {d.between(1, 2), d.between(1, 2)};
  c.p.pad = padding(d.between(0, 3), d.between(0, 3), d.between(0, 3), d.between(0, 3));
  const std::size_t inputs = d.between(1, 5);
  const std::size_t outputs = d.between(1, 40) * c.p.groups;
  c.x = d.tensor({d.between(1, 2), inputs * c.p.groups, d.between(7, 17), d.between(7, 40)}, 3);
  c.w = d.tensor({outputs, inputs, d.between(1, 4), d.between(1, 4)});
  c.bias = d.tensor({outputs});
  return c;
}

template <class P>
tensor<value_t<P>> specified(const layer_case& c, const conv2d_layer<P>& layer) {
  const detail::mac_input<P, tensor<float>> x(c.x, "test");
  auto y = make_tensor<value_t<P>>(layer.output_shape(x.shape()));
  reference::conv2d<P>(x.view(), layer.activation_scale_of(x.view()), view_of(c.w), layer.weight_groups(),
                       {c.bias.data(), c.bias.size()}, c.p, layer.options(), view_of(y));
  return y;
}

template <class P>
void equals_its_specification(std::uint32_t seed, int cases) {
  draws d(seed);
  for (int i = 0; i < cases; ++i) {
    const layer_case c = random_case(d);
    const auto expected = specified(c, conv2d_layer<P>(c.w, c.bias, c.p));
    for_each_isa([&](isa used) {
      const conv2d_layer<P> layer(c.w, c.bias, c.p);
      INFO(policy_name<P>() << " on " << to_string(used) << ", case " << i << ": x " << shape_of(c.x) << ", w "
                            << shape_of(c.w));
      CHECK(layer.instruction_set() == used);
      CHECK(same_bits(layer(c.x), expected));
    });
  }
}

}  // namespace

TEST_CASE("every policy equals its specification bit for bit on every instruction set") {
  equals_its_specification<float32>(1, 40);
  equals_its_specification<w8a8>(2, 40);
  equals_its_specification<w16a16>(3, 40);
  equals_its_specification<uniform_w8a8>(4, 40);
  equals_its_specification<uniform_w16a16>(5, 40);
  equals_its_specification<wide_study>(6, 40);
  equals_its_specification<overflow_study>(7, 20);
}

namespace {

/// Geometries of every layout: many outputs or few, 1 x 1, depthwise with each stride, first layers.
layer_case case_of_codes(draws& d, int n) {
  layer_case c = random_case(d);
  if (n % 3 == 1) {  // 1 x 1
    c.p = {.groups = 1 + static_cast<std::size_t>(n % 2)};
    const std::size_t inputs = d.between(1, 70), outputs = d.between(1, 45);
    c.x = d.tensor({d.between(1, 2), inputs * c.p.groups, d.between(1, 9), d.between(1, 40)}, 3);
    c.w = d.tensor({outputs * c.p.groups, inputs, 1, 1});
    c.bias = d.tensor({outputs * c.p.groups});
  } else if (n % 3 == 2) {  // depthwise
    c.p = {.stride = {d.between(1, 2), d.between(1, 2)}, .pad = {1, 1}, .groups = d.between(1, 5)};
    c.x = d.tensor({1, c.p.groups, d.between(3, 21), d.between(3, 70)}, 3);
    c.w = d.tensor({c.p.groups, 1, 3, 3});
    c.bias = d.tensor({c.p.groups});
  }
  return c;
}

/// Codes read are the values that they stand for, and codes stored are the outputs encoded.
template <class P>
void codes_stand_for_values(std::uint32_t seed, int cases) {
  using format = typename P::activations;
  using code = typename format::code;
  draws d(seed);
  for (int n = 0; n < cases; ++n) {
    const layer_case c = case_of_codes(d, n);
    const auto x = encode<q20_12>(c.x, {});
    const auto s = scale_of<format>(decode<q20_12>(x, {}));
    const auto x_codes = encode<format>(decode<q20_12>(x, {}), s);
    for_each_isa([&](isa used) {
      const conv2d_layer<P> layer(c.w, c.bias, c.p);
      const tensor<q20_12> values = layer(x, s);
      const auto out = scale_of<format>(decode<q20_12>(values, {}));
      std::vector<std::byte> workspace(layer.workspace_bytes(shape_of(x)));
      for (const bool relu : {false, true}) {
        const output_stage stage{.relu = relu, .z = out.z()};
        auto rectified = values;
        if (relu) {
          for (q20_12& v : rectified) v = std::max(v, q20_12{});
        }
        const auto expected = encode<format>(decode<q20_12>(rectified, {}), out);
        auto y = make_tensor<q20_12>(shape_of(values));
        auto y_codes = make_tensor<code>(shape_of(values));
        INFO(policy_name<P>() << " on " << to_string(used) << ", case " << n << ": x " << shape_of(c.x) << ", w "
                              << shape_of(c.w) << ", relu " << relu);
        layer.run(view_of(x_codes), s, view_of(y), workspace, {}, stage);
        CHECK(same_bits(y, rectified));
        layer.run(view_of(x_codes), s, view_of(y_codes), workspace, {}, stage);
        CHECK(same_bits(y_codes, expected));
        std::fill_n(y_codes.data(), y_codes.size(), code{});
        layer.run(view_of(std::as_const(x)), s, view_of(y_codes), workspace, {}, stage);
        CHECK(same_bits(y_codes, expected));
      }
    });
  }
}

}  // namespace

TEST_CASE("codes stand for the values that they are of, as inputs and as outputs, on every instruction set") {
  codes_stand_for_values<w8a8>(8, 40);
  codes_stand_for_values<w16a16>(9, 30);
}

TEST_CASE("large layers cross cache blocks and panels without a change of bits", "[long]") {
  draws d(8);
  layer_case c;
  c.p.pad = {1, 1};
  c.x = d.tensor({1, 40, 21, 61});
  c.w = d.tensor({70, 40, 3, 3});
  c.bias = d.tensor({70});
  for_each_isa([&](isa) {
    const conv2d_layer<w8a8> layer(c.w, c.bias, c.p);
    CHECK(same_bits(layer(c.x), specified(c, layer)));
  });
  layer_case flat;
  flat.x = d.tensor({1, 300, 30, 31});
  flat.w = d.tensor({33, 300, 1, 1});
  flat.bias = d.tensor({33});
  for_each_isa([&](isa) {
    const conv2d_layer<w8a8> layer(flat.w, flat.bias, flat.p);
    CHECK(same_bits(layer(flat.x), specified(flat, layer)));
  });
}

TEST_CASE("the number of threads does not change a bit") {
  draws d(9);
  const auto x = d.tensor({2, 24, 19, 45});
  const auto w = d.tensor({50, 24, 3, 3});
  const conv2d_layer<w8a8> layer(w, no_bias, {.pad = {1, 1}});
  const auto one = layer(x);
  for (const std::size_t threads : {2U, 3U, 7U}) {
    thread_pool pool(threads);
    CHECK(same_bits(one, layer(x, pool.handle())));
  }
}

TEST_CASE("outputs that see nothing but padding are the bias") {
  // That no place outside the input is computed is the sanitizers' matter.
  draws d(9);
  const auto x = d.tensor({1, 2, 1, 1});
  const auto bias = d.tensor({3});
  for (const conv2d_params& p : {conv2d_params{.stride = {4, 4}, .pad = padding(3, 3, 0, 0)},
                                 conv2d_params{.stride = {4, 1}, .pad = padding(3, 0, 0, 0)}}) {
    for_each_isa([&](isa) {
      const auto y = conv2d<float32>(x, d.tensor({3, 2, 1, 1}), bias, p);
      for (std::size_t c = 0; c < 3; ++c) CHECK(y.data()[c] == bias.data()[c]);
    });
  }
}

TEST_CASE("depthwise convolution is the grouped one with a channel per group") {
  draws d(10);
  layer_case c;
  c.p = {.stride = {2, 1}, .pad = {1, 1}, .groups = 9};
  c.x = d.tensor({1, 9, 13, 22});
  c.w = d.tensor({9, 1, 3, 3});
  c.bias = d.tensor({9});
  for_each_isa([&](isa) {
    const conv2d_layer<w16a16> layer(c.w, c.bias, c.p);
    CHECK(same_bits(layer(c.x), specified(c, layer)));
  });
}

TEST_CASE("float32 lies within the bound of a chain around the exact sum") {
  draws d(11);
  for (int i = 0; i < 20; ++i) {
    const layer_case c = random_case(d);
    const auto y = conv2d<float32>(c.x, c.w, c.bias, c.p);
    const tensor_shape xs = shape_of(c.x), ws = shape_of(c.w), ys = shape_of(y);
    std::size_t at = 0;
    for (std::size_t n = 0; n < ys[0]; ++n) {
      for (std::size_t oc = 0; oc < ys[1]; ++oc) {
        for (std::size_t oy = 0; oy < ys[2]; ++oy) {
          for (std::size_t ox = 0; ox < ys[3]; ++ox) {
            // Another order of the loops, in float64, with signed coordinates.
            double sum = 0;
            double magnitude = 0;
            for (std::size_t ky = 0; ky < ws[2]; ++ky) {
              for (std::size_t kx = 0; kx < ws[3]; ++kx) {
                const auto iy =
                    static_cast<long>(oy * c.p.stride[0] + ky * c.p.dilation[0]) - static_cast<long>(c.p.pad.top);
                const auto ix =
                    static_cast<long>(ox * c.p.stride[1] + kx * c.p.dilation[1]) - static_cast<long>(c.p.pad.left);
                if (iy < 0 || ix < 0 || iy >= static_cast<long>(xs[2]) || ix >= static_cast<long>(xs[3])) continue;
                for (std::size_t ic = 0; ic < ws[1]; ++ic) {
                  const std::size_t channel = oc / (ws[0] / c.p.groups) * ws[1] + ic;
                  const double product =
                      static_cast<double>(c.x(n, channel, iy, ix)) * static_cast<double>(c.w(oc, ic, ky, kx));
                  sum += product;
                  magnitude += std::abs(product);
                }
              }
            }
            sum += static_cast<double>(c.bias(oc));
            magnitude += std::abs(static_cast<double>(c.bias(oc)));
            const double terms = static_cast<double>(ws[1] * ws[2] * ws[3] + 1);
            CHECK(std::abs(static_cast<double>(y.data()[at]) - sum) <= terms * 0x1p-24 * 1.01 * magnitude);
            ++at;
          }
        }
      }
    }
  }
}

TEST_CASE("a caller's workspace is enough and a smaller one is refused") {
  draws d(12);
  const auto x = d.tensor({1, 3, 9, 9});
  const conv2d_layer<float32> layer(d.tensor({5, 3, 3, 3}), no_bias, {.stride = {2, 2}, .pad = {1, 1}});
  auto y = zeros(layer.output_shape(shape_of(x)));
  std::vector<std::byte> memory(layer.workspace_bytes(shape_of(x)));
  layer.run(view_of(x), {}, view_of(y), memory);
  CHECK(same_bits(y, layer(x)));
  CHECK_THROWS_AS(layer.run(view_of(x), {}, view_of(y), std::span(memory).first(100)), shape_error);
  auto wrong = zeros({1, 5, 4, 5});
  CHECK_THROWS_WITH(layer.run(view_of(x), {}, view_of(wrong), memory), contains("1x5x4x5") && contains("1x5x5x5"));
}

TEST_CASE("the input has one scale, which can be given; each group of weights has its own") {
  draws d(13);
  auto x = d.tensor({1, 4, 5, 5});
  for (std::size_t i = 0; i < 50; ++i) x.data()[i] *= 100.0F;
  auto w = d.tensor({4, 2, 3, 3});
  for (std::size_t i = 0; i < 36; ++i) w.data()[i] *= 100.0F;
  const conv2d_layer<w8a8> layer(w, no_bias, {.groups = 2});
  const detail::mac_input<w8a8, tensor<float>> in(x, "test");
  const gfpq8::scale s = layer.activation_scale_of(in.view());
  CHECK(s == gfpq8::scale_of({x.data(), x.size()}));
  CHECK(same_bits(layer(x), layer(x, s)));
  CHECK_FALSE(same_bits(layer(x), layer(x, gfpq8::scale(s.z() + 5))));
  const auto groups = layer.weight_groups();
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].scale.z() > groups[1].scale.z());
  CHECK(groups[1].scale == gfpq8::scale_of({w.data() + 36, 36}));
  // Given ones: one for each group, or one for all.
  using given = std::vector<group_weights<gfpq8>>;
  CHECK(same_bits(conv2d_layer<w8a8>(w, no_bias, {.groups = 2}, {}, {groups[0], groups[1]})(x), layer(x)));
  const conv2d_layer<w8a8> one(w, no_bias, {.groups = 2}, {}, given{groups[0]});
  CHECK(one.weight_groups()[1].scale == groups[0].scale);
  CHECK_FALSE(same_bits(one(x), layer(x)));
  CHECK_THROWS_AS(conv2d_layer<w8a8>(w, no_bias, {.groups = 2}, {}, given(3)), shape_error);
}

TEST_CASE("wrong convolutions are refused with both sides in the message") {
  draws d(14);
  const auto x = d.tensor({1, 4, 8, 8});
  const auto w = d.tensor({6, 4, 3, 3});
  CHECK_THROWS_WITH(conv2d<w8a8>(d.tensor({1, 5, 8, 8}), w, no_bias), contains("6x4x3x3") && contains("1x5x8x8"));
  CHECK_THROWS_WITH(conv2d<w8a8>(x, w, no_bias, {.groups = 3}), contains("3 groups") && contains("1x4x8x8"));
  CHECK_THROWS_WITH(conv2d<w8a8>(x, w, no_bias, {.groups = 0}), contains("0 groups"));
  CHECK_THROWS_WITH(conv2d<w8a8>(x, w, no_bias, {.stride = {0, 1}}), contains("stride 0"));
  CHECK_THROWS_WITH(conv2d<w8a8>(x, w, no_bias, {.dilation = {1, 0}}), contains("dilation 0"));
  CHECK_THROWS_WITH(conv2d<w8a8>(x, w, no_bias, {.dilation = {4, 1}}), contains("reaches over 9"));
  CHECK_THROWS_WITH(conv2d<w8a8>(x, w, d.tensor({5})), contains("bias") && contains("expected 6"));
  CHECK_THROWS_WITH(conv2d<w8a8>(d.tensor({4, 8, 8}), w, no_bias), contains("rank 4"));
  CHECK_THROWS_WITH(conv2d<w8a8>(d.tensor({0, 4, 8, 8}), w, no_bias), contains("empty axis"));
  auto nan = x;
  nan(0, 2, 3, 4) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(conv2d<w8a8>(nan, w, no_bias), contains("NaN at (0, 2, 3, 4)"));
  CHECK_THROWS_WITH(conv2d<float32>(nan, w, no_bias), contains("NaN at (0, 2, 3, 4)"));
  auto infinite = w;
  infinite(5, 0, 0, 1) = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(conv2d<w8a8>(x, infinite, no_bias), contains("(5, 0, 0, 1)"));
}

TEST_CASE("an accumulator that could overflow is refused with the bound, unless it wraps or saturates") {
  draws d(15);
  const auto x = d.tensor({1, 4, 8, 8}, 100);
  const auto w = d.tensor({6, 4, 3, 3}, 100);
  // In units a product is 2^(254/16) at most, whatever the scales are.
  using trapping = precision<gfpq8, gfpq8, fixed_accumulator<21, 0, nearest_even, trap>, q20_12>;
  using wrapping = precision<gfpq8, gfpq8, fixed_accumulator<21, 0, nearest_even, wrap>, q20_12>;
  using sufficient = precision<gfpq8, gfpq8, fixed_accumulator<23, 0, nearest_even, trap>, q20_12>;
  CHECK_THROWS_WITH(conv2d<trapping>(x, w, no_bias), contains("36 products") && contains("could reach"));
  CHECK_NOTHROW(conv2d<wrapping>(x, w, no_bias));
  CHECK_NOTHROW(conv2d<sufficient>(x, w, no_bias));
}

}  // namespace conv2d_test
