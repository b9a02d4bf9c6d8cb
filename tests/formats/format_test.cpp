#include <nniesim/formats/format.hpp>

#include <cmath>
#include <limits>
#include <string>

#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/formats/uniform.hpp>
#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace format_test {

namespace {

// ---- which concept takes what ----

static_assert(quantized_format<binary32> && quantized_format<gfpq8> && quantized_format<gfpq16> &&
              quantized_format<q20_12> && quantized_format<bias24> && quantized_format<uniform8> &&
              quantized_format<uniform16_pow2>);
static_assert(value_format<binary32> && value_format<q20_12> && value_format<bias24> &&
              value_format<fixed_point<20, 12, nearest_even, trap>>);
static_assert(!value_format<gfpq8> && !value_format<uniform8>);
static_assert(uniform_format<uniform8> && uniform_format<uniform16> && uniform_format<uniform8_pow2> &&
              uniform_format<uniform16_pow2>);
static_assert(!uniform_format<gfpq8> && !uniform_format<q20_12> && !uniform_format<binary32>);
static_assert(!quantized_format<float> && !quantized_format<int> && !quantized_format<no_scale>);

/// A format of somebody else: the signs, and nothing else of the interface missing.
struct signs {
  using code = bool;
  using scale = no_scale;
  static constexpr std::string_view name = "signs";
  static scale scale_of(std::span<const float>) { return {}; }
  static code encode(float x, scale) { return x < 0; }
  static code encode(float x, scale, event_counts&) { return x < 0; }
  static float decode(code c, scale) noexcept { return c ? -1.0F : 1.0F; }
  static float step(float, scale) noexcept { return 2; }
  static float largest(scale) noexcept { return 1; }
};
static_assert(quantized_format<signs> && !value_format<signs>);

struct signs_that_may_throw : signs {
  static float decode(code c, scale) { return c ? -1.0F : 1.0F; }
};
static_assert(!quantized_format<signs_that_may_throw> && !format_has::decode<signs_that_may_throw> &&
              format_has::step<signs_that_may_throw>);

struct signs_without_counter : signs {
  static code encode(float x, scale) { return x < 0; }
};
static_assert(!quantized_format<signs_without_counter> && format_has::encode<signs_without_counter> &&
              !format_has::encode_with_events<signs_without_counter>);
static_assert(format_has::codes_without_scale<signs> && !format_has::from<signs>);

// ---- generic code, written against the concept alone ----

/// Largest |x - decode(encode(x))| in steps of the format.
template <quantized_format F>
float worst_error_in_steps(std::span<const float> data) {
  const auto s = F::scale_of(data);
  float worst = 0;
  for (const float x : data) worst = std::max(worst, std::abs(x - F::decode(F::encode(x, s), s)) / F::step(x, s));
  return worst;
}

constexpr float infinity = std::numeric_limits<float>::infinity();

static_assert(binary32::step(1.0F, {}) == 0x1p-23F);
static_assert(no_scale{} == no_scale{});

}  // namespace

TEST_CASE("generic code runs with every format, and errors stay within a step") {
  draws d(1);
  std::vector<float> data;
  for (int i = 0; i < 2000; ++i) data.push_back(d.normal());
  CHECK(worst_error_in_steps<binary32>(data) == 0);
  CHECK(worst_error_in_steps<q20_12>(data) < 1);
  CHECK(worst_error_in_steps<fixed_point<20, 12, nearest_even, saturate>>(data) <= 0.5F);
  CHECK(worst_error_in_steps<uniform16>(data) <= 0.51F);
  CHECK(worst_error_in_steps<uniform8>(data) <= 0.5001F);
  CHECK(worst_error_in_steps<gfpq8>(data) <= 1.1F);
  CHECK(worst_error_in_steps<gfpq16>(data) <= 1.1F);
}

TEST_CASE("binary32 encodes every float as itself and counts nothing") {
  draws d(2);
  event_counts c;
  std::size_t failures = 0;
  for (int i = 0; i < 10000; ++i) {
    const std::uint32_t bits = d.bits();
    const float x = std::bit_cast<float>(bits);
    if (std::bit_cast<std::uint32_t>(binary32::decode(binary32::encode(x, {}, c), {})) != bits) ++failures;
    if (std::bit_cast<std::uint32_t>(binary32::from(x, c)) != bits) ++failures;
  }
  CHECK(failures == 0);
  CHECK(c == event_counts{});
  CHECK(binary32::largest({}) == std::numeric_limits<float>::max());
}

TEST_CASE("binary32 rounds a double once, to nearest even") {
  CHECK(binary32::from(1 + 0x1p-24) == 1.0F);
  CHECK(binary32::from(1 + 0x1p-24 + 0x1p-50) == 1 + 0x1p-23F);
  CHECK(binary32::from(1 + 3 * 0x1p-24) == 1 + 0x1p-22F);
  CHECK(binary32::to_double(0.1F) == static_cast<double>(0.1F));
}

TEST_CASE("a step of binary32 is the distance to the next float away from zero") {
  draws d(3);
  std::size_t failures = 0;
  const auto check = [&failures](float x) {
    const float a = std::abs(x);
    if (binary32::step(x, {}) != std::nextafter(a, infinity) - a) ++failures;
  };
  for (int i = 0; i < 20000; ++i) check(d.any_finite() / 2);
  for (std::uint32_t exponent = 0; exponent < 254; ++exponent) {
    for (const std::uint32_t significand : {0x0U, 0x1U, 0x400000U, 0x7fffffU}) {
      check(std::bit_cast<float>(exponent << 23U | significand));
      check(-std::bit_cast<float>(exponent << 23U | significand));
    }
  }
  CHECK(failures == 0);
  CHECK(binary32::step(std::numeric_limits<float>::max(), {}) == 0x1p104F);
  CHECK(binary32::step(infinity, {}) == 0);
  CHECK(binary32::step(-infinity, {}) == 0);
  CHECK(binary32::step(std::numeric_limits<float>::quiet_NaN(), {}) == 0);
}

}  // namespace format_test
