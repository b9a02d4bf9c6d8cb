// Matchers for GoogleTest: EXPECT_THAT(y8, AllOf(CosineAtLeast(ref, 0.99), RelativeL2Within(ref, 0.02))).
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <ostream>
#include <string>
#include <utility>

#include <nniesim/testing/check.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace testing {

/// A matcher of any tensor type around a check of this library.
template <class Check>
class tensor_check {
 public:
  tensor_check(std::string what, Check check) : what_(std::move(what)), check_(std::move(check)) {}
  template <class X>
  bool MatchAndExplain(const X& actual, ::testing::MatchResultListener* listener) const {
    const std::string why = check_(actual);
    *listener << why;
    return why.empty();
  }
  void DescribeTo(std::ostream* out) const { *out << "has " << what_; }
  void DescribeNegationTo(std::ostream* out) const { *out << "does not have " << what_; }

 private:
  std::string what_;
  Check check_;
};

template <class Check>
[[nodiscard]] auto make_tensor_check(std::string what, Check check) {
  return ::testing::MakePolymorphicMatcher(tensor_check<Check>(std::move(what), std::move(check)));
}

}  // namespace testing

/// Cosine similarity with the reference of at least `bound`.
template <tensor_like R>
[[nodiscard]] auto CosineAtLeast(const R& reference, double bound) {
  return testing::make_tensor_check(detail::concat("cosine of at least ", bound), [&reference, bound](const auto& x) {
    return testing::cosine_at_least(reference, x, bound);
  });
}

/// A norm within `bound` of the reference's, relatively.
template <tensor_like R>
[[nodiscard]] auto RelativeL2Within(const R& reference, double bound) {
  return testing::make_tensor_check(detail::concat("a norm within ", bound), [&reference, bound](const auto& x) {
    return testing::relative_l2_within(reference, x, bound);
  });
}

/// A difference with a norm of at most `bound` times the reference's.
template <tensor_like R>
[[nodiscard]] auto DifferenceWithin(const R& reference, double bound) {
  return testing::make_tensor_check(
      detail::concat("a difference of at most ", bound),
      [&reference, bound](const auto& x) { return testing::difference_within(reference, x, bound); });
}

/// The same bits in every element.
template <tensor_like R>
[[nodiscard]] auto EqualBits(const R& reference) {
  return testing::make_tensor_check("equal bits",
                                    [&reference](const auto& x) { return testing::equal_bits(reference, x); });
}

/// Codes of format F at most `bound` apart.
template <class F, tensor_like R>
[[nodiscard]] auto EqualCodesWithin(const R& reference, long long bound) {
  return testing::make_tensor_check(detail::concat("codes within ", bound), [&reference, bound](const auto& x) {
    return testing::equal_codes_within<F>(reference, x, bound);
  });
}

NNIESIM_END_NAMESPACE
