// Matchers for Catch2, versions 2 and 3: CHECK_THAT(y8, CosineAtLeast(ref, 0.99) && RelativeL2Within(ref, 0.02)); and
// tensors in failing tests as numbers. The matchers themselves are those of check.hpp. (CHECK(a == b) of two tensors
// does not compile: xtensor takes Catch2's own operators for tensors. EqualBits is meant for that.)
#pragma once

#if __has_include(<catch2/matchers/catch_matchers.hpp>)
#include <catch2/catch_tostring.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <ostream>
#include <sstream>
#include <string>
#include <type_traits>

#include <nniesim/testing/check.hpp>

namespace Catch {

template <nniesim::matchers::printed_here T>
struct is_range<T> : std::false_type {};

template <nniesim::matchers::printed_here T>
struct StringMaker<T> {
  static std::string convert(const T& tensor) {
    std::ostringstream out;
    nniesim::matchers::print(out, tensor);
    return out.str();
  }
};

/// What CHECK_THAT prints: the matcher's sentence first, then the tensor.
template <class ArgT, nniesim::matchers::own_matcher MatcherT>
class MatchExpr<ArgT, MatcherT> final : public ITransientExpression {
 public:
  template <class... Text>
  MatchExpr(const std::remove_reference_t<ArgT>& arg, const MatcherT& matcher, const Text&...)
      : ITransientExpression{true, matcher.match(arg)}, sentence_(matcher.toString()), arg_(arg) {}

  void streamReconstructedExpression(std::ostream& out) const override {
    out << sentence_ << '\n' << Detail::stringify(arg_);
  }

 private:
  std::string sentence_;
  const std::remove_reference_t<ArgT>& arg_;
};

}  // namespace Catch
