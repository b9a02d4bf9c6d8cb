#include <nniesim/network/code_table.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <nniesim/kernels/thread_pool.hpp>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;
using detail::code_table;

namespace code_table_test {

namespace {

template <class T>
std::vector<T> as(const std::vector<std::byte>& bytes) {
  std::vector<T> all(bytes.size() / sizeof(T));
  std::memcpy(all.data(), bytes.data(), bytes.size());
  return all;
}

/// Each code's result is found at the code's place among codes(), for any number of codes, on every instruction set.
template <class Code, class Result>
void finds_each(std::uint32_t seed) {
  draws d(seed);
  const std::vector<Code> codes = as<Code>(code_table::codes(sizeof(Code)));
  REQUIRE(codes.size() == code_table::count(sizeof(Code)));
  std::vector<std::byte> results(codes.size() * sizeof(Result));
  for (std::byte& b : results) b = static_cast<std::byte>(d.bits());
  const std::vector<Result> wanted = as<Result>(results);
  const code_table table(results, sizeof(Code));
  thread_pool pool(3);
  for_each_isa([&](isa used) {
    for (const std::size_t n :
         {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{130}, std::size_t{40'000}}) {
      std::vector<std::size_t> place(n);
      std::vector<Code> in(n);
      for (std::size_t i = 0; i < n; ++i) {
        place[i] = i < codes.size() ? i : d.between(0, codes.size() - 1);
        in[i] = codes[place[i]];
      }
      std::vector<Result> out(n + 1, Result{77});
      table.apply(in.data(), out.data(), n, n % 2 == 0 ? pool.handle() : executor{});
      CAPTURE(to_string(used), n);
      bool are_equal = out[n] == 77;
      for (std::size_t i = 0; i < n; ++i) are_equal = are_equal && out[i] == wanted[place[i]];
      CHECK(are_equal);
      if constexpr (sizeof(Code) == sizeof(Result)) {
        table.apply(in.data(), in.data(), n, {});
        CHECK(std::equal(in.begin(), in.end(), out.begin()));
      }
    }
  });
}

}  // namespace

TEST_CASE("a table of codes gives each code's result, to any width and in place", "[network]") {
  finds_each<std::uint8_t, std::uint8_t>(1);
  finds_each<std::uint8_t, std::uint32_t>(2);
  finds_each<std::uint16_t, std::uint16_t>(3);
  finds_each<std::uint16_t, std::uint32_t>(4);
  CHECK(code_table().empty());
}

TEST_CASE("a table's codes are all that there are, each once, and valid", "[network]") {
  const std::vector<std::uint8_t> narrow = as<std::uint8_t>(code_table::codes(1));
  REQUIRE(narrow.size() == 256);
  for (std::size_t i = 0; i < narrow.size(); ++i) CHECK(narrow[i] == i);
  const std::vector<std::uint16_t> wide = as<std::uint16_t>(code_table::codes(2));
  REQUIRE(wide.size() == 2 * (std::size_t{gfpq16::max_magnitude} + 1));
  for (std::size_t i = 0; i < wide.size(); ++i) {
    const bool is_valid = (wide[i] & 0x7fffU) <= gfpq16::max_magnitude;
    if (!is_valid || (i != 0 && wide[i] <= wide[i - 1])) FAIL("code " << wide[i] << " at " << i);
  }
}

}  // namespace code_table_test
