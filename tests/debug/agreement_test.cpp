#include <nniesim/debug/agreement.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace agreement_test {

namespace {

comparison compare_values(const std::vector<float>& r, const std::vector<float>& x) {
  return compare(tensor_view<const float>(r, {r.size()}), tensor_view<const float>(x, {x.size()}));
}

}  // namespace

TEST_CASE("of few values the relative error counts, not the angle", "[debug]") {
  // Two logits that change places: the angle between them is small, the error is 0.0707 / 0.7.
  const std::vector<float> r = {5.0F, 4.5F}, x = {4.5F, 5.0F};
  const comparison c = compare_values(r, x);
  const double e = std::sqrt(0.5) / std::sqrt(45.25);
  CHECK(c.cosine > 0.99);
  CHECK(agreement(c) == approx(1 - e * e / 2));
  // One of twice the size has the same angle and half the agreement.
  const std::vector<float> doubled = {10.0F, 9.0F};
  CHECK(compare_values(r, doubled).cosine == approx(1));
  CHECK(agreement(compare_values(r, doubled)) == approx(0.5));
  // The limit of a cosine is one of an error: 14.1 % for 0.99.
  CHECK(detail::error_of(0.99) == approx(std::sqrt(0.02)));
}

TEST_CASE("of many values, and of one alone, it is the cosine", "[debug]") {
  std::vector<float> r(detail::limit::few_values, 1.0F), x(detail::limit::few_values, 2.0F);
  CHECK(agreement(compare_values(r, x)) == 1);
  r.pop_back();
  x.pop_back();
  CHECK(agreement(compare_values(r, x)) == approx(0.5));
  const std::vector<float> one = {1.0F}, two = {2.0F};
  CHECK(agreement(compare_values(one, two)) == 1);
}

TEST_CASE("errors without bound and values that are none", "[debug]") {
  const std::vector<float> r = {1.0F, 2.0F}, far = {100.0F, 200.0F}, zeros = {0.0F, 0.0F};
  CHECK(agreement(compare_values(r, far)) == -1);
  CHECK(agreement(compare_values(zeros, r)) == -1);
  CHECK(agreement(compare_values(zeros, zeros)) == 1);
  const std::vector<float> bad = {1.0F, std::numeric_limits<float>::quiet_NaN()};
  CHECK(std::isnan(agreement(compare_values(r, bad))));
}

TEST_CASE("few values are told with their size, and which is the largest", "[debug]") {
  const std::vector<float> r = {5.0F, 4.5F}, x = {4.5F, 5.0F};
  const comparison c = compare_values(r, x);
  const fact f = detail::few_values_fact("prob", c, r, x);
  CHECK(f.count("count") == 2);
  CHECK(f.number("relative_error") == c.relative_l2_error);
  CHECK(f.count("largest_of_other") == 1);
  const std::string text = words_of(f);
  CHECK_THAT(text, contains("'prob' has 2 values") && contains("5, 4.5 in the reference, 4.5, 5 in the other run"));
  CHECK_THAT(text, contains("the largest is value 0 and value 1"));
  CHECK(detail::few_values_fact("prob", c, r, r).find("largest_of_other") == nullptr);
  CHECK(detail::with_agreement({}, c).number("relative_error") == c.relative_l2_error);
  const std::vector<float> many(20, 1.0F);
  CHECK(detail::with_agreement({}, compare_values(many, many)).number("cosine") == 1);
}

}  // namespace agreement_test
