// A driver's converter: formats and views of memory, without xtensor or Eigen.
#include <cstdint>
#include <iostream>
#include <vector>

#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/tensor/view.hpp>

#if defined(XTENSOR_VERSION_MAJOR) || defined(EIGEN_WORLD_VERSION)
#error "a format needs neither xtensor nor Eigen"
#endif

using namespace nniesim;

int main() {
  std::vector<float> values = {0.1F, -0.25F, 0.5F, 1.0F};
  const auto scale = gfpq8::scale_of_max(1.0F);
  const auto seen = view_of(values, {1, 1, 2, 2});
  int far = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const float back = gfpq8::decode(gfpq8::encode(seen[i], scale), scale);
    const std::int32_t written = q20_12::from(back).raw();
    std::cout << seen[i] << " is " << back << ", as a layer writes it " << written << " / 4096\n";
    far += back > seen[i] + 0.05F || back < seen[i] - 0.05F ? 1 : 0;
  }
  return far;
}
