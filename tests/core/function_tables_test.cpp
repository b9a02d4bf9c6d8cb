#include <nniesim/core/function_tables.hpp>

#include <cmath>
#include <limits>

#include "catch.hpp"
#include "support/compiled_tables.hpp"

using namespace nniesim;

namespace function_tables_test {

constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t highest = std::numeric_limits<std::int32_t>::max();

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

TEST_CASE("sigmoid and tanh tables are those of compiled models, 512 of 512 entries") {
  compiled_tables::for_each([](std::size_t number, const compiled_tables::bytes& b) {
    if (number > 1) return;
    const function_table& t = number == 0 ? sigmoid_table : tanh_table;
    std::size_t equal = 0;
    for (std::size_t i = 0; i < 512; ++i) {
      equal += static_cast<std::size_t>(static_cast<std::int16_t>(b[2 * i] | b[2 * i + 1] << 8) == t.entry[i]);
    }
    CHECK(equal == 512);
  });
}

TEST_CASE("entries are the functions, truncated toward zero") {
  for (std::size_t i = 0; i < 512; ++i) {
    const long double x = (static_cast<long double>(i) - 256) / 16;
    const long double s = 32768 / (1 + std::exp(-x));
    CHECK(sigmoid_table.entry[i] == static_cast<int>(std::min(std::trunc(s), 32767.0L)));
    const long double t = std::trunc(32768 * std::tanh(x + 1.0L / 32));
    CHECK(tanh_table.entry[i] == static_cast<int>(std::clamp(t, -32767.0L, 32767.0L)));
  }
  CHECK(sigmoid_table.entry[512] == sigmoid_table.entry[511]);
  CHECK(tanh_table.entry[512] == tanh_table.entry[511]);
}

TEST_CASE("an entry is met where it stands, and beyond the ends it is the end") {
  for (const function_table* t : {&sigmoid_table, &tanh_table}) {
    for (std::int32_t i = 0; i < 512; ++i) {
      const std::int32_t x = (i - 256) * 256 + t->offset;
      const std::int32_t expected = t->entry[static_cast<std::size_t>(i)] >> 3;
      CHECK(t->linear(x) == expected);
      CHECK(t->nearest(x) == expected);
      CHECK(t->nearest(x - 128) == expected);  // the upper one of two
      CHECK(t->nearest(x + 127) == expected);
    }
    for (const std::int32_t x : {lowest, lowest + 1, -1000000, t->least()}) {
      CHECK(t->linear(x) == t->entry[0] >> 3);
      CHECK(t->nearest(x) == t->entry[0] >> 3);
    }
    for (const std::int32_t x : {highest, highest - 1, 1000000, t->most()}) {
      CHECK(t->linear(x) == 4095);
      CHECK(t->nearest(x) == 4095);
    }
  }
  CHECK(sigmoid_table.linear(0) == 2048);
  CHECK(tanh_table.linear(0) == 0);  // halfway between two entries of opposite sign
  CHECK(tanh_table.linear(lowest) == -4096);
}

TEST_CASE("a line between entries is the exact rational line, toward minus infinity") {
  for (const function_table* t : {&sigmoid_table, &tanh_table}) {
    bool same = true;
    for (std::int32_t x = -70000; x <= 70000; ++x) {
      const double at = std::clamp((x - t->offset) / 256.0 + 256.0, 0.0, 511.0);
      const auto i = static_cast<std::size_t>(at);
      const double a = t->entry[i], b = i == 511 ? a : t->entry[i + 1];
      same = same && t->linear(x) == static_cast<int>(std::floor((a + (b - a) * (at - std::floor(at))) / 8));
    }
    CHECK(same);
  }
}

TEST_CASE("what the tables cost beside the functions") {
  // In 1/4096, at most: of the line 1 + 1/8 for both cuts and (1/16)^2 / 8 of the curvature; of the nearest entry half
  // a step of the steepest slope.
  double line = 0, nearest = 0, line_tanh = 0, nearest_tanh = 0;
  for (std::int32_t x = -70000; x <= 70000; ++x) {
    const double s = 4096 * sigmoid(x / 4096.0), t = 4096 * std::tanh(x / 4096.0);
    line = std::max(line, std::fabs(sigmoid_table.linear(x) - s));
    nearest = std::max(nearest, std::fabs(sigmoid_table.nearest(x) - s));
    line_tanh = std::max(line_tanh, std::fabs(tanh_table.linear(x) - t));
    nearest_tanh = std::max(nearest_tanh, std::fabs(tanh_table.nearest(x) - t));
  }
  CHECK(line <= 1.125 + 4096.0 / 2048 * 0.0963);
  CHECK(line_tanh <= 1.125 + 4096.0 / 2048 * 0.77);
  CHECK(nearest > 30);
  CHECK(nearest <= 32 + 1.125);
  CHECK(nearest_tanh > 120);
  CHECK(nearest_tanh <= 128 + 1.125);
}

}  // namespace function_tables_test
