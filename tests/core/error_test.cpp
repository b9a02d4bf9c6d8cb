#include <nniesim/core/error.hpp>

#include <cmath>
#include <concepts>
#include <limits>
#include <locale>
#include <string>
#include <type_traits>

#include "catch.hpp"

using namespace nniesim;

namespace {

static_assert(std::derived_from<error, std::runtime_error>);
static_assert(std::derived_from<shape_error, error> && std::derived_from<format_error, error> &&
              std::derived_from<parse_error, error>);
// None is another's kind, so that a handler for one does not take the others.
static_assert(!std::derived_from<shape_error, format_error> && !std::derived_from<parse_error, format_error> &&
              !std::derived_from<format_error, shape_error>);
static_assert(std::is_nothrow_copy_constructible_v<error>);

constexpr int checked_at_compile_time(int x) {
  detail::require<format_error>(x > 0, "x is ", x);
  return x;
}
static_assert(checked_at_compile_time(3) == 3);

/// 1,234,567 as some locales print it.
struct grouping : std::numpunct<char> {
 protected:
  char do_thousands_sep() const override { return ','; }
  std::string do_grouping() const override { return "\3"; }
};

struct counts_its_printing {
  int* times;
  friend std::ostream& operator<<(std::ostream& out, const counts_its_printing& c) {
    ++*c.times;
    return out;
  }
};

}  // namespace

TEST_CASE("require throws the error asked for, with the parts joined, where the condition fails") {
  CHECK_NOTHROW(detail::require<shape_error>(true, "never seen"));
  CHECK_THROWS_AS(detail::require<shape_error>(false, "a"), shape_error);
  CHECK_THROWS_AS(detail::require<format_error>(false, "a"), format_error);
  CHECK_THROWS_AS(detail::require<parse_error>(false, "a"), error);
  CHECK_THROWS_WITH(detail::require<error>(false, "got ", 3, ", expected ", std::string("four"), '.'),
                    contains("got 3, expected four."));
  CHECK_THROWS_AS(checked_at_compile_time(0), format_error);
}

TEST_CASE("the message is made only where it is needed") {
  int times = 0;
  detail::require<error>(true, counts_its_printing{&times});
  CHECK(times == 0);
  CHECK_THROWS_AS(detail::require<error>(false, counts_its_printing{&times}), error);
  CHECK(times == 1);
}

TEST_CASE("floats in messages are the shortest numbers that tell each from its neighbours") {
  CHECK(detail::message(0.1F) == "0.1");
  CHECK(detail::message(std::nextafter(0.1F, 1.0F)) == "0.10000001");
  CHECK(detail::message(std::numeric_limits<float>::infinity()) == "inf");
  CHECK(detail::message(16777217.0) == "16777217");
  CHECK(detail::message("a", 1, 'b', 2.5) == "a1b2.5");
}

TEST_CASE("messages do not depend on the program's locale") {
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new grouping));
  const std::string text = detail::message(1234567, " and ", 0.5F);
  std::locale::global(before);
  CHECK(text == "1234567 and 0.5");
}
