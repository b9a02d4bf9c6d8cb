// How finished sums become outputs: the kernels of every instruction set against plain code and integers.
#include <nniesim/kernels/code_panels.hpp>
#include <nniesim/kernels/engine.hpp>
#include <nniesim/kernels/gfpq_lookup.hpp>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;
using kernels::finish_constants;
using kernels::finish_rule;

namespace {

/// Stages whose outputs lie in the range, at its ends, or far outside.
struct stages {
  std::vector<mac_stage> list;
  std::vector<double> multiplier, shift, bias;
  std::vector<float> float_bias;
  bool fits = true;

  stages(draws& d, std::size_t n, finish_rule rule, double largest_sum) {
    const std::size_t room = n + kernels::finish_slack;
    for (auto* v : {&multiplier, &shift, &bias}) v->resize(room);
    float_bias.resize(room);
    const unsigned loss = d.between(0, 1) == 0 ? 8 : 0;  // so that all fit
    for (std::size_t i = 0; i < n; ++i) {
      mac_stage s;
      s.bias = static_cast<std::int32_t>(d.bits()) >> d.between(loss, 20);
      s.multiplier = d.between(0, 9) == 0 ? 0 : static_cast<std::int32_t>(d.bits()) >> (loss + d.between(0, 12));
      s.shift = static_cast<std::int32_t>(d.bits()) >> d.between(loss, 20);
      s.coarse = loss == 0 && d.between(0, 4) == 0;
      list.push_back(s);
      float_bias[i] = d.normal();
      if (rule == finish_rule::integer_stage) {
        multiplier[i] = s.scaled_multiplier();
        shift[i] = s.shift;
        bias[i] = s.bias;
        const double most = (largest_sum + std::fabs(bias[i])) * std::fabs(multiplier[i]) + std::fabs(shift[i]);
        fits = fits && most < 0x1p31 - 2;
      } else {
        multiplier[i] = std::ldexp(static_cast<double>(d.normal()), -static_cast<int>(d.between(0, 20)));
        shift[i] = static_cast<double>(d.normal()) * 100;
        fits = fits && (largest_sum + 1000) * std::fabs(multiplier[i]) + std::fabs(shift[i]) < 0x1p19 - 1;
      }
    }
  }
  [[nodiscard]] finish_constants constants(finish_rule rule, sum_rounding rounding) const {
    finish_constants c;
    c.rule = rule;
    c.multiplier = multiplier.data();
    c.shift = shift.data();
    c.bias = bias.data();
    c.float_bias = float_bias.data();
    c.rounding = rounding;
    c.fits = fits;
    return c;
  }
};

template <class Sum>
Sum any_sum(draws& d, double largest) {
  const double x = static_cast<double>(d.symmetric()) * largest;
  switch (d.between(0, 3)) {
    case 0: return static_cast<Sum>(std::floor(x));
    case 1: return static_cast<Sum>(x * 0x1p-12);
    default: return static_cast<Sum>(x);
  }
}

/// One output by mac_stage where that is the rule, else as its description says.
template <class Sum, class Out>
Out specified(Sum sum, Sum correction, const stages& s, std::size_t i, const finish_constants& c,
              const kernels::output_stage& stage) {
  Out y{};
  if constexpr (std::integral<Sum>) {
    y = Out::from(std::fma(static_cast<double>(sum - correction), c.multiplier[i], c.shift[i]), *stage.events);
  } else if constexpr (std::same_as<Out, float>) {
    y = c.rule == finish_rule::float_sum
            ? sum + c.float_bias[i]
            : static_cast<float>(std::fma(static_cast<double>(sum), c.multiplier[i], c.shift[i]));
    return stage.relu && !(y > 0) ? 0.0F : y;
  } else if (c.rule == finish_rule::integer_stage) {
    y = Out::from_raw(s.list[i].apply(static_cast<double>(sum), c.rounding));
    if (y == Out::max() || y == Out::lowest()) ++stage.events->saturated;
  } else {
    y = Out::from(std::fma(static_cast<double>(rounded(sum, c.rounding)), c.multiplier[i], c.shift[i]), *stage.events);
  }
  if constexpr (!std::same_as<Out, float>) return stage.relu ? std::max(y, Out{}) : y;
}

template <finish_rule Rule, class Sum, class Out>
void tiles_equal_the_specification(std::uint32_t seed) {
  draws d(seed);
  std::size_t fitting = 0, beyond = 0;
  for (int n = 0; n < 60; ++n) {
    const std::size_t rows = d.between(1, 33), columns = d.between(1, 40);
    const double largest = std::ldexp(1.0, static_cast<int>(d.between(8, std::integral<Sum> ? 30 : 40)));
    const stages s(d, columns, Rule, largest);
    (s.fits ? fitting : beyond) += 1;
    const std::size_t sum_columns = (columns + 15) / 16 * 16 + d.between(0, 1) * 16;
    std::vector<Sum> sums(rows * sum_columns + 64), correction((columns + 15) / 16 * 16);
    for (auto& v : sums) v = any_sum<Sum>(d, largest);
    for (auto& v : correction) v = static_cast<Sum>(any_sum<Sum>(d, 1000));
    const std::size_t layout = d.between(0, 2);
    const std::size_t distance = layout == 0 ? rows + d.between(0, 5) : columns + d.between(0, 5);
    const auto row_pitch = static_cast<std::ptrdiff_t>(layout == 0 ? 1 : layout == 1 ? distance : 2 * distance);
    const auto column_pitch = static_cast<std::ptrdiff_t>(layout == 0 ? distance : layout == 1 ? 1 : 2);
    const auto rounding = std::integral<Sum> ? sum_rounding::none : static_cast<sum_rounding>(d.between(0, 2));
    finish_constants c = s.constants(Rule, Rule == finish_rule::integer_stage ? rounding : sum_rounding::none);
    c.fits = c.fits && std::same_as<Out, q20_12>;
    const bool relu = d.between(0, 1) == 0;
    std::vector<Out> expected(2 * distance * std::max(rows, columns) + 100);
    event_counts events;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t j = 0; j < columns; ++j) {
        expected[r * static_cast<std::size_t>(row_pitch) + j * static_cast<std::size_t>(column_pitch)] =
            specified<Sum, Out>(sums[r * sum_columns + j], correction[j], s, j, c, {relu, &events});
      }
    }
    for (const isa i : runnable_isas()) {
      for (const bool counted : {false, true}) {
        std::vector<Out> out(expected.size());
        std::vector<Sum> copy = sums;
        event_counts seen;
        kernels::select(i, [&](auto set) {
          decltype(set)::template finish<Rule, Sum, Out>({copy.data(),
                                                          sum_columns,
                                                          rows,
                                                          columns,
                                                          c,
                                                          correction.data(),
                                                          out.data(),
                                                          row_pitch,
                                                          column_pitch,
                                                          {relu, counted ? &seen : nullptr}});
        });
        INFO(to_string(i) << ", case " << n << ": " << rows << " x " << columns << ", layout " << layout << ", "
                          << to_string(c.rounding) << (s.fits ? ", fits" : ""));
        CHECK(std::memcmp(out.data(), expected.data(), out.size() * sizeof(Out)) == 0);
        if (counted && !std::same_as<Out, float>) CHECK(seen.saturated == events.saturated);
      }
    }
  }
  if (Rule != finish_rule::float_sum && !std::same_as<Out, float>) {
    CHECK(fitting > 5);
    CHECK(beyond > 5);
  }
}

/// A value as a layer stores it.
template <class Out>
Out as_stored(typename kernels::stored<Out>::value v, const kernels::output_stage& stage) {
  if constexpr (kernels::stored<Out>::is_code) {
    using format = typename kernels::stored<Out>::format;
    return format::encode(static_cast<float>(v), typename format::scale(stage.z));
  } else {
    return v;
  }
}

template <finish_rule Rule, class T, class Out>
void pixels_equal_the_specification(std::uint32_t seed) {
  using value = typename kernels::stored<Out>::value;
  draws d(seed);
  for (int n = 0; n < 80; ++n) {
    const bool is_3x3 = d.between(0, 1) == 0;
    const std::size_t channels = is_3x3 ? 1 : kernels::pixel_channels(d.between(1, 8));
    const std::size_t steps = is_3x3 ? 9 : d.between(1, 12), rows = d.between(1, 20), count = d.between(1, 140);
    const std::size_t width = count + 70, stride = d.between(1, 2);
    std::vector<T> a((rows * stride + 20) * width), w(steps * channels);
    for (auto& v : a) v = static_cast<T>(std::exp2(4 * d.normal()));
    for (auto& v : w) v = static_cast<T>(std::exp2(4 * d.normal())) * (d.between(0, 1) == 0 ? T(1) : T(-1));
    std::vector<std::int32_t> offset(steps);
    for (std::size_t t = 0; t < steps; ++t) {
      offset[t] = static_cast<std::int32_t>(is_3x3 ? t / 3 * width + t % 3 : d.between(0, 4 * width));
    }
    const stages s(d, channels, Rule, 0x1p25);
    const auto rounding =
        Rule == finish_rule::integer_stage ? static_cast<sum_rounding>(d.between(0, 2)) : sum_rounding::none;
    finish_constants c = s.constants(Rule, rounding);
    c.fits = c.fits && std::same_as<value, q20_12>;
    const bool relu = d.between(0, 1) == 0;
    const std::size_t out_pitch = rows * count + d.between(0, 9);
    std::vector<Out> expected(channels * out_pitch);
    event_counts events;
    const kernels::output_stage told{
        .relu = relu, .events = &events, .z = static_cast<int>(d.between(0, 160)) * (sizeof(Out) == 1 ? 1 : 8) - 700};
    for (std::size_t o = 0; o < channels; ++o) {
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t i = 0; i < count; ++i) {
          T sum{};
          for (std::size_t t = 0; t < steps; ++t) {
            sum = std::fma(w[t * channels + o], a[r * stride * width + static_cast<std::size_t>(offset[t]) + i], sum);
          }
          expected[o * out_pitch + r * count + i] = as_stored<Out>(specified<T, value>(sum, T{}, s, o, c, told), told);
        }
      }
    }
    for (const isa i : runnable_isas()) {
      std::vector<Out> out(expected.size());
      event_counts seen;
      kernels::output_stage stage = told;
      stage.events = n % 2 == 0 ? &seen : nullptr;
      kernels::select(i, [&](auto set) {
        decltype(set)::template pixels<Rule, T, Out>({a.data(), static_cast<std::ptrdiff_t>(stride * width),
                                                      offset.data(), w.data(), steps, is_3x3, channels, rows, count, c,
                                                      out.data(), out_pitch, stage});
      });
      INFO(to_string(i) << ", case " << n << ": " << channels << " x " << rows << " x " << count << ", steps " << steps
                        << ", " << to_string(rounding) << ", relu " << relu << ", z " << told.z);
      CHECK(std::memcmp(out.data(), expected.data(), out.size() * sizeof(Out)) == 0);
      if (n % 2 == 0 && !std::same_as<value, float>) CHECK(seen.saturated == events.saturated);
    }
  }
}

}  // namespace

TEST_CASE("tiles of finished sums equal the rule's specification, whatever the layout, rounding and range") {
  tiles_equal_the_specification<finish_rule::integer_stage, float, q20_12>(1);
  tiles_equal_the_specification<finish_rule::integer_stage, double, q20_12>(2);
  tiles_equal_the_specification<finish_rule::real_stage, float, q20_12>(3);
  tiles_equal_the_specification<finish_rule::real_stage, double, q20_12>(4);
  tiles_equal_the_specification<finish_rule::real_stage, std::int32_t, q20_12>(5);
  tiles_equal_the_specification<finish_rule::real_stage, std::int64_t, q20_12>(6);
  tiles_equal_the_specification<finish_rule::real_stage, float, float>(7);
  tiles_equal_the_specification<finish_rule::float_sum, float, float>(8);
}

TEST_CASE("outputs that stand in the lanes are finished by the same rules, and stored as values or codes") {
  pixels_equal_the_specification<finish_rule::integer_stage, float, q20_12>(11);
  pixels_equal_the_specification<finish_rule::integer_stage, double, q20_12>(12);
  pixels_equal_the_specification<finish_rule::real_stage, float, q20_12>(13);
  pixels_equal_the_specification<finish_rule::real_stage, double, q20_12>(14);
  pixels_equal_the_specification<finish_rule::real_stage, float, float>(15);
  pixels_equal_the_specification<finish_rule::float_sum, float, float>(16);
  pixels_equal_the_specification<finish_rule::integer_stage, float, gfpq8::code>(17);
  pixels_equal_the_specification<finish_rule::integer_stage, float, gfpq16::code>(18);
}

TEST_CASE("the offset of a whole number tells whether it and the next have the same level") {
  std::size_t wrong = 0;
  const auto level = [](std::uint32_t bits, std::uint32_t of) {
    return bits + static_cast<std::uint32_t>(kernels::level_offset8[of >> 18U & 31U]);
  };
  std::uint32_t before = 0;  // bits of n - 1
  for (std::uint32_t n = 1; n < 1U << 24U; ++n) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(n));
    const bool same = level(before, before) >> 19U == level(bits, before) >> 19U;
    if (same && level(bits, bits) >> 19U != level(before, before) >> 19U) ++wrong;
    before = bits;
  }
  CHECK(wrong == 0);
}

TEST_CASE("codes of sums next to those at which they change are the specification's") {
  draws d(21);
  for (int n = 0; n < 400; ++n) {
    const gfpq8::scale z(static_cast<int>(d.between(0, 260)) - 270);
    const kernels::output_stage stage{.relu = d.between(0, 1) == 0, .z = z.z()};
    const auto code_of = [&](double steps) { return gfpq8::encode(static_cast<float>(steps * 0x1p-12), z); };
    stages s(d, 1, finish_rule::integer_stage, 0x1p20);
    // Small, as those of most layers, or so large that the stage cancels them.
    s.list[0].coarse = false;
    s.list[0].multiplier = static_cast<std::int32_t>(d.bits() >> d.between(1, 16)) * (d.between(0, 3) == 0 ? -1 : 1);
    s.list[0].bias = static_cast<std::int32_t>(d.bits()) >> d.between(4, 24);
    s.list[0].shift = d.between(0, 1) == 0 ? 0 : static_cast<std::int32_t>(d.bits()) >> d.between(4, 24);
    s.multiplier[0] = s.list[0].scaled_multiplier();
    s.bias[0] = s.list[0].bias;
    s.shift[0] = s.list[0].shift;
    std::vector<float> sums(kernels::pixel_slack + 150);
    double largest = 0;
    for (auto& sum : sums) {
      // A step at which the code changes: bisected between 0 and one that is drawn.
      double low = 0, high = std::exp2(d.between(1, 23)) * (d.between(0, 1) == 0 ? 1 : -1);
      while (std::abs(high - low) > 1) {
        const double middle = std::trunc((low + high) / 2);
        (code_of(middle) == code_of(high) ? high : low) = middle;
      }
      const double step = d.between(0, 9) == 0 ? low : high + (high < 0 ? 1 : 0);
      sum = static_cast<float>((step - s.shift[0]) / s.multiplier[0] - s.bias[0]);
      for (std::size_t k = d.between(0, 4); k > 0; --k)
        sum = std::nextafter(sum, d.between(0, 1) == 0 ? 1e30F : -1e30F);
      if (d.between(0, 19) == 0) sum = 0;
      if (!(std::abs(sum) < 0x1p40F)) sum = 1;
      largest = std::max(largest, std::abs(static_cast<double>(sum)));
    }
    finish_constants c = s.constants(finish_rule::integer_stage, sum_rounding::none);
    c.fits = (largest + std::abs(s.bias[0])) * std::abs(s.multiplier[0]) + std::abs(s.shift[0]) < 0x1p31 - 2;
    const std::size_t count = 150;
    event_counts events;
    const kernels::output_stage told{.relu = stage.relu, .events = &events, .z = stage.z};
    std::vector<gfpq8::code> expected(count);
    for (std::size_t i = 0; i < count; ++i) {
      expected[i] = as_stored<gfpq8::code>(specified<float, q20_12>(sums[i], 0.0F, s, 0, c, told), stage);
    }
    const std::int32_t offset = 0;
    const float weight = 1;
    for (const isa i : runnable_isas()) {
      std::vector<gfpq8::code> out(count);
      kernels::select(i, [&](auto set) {
        decltype(set)::template pixels<finish_rule::integer_stage, float, gfpq8::code>(
            {sums.data(), 0, &offset, &weight, 1, false, 1, 1, count, c, out.data(), count, stage});
      });
      INFO(to_string(i) << ", case " << n << ", relu " << stage.relu << ", z " << stage.z << ", fits " << c.fits
                        << ", multiplier " << s.list[0].multiplier << ", bias " << s.list[0].bias << ", shift "
                        << s.list[0].shift);
      CHECK(out == expected);
    }
  }
}

TEST_CASE("products that lie just under a whole number of steps are floored, not rounded up by the shift") {
  // floor(-2^-40) + 1 is 0, though -2^-40 + 1 rounds to 1 in float64.
  for (const bool fits : {false, true}) {
    for (const isa i : runnable_isas()) {
      std::vector<double> multiplier(kernels::finish_slack + 1, 0x1p-60), shift(multiplier.size(), 1.0),
          bias(multiplier.size(), 0.0);
      finish_constants c;
      c.rule = finish_rule::integer_stage;
      c.multiplier = multiplier.data();
      c.shift = shift.data();
      c.bias = bias.data();
      c.fits = fits;
      std::vector<float> sum(64, -1.0F);
      q20_12 y = q20_12::from_raw(77);
      kernels::select(i, [&](auto set) {
        decltype(set)::template finish<finish_rule::integer_stage, float, q20_12>(
            {sum.data(), 16, 1, 1, c, nullptr, &y, 1, 1, {}});
      });
      INFO(to_string(i));
      CHECK(y.raw() == 0);
    }
  }
}

TEST_CASE("what the kernels make of packed codes are the codes' values in units") {
  const auto check = [&]<class F>(F) {
    std::size_t wrong = 0;
    for (std::uint32_t bits = 0; bits < (1U << F::bits); ++bits) {
      const auto c = static_cast<typename F::code>(bits);
      if (!F::is_code(c)) continue;
      if (kernels::code_panels<F>::bits_of(c) != std::bit_cast<std::uint32_t>(F::in_units(c))) ++wrong;
    }
    CHECK(wrong == 0);
  };
  check(gfpq8{});
  check(gfpq16{});
}
