#include <nniesim/ops/lrn.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace lrn_test {

TEST_CASE("across channels: the squares of the channels around") {
  const tensor<float> x{{1, 2, 3, 4}};
  // Windows of three: squares 5, 14, 29, 25; alpha / 3 = 2; k 1.
  const lrn_params p{.local_size = 3, .alpha = 6, .beta = 1};
  CHECK(same_bits(lrn<float32>(x, p), tensor<float>{{1.0F / 11, 2.0F / 29, 3.0F / 59, 4.0F / 51}}));
  // k is what is left where nothing is around.
  CHECK(same_bits(lrn<float32>(x, {.local_size = 3, .alpha = 0, .beta = 0.5, .k = 4}),
                  tensor<float>{{0.5F, 1, 1.5F, 2}}));
  const auto y = lrn<w8a8>(x, p);
  CHECK(y.data()[0].raw() == 372);  // floor(4096 / 11)
  CHECK(y.data()[3].raw() == 321);
}

TEST_CASE("within a channel: the mean of the squares in a window padded with zeros") {
  const tensor<float> x{{{{1, 2}, {3, 4}}, {{0, 1}, {0, 0}}}};
  // Every window of three rows and columns holds the whole map: squares 30 and 1, divided by 9.
  const auto y = lrn<float32>(x, {.local_size = 3, .alpha = 9, .beta = 1, .region = lrn_region::within_channel});
  CHECK(same_bits(y, tensor<float>{{{{1.0F / 31, 2.0F / 31}, {3.0F / 31, 4.0F / 31}}, {{0, 0.5F}, {0, 0}}}}));
}

TEST_CASE("local response normalization equals its definition") {
  draws d(1);
  const auto x = d.tensor({2, 7, 5, 6}, 3);
  const auto at = [](std::size_t n, std::size_t c, std::size_t h, std::size_t w) {
    return ((n * 7 + c) * 5 + h) * 6 + w;
  };
  for_policies([&]<class P>() {
    const auto v = held<P>(x);
    for (const bool across : {true, false}) {
      for (const float beta : {0.0F, 0.25F, 0.5F, 0.75F, 1.0F, 1.25F, 1.5F, 1.75F, 2.0F, 0.6F, 3.0F, -0.5F}) {
        for (const std::size_t size : {1U, 3U, 5U, 31U}) {
          lrn_params p{.local_size = size, .alpha = 0.7F, .beta = beta};
          if (across) p.k = 2;
          else p.region = lrn_region::within_channel;
          const auto y = lrn<P>(x, p);
          const auto near = [&](std::size_t a, std::size_t b) { return (a > b ? a - b : b - a) <= size / 2; };
          bool good = true;
          for (std::size_t i = 0; i < v.size(); ++i) {
            const std::size_t n = i / 210, c = i / 30 % 7, h = i / 6 % 5, w = i % 6;
            double sum = 0;
            for (std::size_t j = 0; across && j < 7; ++j) sum += near(j, c) ? v[at(n, j, h, w)] * v[at(n, j, h, w)] : 0;
            for (std::size_t j = 0; !across && j < 30; ++j) {
              const double value = v[at(n, c, j / 6, j % 6)];
              sum += near(j / 6, h) && near(j % 6, w) ? value * value : 0;
            }
            const double count = static_cast<double>(across ? size : size * size);
            const double truth = v[i] * std::pow(static_cast<double>(p.k) + static_cast<double>(p.alpha) / count * sum,
                                                 -static_cast<double>(beta));
            const double step = static_cast<double>(P::output::step(static_cast<float>(truth), {}));
            good = good && std::fabs(P::output::to_double(y.data()[i]) - truth) <= step;
          }
          INFO("size " << size << ", beta " << beta << ", across " << across << ", " << policy_name<P>());
          CHECK(good);
        }
      }
    }
  });
}

TEST_CASE("local response normalization by vectors equals the specification") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    const tensor_shape shape{2, d.between(1, 8), d.between(1, 4), n};
    odd_tensor<P> x(d, shape);
    for (const bool across : {true, false}) {
      for (const float beta : {0.0F, 0.75F, 1.0F, 1.5F, 2.0F, 0.6F, -0.25F}) {
        lrn_params p{.local_size = 2 * d.between(0, 4) + 1, .alpha = 0.7F, .beta = beta};
        if (n == 130) p.local_size = 31;
        if (across) p.k = 2;
        else p.region = lrn_region::within_channel;
        INFO("size " << p.local_size << ", beta " << beta << ", across " << across);
        check_vectors<P>(
            shape, [&](auto y) { reference::lrn<P>(x.in(), p, y); },
            [&](auto y) { return detail::vector_lrn<P>(x.in(), p, y); });
      }
    }
  });
}

TEST_CASE("windows of local response normalization with rows that are cut, and with too many to keep") {
  draws d(4);
  const tensor_shape shape{1, 40, 20, 400};
  odd_tensor<w8a8> x(d, shape);
  const lrn_params cut{.local_size = 15, .region = lrn_region::within_channel};  // 15 rows of 400 and 7 on either side
  std::vector<q20_12> expected(shape.size()), got(shape.size());
  for_each_isa([&](isa i) {
    for (const lrn_params& p : {cut, lrn_params{.local_size = 79}}) {
      reference::lrn<w8a8>(x.in(), p, {expected, shape});
      const bool ran = detail::vector_lrn<w8a8>(x.in(), p, {got, shape});
      CHECK(ran == (i != isa::scalar));
      if (ran) CHECK(got == expected);
    }
  });
  // Not kept: the specification's loop does the work.
  odd_tensor<w8a8> tall(d, {1, 600, 1, 20});
  std::vector<q20_12> a(tall.in().size()), b = a;
  const lrn_params all{.local_size = 1201};
  CHECK(!detail::vector_lrn<w8a8>(tall.in(), all, {a, tall.in().shape()}));
  lrn_into<w8a8>(tall.in(), all, {a, tall.in().shape()});
  reference::lrn<w8a8>(tall.in(), all, {b, tall.in().shape()});
  CHECK(a == b);
}

TEST_CASE("what LRN cannot take is refused") {
  const auto x = zeros({1, 2, 3, 3});
  CHECK_THROWS_WITH(lrn<w8a8>(x, {.local_size = 4}), contains("size 4") && contains("odd"));
  CHECK_THROWS_AS(lrn<w8a8>(x, {.local_size = 0}), shape_error);
  CHECK_THROWS_AS(lrn<w8a8>(x, {.beta = std::numeric_limits<float>::infinity()}), format_error);
  CHECK_THROWS_AS(lrn<w8a8>(x, {.alpha = std::nanf("")}), format_error);
  CHECK_THROWS_WITH(lrn<w8a8>(x, {.k = 2, .region = lrn_region::within_channel}), contains("k 2"));
  CHECK_THROWS_WITH(lrn<w8a8>(zeros({1, 2, 3}), {.region = lrn_region::within_channel}), contains("1x2x3"));
  CHECK_THROWS_AS(lrn<w8a8>(zeros({4})), shape_error);
  CHECK_THROWS_AS(lrn<w8a8>(zeros({1, 0})), shape_error);
  CHECK_THROWS_WITH(lrn<float32>(nan_tensor({1, 2})), contains("NaN"));
  auto y = zeros({1, 2});
  CHECK_THROWS_WITH(lrn_into<float32>(view_of(std::as_const(y)), {}, view_of(y)), contains("one tensor"));
  CHECK(lrn<float32>(x, {.local_size = std::size_t(-1)}).size() == 18);
}

}  // namespace lrn_test
