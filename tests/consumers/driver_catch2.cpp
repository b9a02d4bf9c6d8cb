// A unit test of a driver's conversion to the format that layers write, with Catch2.
#include <algorithm>
#include <cstdint>
#include <vector>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif

#include <nniesim/nniesim.hpp>
#include <nniesim/testing/catch2.hpp>

using namespace nniesim;

namespace {

/// The code under test.
std::int32_t driver_conversion(float x) { return static_cast<std::int32_t>(x * 4096.0F); }

}  // namespace

TEST_CASE("what the guide shows") {
  CHECK(driver_conversion(0.3F) == q20_12::from(0.3F).raw());
  const tensor<float> x = xt::ones<float>({1, 3, 8, 8}), w = xt::ones<float>({4, 3, 3, 3}) * 0.3F;
  const auto reference = relu<float32>(conv2d<float32>(x, w));
  const auto y8 = relu<w8a8>(conv2d<w8a8>(x, w));
  std::vector<std::int32_t> written;  // by the driver, as integers
  for (const q20_12 v : y8) written.push_back(v.raw());
  tensor<q20_12> driver_output = make_tensor<q20_12>(shape_of(y8));
  std::transform(written.begin(), written.end(), driver_output.data(), q20_12::from_raw);
  CHECK_THAT(driver_output, EqualBits(relu<w8a8>(conv2d<w8a8>(x, w))));
  CHECK_THAT(y8, CosineAtLeast(reference, 0.99) && NormErrorWithin(reference, 0.02));
}

TEST_CASE("positive values are converted as a layer writes them") {
  tensor<q20_12> layer = make_tensor<q20_12>({64}), driver = make_tensor<q20_12>({64});
  for (std::size_t i = 0; i < 64; ++i) {
    const float x = static_cast<float>(i) / 7.0F;
    layer(i) = q20_12::from(x);
    driver(i) = q20_12::from_raw(driver_conversion(x));
  }
  CHECK_THAT(driver, EqualBits(layer));
}

TEST_CASE("8 bits keep the layer's outputs near the float ones") {
  tensor<float> x = xt::ones<float>({1, 3, 8, 8}), w = xt::ones<float>({4, 3, 3, 3}) * 0.3F;
  const auto reference = conv2d<float32>(x, w);
  const auto y8 = conv2d<w8a8>(x, w);
  CHECK_THAT(y8, CosineAtLeast(reference, 0.999));
}
