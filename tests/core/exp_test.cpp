#include <nniesim/core/exp.hpp>

#include "catch.hpp"
#include "support/random.hpp"

using nniesim::exact_bits_exp;

TEST_CASE("exp lies within one unit in the last place of the true value") {
  draws d(1);
  for (int i = 0; i < 200000; ++i) {
    const double x = static_cast<double>(d.symmetric()) * (i % 3 == 0 ? 700.0 : i % 3 == 1 ? 20.0 : 0.5);
    const double got = exact_bits_exp(x);
    const long double truth = std::exp(static_cast<long double>(x));
    const double nearest = static_cast<double>(truth);
    const double ulp = std::nextafter(nearest, 1e308) - nearest;
    if (std::fabs(static_cast<long double>(got) - truth) > static_cast<long double>(ulp)) {
      INFO("x " << x);
      CHECK(got == nearest);
    }
  }
}

TEST_CASE("exp has the usual special cases") {
  CHECK(exact_bits_exp(0.0) == 1.0);
  CHECK(exact_bits_exp(-0.0) == 1.0);
  CHECK(exact_bits_exp(1000.0) == std::numeric_limits<double>::infinity());
  CHECK(exact_bits_exp(-1000.0) == 0.0);
  CHECK(exact_bits_exp(-std::numeric_limits<double>::infinity()) == 0.0);
  CHECK(exact_bits_exp(-744.0) > 0.0);
  CHECK(std::isnan(exact_bits_exp(std::numeric_limits<double>::quiet_NaN())));
}
