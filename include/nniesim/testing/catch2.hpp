// Matchers for Catch2, versions 2 and 3: CHECK_THAT(y8, CosineAtLeast(ref, 0.99) && RelativeL2Within(ref, 0.02)).
#pragma once

#if __has_include(<catch2/matchers/catch_matchers.hpp>)
#include <catch2/matchers/catch_matchers.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <functional>
#include <string>
#include <utility>

#include <nniesim/testing/check.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace testing {

#if __has_include(<catch2/matchers/catch_matchers.hpp>)
template <class T>
using catch_matcher_base = Catch::Matchers::MatcherBase<T>;
#else
template <class T>
using catch_matcher_base = Catch::MatcherBase<T>;
#endif

/// A matcher of tensors of type `X` around a check of this library.
template <class X>
class tensor_matcher : public catch_matcher_base<X> {
 public:
  tensor_matcher(std::string what, std::function<std::string(const X&)> check)
      : what_(std::move(what)), check_(std::move(check)) {}
  [[nodiscard]] bool match(const X& actual) const override {
    why_ = check_(actual);
    return why_.empty();
  }
  [[nodiscard]] std::string describe() const override { return what_ + (why_.empty() ? "" : " (" + why_ + ")"); }

 private:
  std::string what_;
  std::function<std::string(const X&)> check_;
  mutable std::string why_;  // of the last match
};

}  // namespace testing

/// Cosine similarity with the reference of at least `bound`. `X` is the type of what is checked: the reference's own
/// unless named, as in CosineAtLeast<tensor<q20_12>>(ref, 0.99).
template <class X = void, tensor_like R>
[[nodiscard]] auto CosineAtLeast(const R& reference, double bound) {
  using checked = std::conditional_t<std::is_void_v<X>, R, X>;
  return testing::tensor_matcher<checked>(
      detail::concat("has cosine of at least ", bound),
      [&reference, bound](const checked& x) { return testing::cosine_at_least(reference, x, bound); });
}

/// A norm within `bound` of the reference's, relatively.
template <class X = void, tensor_like R>
[[nodiscard]] auto RelativeL2Within(const R& reference, double bound) {
  using checked = std::conditional_t<std::is_void_v<X>, R, X>;
  return testing::tensor_matcher<checked>(
      detail::concat("has a norm within ", bound),
      [&reference, bound](const checked& x) { return testing::relative_l2_within(reference, x, bound); });
}

/// A difference with a norm of at most `bound` times the reference's.
template <class X = void, tensor_like R>
[[nodiscard]] auto DifferenceWithin(const R& reference, double bound) {
  using checked = std::conditional_t<std::is_void_v<X>, R, X>;
  return testing::tensor_matcher<checked>(
      detail::concat("differs by at most ", bound),
      [&reference, bound](const checked& x) { return testing::difference_within(reference, x, bound); });
}

/// The same bits in every element.
template <tensor_like R>
[[nodiscard]] auto EqualBits(const R& reference) {
  return testing::tensor_matcher<R>("has equal bits",
                                    [&reference](const R& x) { return testing::equal_bits(reference, x); });
}

/// Codes of format F at most `bound` apart.
template <class F, tensor_like R>
[[nodiscard]] auto EqualCodesWithin(const R& reference, long long bound) {
  return testing::tensor_matcher<R>(detail::concat("has codes within ", bound), [&reference, bound](const R& x) {
    return testing::equal_codes_within<F>(reference, x, bound);
  });
}

NNIESIM_END_NAMESPACE
