// The same with GoogleTest.
#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nniesim/nniesim.hpp>
#include <nniesim/testing/gtest.hpp>

using namespace nniesim;

namespace {

std::int32_t driver_conversion(float x) { return static_cast<std::int32_t>(x * 4096.0F); }

TEST(Driver, PositiveValuesAreConvertedAsALayerWritesThem) {
  tensor<q20_12> layer = make_tensor<q20_12>({64}), driver = make_tensor<q20_12>({64});
  for (std::size_t i = 0; i < 64; ++i) {
    const float x = static_cast<float>(i) / 7.0F;
    layer(i) = q20_12::from(x);
    driver(i) = q20_12::from_raw(driver_conversion(x));
  }
  EXPECT_THAT(driver, EqualBits(layer));
}

TEST(Driver, EightBitsKeepTheOutputsNearTheFloatOnes) {
  tensor<float> x = xt::ones<float>({1, 3, 8, 8}), w = xt::ones<float>({4, 3, 3, 3}) * 0.3F;
  const auto reference = conv2d<float32>(x, w);
  EXPECT_THAT(conv2d<w8a8>(x, w), testing::AllOf(CosineAtLeast(reference, 0.99), NormErrorWithin(reference, 0.02)));
}

}  // namespace
