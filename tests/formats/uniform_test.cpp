#include <nniesim/formats/uniform.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace uniform_test {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float largest_float = std::numeric_limits<float>::max();
constexpr float smallest_normal = std::numeric_limits<float>::min();

static_assert(uniform8::max_code == 127 && uniform16::max_code == 32767);
static_assert(uniform8::name == "uniform8" && uniform16::name == "uniform16" &&
              uniform8_pow2::name == "uniform8_pow2" && uniform16_pow2::name == "uniform16_pow2");
static_assert(sizeof(uniform8::code) == 1 && sizeof(uniform16::code) == 2);
static_assert(uniform8::encode(1.0F, uniform8::scale(0.5F)) == 2 &&
              uniform8::decode(-3, uniform8::scale(0.5F)) == -1.5F);
static_assert(uniform8_pow2::scale_of_max(100.0F).step == 1.0F && uniform8_pow2::scale_of_max(127.5F).step == 2.0F);
static_assert(uniform8::code_distance(-127, 127) == 254);

/// The code by the C library's rounding, not by the format's.
template <class F>
int reference_code(float x, float step) {
  if (std::isnan(x)) return 0;
  const float rounded = std::nearbyint(x / step);
  return static_cast<int>(std::clamp(rounded, -static_cast<float>(F::max_code), static_cast<float>(F::max_code)));
}

template <class F>
event_counts reference_events(float x, float step) {
  event_counts c;
  const float rounded = std::nearbyint(x / step);
  if (std::isnan(x)) {
    c.nan = 1;
  } else if (std::isinf(x)) {
    c.infinite = 1;
  } else if (std::abs(rounded) > static_cast<float>(F::max_code)) {
    c.saturated = 1;
  } else if (rounded == 0 && x != 0) {
    c.flushed = 1;
  }
  return c;
}

template <class F>
void check_against_reference(std::uint32_t seed) {
  draws d(seed);
  INFO(F::name);
  std::size_t failures = 0;
  const auto check = [&failures](float x, const typename F::scale& s) {
    event_counts counts;
    const auto c = F::encode(x, s, counts);
    if (c != reference_code<F>(x, s.step) || c != F::encode(x, s)) ++failures;
    if (!(counts == reference_events<F>(x, s.step))) ++failures;
  };
  for (int i = 0; i < 3000; ++i) {
    float step = 0;
    do {
      step = std::abs(std::bit_cast<float>(d.bits()));
      if (F::power_of_two) step = std::bit_cast<float>(std::bit_cast<std::uint32_t>(step) & 0x7f800000U);
    } while (!(step >= smallest_normal && step <= largest_float / 65536));
    const typename F::scale s(step);
    check(std::bit_cast<float>(d.bits()), s);
    for (const float steps :
         {0.5F, 1.5F, 2.5F, 126.5F, 127.0F, 127.4F, 127.5F, 127.6F, 128.0F, 300.0F, 32766.5F, 32767.0F, 32767.5F,
          32768.0F, 0.25F, 0.75F, 32767.0F * d.symmetric(), 200.0F * d.symmetric()}) {
      for (const float x : {steps * step, -steps * step}) {
        check(x, s);
        check(std::nextafter(x, infinity), s);
        check(std::nextafter(x, -infinity), s);
      }
    }
    for (const float x : {0.0F, -0.0F, infinity, -infinity, nan_value, -nan_value, largest_float, -largest_float,
                          std::numeric_limits<float>::denorm_min()}) {
      check(x, s);
    }
  }
  CHECK(failures == 0);
}

template <class F>
void check_round_trip(const typename F::scale& s) {
  INFO(F::name << " step " << s.step);
  std::size_t failures = 0;
  for (int c = -F::max_code; c <= F::max_code; ++c) {
    const float value = F::decode(static_cast<typename F::code>(c), s);
    if (F::encode(value, s) != c || !std::isfinite(value)) ++failures;
    if (c != 0 && value != -F::decode(static_cast<typename F::code>(-c), s)) ++failures;
  }
  CHECK(failures == 0);
  CHECK(F::largest(s) == F::decode(static_cast<typename F::code>(F::max_code), s));
  CHECK(F::step(1.0F, s) == s.step);
}

template <class F>
void check_scales(std::uint32_t seed) {
  INFO(F::name);
  draws d(seed);
  std::size_t failures = 0;
  for (int i = 0; i < 20000; ++i) {
    const float m = std::abs(d.any_finite());
    if (m == 0.0F) continue;
    const float step = F::scale_of_max(m).step;
    if constexpr (F::power_of_two) {
      // The smallest power of two that reaches m, within the range of steps.
      int e = 0;
      if (std::frexp(step, &e) != 0.5F) ++failures;
      const auto reach = [](float s) { return static_cast<long double>(s) * F::max_code; };
      const bool is_largest = reach(step * 2) > static_cast<long double>(largest_float);
      if (reach(step) < static_cast<long double>(m) && !is_largest) ++failures;
      if (step > smallest_normal && reach(step / 2) >= static_cast<long double>(m)) ++failures;
    } else {
      const float quotient = m / static_cast<float>(F::max_code);
      if (step != std::max(quotient, smallest_normal) && m < 0.999F * largest_float) ++failures;
    }
    if (!std::isfinite(F::largest(F::scale_of_max(m)))) ++failures;
  }
  CHECK(failures == 0);
}

template <class F>
void check_extreme_scales() {
  INFO(F::name);
  const auto top = F::scale_of_max(largest_float);
  CHECK(std::isfinite(F::largest(top)));
  CHECK_FALSE(std::isfinite(static_cast<float>(F::max_code) * std::nextafter(2 * top.step, infinity)));
  CHECK_NOTHROW(typename F::scale(top.step));
  CHECK_THROWS_AS(typename F::scale(F::power_of_two ? 2 * top.step : std::nextafter(top.step, infinity)), format_error);
  check_round_trip<F>(top);
  const auto bottom = F::scale_of_max(std::numeric_limits<float>::denorm_min());
  CHECK(bottom.step == smallest_normal);
  check_round_trip<F>(bottom);
}

}  // namespace

TEST_CASE("codes and events of uniform formats equal the C library's rounding, ties and limits included") {
  check_against_reference<uniform8>(1);
  check_against_reference<uniform16>(2);
  check_against_reference<uniform8_pow2>(3);
  check_against_reference<uniform16_pow2>(4);
}

TEST_CASE("every code of a uniform format survives decoding and encoding") {
  draws d(5);
  for (int i = 0; i < 20; ++i) {
    check_round_trip<uniform8>(uniform8::scale_of_max(std::abs(d.normal()) + 1e-6F));
    check_round_trip<uniform16>(uniform16::scale_of_max(std::abs(d.normal()) + 1e-6F));
    check_round_trip<uniform8_pow2>(uniform8_pow2::scale_of_max(std::abs(d.normal()) + 1e-6F));
    check_round_trip<uniform16_pow2>(uniform16_pow2::scale_of_max(std::abs(d.normal()) + 1e-6F));
  }
}

TEST_CASE("derived steps are m / max_code, or the smallest power of two that reaches m") {
  check_scales<uniform8>(6);
  check_scales<uniform16>(7);
  check_scales<uniform8_pow2>(8);
  check_scales<uniform16_pow2>(9);
}

TEST_CASE("the largest and the smallest floats have a step whose every multiple is finite") {
  check_extreme_scales<uniform8>();
  check_extreme_scales<uniform16>();
  check_extreme_scales<uniform8_pow2>();
  check_extreme_scales<uniform16_pow2>();
}

TEST_CASE("a power-of-two step is doubled only where the largest magnitude exceeds max_code steps") {
  CHECK(uniform8_pow2::scale_of_max(127.0F).step == 1.0F);
  CHECK(uniform8_pow2::scale_of_max(std::nextafter(127.0F, infinity)).step == 2.0F);
  CHECK(uniform8_pow2::scale_of_max(0.49609375F).step == 0x1p-8F);  // 127 / 256
  CHECK(uniform16_pow2::scale_of_max(32767.0F).step == 1.0F);
  CHECK(uniform16_pow2::scale_of_max(std::nextafter(32767.0F, infinity)).step == 2.0F);
}

TEST_CASE("a uniform scale comes from the largest magnitude, NaN left out") {
  CHECK(uniform8::scale_of(std::array{1.0F, -254.0F, nan_value}).step == 2.0F);
  CHECK(uniform8::scale_of(std::array{0.0F, -0.0F, nan_value}).step == 1.0F);
  CHECK(uniform8::scale_of(std::span<const float>{}).step == 1.0F);
}

TEST_CASE("data without a uniform scale are a format_error that gives the magnitude") {
  CHECK_THROWS_AS(uniform8::scale_of(std::array{1.0F, -infinity}), format_error);
  CHECK_THROWS_WITH(uniform16::scale_of_max(infinity), contains("uniform16") && contains("largest magnitude is inf"));
  CHECK_THROWS_AS(uniform8::scale_of_max(nan_value), format_error);
  CHECK_THROWS_AS(uniform8::scale_of_max(-1.0F), format_error);
}

TEST_CASE("steps that are no scale are a format_error that gives the step") {
  for (const float step : {0.0F, -1.0F, nan_value, infinity, smallest_normal / 2, largest_float}) {
    CHECK_THROWS_AS(uniform8::scale(step), format_error);
    CHECK_THROWS_AS(uniform16_pow2::scale(step), format_error);
  }
  CHECK_THROWS_WITH(uniform8::scale(-1.0F), contains("uniform8 scale: step is -1"));
  CHECK_THROWS_WITH(uniform8_pow2::scale(0.75F), contains("0.75") && contains("power of two"));
  CHECK_NOTHROW(uniform8::scale(0.75F));
}

TEST_CASE("an infinity saturates in a uniform format") {
  CHECK(uniform8::encode(infinity, uniform8::scale(1)) == 127);
  CHECK(uniform8::encode(-infinity, uniform8::scale(1)) == -127);
  CHECK(uniform16::encode(-infinity, uniform16::scale(1)) == -32767);
}

}  // namespace uniform_test
