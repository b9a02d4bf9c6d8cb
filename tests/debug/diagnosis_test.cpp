#include <nniesim/debug/diagnosis.hpp>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <string_view>

#include "catch.hpp"

using namespace nniesim;

TEST_CASE("every fault has a name of its own", "[debug]") {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(fault::inconclusive); ++i) {
    const std::string_view name = to_string(static_cast<fault>(i));
    CHECK(name != "?");
    CHECK(names.insert(name).second);
  }
}

TEST_CASE("what a cosine means as an error, and rivals in a line each", "[debug]") {
  CHECK(detail::error_of(1) == 0);
  CHECK(detail::error_of(1 + 1e-12) == 0);
  CHECK(detail::error_of(0) == approx(std::sqrt(2.0)));
  CHECK(std::isinf(detail::error_of(std::numeric_limits<double>::quiet_NaN())));
  finding f;
  CHECK(rival_lines(f).empty());
  f.rivals = {{fault::precision, fact::text_of("enough bits")}};
  CHECK(rival_lines(f) == std::vector<std::string>{"not too few bits: enough bits"});
}
