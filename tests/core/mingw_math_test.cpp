#define NNIESIM_TEST_MINGW_MATH  // its functions, on any system
#include <nniesim/core/mingw_math.hpp>

#include <bit>
#include <cmath>
#include <cstdint>

#include "catch.hpp"
#include "support/random.hpp"

namespace {

template <class Real, class Bits>
bool same(Real x, Real y, Real z) {
  const Real got = nniesim::mingw::fused(x, y, z), expected = std::fma(x, y, z);
  return (std::isnan(got) && std::isnan(expected)) || std::bit_cast<Bits>(got) == std::bit_cast<Bits>(expected);
}
bool same(double x, double y, double z) { return same<double, std::uint64_t>(x, y, z); }
bool same(float x, float y, float z) { return same<float, std::uint32_t>(x, y, z); }

}  // namespace

TEST_CASE("fused multiply-adds made of integers are the C library's, of any bits") {
  draws d(3);
  const auto bits = [&] { return std::uint64_t{d.bits()} << 32U | d.bits(); };
  int wrong = 0;
  for (int i = 0; i < 300000; ++i) {
    const auto x = std::bit_cast<double>(bits()), y = std::bit_cast<double>(bits());
    const auto any = std::bit_cast<double>(bits());
    // Near the product's size, or what it nearly cancels, or anything; where the results are subnormal, too.
    const int exponent = static_cast<int>(bits() % 140) - 70;
    wrong += !same(x, y, any) + !same(x, y, std::ldexp(x * y, exponent)) + !same(x, y, -std::nextafter(x * y, any));
    const double small = std::ldexp(1.0 + static_cast<double>(bits() >> 12U) * 0x1p-52, -1000 - exponent);
    wrong += !same(small, y, any) + !same(small, 0x1p-40 + 0x1p-80, std::ldexp(any, -1000));
    const auto a = static_cast<float>(d.symmetric()), b = static_cast<float>(d.symmetric());
    const auto f = std::bit_cast<float>(d.bits()), g = std::bit_cast<float>(d.bits());
    wrong += !same(a, b, a * b * 0x1p-24F) + !same(a, b, -(a * b)) + !same(f, g, a) + !same(f, g, -(f * g));
    wrong += !same(f, a, std::bit_cast<float>(d.bits())) + !same(a * 0x1p-100F, b * 0x1p-40F, 0x1p-140F);
  }
  CHECK(wrong == 0);
}

TEST_CASE("fused multiply-adds made of integers have the usual special cases") {
  const double infinity = HUGE_VAL, least = 0x1p-1074, most = 0x1.fffffffffffffp1023;
  for (const double x : {0.0, -0.0, 1.0, -1.0, least, -least, most, -most, infinity, -infinity, 0x1p-1022, 0.5}) {
    for (const double y : {0.0, -0.0, 1.0, -1.0, least, most, infinity, 0x1p-1022, 0.5, 1.5, 0x1p-53}) {
      for (const double z : {0.0, -0.0, 1.0, -1.0, least, -least, most, -most, infinity, -infinity, 0x1p-1022}) {
        INFO(x << " * " << y << " + " << z);
        CHECK(same(x, y, z));
        CHECK(same(static_cast<float>(x), static_cast<float>(y), static_cast<float>(z)));
      }
    }
  }
}

TEST_CASE("rounding made of exact steps is the C library's") {
  draws d(4);
  int wrong = 0;
  const auto check = [&wrong]<class Real>(Real x) {
    const Real got = nniesim::mingw::rounded_away(x), expected = std::round(x);
    wrong += !(std::isnan(got) ? std::isnan(expected) : got == expected && std::signbit(got) == std::signbit(expected));
  };
  for (int i = 0; i < 100000; ++i) {
    check(std::bit_cast<float>(d.bits()));
    check(std::bit_cast<double>(std::uint64_t{d.bits()} << 32U | d.bits()));
    check(d.symmetric() * 1000.0F);
  }
  for (const double x : {0.5, 1.5, 2.5, 4503599627370495.5, 0.0, HUGE_VAL}) {
    for (const double y : {x, std::nextafter(x, 0.0), std::nextafter(x, 1e308)}) {
      check(y);
      check(-y);
      check(static_cast<float>(y));
    }
  }
  CHECK(wrong == 0);
}
