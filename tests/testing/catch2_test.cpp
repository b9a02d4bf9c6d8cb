#include "catch.hpp"
// The matchers stand on whichever Catch2 the line above brought in.
#include <nniesim/nniesim.hpp>
#include <nniesim/testing/catch2.hpp>

using namespace nniesim;

namespace {

tensor<float> ramp() {
  auto t = make_tensor<float>({2, 3});
  for (std::size_t i = 0; i < t.size(); ++i) t.data()[i] = static_cast<float>(i) + 0.5F;
  return t;
}

}  // namespace

TEST_CASE("matchers accept what is near, refuse what is far, and say where") {
  const auto reference = ramp();
  auto near = reference;
  near(1, 2) += 0.01F;
  CHECK_THAT(near,
             CosineAtLeast(reference, 0.999) && RelativeL2Within(reference, 0.01) && DifferenceWithin(reference, 0.01));
  CHECK_THAT(near, !EqualBits(reference));
  CHECK_THAT(reference, EqualBits(reference));
  auto far = reference;
  far(0, 1) = -100.0F;
  const auto matcher = CosineAtLeast(reference, 0.99);
  CHECK_FALSE(matcher.match(far));
  CHECK_THAT(matcher.describe(), contains("(0, 1)") && contains("-100") && contains("0.99"));
  CHECK_THAT(far, !RelativeL2Within(reference, 0.5) && !DifferenceWithin(reference, 0.5));
}

TEST_CASE("matchers refuse other shapes and empty tensors instead of passing them") {
  const auto reference = ramp();
  const auto other = make_tensor<float>({3, 2});
  CHECK_THAT(other, !CosineAtLeast(reference, -1));
  const auto empty = make_tensor<float>({0, 2});
  CHECK_THAT(empty, !EqualBits(empty));
}

TEST_CASE("a layer's output is matched with a float reference") {
  const auto x = ramp();
  const auto reference = power<float32>(x, {.exponent = 2});
  const auto y8 = power<w8a8>(x, {.exponent = 2});
  CHECK_THAT(y8, (CosineAtLeast<tensor<q20_12>>(reference, 0.99) && RelativeL2Within<tensor<q20_12>>(reference, 0.02)));
}

TEST_CASE("codes are matched in the order of their values") {
  const tensor<std::uint8_t> a = {{0x00, 0x80, 0x85}};
  const tensor<std::uint8_t> b = {{0x80, 0x81, 0x83}};
  CHECK_THAT(b, EqualCodesWithin<gfpq8>(a, 2));
  CHECK_THAT(b, !EqualCodesWithin<gfpq8>(a, 1));
}
