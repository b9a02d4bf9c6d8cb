#include <nniesim/ops/pooling.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace pooling_test {

TEST_CASE("the ceil rule gives Caffe's sizes") {
  const auto size = [](std::size_t in, std::size_t kernel, std::size_t stride, std::size_t pad, pooling_size rule) {
    return infer_shape({.kernel = {kernel, kernel}, .stride = {stride, stride}, .pad = {pad, pad}, .size = rule},
                       tensor_shape{1, 1, in, in})[2];
  };
  CHECK(size(112, 3, 2, 0, pooling_size::ceil) == 56);  // SqueezeNet, ResNet
  CHECK(size(112, 3, 2, 0, pooling_size::floor) == 55);
  CHECK(size(7, 2, 2, 0, pooling_size::ceil) == 4);
  CHECK(size(7, 2, 2, 0, pooling_size::floor) == 3);
  CHECK(size(4, 2, 2, 1, pooling_size::ceil) == 3);
  CHECK(size(3, 2, 2, 1, pooling_size::ceil) == 2);
  CHECK(size(2, 1, 2, 0, pooling_size::ceil) == 1);  // a second window would begin behind the map
}

TEST_CASE("maxima leave the padding out, averages count it within the padded map") {
  const tensor<float> x = {{{{-1.0F, -2.0F, -3.0F}, {-4.0F, -5.0F, -6.0F}, {-7.0F, -8.0F, -9.0F}}}};
  const pooling_params most{.kernel = {2, 2}, .stride = {2, 2}, .pad = {1, 1}};
  const auto y = pooling<float32>(x, most);
  CHECK(y(0, 0, 0, 0) == -1.0F);
  CHECK(y(0, 0, 0, 1) == -2.0F);
  CHECK(y(0, 0, 1, 1) == -5.0F);
  pooling_params mean = most;
  mean.operation = pooling_operation::average;
  const auto z = pooling<float32>(x, mean);
  CHECK(z(0, 0, 0, 0) == -0.25F);
  CHECK(z(0, 0, 0, 1) == -1.25F);
  CHECK(z(0, 0, 1, 1) == -7.0F);
  // Ceil rule: the last window is cut at the padded map's end, and so is its divisor.
  const auto cut = pooling<float32>(x, {.operation = pooling_operation::average, .kernel = {2, 2}, .stride = {2, 2}});
  CHECK(cut(0, 0, 0, 0) == -3.0F);
  CHECK(cut(0, 0, 0, 1) == -4.5F);
  CHECK(cut(0, 0, 1, 1) == -9.0F);
  const auto whole = pooling<float32>(x, {.operation = pooling_operation::average, .global = true});
  CHECK(shape_of(whole) == tensor_shape{1, 1, 1, 1});
  CHECK(whole(0, 0, 0, 0) == -5.0F);
}

TEST_CASE("pooling equals a plain loop on random geometry") {
  draws d(1);
  for (int i = 0; i < 60; ++i) {
    pooling_params p;
    p.kernel = {d.between(1, 4), d.between(1, 4)};
    p.stride = {d.between(1, 3), d.between(1, 3)};
    p.pad = padding(d.between(0, p.kernel[0] - 1), d.between(0, p.kernel[1] - 1));
    p.operation = i % 2 == 0 ? pooling_operation::maximum : pooling_operation::average;
    if (i % 3 == 0) p.pad.bottom = d.between(0, p.kernel[0] - 1);
    if (i % 3 == 0) p.pad.right = d.between(0, p.kernel[1] - 1);
    const auto x = d.tensor({1, 2, d.between(4, 9), d.between(4, 9)});
    const auto y = pooling<float32>(x, p);
    const auto rows = static_cast<long>(x.shape()[2]), columns = static_cast<long>(x.shape()[3]);
    for (std::size_t c = 0; c < 2; ++c) {
      for (std::size_t oy = 0; oy < y.shape()[2]; ++oy) {
        for (std::size_t ox = 0; ox < y.shape()[3]; ++ox) {
          // Caffe's own order of clipping: first to the padded map, then to the map.
          const long top = static_cast<long>(oy * p.stride[0]) - static_cast<long>(p.pad.top);
          const long left = static_cast<long>(ox * p.stride[1]) - static_cast<long>(p.pad.left);
          const long bottom = std::min(top + static_cast<long>(p.kernel[0]), rows + static_cast<long>(p.pad.bottom));
          const long right = std::min(left + static_cast<long>(p.kernel[1]), columns + static_cast<long>(p.pad.right));
          double sum = 0;
          float most = -1e30F;
          for (long r = std::max(top, 0L); r < std::min(bottom, rows); ++r) {
            for (long k = std::max(left, 0L); k < std::min(right, columns); ++k) {
              sum += static_cast<double>(x(0, c, r, k));
              most = std::max(most, x(0, c, r, k));
            }
          }
          const float expected = p.operation == pooling_operation::maximum
                                     ? most
                                     : static_cast<float>(sum / static_cast<double>((bottom - top) * (right - left)));
          CHECK(y(0, c, oy, ox) == expected);
        }
      }
    }
  }
}

TEST_CASE("an average that leaves the padding out divides by what is inside the map") {
  const tensor<float> x = {{{{-1.0F, -2.0F, -3.0F}, {-4.0F, -5.0F, -6.0F}, {-7.0F, -8.0F, -9.0F}}}};
  pooling_params p{.operation = pooling_operation::average_inside, .kernel = {2, 2}, .stride = {2, 2}, .pad = {1, 1}};
  const auto y = pooling<float32>(x, p);
  CHECK(y(0, 0, 0, 0) == -1.0F);
  CHECK(y(0, 0, 0, 1) == -2.5F);
  CHECK(y(0, 0, 1, 1) == -7.0F);
  // Padding on one side alone: rows {0}, {1, 2}; columns {0, 1}, {2}.
  p.pad = {1, 0, 0, 1};
  const auto z = pooling<float32>(x, p);
  CHECK(same_bits(z, tensor<float>{{{{-1.5F, -3.0F}, {-6.0F, -7.5F}}}}));
  p.operation = pooling_operation::average;
  CHECK(same_bits(pooling<float32>(x, p), tensor<float>{{{{-0.75F, -0.75F}, {-6.0F, -3.75F}}}}));
  p.operation = pooling_operation::maximum;
  CHECK(same_bits(pooling<float32>(x, p), tensor<float>{{{{-1.0F, -3.0F}, {-4.0F, -6.0F}}}}));
}

TEST_CASE("a mask has the place of the first maximum in the map") {
  const tensor<float> x = {{{{1.0F, 5.0F, 5.0F}, {2.0F, 5.0F, 0.0F}, {-1.0F, -1.0F, -7.0F}}}};
  const pooling_params p{.kernel = {2, 2}, .stride = {2, 2}};
  CHECK(same_bits(pooling_places<float32>(x, p), tensor<float>{{{{1, 2}, {6, 8}}}}));
  CHECK(same_bits(pooling_places<float32>(x, {.kernel = {3, 3}, .stride = {3, 3}, .pad = {1, 1}}),
                  tensor<float>{{{{1, 2}, {6, 8}}}}));
  // Values that one code stands for: the first is the maximum.
  const tensor<float> near = {{{{0.98F, 0.985F}, {0.1F, 0.2F}}}};
  const gfpq8::scale s = gfpq8::scale_of_max(1.0F);
  REQUIRE(gfpq8::encode(0.98F, s) == gfpq8::encode(0.985F, s));
  CHECK(pooling_places<w8a8>(near, {.kernel = {2, 2}}, s)(0, 0, 0, 0) == q20_12::from(0.0));
  CHECK(pooling_places<float32>(near, {.kernel = {2, 2}})(0, 0, 0, 0) == 1.0F);
  // NaN and -infinity: never a place outside the window.
  auto odd = zeros({1, 1, 1, 4});
  for (float& v : odd) v = -std::numeric_limits<float>::infinity();
  CHECK(same_bits(pooling_places<float32>(odd, {.kernel = {1, 2}, .stride = {1, 2}}), tensor<float>{{{{0, 2}}}}));
  CHECK_THROWS_WITH(pooling_places<float32>(nan_tensor({1, 1, 2, 2}), p), contains("NaN"));
}

TEST_CASE("places that a format does not hold are refused") {
  const auto wide = zeros({1, 1, 1024, 513});  // 2^19 + 1024
  CHECK_THROWS_WITH(pooling_places<w8a8>(wide, {.global = true}), contains("525312") && contains("w8a8"));
  CHECK_NOTHROW(pooling_places<float32>(wide, {.global = true}));
  CHECK_NOTHROW(pooling_places<w16a16>(zeros({1, 1, 1024, 512}), {.global = true}));
  CHECK_THROWS_AS(pooling_places<float32>(zeros({1, 1, 2, 2}), {.operation = pooling_operation::average}),
                  format_error);
  CHECK_THROWS_AS(pooling_places<float32>(zeros({1, 1, 2, 2}), {.kernel = {3, 3}}), shape_error);
}

TEST_CASE("a maximum's input passes the activation format, an average's does not") {
  const tensor<float> x = {{{{0.3F, 0.99F}, {0.1F, 0.2F}}}};
  const gfpq8::scale s = gfpq8::scale_of_max(1.0F);
  const auto most = pooling<w8a8>(x, {.kernel = {2, 2}, .stride = {2, 2}}, s);
  const float encoded = gfpq8::decode(gfpq8::encode(q20_12::to_float(q20_12::from(0.99F)), s), s);
  CHECK(most(0, 0, 0, 0) == q20_12::from(encoded));
  CHECK(most(0, 0, 0, 0) != q20_12::from(0.99F));
  const auto derived = pooling<w8a8>(x, {.kernel = {2, 2}, .stride = {2, 2}});
  CHECK(q20_12::to_float(derived(0, 0, 0, 0)) <= 0.99F);
  const auto mean = pooling<w8a8>(x, {.operation = pooling_operation::average, .kernel = {2, 2}, .stride = {2, 2}});
  double sum = 0;
  for (const float v : x) sum += q20_12::to_double(q20_12::from(v));
  CHECK(mean(0, 0, 0, 0) == q20_12::from(sum / 4));
}

TEST_CASE("windows that do not fit are refused") {
  const auto x = zeros({1, 1, 4, 4});
  CHECK_THROWS_WITH(pooling<w8a8>(x, {.kernel = {5, 1}}),
                    contains("rows") && contains("kernel 5") && contains("1x1x4x4"));
  CHECK_THROWS_AS(pooling<w8a8>(x, {.kernel = {2, 2}, .stride = {0, 1}}), shape_error);
  CHECK_THROWS_AS(pooling<w8a8>(x, {.kernel = {2, 2}, .pad = {2, 0}}), shape_error);
  CHECK_THROWS_AS(pooling<w8a8>(x, {.kernel = {2, 2}, .global = true}), shape_error);
  CHECK_THROWS_AS(pooling<w8a8>(tensor<float>{{1.0F, 2.0F}}, {}), shape_error);
  CHECK_THROWS_AS(infer_shape(pooling_params{.kernel = {6, 6}, .stride = {2, 2}}, {1, 1, 4, 4}), shape_error);
}

TEST_CASE("a window that reaches behind the map by less than a stride is clipped, the only one too") {
  // Caffe: ceil((4 - 5) / 2) + 1 = 1 window.
  const tensor<float> x{{{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}, {13, 14, 15, 16}}}};
  const pooling_params p{.kernel = {5, 5}, .stride = {2, 2}};
  const auto only = [](const tensor<float>& y) {
    REQUIRE(shape_of(y) == tensor_shape{1, 1, 1, 1});
    return y.data()[0];
  };
  CHECK(only(pooling<float32>(x, p)) == 16.0F);
  pooling_params average = p;
  average.operation = pooling_operation::average;
  CHECK(only(pooling<float32>(x, average)) == 8.5F);
  tensor<float> one = make_tensor<float>({1, 1, 1, 1});
  one.fill(-3.0F);
  CHECK(only(pooling<float32>(one, {.kernel = {2, 2}, .stride = {2, 2}})) == -3.0F);
  pooling_params floor = p;
  floor.size = pooling_size::floor;
  CHECK_THROWS_AS(infer_shape(floor, {1, 1, 4, 4}), shape_error);
}

namespace {

struct uniform_pow2 : precision<uniform8_pow2, uniform8_pow2, exact_int32, q20_12> {};
struct float_activations : precision<binary32, binary32, fp32_chain, q20_12> {};

template <class P>
void vectors_equal_specification(draws& d, const tensor_shape& shape, const pooling_params& p,
                                 const typename P::activations::scale& s) {
  odd_tensor<P> x(d, shape);
  check_vectors<P>(
      infer_shape(p, shape), [&](auto y) { reference::pooling<P>(x.in(), s, p, y); },
      [&](auto y) { return detail::vector_pooling<P>(x.in(), s, p, y); });
}

}  // namespace

TEST_CASE("pooling by vectors equals the specification on random geometry") {
  draws d(7);
  for_each_isa([&](isa) {
    for (int i = 0; i < 300; ++i) {
      pooling_params p;
      p.kernel = {d.between(1, 4), d.between(1, 4)};
      p.stride = {d.between(1, 3), d.between(1, 4)};
      p.pad = padding(d.between(0, p.kernel[0] - 1), d.between(0, p.kernel[1] - 1));
      p.size = i % 5 == 0 ? pooling_size::floor : pooling_size::ceil;
      p.global = i % 7 == 0;
      if (p.global) p = {.global = true};
      constexpr std::array operations{pooling_operation::maximum, pooling_operation::average,
                                      pooling_operation::average_inside};
      p.operation = operations[static_cast<std::size_t>(i) % 3];
      if (!p.global && i % 4 == 0) {
        p.pad.bottom = d.between(0, p.kernel[0] - 1);
        p.pad.right = d.between(0, p.kernel[1] - 1);
      }
      tensor_shape shape{2, d.between(1, 3), d.between(4, 9), i % 5 == 0 ? d.between(60, 90) : d.between(4, 25)};
      if (i % 11 == 0) {  // one window, which reaches behind the map
        const auto operation = p.operation;
        p = {.kernel = {5, 5}, .stride = {3, 3}};
        p.operation = operation;
        shape = {2, 2, d.between(3, 4), d.between(3, 9)};
      }
      vectors_equal_specification<float32>(d, shape, p, {});
      vectors_equal_specification<float_activations>(d, shape, p, {});
      vectors_equal_specification<w8a8>(d, shape, p, gfpq8::scale(static_cast<int>(d.between(0, 300)) - 200));
      vectors_equal_specification<w16a16>(d, shape, p, gfpq16::scale(static_cast<int>(d.between(0, 2000)) - 1500));
      vectors_equal_specification<uniform_w8a8>(d, shape, p, uniform8::scale(0.01F));
      vectors_equal_specification<uniform_w16a16>(d, shape, p, uniform16::scale(3.7F));
      vectors_equal_specification<uniform_pow2>(d, shape, p, uniform8_pow2::scale(0.25F));
    }
  });
}

TEST_CASE("encoding never reverses the order of layer values, so that a maximum may be taken before it") {
  draws d(8);
  const auto check = [&]<class F>(const typename F::scale& s) {
    std::vector<std::int32_t> raw = {std::numeric_limits<std::int32_t>::min(), -1, 0, 1,
                                     std::numeric_limits<std::int32_t>::max()};
    for (int i = 0; i < 20000; ++i) raw.push_back(static_cast<std::int32_t>(d.bits()) >> d.between(0, 31));
    std::sort(raw.begin(), raw.end());
    bool increasing = true;
    float last = -std::numeric_limits<float>::infinity();
    for (const std::int32_t r : raw) {
      const float v = F::decode(F::encode(q20_12::to_float(q20_12::from_raw(r)), s), s);
      increasing = increasing && v >= last;
      last = v;
    }
    CHECK(increasing);
  };
  for (int i = 0; i < 50; ++i) {
    check.operator()<gfpq8>(gfpq8::scale(static_cast<int>(d.between(0, 600)) - 400));
    check.operator()<gfpq16>(gfpq16::scale(static_cast<int>(d.between(0, 5000)) - 3500));
    check.operator()<uniform8>(uniform8::scale(std::ldexp(1.3F, static_cast<int>(d.between(0, 30)) - 20)));
    check.operator()<uniform16>(uniform16::scale(std::ldexp(1.7F, static_cast<int>(d.between(0, 30)) - 20)));
    check.operator()<uniform8_pow2>(uniform8_pow2::scale(std::ldexp(1.0F, static_cast<int>(d.between(0, 30)) - 20)));
    check.operator()<uniform16_pow2>(uniform16_pow2::scale(std::ldexp(1.0F, static_cast<int>(d.between(0, 30)) - 20)));
  }
}

TEST_CASE("a format whose order is not known is encoded first") {
  struct gfpq_of_floats : precision<gfpq8, gfpq8, fp32_chain, binary32> {};
  // An infinity encodes as the smallest level: the maximum of the encoded values is another element's.
  const tensor<float> x = {{{{std::numeric_limits<float>::infinity(), 2.0F}, {1.0F, 1.0F}}}};
  const auto s = gfpq8::scale_of_max(4.0F);
  CHECK(pooling<gfpq_of_floats>(x, {.kernel = {2, 2}}, s)(0, 0, 0, 0) == 2.0F);
}

}  // namespace pooling_test
