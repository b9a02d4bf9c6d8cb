#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include <nniesim/formats/gfpq.hpp>
#include <nniesim/ops/conv2d.hpp>
#include <nniesim/ops/power.hpp>
#include <nniesim/tensor/eigen.hpp>
#include <nniesim/testing/gtest.hpp>

// Both, as users have them: no name of the one hides the other's.
using namespace nniesim;
using namespace testing;

namespace {

tensor<float> ramp() {
  auto t = make_tensor<float>({2, 3});
  for (std::size_t i = 0; i < t.size(); ++i) t.data()[i] = static_cast<float>(i) + 0.5F;
  return t;
}

template <class X, class M>
std::string explained(const X& x, const M& matcher) {
  StringMatchResultListener why;
  EXPECT_FALSE(ExplainMatchResult(matcher, x, &why));
  return why.str();
}

}  // namespace

TEST(Matchers, AcceptWhatIsNearAndExplainWhatIsNot) {
  const auto reference = ramp();
  auto near = reference;
  near(1, 2) += 0.01F;
  EXPECT_THAT(near, AllOf(CosineAtLeast(reference, 0.999), RelativeL2Within(reference, 0.01),
                          NormErrorWithin(reference, 0.01)));
  EXPECT_THAT(near, CosineAtLeast(reference, 0.999) && !EqualBits(reference));
  EXPECT_THAT(near, Not(EqualBits(reference)));
  EXPECT_THAT(reference, AnyOf(EqualBits(near), EqualBits(reference)));
  auto far = reference;
  far(0, 1) = -100.0F;
  EXPECT_THAT(explained(far, CosineAtLeast(reference, 0.99)),
              AllOf(StartsWith("cosine "), HasSubstr("expected 0.99 at least; worst element (0, 1): got -100")));
  EXPECT_THAT(far, Not(RelativeL2Within(reference, 0.5)));
  EXPECT_EQ(DescribeMatcher<tensor<float>>(Not(CosineAtLeast(reference, 0.5))), "does not have cosine of 0.5 at least");
}

TEST(Matchers, CompareCodesInTheOrderOfTheirValues) {
  tensor<std::uint8_t> a = {{0x00, 0x80, 0x85}};
  tensor<std::uint8_t> b = {{0x80, 0x81, 0x83}};
  EXPECT_THAT(b, EqualCodesWithin<gfpq8>(a, 2));
  EXPECT_THAT(b, Not(EqualCodesWithin<gfpq8>(a, 1)));
}

TEST(Matchers, TakeTensorsOfAnyOtherType) {
  const auto x = ramp();
  const auto reference = power<float32>(x, {.exponent = 2});
  const auto y = power<w8a8>(x, {.exponent = 2});
  EXPECT_THAT(y, AllOf(CosineAtLeast(reference, 0.9999), RelativeL2Within(reference, 0.01)));
  EXPECT_THAT(view_of(y), CosineAtLeast(reference, 0.9999));
  EXPECT_THAT(reference + 0.0F, !RelativeL2Within(y, 0) || CosineAtLeast(view_of(y), 0.99));
}

TEST(Values, StandInAssertionsAsNumbers) {
  const q20_12 v(1.5);
  EXPECT_EQ(v, 1.5);
  EXPECT_LT(v, 2);
  EXPECT_NEAR(v, 1.4999, 0.001);
  EXPECT_DOUBLE_EQ(v, 1.5);
}

TEST(Printing, ShowsNumbers) {
  EXPECT_EQ(PrintToString(q20_12::from(-1.5)), "-1.5");
  EXPECT_EQ(PrintToString(tensor<std::uint8_t>{65, 128}), "2 {65, 128}");
  EXPECT_EQ(PrintToString(gfpq8::code{65}), "65");
  EXPECT_EQ(PrintToString(uniform8::code{-65}), "-65");
  auto y = make_tensor<q20_12>({1, 2});
  y.fill(q20_12::from(2.25));
  EXPECT_EQ(PrintToString(y), "1x2 {2.25, 2.25}");
  EXPECT_EQ(PrintToString(view_of(y)), "1x2 {2.25, 2.25}");
  EXPECT_EQ(PrintToString(ramp() + 1.0F), "2x3 {1.5, 2.5, 3.5, 4.5, 5.5, 6.5}");
  EXPECT_EQ(PrintToString(std::vector<q20_12>{q20_12(2.5)}), "{ 2.5 }");  // as GoogleTest has it
  EXPECT_FALSE(PrintToString(std::vector<padding>(1)).empty());
  const tensor<float> row = {{1, 2}};
  EXPECT_EQ(PrintToString(as_eigen(view_of(row))), "1x2 {1, 2}");
}
