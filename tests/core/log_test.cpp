#include <nniesim/core/log.hpp>

#include "catch.hpp"
#include "support/random.hpp"

using nniesim::exact_bits_log;

namespace {

/// Counts results further than one unit in the last place from the true value.
struct log_check {
  int count = 0, wrong = 0;
  double worst = 0.0;

  void operator()(double x) {
    const double got = exact_bits_log(x);
    const long double truth = std::log(static_cast<long double>(x));
    const double nearest = static_cast<double>(truth);
    const double ulp = std::nextafter(std::fabs(nearest), 1e308) - std::fabs(nearest);
    ++count;
    if (!(std::fabs(static_cast<long double>(got) - truth) < static_cast<long double>(ulp))) {
      ++wrong;
      worst = x;
    }
  }
};

}  // namespace

TEST_CASE("log lies within one unit in the last place of the true value") {
#ifdef NNIESIM_EMULATED
  constexpr int rounds = 20000;
#else
  constexpr int rounds = 1000000;
#endif
  draws d(1);
  log_check check;
  for (int i = 0; i < rounds; ++i) {
    const std::uint64_t bits = std::uint64_t{d.bits()} << 32U | d.bits();
    const double any = std::bit_cast<double>(bits & 0x7fffffffffffffffU);
    if (any > 0 && any <= std::numeric_limits<double>::max()) check(any);
    check(1.0 + static_cast<double>(d.symmetric()) * 0.5);
    check(1.0 + static_cast<double>(d.symmetric()) * 1e-4);
    check(std::bit_cast<double>(bits >> 12U));  // denormals
  }
  for (int e = -1074; e < 1024; ++e) {
    const double power = std::ldexp(1.0, e);
    for (const double x : {power, std::nextafter(power, 0.0), std::nextafter(power, 1e308), power * 0x1.6a09e667f3bcdp0,
                           power * 0x1.6a09e667f3bcep0}) {
      if (x > 0 && x < 1e308) check(x);
    }
  }
  INFO("last wrong: log of " << check.worst);
  CHECK(check.wrong == 0);
  CHECK(check.count > 3 * rounds);
}

TEST_CASE("log has the usual special cases") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK(exact_bits_log(1.0) == 0.0);
  CHECK_FALSE(std::signbit(exact_bits_log(1.0)));
  CHECK(exact_bits_log(0.0) == -infinity);
  CHECK(exact_bits_log(-0.0) == -infinity);
  CHECK(exact_bits_log(infinity) == infinity);
  CHECK(std::isnan(exact_bits_log(-1.0)));
  CHECK(std::isnan(exact_bits_log(-infinity)));
  CHECK(std::isnan(exact_bits_log(std::numeric_limits<double>::quiet_NaN())));
}
