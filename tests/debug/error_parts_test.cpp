#include <nniesim/debug/error_parts.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <nniesim/formats/gfpq.hpp>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace error_parts_test {

namespace {

template <class F>
tensor<float> mapped(const tensor<float>& r, F f) {
  tensor<float> x = r;
  for (float& v : x) v = f(v);
  return x;
}
double sum(const error_parts& p) {
  return p.gain_share + p.offset_share + p.saturation_share + p.underflow_share + p.rounding_share;
}
void check_sound(const error_parts& p) {
  for (const double share : {p.gain_share, p.offset_share, p.saturation_share, p.underflow_share, p.rounding_share}) {
    CHECK(share >= 0);
    CHECK(share <= 1);
  }
  CHECK(sum(p) == approx(1));
}
double squared_error(const tensor<float>& r, const tensor<float>& x) {
  double total = 0;
  for (std::size_t i = 0; i < r.size(); ++i) total += std::pow(double{x.data()[i]} - double{r.data()[i]}, 2);
  return total;
}
std::vector<float> of(std::initializer_list<float> v) { return v; }
tensor_view<const float> row(const std::vector<float>& v) { return {v, {v.size()}}; }

}  // namespace

TEST_CASE("A gain is a gain, whatever the reference's mean", "[error_parts]") {
  draws random(1);
  for (const float mean : {0.0F, 3.0F, -100.0F}) {
    const auto r = mapped(random.tensor({1, 4, 9, 7}), [&](float v) { return v + mean; });
    for (const float gain : {1.1F, 0.9F, -1.0F}) {
      const error_parts p = split_error(r, mapped(r, [&](float v) { return v * gain; }));
      CAPTURE(mean, gain);
      check_sound(p);
      CHECK(p.gain_share == approx(1).margin(1e-5));
      CHECK(p.gain == approx(gain).epsilon(1e-5));
      CHECK(p.offset == approx(0).margin(1e-3));
      CHECK(p.saturated == 0);
      CHECK(p.underflowed == 0);
    }
  }
}

TEST_CASE("An offset is an offset, also where it makes a zero", "[error_parts]") {
  draws random(2);
  auto r = random.tensor({2, 3, 8, 8});
  r.data()[5] = -0.5F;
  const auto x = mapped(r, [](float v) { return v + 0.5F; });
  const error_parts p = split_error(r, x);
  check_sound(p);
  CHECK(p.offset_share == approx(1).margin(1e-6));
  CHECK(p.offset == approx(0.5));
  CHECK(p.gain == approx(1));
  CHECK(p.underflowed == 0);
  CHECK(p.l2_error == approx(0.5 * std::sqrt(384.0)));
}

TEST_CASE("Clipped values are saturation, of either sign", "[error_parts]") {
  draws random(3);
  const auto r = random.tensor({1, 8, 20, 20});
  const auto x = mapped(r, [](float v) { return std::clamp(v, -1.2F, 1.2F); });
  const error_parts p = split_error(r, x);
  check_sound(p);
  CHECK(p.saturation_share == approx(1));
  CHECK(p.saturated ==
        static_cast<std::size_t>(std::count_if(r.begin(), r.end(), [](float v) { return std::fabs(v) > 1.2F; })));
  CHECK(p.gain == approx(1));
  CHECK(p.rounding_share == approx(0).margin(1e-12));
}

TEST_CASE("Values below what an 8-bit code reaches up to are no saturation", "[error_parts]") {
  draws random(4);
  const auto r = random.tensor({1, 8, 30, 30});
  const auto scale = gfpq8::scale_of_max(0.99F * *std::max_element(r.begin(), r.end()));
  const auto x = mapped(r, [&](float v) { return gfpq8::decode(gfpq8::encode(v, scale), scale); });
  const error_parts p = split_error(r, x);
  check_sound(p);
  CHECK(p.rounding_share > 0.9);
  const auto narrow = gfpq8::scale_of_max(1.0F);
  const auto clipped = mapped(r, [&](float v) { return gfpq8::decode(gfpq8::encode(v, narrow), narrow); });
  const error_parts q = split_error(r, clipped);
  check_sound(q);
  CHECK(q.saturation_share > 0.95);
  const double half_step_above = gfpq8::largest(narrow) * std::pow(2.0, 1.0 / 32);
  const auto beyond = std::count_if(r.begin(), r.end(), [&](float v) { return std::fabs(v) > half_step_above; });
  CHECK(std::fabs(static_cast<double>(q.saturated) - static_cast<double>(beyond)) <=
        0.02 * static_cast<double>(beyond));
}

TEST_CASE("Small values flushed to zero are underflow", "[error_parts]") {
  draws random(5);
  const auto r = random.tensor({1, 8, 20, 20});
  const auto x = mapped(r, [](float v) { return std::fabs(v) < 0.3F ? 0.0F : v; });
  const error_parts p = split_error(r, x);
  check_sound(p);
  CHECK(p.underflow_share == approx(1));
  CHECK(p.underflowed ==
        static_cast<std::size_t>(std::count_if(r.begin(), r.end(), [](float v) { return std::fabs(v) < 0.3F; })));
}

TEST_CASE("A mixture is taken apart", "[error_parts]") {
  draws random(6);
  const auto r = random.tensor({1, 16, 25, 25});
  double saturation = 0, rest = 0;
  std::size_t saturated = 0, underflowed = 0;
  const auto x = mapped(r, [&](float v) {
    const float expected = 1.1F * v + 0.05F;
    const float noise = random.normal() * 0.01F;
    const auto squared = [&](float got) { return std::pow(double{got} - double{v}, 2); };
    if (expected > 1.8F) {
      ++saturated;
      saturation += squared(1.8F);
      return 1.8F;
    }
    if (expected < -1.8F) {
      ++saturated;
      saturation += squared(-1.8F);
      return -1.8F;
    }
    if (v != 0 && std::fabs(expected) < 0.02F) {
      ++underflowed;
      return 0.0F;
    }
    rest += double{noise} * double{noise};
    return std::clamp(expected + noise, -1.799F, 1.799F);
  });
  const double total = squared_error(r, x);
  const error_parts p = split_error(r, x);
  check_sound(p);
  CHECK(p.gain == approx(1.1).epsilon(0.002));
  CHECK(p.offset == approx(0.05).epsilon(0.02));
  CHECK(p.saturation_share == approx(saturation / total).epsilon(0.02));
  CHECK(static_cast<double>(p.saturated) == approx(static_cast<double>(saturated)).epsilon(0.02));
  CHECK(p.underflowed <= underflowed);
  CHECK(p.rounding_share == approx(rest / total).epsilon(0.1));
  CHECK(p.gain_share > 0.1);
  CHECK(p.offset_share > 0.05);
  CHECK(p.l2_error == approx(std::sqrt(total)));
}

TEST_CASE("Noise alone is rounding", "[error_parts]") {
  draws random(7);
  const auto r = random.tensor({1, 4, 20, 20});
  const error_parts p = split_error(r, mapped(r, [&](float v) { return v + 0.01F * random.normal(); }));
  check_sound(p);
  CHECK(p.rounding_share > 0.99);
}

TEST_CASE("A ReLU behind a shift makes no underflow", "[error_parts]") {
  draws random(8);
  const auto before = random.tensor({1, 4, 20, 20});
  const auto r = mapped(before, [](float v) { return std::max(v, 0.0F); });
  const auto x = mapped(before, [](float v) { return std::max(v - 0.2F, 0.0F); });
  const error_parts p = split_error(r, x);
  check_sound(p);
  CHECK(p.underflow_share < 0.15);
}

TEST_CASE("Degenerate tensors are defined", "[error_parts]") {
  const auto equal = split_error(row(of({1, 2, 3})), row(of({1, 2, 3})));
  CHECK(sum(equal) == 0);
  CHECK(equal.gain == 1);
  CHECK(equal.offset == 0);
  CHECK(sum(split_error(row(of({0, 0})), row(of({0, 0})))) == 0);

  const auto lost = split_error(row(of({1, -2, 0})), row(of({0, 0, 0})));
  CHECK(lost.underflow_share == 1);
  CHECK(lost.underflowed == 2);

  const auto from_zero = split_error(row(of({0, 0})), row(of({2, 2})));
  CHECK(from_zero.offset_share == 1);
  CHECK(from_zero.offset == 2);
  const auto noise = split_error(row(of({0, 0, 0, 0})), row(of({1, -1, 2, -2})));
  CHECK(noise.rounding_share == 1);

  const auto constant = split_error(row(of({2, 2, 2})), row(of({3, 3, 3})));
  CHECK(constant.offset_share == 1);
  CHECK(constant.gain == 1);
  const auto flat = split_error(row(of({1, 2, 3})), row(of({2, 2, 2})));
  check_sound(flat);
  CHECK(flat.saturated == 0);
  CHECK(flat.gain == approx(0).margin(1e-15));

  const auto single = split_error(row(of({4})), row(of({5})));
  CHECK(single.offset_share == 1);

  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const auto bad = split_error(row(of({nan, 2, infinity})), row(of({1, 2, nan})));
  CHECK(std::isnan(sum(bad)));
  CHECK(std::isnan(bad.gain));
  CHECK(bad.bad_reference == 2);
  CHECK(bad.bad_other == 1);
  CHECK(bad.count == 3);

  CHECK_THROWS_AS(split_error(row(of({})), row(of({}))), shape_error);
  CHECK_THROWS_AS(split_error(row(of({1})), row(of({1, 2}))), shape_error);
}

TEST_CASE("Neither huge nor tiny values leave the range", "[error_parts]") {
  for (const double size : {1e300, 1e-300, 1e-310}) {
    const std::vector<double> r = {size, -2 * size, 3 * size}, x = {1.5 * size, -3 * size, 4.5 * size};
    const tensor_view<const double> rv(r, {3}), xv(x, {3});
    const error_parts p = split_error(rv, xv);
    CHECK(p.gain_share == approx(1));
    CHECK(p.gain == approx(1.5));
    CHECK(channel_errors(rv, xv).channels[0].share == approx(9.0 / 14));
  }
}

TEST_CASE("Shares add up for any data", "[error_parts]") {
  draws random(9);
  for (int round = 0; round < 500; ++round) {
    const std::size_t n = random.between(1, 40);
    const auto level = [&] { return static_cast<float>(random.between(0, 6)) - 3.0F; };
    std::vector<float> r(n), x(n);
    for (std::size_t i = 0; i < n; ++i) {
      r[i] = random.between(0, 2) == 0 ? level() : random.normal();
      x[i] = random.between(0, 2) == 0 ? level() : r[i] * 1.2F;
    }
    const error_parts p = split_error(row(r), row(x));
    if (p.l2_error == 0) CHECK(sum(p) == 0);
    else check_sound(p);
  }
}

TEST_CASE("Channels are sorted by their share of the error", "[error_parts]") {
  draws random(10);
  const auto r = random.tensor({2, 6, 5, 5});
  auto x = r;
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t i = 0; i < 25; ++i) {
      x.data()[(n * 6 + 4) * 25 + i] *= 1.5F;
      x.data()[(n * 6 + 1) * 25 + i] *= 0.6F;
      x.data()[(n * 6 + 2) * 25 + i] *= 1.01F;
    }
  }
  const channel_error_list list = channel_errors(r, x);
  REQUIRE(list.channels.size() == 6);
  CHECK(list.channels[0].channel == 4);
  CHECK(list.channels[1].channel == 1);
  CHECK(list.channels[2].channel == 2);
  CHECK(list.channels[3].channel == 0);
  CHECK(list.most == 2);
  CHECK(list.bad == 0);
  CHECK(list.channels[0].norm_error == approx(0.5));
  CHECK(list.channels[1].norm_error == approx(-0.4));
  CHECK(list.channels[0].cosine == approx(1));
  CHECK(list.channels[3].share == 0);
  double total = 0;
  for (const channel_error& c : list.channels) total += c.share;
  CHECK(total == approx(1));
}

TEST_CASE("Channels of vectors, without error, and with NaN", "[error_parts]") {
  const channel_error_list vector = channel_errors(row(of({1, 2, 3})), row(of({1, 2, 4})));
  CHECK(vector.channels.size() == 3);
  CHECK(vector.channels[0].channel == 2);
  CHECK(vector.channels[0].share == 1);
  CHECK(vector.most == 1);

  const channel_error_list none = channel_errors(row(of({1, 2})), row(of({1, 2})));
  CHECK(none.most == 0);
  CHECK(none.channels[0].channel == 0);
  CHECK(none.channels[0].share == 0);

  const float nan = std::numeric_limits<float>::quiet_NaN();
  const channel_error_list bad = channel_errors(row(of({1, 2, 3, 4})), row(of({1, 3, nan, 4})));
  CHECK(bad.bad == 1);
  CHECK(bad.channels[0].channel == 2);
  CHECK(std::isnan(bad.channels[0].share));
  CHECK(bad.channels[1].channel == 1);
  CHECK(bad.channels[1].share == 1);
  CHECK(bad.most == 1);

  CHECK_THROWS_AS(channel_errors(row(of({})), row(of({}))), shape_error);
  CHECK_THROWS_AS(channel_errors(row(of({1})), row(of({1, 2}))), shape_error);
}

}  // namespace error_parts_test
