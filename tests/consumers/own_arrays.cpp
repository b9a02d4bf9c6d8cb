// Arrays that the program has already, a pointer and std::vectors, through layers; the outputs into an array too.
#include <cstdint>
#include <iostream>
#include <vector>

#include <nniesim/nniesim.hpp>

using namespace nniesim;

int main() {
  const std::vector<float> weights(8 * 3 * 3 * 3, 0.25F);
  const std::vector<float> bias(8, 0.5F);
  static float pixels[3 * 16 * 16];
  for (int i = 0; i < 3 * 16 * 16; ++i) pixels[i] = static_cast<float>(i % 17) / 16.0F;
  const float* frame = pixels;  // as a driver or a camera hands it over

  const auto x = view_of(frame, {1, 3, 16, 16});
  const auto w = view_of(weights, {8, 3, 3, 3});
  conv2d_layer<w8a8> layer(w, bias, {.pad = {1, 1}});
  const auto y = relu<w8a8>(layer(x));
  const auto reference = relu<float32>(conv2d<float32>(view_of(pixels, {1, 3, 16, 16}), w, bias, {.pad = {1, 1}}));
  const comparison c = compare(reference, y);

  // What a layer writes: int32 in units of 1/4096, and as floats.
  const tensor<float> values = to_float(y);
  std::vector<std::int32_t> raw;
  for (const q20_12 v : y) raw.push_back(v.raw());
  std::cout << "cosine " << c.cosine << ", first output " << values.data()[0] << " = " << raw[0] << " / 4096\n";
  const bool same = values.data()[0] * 4096.0F == static_cast<float>(raw[0]);
  return c.cosine > 0.999 && raw.size() == 8 * 16 * 16 && same ? 0 : 1;
}
