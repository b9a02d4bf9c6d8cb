#include <nniesim/kernels/quantize.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <nniesim/formats/uniform.hpp>
#include <nniesim/kernels/thread_pool.hpp>
#include <vector>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace {

const std::vector<std::size_t> lengths = {0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 130, 700};

std::vector<float> odd_values(draws& d, std::size_t n, int z, int levels) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i) {
    switch (d.between(0, 9)) {
      case 0: v[i] = 0.0F; break;
      case 1: v[i] = -0.0F; break;
      case 2: v[i] = std::numeric_limits<float>::infinity() * (i % 2 == 0 ? 1.0F : -1.0F); break;
      case 3: v[i] = std::bit_cast<float>(0x7fc00000U | (d.bits() & 0x803fffffU)); break;
      case 4: v[i] = std::bit_cast<float>(d.bits() & 0x807fffffU); break;  // denormal
      case 5: v[i] = d.any_finite(); break;
      default: v[i] = std::ldexp(d.symmetric(), z / levels + static_cast<int>(d.between(0, 12)));
    }
  }
  return v;
}

/// Whole-tensor functions equal the one-value ones, read and write nothing beside their spans, at any alignment.
template <class F>
void equals_one_by_one(std::uint32_t seed, int lowest_z, int highest_z) {
  draws d(seed);
  for_each_isa([&](isa used) {
    for (int round = 0; round < 60; ++round) {
      for (const std::size_t n : lengths) {
        const int z = lowest_z + static_cast<int>(d.between(0, static_cast<std::size_t>(highest_z - lowest_z)));
        const typename F::scale s(z);
        const std::size_t skew = d.between(0, 3);
        std::vector<float> in = odd_values(d, n + skew, z, F::levels);
        std::vector<float> out(n + skew + 2, 77.0F);
        std::vector<typename F::code> codes(n + skew + 2, 0x55);
        const std::span<const float> x(in.data() + skew, n);
        fake_quantize<F>(x, std::span(out.data() + skew + 1, n), s);
        encode<F>(x, std::span(codes.data() + skew + 1, n), s);
        INFO(F::name << " on " << to_string(used) << ", n " << n << ", z " << z);
        bool same = out[skew] == 77.0F && out.back() == 77.0F && codes[skew] == 0x55 && codes.back() == 0x55;
        for (std::size_t i = 0; i < n; ++i) {
          const auto code = F::encode(x[i], s);
          same = same && codes[skew + 1 + i] == code;
          same = same &&
                 std::bit_cast<std::uint32_t>(out[skew + 1 + i]) == std::bit_cast<std::uint32_t>(F::decode(code, s));
        }
        std::vector<float> back(n + 1, 77.0F);
        decode<F>(std::span<const typename F::code>(codes.data() + skew + 1, n), std::span(back.data(), n), s);
        for (std::size_t i = 0; i < n; ++i) same = same && back[i] == out[skew + 1 + i];
        same = same && back[n] == 77.0F;
        CHECK(same);
        CHECK(scale_of<F>(x) == F::scale_of(x));
        // In place.
        fake_quantize<F>(std::span<const float>(in.data(), n), std::span(in.data(), n), s);
        if (skew == 0) CHECK(std::equal(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(n), out.begin() + 1));
      }
    }
  });
}

/// Layer values as stored codes, and back.
template <class F>
void stores_one_by_one(std::uint32_t seed, int lowest_z, int highest_z) {
  draws d(seed);
  for_each_isa([&](isa used) {
    for (int round = 0; round < 60; ++round) {
      for (const std::size_t n : lengths) {
        const int z = lowest_z + static_cast<int>(d.between(0, static_cast<std::size_t>(highest_z - lowest_z)));
        const typename F::scale s(z);
        const bool relu = round % 2 == 0;
        std::vector<q20_12> in(n), back(n + 1, q20_12::from_raw(77));
        for (q20_12& x : in) {
          x = q20_12::from_raw(static_cast<std::int32_t>(d.bits()) >> d.between(0, 31));
          if (d.between(0, 15) == 0) x = d.between(0, 1) == 0 ? q20_12::lowest() : q20_12::from(1e9);
        }
        std::vector<typename F::code> codes(n + 2, 0x55);
        encode_values<F>(in, std::span(codes.data() + 1, n), {.relu = relu, .z = z});
        decode_values<F>(std::span<const typename F::code>(codes.data() + 1, n), std::span(back.data(), n), s);
        bool same = codes[0] == 0x55 && codes[n + 1] == 0x55 && back[n] == q20_12::from_raw(77);
        for (std::size_t i = 0; i < n; ++i) {
          const auto code = F::encode(relu && in[i] < q20_12{} ? 0.0F : q20_12::to_float(in[i]), s);
          same = same && codes[i + 1] == code && back[i] == q20_12::from(F::decode(code, s));
        }
        INFO(F::name << " on " << to_string(used) << ", n " << n << ", z " << z);
        CHECK(same);
      }
    }
  });
}

}  // namespace

TEST_CASE("words of uniform codes are those of one by one, halves between codes and saturation too") {
  draws d(9);
  constexpr std::size_t n = 150;
  for_each_isa([&](isa used) {
    for (const float step : {0x1p-12F, 0x1p-11F, 0.01F, 0.0312F, 0.5F, 3.7F, 4e3F}) {
      for (const std::size_t channels : {4U, 3U, 1U}) {
        std::vector<q20_12> in(4 * n);
        for (q20_12& x : in) {
          const double steps = static_cast<double>(d.between(0, 600)) / 2 - 150;
          x = d.between(0, 3) == 0 ? q20_12::from_raw(static_cast<std::int32_t>(d.bits()) >> d.between(0, 31))
                                   : q20_12::from(steps * static_cast<double>(step));
        }
        std::vector<std::int32_t> out(n + 1, 77);
        kernels::select(used, [&](auto set) {
          decltype(set)::template quantize_words<4>(
              kernels::quantize_job<q20_12, std::int32_t>{in.data(), 0, channels, n, out.data(), 0, 1, n}, step, 127,
              128);
        });
        bool same = out[n] == 77;
        for (std::size_t i = 0; i < n; ++i) {
          std::uint32_t word = 0;
          for (std::size_t c = 0; c < 4; ++c) {
            const float x = c < channels ? q20_12::to_float(in[c * n + i]) : 0.0F;
            word |= static_cast<std::uint32_t>(uniform8::encode(x, uniform8::scale(step)) + 128) << 8 * c;
          }
          same = same && static_cast<std::uint32_t>(out[i]) == word;
        }
        INFO(to_string(used) << ", step " << step << ", channels " << channels);
        CHECK(same);
      }
    }
  });
}

TEST_CASE("a mantissa's place among 128 levels is known far better than it is sure") {
  using namespace kernels;
#if defined(NNIESIM_EMULATED)
  constexpr std::uint32_t step = 3;  // emulated code is slow
#else
  constexpr std::uint32_t step = 1;
#endif
  double worst = 0;
  for (std::uint32_t mantissa = 0; mantissa < 1U << 23U; mantissa += step) {
    const double exact = 128 * std::log2(1 + mantissa * 0x1p-23);
    const float t = std::bit_cast<float>(mantissa | 0x3f800000U) - 1.5F, t2 = t * t;
    const auto pair = [&](std::size_t i) { return std::fma(log2_series[i], t, log2_series[i + 1]); };
    const float series = std::fma(std::fma(pair(0), t2, pair(2)), t2 * t2, std::fma(pair(4), t2, pair(6)));
    const std::size_t piece = mantissa >> 18U;
    const float u = std::bit_cast<float>((mantissa & 0x3ffffU) | 0x3f800000U) - 1.0F;
    const log_parabolas& p = parabolas16;
    const float parabola = std::fma(std::fma(p.square[piece], u, p.linear[piece]), u, p.constant[piece]);
    worst = std::max({worst, std::abs(series - exact), std::abs(parabola - exact)});
  }
  CHECK(worst < 6e-5);
  CHECK(worst > 0);
  CHECK(static_cast<double>(sure_of_level) + 6e-5 < 0.5);
}

TEST_CASE("layer values are stored as codes, and read, as one by one") {
  stores_one_by_one<gfpq8>(5, -511, 300);
  stores_one_by_one<gfpq16>(6, -4095, 2000);
  stores_one_by_one<gfpq8>(7, gfpq8::scale::min_z, gfpq8::scale::max_z);
  stores_one_by_one<gfpq16>(8, gfpq16::scale::min_z, gfpq16::scale::max_z);
}

TEST_CASE("vector encoders and decoders equal the one-value functions on odd values, lengths and alignments") {
  equals_one_by_one<gfpq8>(1, -511, 511);
  equals_one_by_one<gfpq16>(2, -4095, 4095);
  equals_one_by_one<gfpq8>(3, gfpq8::scale::min_z, gfpq8::scale::max_z);
  equals_one_by_one<gfpq16>(4, gfpq16::scale::min_z, gfpq16::scale::max_z);
}

namespace {

/// Layer values of every size become what the one-value functions make of them, in place too.
template <class F>
void layer_values_pass_the_format(std::uint32_t seed) {
  draws d(seed);
  for_each_isa([&](isa used) {
    for (int z = F::scale::min_z; z <= F::scale::max_z; z += static_cast<int>(d.between(1, F::levels))) {
      const typename F::scale s(z);
      std::vector<q20_12> in(d.between(0, 70));
      for (q20_12& x : in) x = q20_12::from_raw(static_cast<std::int32_t>(d.bits()) >> d.between(0, 31));
      if (!in.empty()) in.back() = d.bits() % 2 == 0 ? q20_12::lowest() : q20_12::max();
      std::vector<q20_12> out(in.size() + 1, q20_12::from(77.0)), expected = out;
      for (std::size_t i = 0; i < in.size(); ++i) {
        expected[i] = q20_12::from(F::decode(F::encode(q20_12::to_float(in[i]), s), s));
      }
      requantize<F, q20_12>(in, std::span(out.data(), in.size()), s);
      INFO(F::name << " on " << to_string(used) << ", n " << in.size() << ", z " << z);
      CHECK(out == expected);
      requantize<F, q20_12>(in, in, s);
      CHECK(std::equal(in.begin(), in.end(), expected.begin()));
    }
  });
}

}  // namespace

TEST_CASE("layer values pass a format on every instruction set as one by one") {
  layer_values_pass_the_format<gfpq8>(11);
  layer_values_pass_the_format<gfpq16>(12);
}

TEST_CASE("every code decodes on every instruction set as one by one") {
  std::vector<std::uint16_t> codes;
  for (int q = 0; q <= gfpq16::max_magnitude; ++q) {
    codes.push_back(static_cast<std::uint16_t>(q));
    codes.push_back(static_cast<std::uint16_t>(q | 0x8000));
  }
  for (const int z : {-4095, -1407, 0, 4095}) {
    for_each_isa([&](isa) {
      std::vector<float> out(codes.size());
      decode<gfpq16>(codes, out, gfpq16::scale(z));
      for (std::size_t i = 0; i < codes.size(); ++i) {
        if (out[i] != gfpq16::decode(codes[i], gfpq16::scale(z)))
          CHECK(out[i] == gfpq16::decode(codes[i], gfpq16::scale(z)));
      }
    });
  }
}

TEST_CASE("layer values are written and read alike on every instruction set") {
  draws d(5);
  std::vector<float> in = {0.0F,
                           -0.0F,
                           524287.9F,
                           524288.0F,
                           -524288.0F,
                           -524289.0F,
                           1e30F,
                           -1e30F,
                           1e-30F,
                           -1e-30F,
                           std::numeric_limits<float>::infinity(),
                           -std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN()};
  for (int i = 0; i < 5000; ++i) in.push_back(i % 2 == 0 ? d.any_finite() : d.normal() * 1000);
  std::vector<q20_12> raw(in.size());
  for (auto& v : raw) v = q20_12::from_raw(static_cast<std::int32_t>(d.bits()));
  raw[3] = q20_12::lowest();
  for_each_isa([&](isa) {
    std::vector<q20_12> out(in.size());
    encode<q20_12>(in, out, {});
    std::vector<float> back(in.size());
    decode<q20_12>(raw, back, {});
    bool same = true;
    for (std::size_t i = 0; i < in.size(); ++i)
      same = same && out[i] == q20_12::from(in[i]) && back[i] == q20_12::to_float(raw[i]);
    CHECK(same);
    for (const std::size_t n : lengths) {
      const float most = kernels::select(
          active_isa(), [&](auto set) { return decltype(set)::max_magnitude_q20_12(raw.data() + 1, n); });
      CHECK(most == kernels::scalar::kernel_set::max_magnitude_q20_12(raw.data() + 1, n));
    }
  });
}

TEST_CASE("formats without vector kernels go one by one, and events are counted") {
  draws d(6);
  const auto x = d.tensor({100});
  const std::span<const float> in(x.data(), x.size());
  const uniform8::scale s = scale_of<uniform8>(in);
  std::vector<float> out(100), counted(100);
  fake_quantize<uniform8>(in, out, s);
  for (std::size_t i = 0; i < 100; ++i) CHECK(out[i] == uniform8::decode(uniform8::encode(in[i], s), s));
  event_counts events;
  fake_quantize<gfpq8>(in, counted, gfpq8::scale(gfpq8::scale_of(in).z() - 16), events);
  CHECK(events.saturated > 0);
  fake_quantize<gfpq8>(in, out, gfpq8::scale(gfpq8::scale_of(in).z() - 16));
  CHECK(out == counted);
}

TEST_CASE("uniform codes equal the one-value function where a product with the inverse would not do") {
  draws d(8);
  for (const float step : {0.1F, 1.0F / 3, 3e-30F, 1.2e-38F, 1e30F, 1e36F, 0.0123F}) {
    for (const int most : {127, 32767}) {
      std::vector<float> in = {
          0.0F, -0.0F, 1e38F, -1e38F, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
      for (int i = 0; i < 4000; ++i) {
        // Ties and their neighbours.
        const float tie = (static_cast<float>(d.between(0, static_cast<std::size_t>(most))) + 0.5F) * step;
        const auto bits = std::bit_cast<std::uint32_t>(tie) + static_cast<std::uint32_t>(d.between(0, 4)) - 2U;
        in.push_back(std::bit_cast<float>(bits) * (i % 2 == 0 ? 1.0F : -1.0F));
      }
      std::vector<std::uint16_t> expected(in.size()), got(in.size());
      for (std::size_t i = 0; i < in.size(); ++i) {
        const int code = most == 127    ? int{uniform8::encode(in[i], uniform8::scale(step))}
                         : step < 1e34F ? int{uniform16::encode(in[i], uniform16::scale(step))}
                                        : 0;
        expected[i] = static_cast<std::uint16_t>(code + 5);
      }
      if (most == 32767 && step >= 1e34F) continue;  // no scale of this format
      for_each_isa([&](isa used) {
        kernels::select(
            used, [&](auto set) { decltype(set)::uniform_codes(in.data(), got.data(), in.size(), step, most, 5); });
        INFO(to_string(used) << ", step " << step << ", most " << most);
        CHECK(got == expected);
      });
    }
  }
}

TEST_CASE("threads and wrong lengths") {
  draws d(7);
  const auto x = d.tensor({200000});
  std::vector<float> one(200000), many(200000);
  const std::span<const float> in(x.data(), x.size());
  thread_pool pool(3);
  fake_quantize<gfpq16>(in, one, gfpq16::scale(-1400));
  fake_quantize<gfpq16>(in, many, gfpq16::scale(-1400), pool.handle());
  CHECK(one == many);
  CHECK_THROWS_WITH(fake_quantize<gfpq8>(in.first(3), std::span(one).first(2), gfpq8::scale(0)),
                    contains("3 elements in, 2 out"));
  std::vector<std::uint8_t> codes(2);
  CHECK_THROWS_AS(encode<gfpq8>(in.first(3), codes, gfpq8::scale(0)), shape_error);
}
