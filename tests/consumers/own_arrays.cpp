// Arrays that the program has already, a pointer and std::vectors, through layers; the outputs into an array too.
#include <cmath>
#include <cstdint>
#include <iostream>
#include <vector>

#include <nniesim/nniesim.hpp>

using namespace nniesim;

int main() {
  const std::vector<float> weights(8 * 3 * 3 * 3, 0.25F);
  const std::vector<float> bias(8, 0.5F);
  static float pixels[3 * 16 * 16];  // as a driver or a camera hands it over
  for (int i = 0; i < 3 * 16 * 16; ++i) pixels[i] = static_cast<float>(i % 17) / 16.0F;

  const tensor_view<const float> x({pixels, 3 * 16 * 16}, {1, 3, 16, 16});
  const tensor_view<const float> w(weights, {8, 3, 3, 3});
  const tensor_view<const float> b(bias, {8});

  conv2d_layer<w8a8> layer(w, b, {.pad = {1, 1}});
  const auto y = relu<w8a8>(layer(x));
  const auto reference = relu<float32>(conv2d<float32>(x, w, b, {.pad = {1, 1}}));
  const comparison c = compare(reference, y);

  // What a layer writes: int32 in units of 1/4096, and as floats.
  std::vector<std::int32_t> raw;
  std::vector<float> values;
  for (const q20_12 v : y) {
    raw.push_back(v.raw());
    values.push_back(static_cast<float>(v));
  }
  std::cout << "cosine " << c.cosine << ", first output " << values[0] << " = " << raw[0] << " / 4096\n";
  return c.cosine > 0.999 && values.size() == 8 * 16 * 16 &&
                 std::fabs(values[0] * 4096.0F - static_cast<float>(raw[0])) < 0.5F
             ? 0
             : 1;
}
