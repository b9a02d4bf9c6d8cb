#include <nniesim/kernels/layerwise.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace functions_test {

using words = std::vector<q20_12>;

/// All of one function's range and what lies beyond, any numbers, and the ends.
words arguments() {
  words x;
#ifdef NNIESIM_EMULATED
  const std::int32_t step = 7;
#else
  const std::int32_t step = 1;
#endif
  for (std::int32_t r = -70000; r <= 70000; r += step) x.push_back(q20_12::from_raw(r));
  draws d(5);
  for (int i = 0; i < 20000; ++i) {
    const auto any = static_cast<std::int32_t>(d.bits());
    x.push_back(q20_12::from_raw(any));
    x.push_back(q20_12::from_raw(any >> d.between(0, 31)));
  }
  for (int k = 0; k < 32; ++k) {
    for (std::uint32_t n : {0U, 1U, 2U}) {
      x.push_back(q20_12::from_raw(static_cast<std::int32_t>((1U << k) + n - 1)));
      x.push_back(q20_12::from_raw(static_cast<std::int32_t>(1 - (1U << k) - n)));
    }
  }
  return x;
}

/// Checks kernel(k, x, y, n) against specification(raw) on every instruction set: all arguments, every short length,
/// and in place; nothing behind the end is touched.
template <class Kernel, class Specification>
void check(Kernel kernel, Specification specification) {
  const words x = arguments();
  words expected;
  for (const q20_12 v : x) expected.push_back(q20_12::from_raw(specification(v.raw())));
  const q20_12 mark = q20_12::from_raw(12345678);
  for_each_isa([&](isa i) {
    INFO(to_string(i));
    words y(x.size() + 1, mark);
    const bool ran = kernels::layerwise::run_functions([&](auto k) { kernel(k, x.data(), y.data(), x.size()); });
    CHECK(ran == (i != isa::scalar));
    if (!ran) return;
    CHECK(std::equal(expected.begin(), expected.end(), y.begin()));
    CHECK(y.back() == mark);
    for (std::size_t n = 0; n <= 40; ++n) {
      words z(x.begin() + 50000 % 9973, x.begin() + 50000 % 9973 + 41);
      const words before = z;
      CHECK(kernels::layerwise::run_functions([&](auto k) { kernel(k, z.data(), z.data(), n); }));
      for (std::size_t k = 0; k < z.size(); ++k) {
        CHECK(z[k] == (k < n ? q20_12::from_raw(specification(before[k].raw())) : before[k]));
      }
    }
  });
}

TEST_CASE("table kernels equal the specification") {
  for (const function_table* t : {&sigmoid_table, &tanh_table}) {
    check([&](auto k, const q20_12* x, q20_12* y, std::size_t n) { k.linear(x, *t, y, n); },
          [&](std::int32_t x) { return t->linear(x); });
    check([&](auto k, const q20_12* x, q20_12* y, std::size_t n) { k.nearest(x, *t, y, n); },
          [&](std::int32_t x) { return t->nearest(x); });
  }
}

TEST_CASE("exponential and logarithm kernels equal the specification") {
  check([](auto k, const q20_12* x, q20_12* y, std::size_t n) { k.exp(x, y, n); }, cordic::exp);
  check([](auto k, const q20_12* x, q20_12* y, std::size_t n) { k.log(x, y, n); }, cordic::log);
}

TEST_CASE("kernels of softmax equal the specification") {
  check(
      [](auto k, const q20_12* x, q20_12* y, std::size_t n) {
        const words most(n, q20_12::from_raw(70000));
        std::vector<std::int32_t> sum(n, 5);
        words own(x, x + n);
        k.falling_exp(own.data(), most.data(), y, sum.data(), n);
        const bool added =
            std::equal(sum.begin(), sum.end(), y, [](std::int32_t s, q20_12 e) { return s == e.raw() + 5; });
        CHECK(added);
      },
      [](std::int32_t x) { return cordic::falling_exp(70000U - static_cast<std::uint32_t>(x)); });
  check(
      [](auto k, const q20_12* x, q20_12* y, std::size_t n) {
        std::vector<std::int32_t> r(n);
        std::transform(x, x + n, r.begin(), [](q20_12 v) { return std::max(v.raw(), 1); });
        k.reciprocals(r.data(), n);
        std::transform(r.begin(), r.end(), y, [](std::int32_t v) { return q20_12::from_raw(v); });
      },
      [](std::int32_t x) { return cordic::reciprocal(std::max(x, 1)); });
}

TEST_CASE("exponentials of float64 by vectors equal exact_bits_exp to the last bit") {
  draws d(9);
  std::vector<float> x;
  for (int i = 0; i < 100000; ++i) {
    x.push_back(d.symmetric() * 760);
    x.push_back(d.symmetric());
    x.push_back(d.any_finite());
  }
  std::vector<double> most(x.size()), e(x.size() + 8);
  for (double& m : most) m = static_cast<double>(d.symmetric()) * 1e-3;
  // Around the ends, where results overflow, become denormal and vanish: 0 less a number.
  for (const double end : {exp_constants::highest, 710.0, 709.0, -708.0, -745.0, -745.13, exp_constants::lowest, -746.0,
                           std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    double at = end;
    for (int i = 0; i < 20; ++i) at = std::nextafter(at, -1e9);
    for (int i = 0; i < 40; ++i, at = std::nextafter(at, 1e9)) {
      x.push_back(0.0F);
      most.push_back(-at);
    }
    x.push_back(0.0F);
    most.push_back(-end);
  }
  for (double at = -747.0; at < -700.0; at += 0x1p-7) {
    x.push_back(0.0F);
    most.push_back(-at);
  }
  e.resize(x.size() + 8);
  most.resize(x.size() + 8);
  for_each_isa([&](isa) {
    const bool ran =
        kernels::layerwise::run([&](auto k) { k.exponentials(x.data(), most.data(), e.data(), x.size()); });
    if (!ran) return;
    std::size_t equal = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = exact_bits_exp(static_cast<double>(x[i]) - most[i]);
      equal += std::bit_cast<std::uint64_t>(expected) == std::bit_cast<std::uint64_t>(e[i]) ? 1U : 0U;
    }
    CHECK(equal == x.size());
  });
}

namespace {

#define NNIESIM_LOGARITHMS(set)                                          \
  void set##_logarithms(double* x, std::size_t n) {                      \
    using f64 = kernels::set::f64;                                       \
    for (std::size_t i = 0; i < n; i += 2 * f64::lanes) {                \
      f64::reg v[2] = {f64::load(x + i), f64::load(x + i + f64::lanes)}; \
      kernels::set::layerwise::log(v);                                   \
      f64::store(x + i, v[0]);                                           \
      f64::store(x + i + f64::lanes, v[1]);                              \
    }                                                                    \
  }
#if defined(NNIESIM_ARCH_X86)
NNIESIM_BEGIN_TARGET(NNIESIM_AVX2_TARGET)
NNIESIM_LOGARITHMS(avx2)
NNIESIM_END_TARGET
NNIESIM_BEGIN_TARGET(NNIESIM_AVX512_TARGET)
NNIESIM_LOGARITHMS(avx512)
NNIESIM_END_TARGET
#elif defined(NNIESIM_ARCH_ARM)
NNIESIM_LOGARITHMS(neon)
#endif

/// In place, of a multiple of 16 numbers, by the vectors of an instruction set; false where it has none.
bool logarithms([[maybe_unused]] isa i, [[maybe_unused]] std::vector<double>& x) {
  if (i == isa::scalar) return false;
#if defined(NNIESIM_ARCH_X86)
  const bool is_512 = i == isa::avx512 || i == isa::avx512_vnni;
  (is_512 ? avx512_logarithms : avx2_logarithms)(x.data(), x.size());
  return true;
#elif defined(NNIESIM_ARCH_ARM)
  neon_logarithms(x.data(), x.size());
  return true;
#else
  return false;
#endif
}

}  // namespace

TEST_CASE("logarithms of float64 by vectors equal exact_bits_log to the last bit") {
  draws d(10);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> x{
      0.0, -0.0, infinity, -infinity, -1.0, std::numeric_limits<double>::quiet_NaN(), 1.0, log_constants::root_of_2};
  for (const double at : {1.0, log_constants::root_of_2, std::numeric_limits<double>::min(), 0x1p-1074, 0x1p1023}) {
    for (const double factor : {1.0, 2.0, 0.5, 4096.0}) {
      x.push_back(at * factor);
      x.push_back(std::nextafter(at * factor, infinity));
      x.push_back(std::nextafter(at * factor, 0.0));
    }
  }
  for (int i = 0; i < 100000; ++i) {
    x.push_back(std::bit_cast<double>(std::uint64_t{d.bits()} << 32 | d.bits()));
    x.push_back(static_cast<double>(d.symmetric()) + 1.0);
    x.push_back(std::fabs(static_cast<double>(d.any_finite())));
  }
  x.resize(x.size() / 16 * 16);
  for_each_isa([&](isa i) {
    auto y = x;
    if (!logarithms(i, y)) return;
    std::size_t equal = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double expected = exact_bits_log(x[k]);
      const bool same = std::bit_cast<std::uint64_t>(expected) == std::bit_cast<std::uint64_t>(y[k]);
      equal += same || (expected != expected && y[k] != y[k]) ? 1U : 0U;
    }
    CHECK(equal == x.size());
  });
}

}  // namespace functions_test
