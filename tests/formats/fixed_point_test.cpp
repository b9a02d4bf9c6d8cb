#include <nniesim/formats/fixed_point.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <iomanip>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace fixed_point_test {

namespace {

__extension__ using wide = __int128;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

// ---- compile time -------------------------------------------------------------------------------------------------

static_assert(q20_12::name == "q20_12_floor_saturate" && bias24::name == "q24_0_nearest_even_saturate");
static_assert(fixed_point<1, 63, toward_zero, wrap>::name == "q1_63_toward_zero_wrap");
static_assert(fixed_point<64, 0, nearest_away, trap>::name == "q64_0_nearest_away_trap");
static_assert(sizeof(fixed_point<4, 4, floor_rounding, wrap>) == 1 &&
              sizeof(fixed_point<8, 1, floor_rounding, wrap>) == 2 &&
              sizeof(fixed_point<20, 12, floor_rounding, wrap>) == 4 &&
              sizeof(fixed_point<33, 0, floor_rounding, wrap>) == 8);
static_assert(q20_12::from(1.0).raw() == 4096 && q20_12::from(-0.00001F).raw() == -1 &&
              q20_12::from(0.9999).raw() == 4095);
static_assert(q20_12::max().raw() == 0x7fffffff && q20_12::lowest().raw() == -0x7fffffff - 1);
static_assert(q20_12::from(1e30) == q20_12::max() && q20_12::from(-infinity) == q20_12::lowest() &&
              q20_12::from(nan_value).raw() == 0);
static_assert(q20_12::from(2.5) > q20_12::from(-2.5) && q20_12() == q20_12::from(0.0));
static_assert(static_cast<double>(q20_12::from(-2.5)) == -2.5 && static_cast<float>(q20_12::from(0.25)) == 0.25F);
static_assert((q20_12::from(1.5) + q20_12::from(2.25)) == fixed_point<21, 12, floor_rounding, saturate>::from(3.75));
static_assert((fixed_point<4, 4, floor_rounding, trap>::lowest() * fixed_point<4, 4, floor_rounding, trap>::lowest())
                  .raw() == 16384);
static_assert(q20_12::step(1.0F, {}) == 0x1p-12F &&
              q20_12::code_distance(q20_12::max(), q20_12::lowest()) == 0xffffffff);

template <int I, int F>
concept exists = requires {
  typename fixed_point<I, F, floor_rounding, saturate>;
};
static_assert(exists<1, 0> && exists<64, 0> && exists<1, 63> && !exists<0, 8> && !exists<8, -1> && !exists<64, 1>);

template <class A, class B>
constexpr bool multipliable = A::width + B::width <= 64;
template <class A, class B>
constexpr bool addable = std::max(A::integer_bits, B::integer_bits) +
                             1 + std::max(A::fraction_bits, B::fraction_bits) <=
                         64;

// What happens by itself: exact conversion to double, and fitting into a type of the same rules.
using other_rule = fixed_point<20, 12, nearest_even, saturate>;
using wide64 = fixed_point<44, 20, floor_rounding, saturate>;
static_assert(std::convertible_to<q20_12, double> && std::convertible_to<q20_12, float> &&
              !std::convertible_to<wide64, double> && std::constructible_from<double, wide64>);
static_assert(std::constructible_from<q20_12, double> && std::constructible_from<q20_12, float> &&
              std::constructible_from<q20_12, int> && !std::constructible_from<q20_12, long double> &&
              !std::constructible_from<q20_12, bool>);
static_assert(!std::convertible_to<double, q20_12> && !std::convertible_to<int, q20_12>);
static_assert(!std::convertible_to<q20_12, int> && !std::constructible_from<std::int64_t, q20_12>);
static_assert(std::convertible_to<wide64, q20_12> && std::convertible_to<q20_12, wide64> &&
              !std::constructible_from<q20_12, other_rule>);

// ---- an independent reference in long double, which holds every double times 2^63 exactly ---------------------------

static_assert(std::numeric_limits<long double>::digits >= 53);

long double rounded_by(rounding_rule rule, long double x) {
  switch (rule) {
    case rounding_rule::floor: return std::floor(x);
    case rounding_rule::toward_zero: return std::trunc(x);
    case rounding_rule::nearest_even: return std::nearbyint(x);
    case rounding_rule::nearest_away: {  // not std::round, which is wrong next to 0.5 in MinGW-w64
      const long double whole = std::trunc(x);
      return std::fabs(x - whole) >= 0.5L ? whole + std::copysign(1.0L, x) : whole;
    }
  }
  return 0;
}

struct expectation {
  bool fits;
  std::int64_t raw;  ///< under the type's own overflow rule; not set where that throws
  event_counts events;
};

/// What must become of a rounded number of steps.
template <class T>
expectation expected_of_steps(long double steps, bool was_zero) {
  const long double limit = std::ldexp(1.0L, T::width - 1);
  expectation e{steps >= -limit && steps < limit, 0, {}};
  if (steps == 0 && !was_zero) e.events.flushed = 1;
  if (!e.fits) e.events.saturated = 1;
  if (e.fits) {
    e.raw = static_cast<std::int64_t>(steps);
  } else if (T::overflow_type::rule == overflow_rule::saturate) {
    e.raw = steps > 0 ? static_cast<std::int64_t>((static_cast<wide>(1) << (T::width - 1)) - 1)
                      : static_cast<std::int64_t>(-(static_cast<wide>(1) << (T::width - 1)));
  } else {
    wide rest = static_cast<wide>(std::fmod(steps, 2 * limit));
    const wide modulus = static_cast<wide>(1) << T::width;
    const wide half = static_cast<wide>(1) << (T::width - 1);
    if (rest >= half) rest -= modulus;
    if (rest < -half) rest += modulus;
    e.raw = static_cast<std::int64_t>(rest);
  }
  return e;
}

template <class T>
expectation expected_of(double x) {
  expectation e{true, 0, {}};
  if (std::isnan(x) || std::isinf(x)) {
    (std::isnan(x) ? e.events.nan : e.events.infinite) = 1;
    e.fits = T::overflow_type::rule != overflow_rule::trap;
    if (std::isinf(x) && T::overflow_type::rule == overflow_rule::saturate) {
      e.raw = x > 0 ? T::max().raw() : T::lowest().raw();
    }
    return e;
  }
  return expected_of_steps<T>(
      rounded_by(T::rounding_type::rule, std::ldexp(static_cast<long double>(x), T::fraction_bits)), x == 0);
}

/// Whether `make(counts)` does what is expected, trapping included.
template <class T, class Make>
bool behaves(const expectation& e, Make make) {
  event_counts counts;
  if (!e.fits && T::overflow_type::rule == overflow_rule::trap) {
    try {
      (void)make(counts);
      return false;
    } catch (const format_error&) {
      return counts == e.events;
    }
  }
  return make(counts).raw() == e.raw && counts == e.events;
}

// ---- values that matter -------------------------------------------------------------------------------------------

std::vector<double> doubles_for(int width, int fraction_bits, std::uint32_t seed) {
  std::vector<double> all = {0.0,
                             -0.0,
                             infinity,
                             -infinity,
                             nan_value,
                             -nan_value,
                             5e-324,
                             -5e-324,
                             2.3e-308,
                             -2.3e-308,
                             std::numeric_limits<double>::max(),
                             std::numeric_limits<double>::lowest()};
  const auto around = [&all](double x) {
    for (const double y : {x, std::nextafter(x, infinity), std::nextafter(x, -infinity)}) {
      all.push_back(y);
      all.push_back(-y);
    }
  };
  const auto steps = [fraction_bits](double n) { return std::ldexp(n, -fraction_bits); };
  for (const double n : {0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.5, 1000000.5, 4503599627370495.5}) around(steps(n));
  for (int e = -70; e < 140; ++e) {
    around(steps(std::ldexp(1.0, e)));
    around(steps(std::ldexp(1.0, e) + 0.5));
    around(steps(std::ldexp(1.0, e) - 1.0));
    around(steps(std::ldexp(1.0, e) - 0.5));
  }
  draws d(seed);
  for (int i = 0; i < 4000; ++i) {
    const std::uint64_t bits = std::uint64_t{d.bits()} << 32U | d.bits();
    all.push_back(std::bit_cast<double>(bits));
    // Spread evenly over the octaves from far below a step to far above the range.
    const double unit = std::bit_cast<double>((bits >> 12U) | std::uint64_t{0x3ff} << 52U);
    const int e = static_cast<int>(d.between(0, static_cast<std::size_t>(width) + 8)) - 4;
    all.push_back(steps(std::ldexp((bits & 1U) != 0 ? unit : -unit, e)));
  }
  return all;
}

template <class T>
void check_from(std::uint32_t seed) {
  INFO(T::name);
  std::size_t failures = 0;
  for (const double x : doubles_for(T::width, T::fraction_bits, seed)) {
    if (!behaves<T>(expected_of<T>(x), [x](auto& counts) { return T::from(x, counts); })) ++failures;
    const auto f = static_cast<float>(x);
    if (!behaves<T>(expected_of<T>(static_cast<double>(f)), [f](auto& counts) { return T::from(f, counts); }))
      ++failures;
    if (!behaves<T>(expected_of<T>(static_cast<double>(f)), [f](auto& counts) { return T::encode(f, {}, counts); })) {
      ++failures;
    }
  }
  CHECK(failures == 0);
}

template <int I, int F, class Check>
void for_all_rules(Check check) {
  const auto with_rounding = [&check]<class R>(R) {
    check(fixed_point<I, F, R, saturate>{});
    check(fixed_point<I, F, R, wrap>{});
    check(fixed_point<I, F, R, trap>{});
  };
  with_rounding(floor_rounding{});
  with_rounding(toward_zero{});
  with_rounding(nearest_even{});
  with_rounding(nearest_away{});
}

template <class T>
T random_value(draws& d) {
  // Often an end of the range, or next to one, or next to zero.
  const std::uint64_t bits = std::uint64_t{d.bits()} << 32U | d.bits();
  const auto any = static_cast<std::int64_t>(bits) >> (64 - T::width);
  switch (d.between(0, 7)) {
    case 0: return T::max();
    case 1: return T::lowest();
    case 2: return T::from_raw(T::width == 1 ? 0 : T::max().raw() - 1);
    case 3: return T::from_raw(-1);
    default: return T::from_raw(any);
  }
}

/// raw / 2^shift rounded, in integers; shift may be negative.
wide shifted(rounding_rule rule, wide raw, int shift) {
  if (shift <= 0) return raw * (static_cast<wide>(1) << -shift);
  const wide divisor = static_cast<wide>(1) << shift;
  wide floor = raw / divisor;
  wide rest = raw % divisor;
  if (rest < 0) {
    rest += divisor;
    --floor;
  }
  if (rest == 0) return floor;
  const wide twice = 2 * rest;
  switch (rule) {
    case rounding_rule::floor: return floor;
    case rounding_rule::toward_zero: return raw < 0 ? floor + 1 : floor;
    case rounding_rule::nearest_even:
      return twice > divisor || (twice == divisor && floor % 2 != 0) ? floor + 1 : floor;
    case rounding_rule::nearest_away: return twice > divisor || (twice == divisor && raw > 0) ? floor + 1 : floor;
  }
  return 0;
}

template <class To, class From>
void check_cast(std::uint32_t seed) {
  INFO(From::name << " to " << To::name);
  draws d(seed);
  std::size_t failures = 0;
  for (int i = 0; i < 3000; ++i) {
    const From x = random_value<From>(d);
    const wide steps = shifted(To::rounding_type::rule, x.raw(), From::fraction_bits - To::fraction_bits);
    const wide half = static_cast<wide>(1) << (To::width - 1);
    expectation e{steps >= -half && steps < half, 0, {}};
    if (!e.fits) e.events.saturated = 1;
    if (steps == 0 && x.raw() != 0) e.events.flushed = 1;
    if (e.fits) {
      e.raw = static_cast<std::int64_t>(steps);
    } else if (To::overflow_type::rule == overflow_rule::saturate) {
      e.raw = static_cast<std::int64_t>(steps > 0 ? half - 1 : -half);
    } else {
      wide rest = steps % (2 * half);
      if (rest >= half) rest -= 2 * half;
      if (rest < -half) rest += 2 * half;
      e.raw = static_cast<std::int64_t>(rest);
    }
    if (!behaves<To>(e, [x](auto& counts) { return fixed_cast<To>(x, counts); })) ++failures;
  }
  CHECK(failures == 0);
}

template <class A, class B>
void check_arithmetic(std::uint32_t seed) {
  INFO(A::name << " and " << B::name);
  draws d(seed);
  std::size_t failures = 0;
  for (int i = 0; i < 3000; ++i) {
    const A a = random_value<A>(d);
    const B b = random_value<B>(d);
    if constexpr (multipliable<A, B>) {
      const auto product = a * b;
      if (wide{product.raw()} != wide{a.raw()} * b.raw()) ++failures;
      if (product.width != A::width + B::width || product.fraction_bits != A::fraction_bits + B::fraction_bits)
        ++failures;
    }
    if constexpr (addable<A, B>) {
      const int fraction = std::max(A::fraction_bits, B::fraction_bits);
      const wide x = wide{a.raw()} * (static_cast<wide>(1) << (fraction - A::fraction_bits));
      const wide y = wide{b.raw()} * (static_cast<wide>(1) << (fraction - B::fraction_bits));
      if (wide{(a + b).raw()} != x + y || (a + b).fraction_bits != fraction) ++failures;
      if (wide{(a - b).raw()} != x - y || (a - b).fraction_bits != fraction) ++failures;
    }
  }
  CHECK(failures == 0);
}

template <class T>
void check_to_floating(std::uint32_t seed) {
  INFO(T::name);
  draws d(seed);
  std::size_t failures = 0;
  for (int i = 0; i < 5000; ++i) {
    const T x = random_value<T>(d);
    const long double exact = std::ldexp(static_cast<long double>(x.raw()), -T::fraction_bits);
    if (T::to_double(x) != static_cast<double>(exact) || static_cast<double>(x) != T::to_double(x)) ++failures;
    if (T::to_float(x) != static_cast<float>(exact) || T::decode(x, {}) != T::to_float(x)) ++failures;
    if (T::width <= 53 && T::from(T::to_double(x)) != x) ++failures;
  }
  CHECK(failures == 0);
}

std::string message_of(double x) {
  try {
    (void)fixed_point<20, 12, floor_rounding, trap>::from(x);
  } catch (const format_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("conversion from double and float equals long double arithmetic for every rounding and overflow rule") {
  std::uint32_t seed = 1;
  const auto check = [&seed]<class T>(T) { check_from<T>(seed++); };
  for_all_rules<20, 12>(check);
  for_all_rules<8, 0>(check);
  for_all_rules<1, 7>(check);
  for_all_rules<1, 0>(check);
  for_all_rules<6, 5>(check);
  for_all_rules<24, 0>(check);
  for_all_rules<33, 20>(check);
  for_all_rules<64, 0>(check);
  for_all_rules<1, 63>(check);
  for_all_rules<32, 32>(check);
}

TEST_CASE("known roundings of q20_12 steps, with ties and both signs") {
  const auto raw = [](auto type, double steps) { return decltype(type)::from(steps / 4096).raw(); };
  const fixed_point<20, 12, floor_rounding, saturate> down;
  const fixed_point<20, 12, toward_zero, saturate> inward;
  const fixed_point<20, 12, nearest_even, saturate> even;
  const fixed_point<20, 12, nearest_away, saturate> away;
  const std::vector<std::array<double, 5>> rows = {
      // steps, floor, toward zero, nearest even, nearest away
      {0.5, 0, 0, 0, 1},      {1.5, 1, 1, 2, 2},      {2.5, 2, 2, 2, 3},  {-0.5, -1, 0, 0, -1},
      {-1.5, -2, -1, -2, -2}, {-2.5, -3, -2, -2, -3}, {1.25, 1, 1, 1, 1}, {-1.25, -2, -1, -1, -1},
      {1.75, 1, 1, 2, 2},     {-1.75, -2, -1, -2, -2}};
  for (const auto& r : rows) {
    INFO(r[0]);
    CHECK(raw(down, r[0]) == r[1]);
    CHECK(raw(inward, r[0]) == r[2]);
    CHECK(raw(even, r[0]) == r[3]);
    CHECK(raw(away, r[0]) == r[4]);
  }
}

TEST_CASE("a double is rounded once: what float would make a tie is none") {
  using even = fixed_point<20, 12, nearest_even, saturate>;
  const double above_half = (0.5 + 0x1p-40) / 4096;
  CHECK(static_cast<double>(static_cast<float>(above_half)) * 4096 == 0.5);  // through float it would be a tie
  CHECK(even::from(above_half).raw() == 1);
  CHECK(even::from(-above_half).raw() == -1);
  CHECK(q20_12::from(std::nextafter(1.0, 0.0)).raw() == 4095);
  CHECK(q20_12::from(-5e-324).raw() == -1);
}

TEST_CASE("wrap takes numbers modulo 2^bits however large they are") {
  using wrapped = fixed_point<4, 4, floor_rounding, wrap>;
  CHECK(wrapped::from(8.0).raw() == -128);
  CHECK(wrapped::from(16.0625).raw() == 1);
  CHECK(wrapped::from(-8.0625).raw() == 127);
  CHECK(wrapped::from(0x1p52 + 1).raw() == 16);
  CHECK(wrapped::from(1e300).raw() == 0);
  CHECK(wrapped::from(infinity).raw() == 0);
  event_counts counts;
  CHECK(wrapped::from(16.0, counts).raw() == 0);
  CHECK(counts == event_counts{.saturated = 1});
}

TEST_CASE("trap throws a format_error that says what did not fit") {
  CHECK_THAT(message_of(524288.0), contains("2147483648 steps do not fit 32 bits"));
  CHECK_THAT(message_of(-524289.0), contains("-2147487744 steps do not fit 32 bits"));
  CHECK_THAT(message_of(-1e300), contains("-2^64 or more steps do not fit 32 bits"));
  CHECK_THAT(message_of(nan_value), contains("got NaN"));
  CHECK_THAT(message_of(infinity), contains("got +infinity"));
  CHECK_THAT(message_of(-infinity), contains("q20_12_floor_trap") && contains("got -infinity"));
  CHECK(message_of(-524288.0).empty());
}

TEST_CASE("from_raw takes exactly the raw values of the width") {
  CHECK(q20_12::from_raw(-2147483648LL) == q20_12::lowest());
  CHECK(q20_12::from_raw(2147483647) == q20_12::max());
  CHECK_THROWS_AS(q20_12::from_raw(2147483648LL), format_error);
  CHECK_THROWS_AS(q20_12::from_raw(-2147483649LL), format_error);
  using odd = fixed_point<6, 5, floor_rounding, saturate>;
  CHECK(odd::from_raw(1023) == odd::max());
  CHECK_THROWS_WITH(odd::from_raw(1024), contains("raw value 1024") && contains("-1024 .. 1023"));
  CHECK((fixed_point<1, 0, floor_rounding, saturate>::lowest().raw() == -1));
  CHECK((fixed_point<64, 0, floor_rounding, saturate>::max().raw() == std::numeric_limits<std::int64_t>::max()));
}

TEST_CASE("casts between fixed-point types equal integer arithmetic for every rule") {
  std::uint32_t seed = 100;
  const auto check = [&seed]<class To>(To) {
    check_cast<To, fixed_point<20, 12, floor_rounding, saturate>>(seed++);
    check_cast<To, fixed_point<40, 24, nearest_even, wrap>>(seed++);
    check_cast<To, fixed_point<1, 63, toward_zero, trap>>(seed++);
    check_cast<To, fixed_point<64, 0, nearest_away, saturate>>(seed++);
    check_cast<To, fixed_point<3, 5, floor_rounding, wrap>>(seed++);
  };
  for_all_rules<20, 12>(check);
  for_all_rules<4, 3>(check);
  for_all_rules<1, 63>(check);
  for_all_rules<64, 0>(check);
  for_all_rules<12, 0>(check);
}

TEST_CASE("products, sums and differences are exact, at the ends of the range too") {
  check_arithmetic<q20_12, q20_12>(200);
  check_arithmetic<fixed_point<8, 0, nearest_even, trap>, fixed_point<1, 7, nearest_even, trap>>(201);
  check_arithmetic<fixed_point<32, 0, floor_rounding, wrap>, fixed_point<1, 31, floor_rounding, wrap>>(202);
  check_arithmetic<fixed_point<1, 0, floor_rounding, wrap>, fixed_point<1, 0, floor_rounding, wrap>>(203);
  check_arithmetic<fixed_point<63, 0, toward_zero, wrap>, fixed_point<1, 0, toward_zero, wrap>>(204);
  check_arithmetic<fixed_point<1, 62, toward_zero, wrap>, fixed_point<1, 0, toward_zero, wrap>>(205);
  check_arithmetic<fixed_point<12, 20, nearest_away, saturate>, fixed_point<20, 12, nearest_away, saturate>>(206);
}

TEST_CASE("a result put into its operands' type is rounded once and fitted by the type's rules") {
  const q20_12 a(1.5), b(-0.000244140625);  // the latter is the smallest step below 0
  q20_12 y = a * b;                         // -1.5 steps, floored
  CHECK(y.raw() == -2);
  y = a + b;
  CHECK(y.raw() == 6143);
  y += q20_12(2);
  CHECK(y.raw() == 6143 + 8192);
  y -= q20_12(3.5F);
  CHECK(y.raw() == -1);
  y *= b;
  CHECK(y.raw() == 0);
  y = q20_12::max();
  y += a;
  CHECK(y == q20_12::max());
  y = -q20_12::lowest();
  CHECK(y == q20_12::max());
  CHECK(-q20_12::lowest() == 524288);
  CHECK(abs(q20_12::lowest()) == 524288);
  CHECK(abs(a) == 1.5);
  CHECK(+b == b);
  using wrapped = fixed_point<4, 4, floor_rounding, wrap>;
  wrapped w = wrapped::max();
  CHECK((w += wrapped(0.0625)) == wrapped::lowest());
  using trapped = fixed_point<4, 4, floor_rounding, trap>;
  trapped t = trapped::max();
  CHECK_THROWS_AS(t += trapped(1), format_error);
  CHECK(t == trapped::max());
}

TEST_CASE("fixed point made of built-in numbers is rounded once, of integers too") {
  CHECK(q20_12(1.9999).raw() == 8191);
  CHECK(q20_12{-0.1F}.raw() == -410);
  CHECK(q20_12(-3).raw() == -12288);
  CHECK(q20_12(524288) == q20_12::max());
  CHECK(q20_12(std::numeric_limits<std::int64_t>::min()) == q20_12::lowest());
  CHECK(q20_12(std::numeric_limits<std::uint64_t>::max()) == q20_12::max());
  using wrapped = fixed_point<4, 4, floor_rounding, wrap>;
  CHECK(wrapped(17) == 1);
  CHECK(wrapped(std::numeric_limits<std::uint64_t>::max()) == -1);
  event_counts counts;
  CHECK(q20_12::from(1 << 20, counts) == q20_12::max());
  CHECK(counts == event_counts{.saturated = 1});
}

TEST_CASE("comparisons with numbers of any type are exact") {
  using fine = fixed_point<1, 63, floor_rounding, saturate>;
  using whole = fixed_point<64, 0, nearest_even, wrap>;
  CHECK(q20_12(1) == 1);
  CHECK(1 == q20_12(1));
  CHECK(q20_12(-1) < 0U);
  CHECK(q20_12(1.5) > 1);
  CHECK(q20_12(-1.5) < -1);
  CHECK(q20_12(1.5) == 1.5);
  CHECK(q20_12(0.1) != 0.1);
  CHECK(q20_12(0.1) < 0.1);
  CHECK(q20_12(1) < 1 + 1e-15);
  CHECK(q20_12(1) > 1 - 1e-15);
  CHECK(q20_12(-1) > -1 - 1e-15);
  CHECK(q20_12(1) < 1.0000001F);
  CHECK(q20_12::max() < infinity);
  CHECK(q20_12::lowest() > -infinity);
  CHECK_FALSE(q20_12(0) < nan_value);
  CHECK_FALSE(q20_12(0) == nan_value);
  // No double holds these.
  CHECK(whole::max() == std::numeric_limits<std::int64_t>::max());
  CHECK(whole::max() < 0x1p63);
  CHECK(whole::max() > 0x1p63 - 1024);
  CHECK(whole::max() < std::numeric_limits<std::uint64_t>::max());
  CHECK(whole::lowest() == -0x1p63);
  CHECK(fine::max() < 1);
  CHECK(fine::max() > 1 - 0x1p-53);
  CHECK(fine::from_raw(-1) < 0);
  CHECK(fine::from_raw(-1) > -5e-19);
  CHECK(fine::from_raw(1) > 5e-324);
  // Other widths and rules.
  CHECK(q20_12(1.5) == fixed_point<3, 40, floor_rounding, saturate>(0.5) + q20_12(1));
  CHECK(q20_12(1.5) == fixed_point<8, 1, nearest_away, wrap>(1.5));
  CHECK(q20_12(-1.5) < fixed_point<8, 0, nearest_away, wrap>(-1));
  CHECK(fine::max() < whole(1));
  CHECK(whole::from_raw(-1) < fine::from_raw(-1));
}

TEST_CASE("arithmetic with built-in numbers and quotients are doubles") {
  const q20_12 q(1.5);
  static_assert(std::same_as<decltype(q * 2), double> && std::same_as<decltype(q / q), double> &&
                std::same_as<decltype(0.5F + q), double> && std::same_as<decltype(q - 1), double>);
  CHECK(q * 2 == 3);
  CHECK(1 - q == -0.5);
  CHECK(q / 3 == 0.5);
  CHECK(q / q == 1);
  CHECK(std::sqrt(q) == std::sqrt(1.5));
  const double d = q;
  CHECK(d == 1.5);
}

TEST_CASE("fixed point has the limits of its type and prints as a number") {
  using limits = std::numeric_limits<q20_12>;
  CHECK(limits::max() == q20_12::max());
  CHECK(limits::lowest() == q20_12::lowest());
  CHECK(limits::min() == 0x1p-12);
  CHECK(limits::epsilon() == 0x1p-12);
  CHECK(limits::digits == 31);
  CHECK(std::numeric_limits<bias24>::min() == bias24::lowest());
  const auto text = [](auto x) {
    std::ostringstream out;
    out << std::setprecision(2) << x;
    return out.str();
  };
  CHECK(text(q20_12(-2.25)) == "-2.25");
  CHECK(text(q20_12::from_raw(1)) == "0.000244140625");
  CHECK(text(fixed_point<64, 0, floor_rounding, wrap>::max()) == "9223372036854775807");
  CHECK(text(fixed_point<2, 6, floor_rounding, wrap>(1)) == "1");
}

TEST_CASE("conversion to double and float rounds to nearest once") {
  check_to_floating<q20_12>(300);
  check_to_floating<bias24>(301);
  check_to_floating<fixed_point<64, 0, floor_rounding, saturate>>(302);
  check_to_floating<fixed_point<1, 63, floor_rounding, saturate>>(303);
  check_to_floating<fixed_point<30, 23, floor_rounding, saturate>>(304);
  check_to_floating<fixed_point<1, 0, floor_rounding, saturate>>(305);
}

TEST_CASE("as a format, fixed point has one step, its range, and distances in steps") {
  CHECK(q20_12::largest({}) == 524288.0F);  // 524287.9998 rounded to float
  CHECK(q20_12::step(1e9F, {}) == 0x1p-12F);
  CHECK(q20_12::code_distance(q20_12::from(1.0), q20_12::from(-1.0)) == 8192);
  CHECK(q20_12::code_distance(q20_12::from(-1.0), q20_12::from(1.0)) == 8192);
  CHECK(q20_12::scale_of(std::span<const float>{}) == no_scale{});
}

}  // namespace fixed_point_test
