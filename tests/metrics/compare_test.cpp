#include <nniesim/metrics/compare.hpp>

#include <nniesim/formats/fixed_point.hpp>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace compare_test {

TEST_CASE("every figure equals its definition in long double") {
  draws d(1);
  const auto r = d.tensor({3, 4, 5});
  auto x = r;
  for (auto& v : x) v += 0.1F * d.normal();
  const comparison c = compare(r, x);
  long double rr = 0, xx = 0, rx = 0, dd = 0, absolute = 0, error = 0, most = -1;
  std::size_t at = 0;
  for (std::size_t i = 0; i < r.size(); ++i) {
    const long double a = r.data()[i], b = x.data()[i];
    rr += a * a;
    xx += b * b;
    rx += a * b;
    dd += (b - a) * (b - a);
    absolute += std::fabs(b - a);
    error += b - a;
    if (std::fabs(b - a) > most) {
      most = std::fabs(b - a);
      at = i;
    }
  }
  const auto near = [](double got, long double truth) {
    CHECK(got == approx(static_cast<double>(truth)).epsilon(1e-13));
  };
  near(c.cosine, rx / std::sqrt(rr * xx));
  near(c.l2_reference, std::sqrt(rr));
  near(c.l2_other, std::sqrt(xx));
  near(c.norm_error, (std::sqrt(xx) - std::sqrt(rr)) / std::sqrt(rr));
  near(c.relative_l2_error, std::sqrt(dd / rr));
  near(c.snr_db, 10 * std::log10(rr / dd));
  near(c.max_abs, most);
  near(c.mean_abs, absolute / 60);
  near(c.mean_error, error / 60);
  CHECK(c.max_index == at);
  CHECK(c.max_reference == static_cast<double>(r.data()[at]));
  CHECK(c.max_other == static_cast<double>(x.data()[at]));
  CHECK(c.count == 60);
}

TEST_CASE("the signed error of the norms reproduces the eleven published rows exactly") {
  // layer norms in float and quantized, and their relative error, as measured on a board and published
  const double rows[][3] = {{1542.16357421875, 1636.4146841386182, 0.06111615622072724},
                            {6260.697265625, 6397.477102170111, 0.021847380689706004},
                            {1065.9599609375, 1089.9590241364149, 0.02251403812372837},
                            {260.0448913574219, 267.3341168655354, 0.028030642978849243},
                            {259.4969482421875, 265.88591981886606, 0.024620603902885806},
                            {268.58990478515625, 274.83698623546917, 0.023258809579272642},
                            {277.8281555175781, 281.9020012165444, 0.014663185203014975},
                            {533.713134765625, 532.1600594731143, -0.0029099439218274368},
                            {527.7047729492188, 522.8915072462171, -0.009121133538553088},
                            {568.9523315429688, 563.5011783185446, -0.00958103679730237},
                            {608.9256591796875, 592.6789292422666, -0.02668097442191492}};
  for (const auto& row : rows) {
    // One element: its norm is its magnitude.
    const comparison c = compare(tensor<double>{row[0]}, tensor<double>{row[1]});
    CHECK(c.norm_error == row[2]);
  }
}

TEST_CASE("degenerate tensors have defined answers") {
  const double infinity = std::numeric_limits<double>::infinity();
  const tensor<float> zero = {0.0F, -0.0F}, one = {1.0F, 1.0F}, minus = {-1.0F, -1.0F};
  const comparison none = compare(zero, zero);
  CHECK(none.cosine == 1);
  CHECK(none.norm_error == 0);
  CHECK(none.relative_l2_error == 0);
  CHECK(none.snr_db == infinity);
  const comparison from_zero = compare(zero, one);
  CHECK(from_zero.cosine == 0);
  CHECK(from_zero.norm_error == infinity);
  CHECK(from_zero.relative_l2_error == infinity);
  CHECK(from_zero.snr_db == -infinity);
  const comparison to_zero = compare(one, zero);
  CHECK(to_zero.cosine == 0);
  CHECK(to_zero.norm_error == -1);
  CHECK(to_zero.relative_l2_error == 1);
  CHECK(to_zero.snr_db == 0);
  CHECK(compare(one, one).cosine == 1);
  CHECK(compare(one, one).snr_db == infinity);
  CHECK(compare(one, minus).cosine == -1);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const comparison c = compare(one, tensor<float>{1.0F, bad});
    CHECK(std::isnan(c.cosine));
    CHECK(std::isnan(c.norm_error));
    CHECK(std::isnan(c.max_abs));
    CHECK(c.bad_other == 1);
    CHECK(c.bad_reference == 0);
  }
  CHECK_THROWS_AS(compare(make_tensor<float>({0}), make_tensor<float>({0})), shape_error);
  CHECK_THROWS_WITH(compare(one, make_tensor<float>({2, 1})), contains("2") && contains("2x1"));
}

TEST_CASE("cuts of a stream do not change a bit") {
  draws d(2);
  const auto r = d.tensor({1001});
  const auto x = d.tensor({1001});
  const comparison whole = compare(r, x);
  for (const std::size_t piece : {1U, 3U, 8U, 500U}) {
    comparison_accumulator sums;
    for (std::size_t at = 0; at < 1001; at += piece) {
      const std::size_t n = std::min<std::size_t>(piece, 1001 - at);
      sums.add(std::span<const float>(r.data() + at, n), std::span<const float>(x.data() + at, n));
    }
    const comparison c = sums.result();
    CHECK(c.cosine == whole.cosine);
    CHECK(c.relative_l2_error == whole.relative_l2_error);
    CHECK(c.mean_error == whole.mean_error);
    CHECK(c.max_index == whole.max_index);
  }
  comparison_accumulator sums;
  CHECK_THROWS_AS(sums.add(std::span<const float>(r.data(), 2), std::span<const float>(x.data(), 3)), shape_error);
  CHECK_THROWS_AS(sums.result(), shape_error);
}

TEST_CASE("layer values and integers are compared with floats") {
  const tensor<q20_12> y = {q20_12::from(0.3F), q20_12::from(2.0F)};
  CHECK(compare(tensor<float>{0.3F, 2.0F}, y).max_abs < 1.0 / 4096);
  CHECK(compare(tensor<int>{3, 4}, tensor<double>{3.0, 4.0}).cosine == 1);
}

TEST_CASE("means over samples are means of each sample's figures") {
  const tensor<float> r = {{3.0F, 4.0F}, {6.0F, 8.0F}}, x = {{3.0F, 4.0F}, {8.0F, 6.0F}};
  const comparison c = compare_samples(r, x);
  CHECK(c.l2_reference == 7.5);
  CHECK(c.l2_other == 7.5);
  CHECK(c.norm_error == 0);
  CHECK(c.cosine == approx((1 + 0.96) / 2));
}

namespace {

template <class T>
T odd_number(draws& d) {
  if constexpr (std::same_as<T, float>) return d.between(0, 3) == 0 ? d.any_finite() : d.normal();
  else return T::from_raw(static_cast<std::int32_t>(d.bits()) >> d.between(0, 31));
}

template <class R, class X>
void pieces_equal_pairs(draws& d, std::size_t n, int bad) {
  std::vector<R> r(n + 1);
  std::vector<X> x(n + 1);
  for (auto& v : r) v = odd_number<R>(d);
  for (auto& v : x) v = odd_number<X>(d);
  if constexpr (std::same_as<X, float>) {
    const float infinity = std::numeric_limits<float>::infinity();
    for (int i = 0; i < bad; ++i) x[d.between(0, n)] = i % 2 == 0 ? infinity : infinity - infinity;
  }
  const std::size_t skew = d.between(0, 1);
  comparison_accumulator pairs, pieces;
  for (std::size_t i = skew; i < n; ++i) pairs.add(std::span<const R>(&r[i], 1), std::span<const X>(&x[i], 1));
  for (std::size_t i = skew; i < n;) {
    const std::size_t here = std::min(n - i, d.between(1, 3000));
    pieces.add(std::span<const R>(&r[i], here), std::span<const X>(&x[i], here));
    i += here;
  }
  const comparison a = pairs.result(), b = pieces.result();
  const auto same = [](double u, double v) { return u == v || (u != u && v != v); };
  CHECK((same(a.cosine, b.cosine) && same(a.l2_reference, b.l2_reference) && same(a.l2_other, b.l2_other) &&
         same(a.relative_l2_error, b.relative_l2_error) && same(a.max_abs, b.max_abs) && same(a.mean_abs, b.mean_abs) &&
         same(a.mean_error, b.mean_error) && a.max_index == b.max_index && same(a.max_reference, b.max_reference) &&
         same(a.max_other, b.max_other) && a.count == b.count && a.bad_reference == b.bad_reference &&
         a.bad_other == b.bad_other));
}

}  // namespace

TEST_CASE("long pieces give the bits of pair after pair, on every instruction set") {
  draws d(4);
  for_each_isa([&](isa) {
    for (const std::size_t n : {2U, 9U, 16U, 17U, 25U, 1032U, 5000U}) {
      for (const int bad : {0, 0, 0, 1, 2}) {
        pieces_equal_pairs<float, float>(d, n, bad);
        pieces_equal_pairs<float, q20_12>(d, n, bad);
        pieces_equal_pairs<q20_12, float>(d, n, bad);
        pieces_equal_pairs<q20_12, q20_12>(d, n, bad);
      }
    }
  });
}

TEST_CASE("the first of equal largest differences is the one that is kept, and the vector kernels run") {
  std::vector<float> r(3000, 1.0F), x(3000, 1.0F);
  for_each_isa([&](isa used) {
    x[1501] = x[2700] = 3.0F;
    comparison_accumulator sums;
    sums.add(std::span<const float>(r), std::span<const float>(x));
    CHECK(sums.result().max_index == 1501);
    x[1501] = x[2700] = 1.0F;
    comparison_accumulator equal;
    equal.add(std::span<const float>(r), std::span<const float>(x));
    CHECK(equal.result().max_index == 0);
    CHECK(equal.result().max_reference == 1);
    CHECK(kernels::layerwise::run([](auto) {}) == (used != isa::scalar));
  });
}

}  // namespace compare_test
