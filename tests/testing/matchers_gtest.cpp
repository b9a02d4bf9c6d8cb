#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nniesim/nniesim.hpp>
#include <nniesim/testing/gtest.hpp>

using namespace nniesim;
using ::testing::AllOf;
using ::testing::Not;

namespace {

tensor<float> ramp() {
  auto t = make_tensor<float>({2, 3});
  for (std::size_t i = 0; i < t.size(); ++i) t.data()[i] = static_cast<float>(i) + 0.5F;
  return t;
}

}  // namespace

TEST(Matchers, AcceptWhatIsNearAndExplainWhatIsNot) {
  const auto reference = ramp();
  auto near = reference;
  near(1, 2) += 0.01F;
  EXPECT_THAT(near, AllOf(CosineAtLeast(reference, 0.999), RelativeL2Within(reference, 0.01),
                          DifferenceWithin(reference, 0.01)));
  EXPECT_THAT(near, Not(EqualBits(reference)));
  EXPECT_THAT(reference, EqualBits(reference));
  auto far = reference;
  far(0, 1) = -100.0F;
  ::testing::StringMatchResultListener why;
  EXPECT_FALSE(::testing::ExplainMatchResult(CosineAtLeast(reference, 0.99), far, &why));
  EXPECT_NE(why.str().find("(0, 1)"), std::string::npos) << why.str();
  EXPECT_THAT(far, Not(RelativeL2Within(reference, 0.5)));
  EXPECT_THAT(far, Not(DifferenceWithin(reference, 0.5)));
}

TEST(Matchers, CompareCodesInTheOrderOfTheirValues) {
  tensor<std::uint8_t> a = {{0x00, 0x80, 0x85}};
  tensor<std::uint8_t> b = {{0x80, 0x81, 0x83}};
  EXPECT_THAT(b, EqualCodesWithin<gfpq8>(a, 2));
  EXPECT_THAT(b, Not(EqualCodesWithin<gfpq8>(a, 1)));
}

TEST(Matchers, TakeLayerOutputsOfAnotherElementType) {
  const auto x = ramp();
  const auto y = power<w8a8>(x, {.exponent = 2});
  EXPECT_THAT(y, CosineAtLeast(power<float32>(x, {.exponent = 2}), 0.9999));
}
