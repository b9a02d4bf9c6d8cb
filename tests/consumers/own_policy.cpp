// A policy of one's own: 8-bit weights, 16-bit activations, integer sums as another accelerator might have them.
#include <iostream>

#include <nniesim/nniesim.hpp>

using namespace nniesim;

struct w8a16 : precision<gfpq8, gfpq16, fp32_chain, q20_12> {
  static constexpr std::string_view name = "w8a16";
};

int main() {
  tensor<float> x = xt::ones<float>({1, 3, 16, 16}), w = xt::ones<float>({4, 3, 3, 3});
  for (std::size_t i = 0; i < x.size(); ++i) x.flat(i) = static_cast<float>(i % 31) / 31.0F;
  for (std::size_t i = 0; i < w.size(); ++i) w.flat(i) = static_cast<float>(i % 13) / 13.0F - 0.4F;
  const auto reference = conv2d<float32>(x, w);
  layer_table table;
  table.add("w8a8", compare(reference, conv2d<w8a8>(x, w)));
  table.add("w8a16", compare(reference, conv2d<w8a16>(x, w)));
  table.add("w16a16", compare(reference, conv2d<w16a16>(x, w)));
  table.print(std::cout);
  const auto pooled = pooling<w8a16>(relu<w8a16>(conv2d<w8a16>(x, w)), {.kernel = {2, 2}, .stride = {2, 2}});
  return compare(reference, conv2d<w8a16>(x, w)).cosine > 0.99 && pooled.size() == 4 * 7 * 7 ? 0 : 1;
}
