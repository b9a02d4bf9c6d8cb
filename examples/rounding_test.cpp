// A unit test that mimics the accelerator's rounding, with no hardware at hand: is a driver's own conversion to the
// layer format right? (With Catch2 or GoogleTest, nniesim/testing has matchers for whole tensors.)
#include <cstdint>
#include <iostream>
#include <nniesim/formats/fixed_point.hpp>

namespace {

// The code under test: what a driver writes, by a C conversion. It rounds toward zero.
std::int32_t driver_conversion(float x) { return static_cast<std::int32_t>(x * 4096.0F); }

}  // namespace

int main() {
  using nniesim::q20_12;
  int differences = 0;
  for (int i = -20000; i <= 20000; ++i) {
    const float x = static_cast<float>(i) / 16384.0F;
    const std::int32_t layer = q20_12::from(x).raw();  // truncated toward minus infinity
    if (driver_conversion(x) != layer) {
      if (differences == 0) std::cout << x << ": driver " << driver_conversion(x) << ", layer " << layer << '\n';
      ++differences;
    }
  }
  std::cout << differences << " of 40001 values differ, all of them negative\n";

  // The rule is one template argument: with the rounding of the driver nothing differs.
  using driver_format = nniesim::fixed_point<20, 12, nniesim::toward_zero, nniesim::saturate>;
  for (int i = -20000; i <= 20000; ++i) {
    const float x = static_cast<float>(i) / 16384.0F;
    if (driver_conversion(x) != driver_format::from(x).raw()) return 1;
  }
  return differences > 0 ? 0 : 1;
}
