// A convolution in float, in the accelerator's 8 bits and in its 16 bits, compared.
#include <iostream>
#include <nniesim/nniesim.hpp>

int main() {
  using namespace nniesim;
  auto x = make_tensor<float>({1, 3, 32, 32});
  auto w = make_tensor<float>({8, 3, 3, 3});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i * 37 % 255) / 255.0F;
  for (std::size_t i = 0; i < w.size(); ++i) w.data()[i] = static_cast<float>(i * 53 % 101) / 100.0F - 0.5F;

  const auto reference = conv2d<float32>(x, w, {.stride = {2, 2}, .pad = {1, 1}});
  layer_table table;
  table.add("w8a8", compare(reference, conv2d<w8a8>(x, w, {.stride = {2, 2}, .pad = {1, 1}})));
  table.add("w16a16", compare(reference, conv2d<w16a16>(x, w, {.stride = {2, 2}, .pad = {1, 1}})));
  table.print(std::cout);

  // One value through the 8-bit format: the scale that the vendor's library derives, the code, and what it stands for.
  const gfpq8::scale s = gfpq8::scale_of_max(1.0F);
  const auto code = gfpq8::encode(0.37F, s);
  std::cout << "0.37 is code 0x" << to_hex(code) << ", which is " << gfpq8::decode(code, s) << '\n';
}
