#include <nniesim/precision/accumulator.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace {

static_assert(accumulator<fp32_chain> && accumulator<fp64_chain> && accumulator<exact_int32> &&
              accumulator<exact_int64> && accumulator<fixed_accumulator<20, 12, floor_rounding, saturate>>);
static_assert(!accumulator<float> && !accumulator<q20_12>);
static_assert(fp32_chain::name == "fp32_chain" && fp64_chain::name == "fp64_chain" &&
              exact_int32::name == "exact_int32" && exact_int64::name == "exact_int64" &&
              fixed_accumulator<20, 12, floor_rounding, wrap>::name == "q20_12_floor_wrap");
static_assert(exact_int32::add(5, -3, 7) == -16);
static_assert(fixed_accumulator<20, 12, floor_rounding, saturate>::add(q20_12::from(1.0), 0.5F, 0.5F) ==
              q20_12::from(1.25));

template <class A>
typename A::sum summed(const std::vector<float>& w, const std::vector<float>& a) {
  typename A::sum acc{};
  for (std::size_t i = 0; i < w.size(); ++i) acc = A::add(acc, w[i], a[i]);
  return acc;
}

/// Whether check_capacity lets the length pass.
template <class A>
bool accepted(std::size_t length, double largest_product) {
  try {
    A::check_capacity(length, largest_product, "layer 'x'");
    return true;
  } catch (const format_error&) {
    return false;
  }
}

/// Whether `length` products that are all as large as allowed, of either sign, can be added without a trap.
template <class A>
bool holds(std::size_t length, float product) {
  try {
    for (const float w : {product, -product}) {
      typename A::sum acc{};
      for (std::size_t i = 0; i < length; ++i) acc = A::add(acc, w, 1.0F);
    }
    return true;
  } catch (const format_error&) {
    return false;
  }
}

template <class A>
void check_that_capacity_is_enough(std::uint32_t seed) {
  INFO(A::name);
  draws d(seed);
  const auto range = static_cast<float>(A::sum::to_double(A::sum::max()));
  int broken_promises = 0;
  int accepted_lengths = 0;
  int refused_lengths = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::size_t length = d.between(1, 12);
    const float product = std::abs(d.symmetric()) * range * 2 / static_cast<float>(length);
    if (accepted<A>(length, static_cast<double>(product))) {
      ++accepted_lengths;
      if (!holds<A>(length, product)) ++broken_promises;
    } else {
      ++refused_lengths;
    }
  }
  CHECK(broken_promises == 0);
  CHECK(accepted_lengths > 200);
  CHECK(refused_lengths > 200);
}

}  // namespace

TEST_CASE("fp32_chain rounds once for each product and sum together") {
  draws d(1);
  float acc = 0;
  std::size_t failures = 0;
  for (int i = 0; i < 5000; ++i) {
    const float w = d.normal();
    const float a = d.normal();
    const float next = fp32_chain::add(acc, w, a);
    // Product and sum are exact in long double here, or rounded far below float's last place.
    const long double exact = static_cast<long double>(w) * static_cast<long double>(a) + static_cast<long double>(acc);
    if (next != static_cast<float>(exact)) ++failures;
    acc = next;
  }
  CHECK(failures == 0);
  // A separate product would be rounded to 1 first, and leave nothing.
  CHECK(fp32_chain::add(-1.0F, 1 + 0x1p-12F, 1 - 0x1p-12F) == -0x1p-24F);
  CHECK(fp32_chain::total(1.25F) == 1.25F);
}

TEST_CASE("fp64_chain adds exact products of floats in float64") {
  CHECK(fp64_chain::add(0x1p60, 1 + 0x1p-23F, 1 + 0x1p-23F) == 0x1p60);
  CHECK(fp64_chain::add(-1.0, 1 + 0x1p-12F, 1 - 0x1p-12F) == -0x1p-24);
  CHECK(fp64_chain::add(0.0, 0.1F, 0.1F) == static_cast<double>(0.1F) * static_cast<double>(0.1F));
  CHECK(fp64_chain::total(1.5) == 1.5);
}

TEST_CASE("the order of a float chain is part of its result") {
  const std::vector<float> up = {1.0F, 0x1p24F, -0x1p24F};
  const std::vector<float> down = {0x1p24F, -0x1p24F, 1.0F};
  const std::vector<float> ones(3, 1.0F);
  CHECK(summed<fp32_chain>(up, ones) == 0.0F);
  CHECK(summed<fp32_chain>(down, ones) == 1.0F);
  CHECK(summed<fp64_chain>(up, ones) == 1.0);
}

TEST_CASE("integer sums are exact") {
  draws d(2);
  std::int64_t exact = 0;
  std::int32_t narrow = 0;
  std::int64_t broad = 0;
  for (int i = 0; i < 3000; ++i) {
    const auto w = static_cast<std::int32_t>(d.between(0, 254)) - 127;
    const auto a = static_cast<std::int32_t>(d.between(0, 254)) - 127;
    exact += std::int64_t{w} * a;
    narrow = exact_int32::add(narrow, w, a);
    broad = exact_int64::add(broad, w, a);
  }
  CHECK(narrow == exact);
  CHECK(broad == exact);
  CHECK(exact_int64::add(0, -32767, 32767) == -1073676289);
  CHECK(exact_int64::add(std::int64_t{1} << 40, 32767, 32767) == (std::int64_t{1} << 40) + 1073676289);
  CHECK(exact_int32::total(-3) == -3.0);
  CHECK(exact_int64::total((std::int64_t{1} << 53) + 1) == 0x1p53);
}

TEST_CASE("an integer sum of a length that could overflow is refused, the longest that cannot is not") {
  // 2147483647 / 127^2 = 133144.2
  CHECK(accepted<exact_int32>(133144, 127.0 * 127));
  CHECK_FALSE(accepted<exact_int32>(133145, 127.0 * 127));
  // (2^63 - 1) / 32767^2 = 8590458881.0...
  const double product = 32767.0 * 32767;
  const auto longest = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max() / (32767LL * 32767));
  CHECK(accepted<exact_int64>(longest - 1000, product));
  CHECK_FALSE(accepted<exact_int64>(longest + 1000, product));
  CHECK(accepted<exact_int64>(1, 0x1p62));
  CHECK_FALSE(accepted<exact_int64>(1, 0x1p63));
  CHECK_FALSE(accepted<exact_int64>(2, 0x1p62));
  CHECK_FALSE(accepted<exact_int32>(1, std::numeric_limits<double>::quiet_NaN()));
  CHECK_FALSE(accepted<exact_int32>(1, std::numeric_limits<double>::infinity()));
  CHECK(accepted<exact_int32>(0, 1e9));
}

TEST_CASE("the refusal gives the layer, the length, the bound and the accumulator's range") {
  CHECK_THROWS_WITH(exact_int32::check_capacity(200000, 127.0 * 127, "conv2d 'conv1'"),
                    contains("conv2d 'conv1': 200000 products of up to 16129 could reach 3.2258e+09") &&
                        contains("exact_int32 holds"));
  using trapping = fixed_accumulator<8, 8, floor_rounding, trap>;
  CHECK_THROWS_WITH(trapping::check_capacity(100, 2.0, "fc 'out'"),
                    contains("fc 'out': 100 products of up to 2") && contains("q8_8_floor_trap holds 127.996"));
}

TEST_CASE("float chains and accumulators that saturate or wrap take any length") {
  CHECK(accepted<fp32_chain>(1000000000, 1e30));
  CHECK(accepted<fp64_chain>(1000000000, 1e300));
  CHECK(accepted<fixed_accumulator<8, 8, floor_rounding, saturate>>(1000000, 1e9));
  CHECK(accepted<fixed_accumulator<8, 8, floor_rounding, wrap>>(1000000, 1e9));
}

TEST_CASE("a fixed accumulator rounds each product, and its overflow rule holds for every addition") {
  using saturating = fixed_accumulator<4, 4, nearest_away, saturate>;
  using wrapping = fixed_accumulator<4, 4, nearest_away, wrap>;
  using trapping = fixed_accumulator<4, 4, nearest_away, trap>;
  // 7.5 + 7.5 - 7.5: saturation is not undone.
  const std::vector<float> w = {7.5F, 7.5F, -7.5F};
  const std::vector<float> ones(3, 1.0F);
  CHECK(saturating::total(summed<saturating>(w, ones)) == 7.9375 - 7.5);
  CHECK(wrapping::total(summed<wrapping>(w, ones)) == 7.5);
  CHECK_THROWS_AS(summed<trapping>(w, ones), format_error);
  // Each product is rounded before it is added: 8 times 1/32 is 8 steps away from zero, not 4.
  CHECK(saturating::total(summed<saturating>(std::vector<float>(8, 1.0F / 32), std::vector<float>(8, 1.0F))) == 0.5);
  CHECK(saturating::total(saturating::sum::from(1.625)) == 1.625);
  // The double product is exact, so that ties are ties.
  using even = fixed_accumulator<20, 12, nearest_even, saturate>;
  CHECK(even::add({}, 0x1p-7F, 0x1p-6F).raw() == 0);
  CHECK(even::add({}, 0x1p-7F, 0x1p-6F + 0x1p-29F).raw() == 1);
}

TEST_CASE("a length that a trapping accumulator accepts never traps, rounding of the products included") {
  check_that_capacity_is_enough<fixed_accumulator<4, 0, nearest_away, trap>>(3);
  check_that_capacity_is_enough<fixed_accumulator<4, 0, nearest_even, trap>>(4);
  check_that_capacity_is_enough<fixed_accumulator<5, 1, floor_rounding, trap>>(5);
  check_that_capacity_is_enough<fixed_accumulator<5, 1, toward_zero, trap>>(6);
  check_that_capacity_is_enough<fixed_accumulator<20, 12, floor_rounding, trap>>(7);
}
