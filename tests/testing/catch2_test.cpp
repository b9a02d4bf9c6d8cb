#include "catch.hpp"
// The matchers stand on whichever Catch2 the line above brought in.
#include <array>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <vector>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include <nniesim/formats/gfpq.hpp>
#include <nniesim/formats/uniform.hpp>
#include <nniesim/ops/power.hpp>
#include <nniesim/tensor/eigen.hpp>
#include <nniesim/testing/catch2.hpp>

using namespace nniesim;

namespace {

tensor<float> ramp() {
  auto t = make_tensor<float>({2, 3});
  for (std::size_t i = 0; i < t.size(); ++i) t.data()[i] = static_cast<float>(i) + 0.5F;
  return t;
}

/// What a failing CHECK_THAT prints.
template <class X, class M>
std::string printed(const X& x, const M& matcher) {
  const Catch::MatchExpr<X, M> expression(x, matcher, "");
  std::ostringstream out;
  expression.streamReconstructedExpression(out);
  return out.str();
}

}  // namespace

TEST_CASE("matchers accept what is near, refuse what is far, and say where") {
  const auto reference = ramp();
  auto near = reference;
  near(1, 2) += 0.01F;
  CHECK_THAT(near,
             CosineAtLeast(reference, 0.999) && RelativeL2Within(reference, 0.01) && NormErrorWithin(reference, 0.01));
  CHECK_THAT(near, !EqualBits(reference));
  CHECK_THAT(reference, EqualBits(reference));
  auto far = reference;
  far(0, 1) = -100.0F;
  const auto matcher = CosineAtLeast(reference, 0.99);
  CHECK_FALSE(matcher.match(far));
  CHECK_THAT(matcher.describe(), contains("(0, 1)") && contains("-100") && contains("0.99"));
  CHECK_THAT(far, !RelativeL2Within(reference, 0.5) && !NormErrorWithin(reference, 0.5));
}

TEST_CASE("the relative L2 error is that of the difference, not of the norms") {
  const tensor<float> reference = {3, 4};
  const tensor<float> turned = {4, 3};
  CHECK_THAT(turned,
             NormErrorWithin(reference, 0) && !RelativeL2Within(reference, 0.28) && RelativeL2Within(reference, 0.29));
}

TEST_CASE("matchers refuse other shapes and empty tensors instead of passing them") {
  const auto reference = ramp();
  const auto other = make_tensor<float>({3, 2});
  CHECK_THAT(other, !CosineAtLeast(reference, -1) && !EqualBits(reference));
  const auto empty = make_tensor<float>({0, 2});
  CHECK_THAT(empty, !EqualBits(empty));
  auto bad = reference;
  bad(0, 0) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(bad, !CosineAtLeast(reference, -1) && !RelativeL2Within(reference, 1e9) && EqualBits(bad));
  CHECK_THAT(printed(bad, CosineAtLeast(reference, -1)), contains("1 NaN or infinite elements"));
}

TEST_CASE("any tensor is matched with a reference of any other type") {
  const auto x = ramp();
  const auto reference = power<float32>(x, {.exponent = 2});
  const auto y8 = power<w8a8>(x, {.exponent = 2});
  CHECK_THAT(y8, CosineAtLeast(reference, 0.99) && RelativeL2Within(reference, 0.02));
  CHECK_THAT(reference, CosineAtLeast(y8, 0.99));
  CHECK_THAT(view_of(y8), RelativeL2Within(view_of(reference), 0.02));
  CHECK_THAT(xt::view(reference, 1) * 1.0F, RelativeL2Within(xt::view(y8, 1), 0.02));
  const xt::xtensor<double, 2> doubles = reference;
  CHECK_THAT(doubles, CosineAtLeast(y8, 0.99) || EqualBits(doubles));
  CHECK_THAT(as_eigen(view_of(reference)), CosineAtLeast(doubles, 0.99));
  const std::vector<float> list = {1, 2};
  CHECK_THAT(list, RelativeL2Within(std::array<double, 2>{1, 2}, 0) && EqualBits(tensor<float>{1, 2}));
  CHECK_THAT(x, !(CosineAtLeast(reference, 0.999999) || RelativeL2Within(y8, 0.001)));
}

TEST_CASE("a matcher keeps its reference") {
  const auto matcher = [] {
    auto gone = ramp();
    auto made = EqualBits(gone) && CosineAtLeast(gone + 0.0F, 1) && RelativeL2Within(view_of(gone), 0);
    gone.fill(7);
    return made;
  }();
  CHECK_THAT(ramp(), matcher);
}

TEST_CASE("codes are matched in the order of their values, by a scale as values") {
  const tensor<std::uint8_t> a = {{0x00, 0x80, 0x85}};
  const tensor<std::uint8_t> b = {{0x80, 0x81, 0x83}};
  CHECK_THAT(b, EqualCodesWithin<gfpq8>(a, 2));
  CHECK_THAT(b, !EqualCodesWithin<gfpq8>(a, 1));
  CHECK_THAT(printed(b, EqualCodesWithin<gfpq8>(a, 1)),
             contains("gfpq8 codes up to 2 apart, allowed 1 at most; worst element (0, 2): got 131, expected 133\n"));
}

TEST_CASE("layer values are matched in steps") {
  tensor<q20_12> y = make_tensor<q20_12>({2}), near = y, far = y;
  y.fill(q20_12(1));
  near.fill(q20_12(1 - 0x1p-12));
  far.fill(q20_12(1 + 0x1p-11));
  CHECK_THAT(near, EqualCodesWithin<q20_12>(y, 1));
  CHECK_THAT(far, !EqualCodesWithin<q20_12>(y, 1));
  CHECK_THAT(printed(far, EqualCodesWithin<q20_12>(y, 1)),
             contains("2 apart") && contains("got 1.00048828125, expected 1"));
}

TEST_CASE("a failing match prints the sentence first, then numbers") {
  tensor<float> reference = {{1, 2}, {3, 4}};
  auto y = make_tensor<q20_12>({2, 2});
  for (std::size_t i = 0; i < 4; ++i) y.data()[i] = q20_12::from(reference.data()[i]);
  y(1, 0) = q20_12::from(3.25);
  CHECK(printed(y, RelativeL2Within(reference, 0.02)) ==
        "relative L2 error 0.0456435465, allowed 0.02 at most; worst element (1, 0): got 3.25, expected 3\n"
        "2x2 {1, 2, 3.25, 4}");
  // Of several parts, those that fail.
  CHECK_THAT(printed(y, CosineAtLeast(reference, 0.9) && RelativeL2Within(reference, 0.02)), !contains("cosine"));
  CHECK_THAT(printed(y, !CosineAtLeast(reference, 0.9)), contains("not expected: cosine 0.99"));
}

TEST_CASE("tensors and values print as numbers") {
  CHECK(q20_12(1.5) == approx(1.5));
  CHECK(q20_12(1.5) == 1.5F);
  CHECK_FALSE(q20_12(1.5) > 2);
  CHECK(Catch::Detail::stringify(q20_12::from(-1.5)) == "-1.5");
  CHECK(Catch::Detail::stringify(q20_12::max()) == "524287.9997558594");
  CHECK(Catch::Detail::stringify(tensor<std::uint8_t>{65, 128, 0}) == "3 {65, 128, 0}");
  CHECK(Catch::Detail::stringify(tensor<std::int8_t>{65, -128}) == "2 {65, -128}");
  CHECK(Catch::Detail::stringify(gfpq8::code{65}) == "65");
  CHECK(Catch::Detail::stringify(tensor<uniform8::code>{65, -128}) == "2 {65, -128}");
  CHECK(Catch::Detail::stringify(std::vector<int>{65, 128}) == "{ 65, 128 }");  // as Catch2 has it
  CHECK_FALSE(Catch::Detail::stringify(std::vector<event_counts>(1)).empty());
  const tensor<float> floats = {0.1F, 1e-30F, -0.0F};
  CHECK(Catch::Detail::stringify(view_of(floats)) == "3 {0.1, 1e-30, -0}");
  CHECK(Catch::Detail::stringify(floats + 1.0F) == "3 {1.1, 1, 1}");
  CHECK_THAT(Catch::Detail::stringify(make_tensor<q20_12>({1000})), contains("1000 {0, 0, ") && contains(", ...}"));
}
