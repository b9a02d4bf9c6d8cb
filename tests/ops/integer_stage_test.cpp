// Whole layers against the integers that compiled models hold: written once more from the codes, in integers where
// sums are whole.
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/ops/conv2d.hpp>
#include <nniesim/ops/deconv2d.hpp>
#include <nniesim/ops/fully_connected.hpp>

#include <cmath>
#include <vector>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace integer_stage_test {

namespace {

channel_affine random_affine(draws& d, std::size_t outputs) {
  channel_affine a;
  for (std::size_t i = 0; i < outputs; ++i) {
    a.factor.push_back(static_cast<double>(d.normal()));
    a.shift.push_back(static_cast<double>(d.normal()) * 3);
  }
  return a;
}

/// A code's value in units, as its definition says.
template <class F>
double units(typename F::code c) {
  if (c == F::zero) return 0;
  const int q = c & static_cast<typename F::code>(F::sign_bit - 1);
  const auto value = static_cast<double>(static_cast<float>(std::exp2(static_cast<double>(q) / F::levels)));
  return (c & F::sign_bit) != 0 ? -value : value;
}

std::int32_t saturated(double x) {
  return static_cast<std::int32_t>(std::clamp(std::nearbyint(x), -0x1p31, 0x1p31 - 1));
}

/// The layer's output for one chain of codes, from the group's weights `w`, all of whose magnitudes are `group` or not
/// constant; the sum rounded to whole units.
template <class F>
std::int32_t in_integers(const std::vector<float>& w, const std::vector<float>& x, std::span<const float> group,
                         typename F::scale input, float bias, double factor, double shift) {
  float least = std::abs(group[0]), most = least;
  for (const float v : group) {
    least = std::min(least, std::abs(v));
    most = std::max(most, std::abs(v));
  }
  const bool constant = most - least < 1e-6F;
  const typename F::scale scale = constant ? typename F::scale(-F::levels) : F::scale_of_max(most);
  float sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float sign = w[i] > 0 ? 1.0F : w[i] < 0 ? -1.0F : 0.0F;
    const double a = units<F>(F::encode(constant ? sign : w[i], scale));
    const double b = units<F>(F::encode(x[i], input));
    sum = std::fma(static_cast<float>(a), static_cast<float>(b), sum);
  }
  const double unit = std::exp2(static_cast<double>(scale.z() + input.z()) / F::levels) *
                      (constant ? static_cast<double>(std::abs(group[0])) : 1.0);
  const bool coarse = std::nearbyint(unit * 0x1p42) >= 0x1p31;
  const auto multiplier = std::int64_t{saturated(factor * unit * (coarse ? 0x1p31 : 0x1p42))};
  const auto whole_bias = std::int64_t{saturated(static_cast<double>(bias) / unit)};
  __extension__ using wide = __int128;
  const wide y = (((wide{std::llrint(sum)} + whole_bias) * multiplier) >> (coarse ? 19 : 30)) +
                 std::int64_t{saturated(shift * 4096)};
  return y < -0x7fffffff - 1 ? -0x7fffffff - 1 : y > 0x7fffffff ? 0x7fffffff : static_cast<std::int32_t>(y);
}

}  // namespace

TEST_CASE("a fully connected layer's outputs are the integers of the stage") {
  const auto check = [&]<class P>(P) {
    using F = typename P::weights;
    draws d(1);
    for (int n = 0; n < 12; ++n) {
      const std::size_t inputs = d.between(1, 60), outputs = d.between(1, 40);
      // Small and huge units, ordinary weights, signs and zeros.
      const float range = std::exp2(static_cast<float>(d.between(0, 16)) - 8);
      auto w = d.tensor({outputs, inputs}, n % 4 == 0 ? 1.0F : range);
      if (n % 4 == 0) {
        for (auto& v : w) v = v < 0 ? -0.37F : 0.37F;
      }
      if (n == 5) w(0, 0) = 0.0F;
      const auto x = d.tensor({2, inputs}, 4);
      const auto bias = d.tensor({outputs});
      const mac_options options{n % 2 == 0 ? channel_affine{} : random_affine(d, outputs), sum_rounding::nearest};
      for_each_isa([&](isa used) {
        const fully_connected_layer<P> layer(w, bias, options);
        const auto y = layer(x);
        const typename F::scale s = F::scale_of({x.data(), x.size()});
        std::size_t wrong = 0;
        for (std::size_t row = 0; row < 2; ++row) {
          for (std::size_t o = 0; o < outputs; ++o) {
            const std::vector<float> a(w.data() + o * inputs, w.data() + (o + 1) * inputs);
            const std::vector<float> b(x.data() + row * inputs, x.data() + (row + 1) * inputs);
            const bool affine = !options.affine.factor.empty();
            const std::int32_t expected =
                in_integers<F>(a, b, {w.data(), w.size()}, s, bias(o), affine ? options.affine.factor[o] : 1.0,
                               affine ? options.affine.shift[o] : 0.0);
            if (y(row, o).raw() != expected) ++wrong;
          }
        }
        INFO(policy_name<P>() << " on " << to_string(used) << ", case " << n);
        CHECK(wrong == 0);
      });
    }
  };
  check(w8a8{});
  check(w16a16{});
}

TEST_CASE("each group of a depthwise convolution has its own unit, constant and zero ones too") {
  const auto check = [&]<class P>(P) {
    using F = typename P::weights;
    draws d(2);
    auto w = d.tensor({5, 1, 3, 3});
    for (std::size_t k = 0; k < 9; ++k) {
      w.data()[k] *= 100.0F;                                          // a unit that is coarse at 8 bits
      w.data()[9 + k] *= 0.001F;                                      // a small one
      w.data()[18 + k] = w.data()[18 + k] < 0 ? -0.25F : 0.2500001F;  // signs
      w.data()[27 + k] = 0.0F;                                        // nothing
    }
    const auto x = d.tensor({1, 5, 6, 7}, 3);
    const auto bias = d.tensor({5});
    const mac_options options{random_affine(d, 5), sum_rounding::nearest};
    const typename F::scale s = F::scale_of({x.data(), x.size()});
    for_each_isa([&](isa used) {
      const conv2d_layer<P> layer(w, bias, {.pad = {1, 1}, .groups = 5}, options);
      const auto y = layer(x);
      std::size_t wrong = 0;
      for (std::size_t c = 0; c < 5; ++c) {
        if (c == 3) continue;
        for (std::size_t r = 1; r < 5; ++r) {
          for (std::size_t k = 1; k < 6; ++k) {
            std::vector<float> a, b;
            for (std::size_t t = 0; t < 9; ++t) {
              a.push_back(w.data()[9 * c + t]);
              b.push_back(x(0, c, r + t / 3 - 1, k + t % 3 - 1));
            }
            const std::int32_t expected = in_integers<F>(a, b, {w.data() + 9 * c, 9}, s, bias(c),
                                                         options.affine.factor[c], options.affine.shift[c]);
            if (y(0, c, r, k).raw() != expected) ++wrong;
          }
        }
      }
      INFO(policy_name<P>() << " on " << to_string(used));
      CHECK(wrong == 0);
      // Without weights there is no bias either, as a compiler of 2018 has it: the shift alone is left.
      for (std::size_t r = 0; r < 6; ++r) {
        CHECK(y(0, 3, r, 0).raw() == static_cast<std::int32_t>(std::nearbyint(options.affine.shift[3] * 4096)));
      }
    });
  };
  check(w8a8{});
  check(w16a16{});
}

namespace {

template <class P>
void options_equal_the_specification(std::uint32_t seed, int cases = 12) {
  draws d(seed);
  thread_pool pool(3);
  for (int n = 0; n < cases; ++n) {
    const std::size_t groups = d.between(1, 3), inputs = d.between(1, 3), outputs = groups * d.between(1, 20);
    const conv2d_params p{.stride = {d.between(1, 2), 1}, .pad = {1, 1}, .groups = groups};
    const auto x = d.tensor({2, groups * inputs, 6, 19}, 3);
    auto w = d.tensor({outputs, inputs, 3, 3});
    for (std::size_t i = 0; i < w.size() / groups; ++i) w.data()[i] *= n % 2 == 0 ? 1000.0F : 0.01F;
    auto turned = d.tensor({groups * inputs, outputs / groups, 3, 3});
    const auto fc = d.tensor({outputs, 6 * 19 * groups * inputs}, 0.1F);
    const auto bias = d.tensor({outputs});
    const std::span<const float> b(bias.data(), bias.size());
    const mac_options options{n % 3 == 0 ? channel_affine{} : random_affine(d, outputs),
                              static_cast<sum_rounding>(n % 3)};
    // Floats, and what a layer wrote: the integers of q20_12 or the like.
    auto values = make_tensor<value_t<P>>(shape_of(x));
    for (std::size_t i = 0; i < x.size(); ++i) values.data()[i] = P::output::from(static_cast<double>(x.data()[i]));
    for_each_isa([&](isa used) {
      const auto check = [&](const auto& layer, const auto& in, auto specify) {
        const auto s = layer.activation_scale_of(view_of(in));
        auto expected = make_tensor<value_t<P>>(layer.output_shape(shape_of(in)));
        specify(view_of(in), s, view_of(expected));
        CHECK(same_bits(layer(in, s), expected));
        CHECK(same_bits(layer(in, pool.handle()), expected));
      };
      const auto on = [&](const auto& in) {
        const conv2d_layer<P> conv(w, bias, p, options);
        check(conv, in, [&](auto from, auto s, auto to) {
          reference::conv2d<P>(from, s, view_of(w), conv.weight_groups(), b, p, options, to);
        });
        const deconv2d_layer<P> deconv(turned, bias, p, options);
        check(deconv, in, [&](auto from, auto s, auto to) {
          reference::deconv2d<P>(from, s, view_of(turned), deconv.weight_groups(), b, p, options, to);
        });
        const fully_connected_layer<P> full(fc, bias, options);
        check(full, in, [&](auto from, auto s, auto to) {
          reference::fully_connected<P>(from, s, view_of(fc), full.weight_group(), b, options, to);
        });
      };
      INFO(policy_name<P>() << " on " << to_string(used) << ", case " << n);
      on(x);
      on(values);
    });
  }
}

}  // namespace

TEST_CASE("affines, roundings and inputs in floats equal the specification on every instruction set and with threads") {
  options_equal_the_specification<w8a8>(3);
  options_equal_the_specification<w16a16>(4);
  options_equal_the_specification<float32>(5);
  options_equal_the_specification<uniform_w8a8>(6);
  options_equal_the_specification<precision<gfpq16, gfpq8, fp64_chain, q20_12>>(7);
  options_equal_the_specification<precision<gfpq8, gfpq8, fixed_accumulator<24, 0, nearest_even, saturate>, q20_12>>(8,
                                                                                                                     4);
  options_equal_the_specification<precision<gfpq8, binary32, fp32_chain, fixed_point<16, 16, nearest_even, saturate>>>(
      9);
}

TEST_CASE("a network's input is encoded at once, without 1/4096 in between") {
  // 0.3/4096 encodes as itself or nearly; as q20_12 it is 0.
  auto x = make_tensor<float>({1, 2});
  x(0, 0) = 0.3F / 4096;
  x(0, 1) = 0.25F / 4096;
  auto w = make_tensor<float>({1, 2});
  w(0, 0) = 8192.0F;
  w(0, 1) = 4096.0F;
  const fully_connected_layer<w16a16> layer(w);
  CHECK(static_cast<double>(layer(x)(0, 0)) == approx(0.85).epsilon(0.01));
  auto written = make_tensor<q20_12>({1, 2});
  for (std::size_t i = 0; i < 2; ++i) written.data()[i] = q20_12::from(x.data()[i]);
  CHECK(static_cast<double>(layer(written)(0, 0)) == 0);
  // Other numbers are taken as floats.
  tensor<double> doubles = x;
  CHECK(same_bits(layer(doubles), layer(x)));
}

TEST_CASE("the real stage is one fused multiply-add in float64; float32 without an affine adds its bias in float32") {
  auto x = make_tensor<float>({1, 1});
  auto w = make_tensor<float>({1, 1});
  auto bias = make_tensor<float>({1});
  x(0, 0) = 1.0F;
  w(0, 0) = 0x1p24F;
  bias(0) = 1.0F;
  CHECK(fully_connected<float32>(x, w, bias)(0, 0) == 0x1p24F);  // a tie, to even
  const mac_options doubled{{{2.0}, {1.0}}, sum_rounding::none};
  CHECK(fully_connected<float32>(x, w, bias, doubled)(0, 0) == 0x1p25F + 4.0F);  // 2^25 + 3, to the nearest float
  const mac_options same{{{1.0}, {0.0}}, sum_rounding::none};
  CHECK(fully_connected<float32>(x, w, bias, same)(0, 0) == 0x1p24F);
}

TEST_CASE("options of another length and numbers that are not finite are refused") {
  draws d(10);
  const auto w = d.tensor({3, 2, 1, 1});
  const auto with = [](std::vector<double> factor, std::vector<double> shift) {
    return mac_options{{std::move(factor), std::move(shift)}, sum_rounding::none};
  };
  CHECK_THROWS_WITH(conv2d_layer<w8a8>(w, no_bias, {}, with({1, 1}, {0, 0})), contains("2 factors and 2 shifts for 3"));
  CHECK_THROWS_AS(conv2d_layer<w8a8>(w, no_bias, {}, with({1, 1, 1}, {0})), shape_error);
  CHECK_THROWS_WITH(conv2d_layer<w8a8>(w, no_bias, {}, with({1, INFINITY, 1}, {0, 0, 0})), contains("output 1"));
  CHECK_THROWS_AS(fully_connected_layer<w8a8>(d.tensor({3, 2}), with({1}, {0})), shape_error);
  CHECK_THROWS_AS(deconv2d_layer<w8a8>(d.tensor({2, 3, 1, 1}), no_bias, {}, with({1}, {0})), shape_error);
}

}  // namespace integer_stage_test
