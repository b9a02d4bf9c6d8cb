#include <nniesim/precision/mac_stage.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace {

constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t highest = std::numeric_limits<std::int32_t>::max();

/// The stage of a whole sum in integers: ((sum + bias) * multiplier >> 30 or 19) + shift, saturated.
std::int32_t in_integers(std::int64_t sum, const mac_stage& s) {
  __extension__ using wide = __int128;
  wide y = (wide{sum} + s.bias) * s.multiplier;
  const int bits = s.coarse ? 19 : 30;
  y = y >> bits;  // toward minus infinity
  y += s.shift;
  return y < lowest ? lowest : y > highest ? highest : static_cast<std::int32_t>(y);
}
bool is_exact(std::int64_t sum, const mac_stage& s) {
  return std::fabs((static_cast<double>(sum) + s.bias) * s.multiplier) < 0x1p53;
}

std::int32_t any_integer(draws& d) {
  switch (d.between(0, 7)) {
    case 0: return lowest;
    case 1: return highest;
    case 2: return 0;
    default: return static_cast<std::int32_t>(d.bits()) >> d.between(0, 31);
  }
}

/// Of any size that a double holds.
std::int32_t nearest_by_library(double x) {
  return x != x ? 0 : static_cast<std::int32_t>(std::clamp(std::nearbyint(x), double{lowest}, double{highest}));
}

}  // namespace

TEST_CASE("the stage of a whole sum equals the same in integers, saturation included") {
  draws d(1);
  std::size_t exact = 0, low = 0, high = 0, differ = 0;
  for (int i = 0; i < 400000; ++i) {
    mac_stage s;
    s.bias = any_integer(d);
    s.multiplier = any_integer(d);
    s.shift = any_integer(d);
    s.coarse = d.between(0, 1) == 0;
    const std::int64_t sum = (std::int64_t{any_integer(d)} << d.between(0, 8));
    if (!is_exact(sum, s)) continue;
    const std::int32_t y = in_integers(sum, s);
    ++exact;
    if (y == lowest) ++low;
    if (y == highest) ++high;
    if (s.apply(static_cast<double>(sum)) != y) ++differ;
  }
  CHECK(differ == 0);
  CHECK(exact > 200000);
  CHECK(low > 1000);
  CHECK(high > 1000);
}

TEST_CASE("a sum between two whole numbers stays as it is, or is rounded by the rule") {
  const mac_stage s{.bias = 1, .multiplier = 1 << 30, .shift = -3};
  CHECK(s.apply(2.5) == 0);
  CHECK(s.apply(2.5, sum_rounding::nearest) == 0);
  CHECK(s.apply(3.5, sum_rounding::nearest) == 2);
  CHECK(s.apply(2.75, sum_rounding::truncate) == 0);
  CHECK(s.apply(-2.25, sum_rounding::truncate) == -5);
  CHECK(s.apply(-2.25, sum_rounding::nearest) == -4);
  CHECK(s.apply(-2.25) == -5);  // floor of -1.25
  const mac_stage fine{.bias = 0, .multiplier = 1 << 28, .shift = 0};
  CHECK(fine.apply(3.9) == 0);
  CHECK(fine.apply(3.9, sum_rounding::nearest) == 1);
}

TEST_CASE("bias, multiplier and shift are rounded to nearest, ties to even, and saturate") {
  const mac_stage s = mac_stage::of(2.5, 1.5, 0.25, 0x1p-20, false);
  CHECK(s == mac_stage{.bias = 5 << 19, .multiplier = 3 << 21, .shift = 1024});
  CHECK(mac_stage::of(0.5, 1, 0, 1, true).bias == 0);
  CHECK(mac_stage::of(1.5, 1, 0, 1, true).bias == 2);
  CHECK(mac_stage::of(-2.5, 1, 0, 1, true).bias == -2);
  CHECK(mac_stage::of(0, 1, 2.5 / 4096, 1, true).shift == 2);
  CHECK(mac_stage::of(1e30, 1, -1e30, 1, true).bias == highest);
  CHECK(mac_stage::of(1e30, 1, -1e30, 1, true).shift == lowest);
  CHECK(mac_stage::of(0, -1e30, 0, 1, true).multiplier == lowest);
  draws d(2);
  std::size_t differ = 0;
  for (int i = 0; i < 100000; ++i) {
    const double x = std::ldexp(static_cast<double>(d.symmetric()), static_cast<int>(d.between(0, 70)) - 20);
    for (const double v : {x, std::floor(x) + 0.5, std::floor(x)}) {
      if (mac_stage::nearest(v) != nearest_by_library(v)) ++differ;
    }
  }
  CHECK(differ == 0);
  CHECK(mac_stage::nearest(std::numeric_limits<double>::quiet_NaN()) == 0);
  CHECK(mac_stage::nearest(std::numeric_limits<double>::infinity()) == highest);
  CHECK(mac_stage::nearest(-std::numeric_limits<double>::infinity()) == lowest);
}

TEST_CASE("multipliers are coarse where the one without a factor would pass 2^31") {
  CHECK_FALSE(mac_stage::is_coarse(0x1p-12));
  CHECK(mac_stage::is_coarse(0x1p-11));
  CHECK_FALSE(mac_stage::is_coarse((0x1p31 - 0.75) * 0x1p-42));
  CHECK(mac_stage::is_coarse((0x1p31 - 0.5) * 0x1p-42));
  // The same number, 2^11 times as large a step.
  const mac_stage fine = mac_stage::of(0, 1, 0, 0x1p-12, false);
  const mac_stage coarse = mac_stage::of(0, 1, 0, 0x1p-12, true);
  CHECK(fine.multiplier == coarse.multiplier * 2048);
  CHECK(fine.scaled_multiplier() == coarse.scaled_multiplier());
}

TEST_CASE("weights that are all zero leave the shift alone") {
  const mac_stage s = mac_stage::of(3.0, 2.0, 0.5, 0.0, false);
  CHECK(s == mac_stage{.bias = highest, .multiplier = 0, .shift = 2048});
  CHECK(s.apply(0.0) == 2048);
}

TEST_CASE("a negative slope is applied to negative values, floored") {
  const mac_stage leaky{.slope = slope_steps(0.1)};
  CHECK(leaky.slope == 409);
  CHECK(leaky.activated(100) == 100);
  CHECK(leaky.activated(-100) == -10);  // floor of -9.985
  CHECK(mac_stage{.slope = 0}.activated(-5) == 0);
  CHECK(mac_stage{}.activated(-5) == -5);
}
