#include <nniesim/ops/mac_options.hpp>

#include <limits>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace mac_options_test {

TEST_CASE("a normalization has one finite factor and shift for each output, or none at all") {
  const auto check = [](std::vector<double> factor, std::vector<double> shift, std::size_t outputs) {
    detail::require_affine({std::move(factor), std::move(shift)}, outputs, "conv2d");
  };
  CHECK_NOTHROW(check({}, {}, 3));
  CHECK_NOTHROW(check({1, -2, 0}, {0, 1e300, -0.0}, 3));
  CHECK_THROWS_WITH(check({1, 2}, {1}, 2),
                    "conv2d: 2 factors and 1 shifts for 2 outputs, expected one of each per output or none");
  CHECK_THROWS_AS(check({}, {1, 2, 3}, 3), shape_error);
  CHECK_THROWS_AS(check({1, 2}, {1, 2}, 3), shape_error);
  CHECK_THROWS_AS(check({1, 2}, {1, 2}, 1), shape_error);
  for (const double bad : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THROWS_WITH(check({1, bad}, {1, 2}, 2), contains("of output 1, expected finite numbers"));
    CHECK_THROWS_AS(check({1, 2}, {bad, 2}, 2), format_error);
  }
}

TEST_CASE("by default nothing follows the sums") {
  const mac_options options;
  CHECK(options.affine.factor.empty());
  CHECK(options.affine.shift.empty());
  CHECK(options.rounding == sum_rounding::none);
}

}  // namespace mac_options_test
