#include <nniesim/core/cordic.hpp>

#include <cmath>

#include "catch.hpp"
#include "support/compiled_tables.hpp"

using namespace nniesim;

namespace cordic_test {

constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t highest = std::numeric_limits<std::int32_t>::max();

TEST_CASE("the constants of the CORDIC are those of compiled models") {
  compiled_tables::for_each([](std::size_t number, const compiled_tables::bytes& b) {
    if (number < 2) return;
    // A number of 8 bytes: its bytes are every other one, from the second on.
    const auto at = [&](std::size_t entry) {
      const compiled_tables::bytes odd = {b[8 * entry + 1], b[8 * entry + 3], b[8 * entry + 5], b[8 * entry + 7]};
      return static_cast<std::int32_t>(compiled_tables::word(odd, 0));
    };
    for (std::size_t step = 0; step < 512; ++step) {  // of each step of 1/32 its octave, in bytes of 8
      CHECK(b[step] == 8 * (step < cordic::out_of_range ? cordic::octaves[step] : 31));
    }
    for (std::size_t i = 0; i < 16; ++i) {
      CHECK(at(64 + i) == (number == 2 ? cordic::angles[i] : 1 << (18 - cordic::shifts[i])));
    }
    for (std::size_t n = 0; n < 20; ++n) CHECK(at(80 + n) == cordic::ln2_multiple(static_cast<std::int32_t>(n)));
    for (std::int32_t j = 0; j < 8; ++j) {  // the logarithm's
      CHECK(at(100 + static_cast<std::size_t>(j)) == cordic::ln2_multiple(4 * j - 10));
    }
    for (std::size_t rest = 108; rest < 128; ++rest) CHECK(at(rest) == 0);
  });
}

TEST_CASE("the constants of the CORDIC are the numbers that they stand for, cut") {
  long double gain = 1;
  for (std::size_t i = 0; i < 16; ++i) {
    const long double t = std::ldexp(1.0L, -cordic::shifts[i]);
    CHECK(cordic::angles[i] == static_cast<int>(std::floor(std::ldexp(std::atanh(t), 26))) + (i == 1 ? 1 : 0));
    gain *= std::sqrt(1 - t * t);
  }
  CHECK(cordic::start == static_cast<int>(std::round(std::ldexp(1 / gain, 26))));
  for (int n = -10; n < 20; ++n) {
    CHECK(cordic::ln2_multiple(n) == static_cast<int>(std::floor(4096 * n * std::log(2.0L))));
  }
  for (unsigned step = 0; step < cordic::out_of_range; ++step) {
    const double octave = cordic::octaves[step] * std::log(2.0);
    CHECK(step / 32.0 - octave > -0.0721);
    CHECK((step + 1) / 32.0 - octave < 0.73);
  }
}

TEST_CASE("exp is good to 3e-4 and a step, for every argument") {
  // The angle ends within artanh(2^-14); the multiple of ln 2 is short of up to 1/4096.
  const double relative = 0x1p-14 + 0x1p-12;
  bool good = true, rises = true;
  std::int32_t before = 0;
  for (std::int32_t x = -13 * 4096 - 639; x <= 13 * 4096 + 639; ++x) {
    const double truth = 4096 * std::exp(x / 4096.0);
    const std::int32_t y = cordic::exp(x);
    good = good && y >= truth * (1 - relative) - 1 && y <= truth * (1 + relative);
    rises = rises && y >= before * (1 - 2 * relative) - 1;
    before = y;
  }
  CHECK(good);
  CHECK(rises);
  CHECK(cordic::exp(0) == 4096);
  for (const std::int32_t x : {13 * 4096 + 640, 60000, highest}) CHECK(cordic::exp(x) == highest);
  for (const std::int32_t x : {-13 * 4096 - 640, -60000, lowest + 1, lowest}) CHECK(cordic::exp(x) == 0);
}

TEST_CASE("falling exponentials are good to a unit of 2^-14, for every argument") {
  double worst = 0;
  for (std::uint32_t x = 0; x < 13 * 4096 + 640; ++x) {
    worst = std::max(worst, std::fabs(cordic::falling_exp(x) * 0x1p-18 - std::exp(-(x / 4096.0))));
  }
  CHECK(worst < 0x1p-14);
  CHECK(cordic::falling_exp(0) >= 1 << 18);
  for (const std::uint32_t x : {13U * 4096 + 640, 60000U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
    CHECK(cordic::falling_exp(x) == 0);
  }
}

TEST_CASE("log is good to 2.5 steps, for every power and its neighbours") {
  double low = 0, high = 0;
  const auto check = [&](std::int32_t x) {
    if (x <= 0) return;
    const double error = cordic::log(x) - 4096 * std::log(x / 4096.0);
    low = std::min(low, error);
    high = std::max(high, error);
  };
  for (std::int32_t x = 1; x < 200000; ++x) check(x);
  for (std::int64_t x = 200000; x <= highest; x += x / 5000) check(static_cast<std::int32_t>(x));
  for (int k = 0; k < 32; ++k) {
    for (std::int64_t d = -2; d <= 2; ++d)
      check(static_cast<std::int32_t>(std::min<std::int64_t>((1LL << k) + d, highest)));
  }
  // Twice an angle that ends within 2^-14, the cut, and that of the multiple of ln 2.
  CHECK(low > -2.5);
  CHECK(high < 0.5);
  CHECK(cordic::log(0) == lowest);
  CHECK(cordic::log(-1) == 0);
  CHECK(cordic::log(lowest) == 0);
}

TEST_CASE("reciprocals have 12 bits and are within 2^-14 before the cut") {
  double low = 0, high = 0;
  for (std::int64_t x = 1 << 18; x < std::int64_t{1} << 34; x += 1 + x / 3000) {
    const double error = cordic::reciprocal(x) - 0x1p30 / static_cast<double>(x);
    low = std::min(low, error);
    high = std::max(high, error);
  }
  CHECK(low > -1.3);
  CHECK(high < 0.3);
  CHECK(cordic::reciprocal(1 << 18) == 4096);
  CHECK(cordic::reciprocal(std::int64_t{1} << 40) == 0);
}

}  // namespace cordic_test
