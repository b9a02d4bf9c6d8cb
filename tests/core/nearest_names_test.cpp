#include <nniesim/core/nearest_names.hpp>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace nearest_names_test {

namespace {

/// By its definition, from the texts' ends.
std::size_t distance(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return std::max(a.size(), b.size());
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  const std::string_view a1 = a.substr(1), b1 = b.substr(1);
  if (lower(a[0]) == lower(b[0])) return distance(a1, b1);
  return 1 + std::min({distance(a1, b1), distance(a1, b), distance(a, b1)});
}

}  // namespace

TEST_CASE("names that are like an unknown one are few and different", "[core]") {
  using detail::nearest_names;
  CHECK(nearest_names("abc", {}).empty());
  CHECK(nearest_names("abc", {"xyz", "12"}).empty());
  CHECK(nearest_names("conv2", {"fc", "conv1", "conv1", "conv3", "Conv22", "conv4"}) ==
        "; nearest: 'conv1', 'conv3', 'Conv22'");
  CHECK(detail::edit_distance("kitten", "sitting") == 3);
  CHECK(detail::edit_distance("", "abc") == 3);
  const std::string one(100'000, 'a');
  CHECK(nearest_names(one, {one}).size() < 100);
}

TEST_CASE("the distance of names is the least number of changed letters, of the first 64", "[core]") {
  draws d(4);
  const auto any = [&] {
    std::string text(d.between(0, 6), ' ');
    for (char& c : text) c = "abAB\xe4"[d.between(0, 4)];
    return text;
  };
  for (int round = 0; round < 500; ++round) {
    const std::string a = any(), b = any();
    CAPTURE(a, b);
    CHECK(detail::edit_distance(a, b) == distance(a, b));
  }
  const std::string same(64, 'x');
  CHECK(detail::edit_distance(same + "a", same + "bcd") == 0);
  CHECK(detail::edit_distance(same.substr(1) + "a", same.substr(1) + "b") == 1);
}

TEST_CASE("nearest names stand in the order of their distance, equal ones as they were given", "[core]") {
  CHECK(detail::nearest_names("ab", {"abcd", "xb", "abc", "ax"}) == "; nearest: 'xb', 'abc', 'ax'");
  // One that is as far as any text of its length shares nothing.
  CHECK(detail::nearest_names("ab", {"cd", "cdb"}) == "; nearest: 'cdb'");
  CHECK(detail::nearest_names("conv", {std::string_view("co\x1bnv")}) == R"(; nearest: 'co\x1bnv')");
}

}  // namespace nearest_names_test
