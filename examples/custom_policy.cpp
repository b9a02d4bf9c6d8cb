// A precision policy of one's own: 8-bit weights, 16-bit inputs, a narrow fixed-point accumulator, and another output
// format. What would an accelerator lose that sums in 20 bits?
#include <iostream>
#include <nniesim/nniesim.hpp>

using namespace nniesim;

// Products are rounded to whole units, the smallest product of two codes, and summed in 20 bits; `saturate` says what
// happens on overflow. With `trap`, a layer long enough to overflow would be refused.
struct narrow_sums : precision<gfpq8, gfpq16, fixed_accumulator<20, 0, nearest_even, saturate>, q20_12> {
  static constexpr std::string_view name = "narrow_sums";
};
static_assert(precision_policy<narrow_sums>);

int main() {
  auto x = make_tensor<float>({1, 16, 24, 24});
  auto w = make_tensor<float>({16, 16, 3, 3});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i * 37 % 255) / 16.0F;
  for (std::size_t i = 0; i < w.size(); ++i) w.data()[i] = static_cast<float>(i * 53 % 101) / 100.0F - 0.4F;

  const auto reference = conv2d<float32>(x, w, {.pad = {1, 1}});
  layer_table table;
  table.add("w8a8", compare(reference, conv2d<w8a8>(x, w, {.pad = {1, 1}})));
  table.add("narrow_sums", compare(reference, conv2d<narrow_sums>(x, w, {.pad = {1, 1}})));
  table.print(std::cout);
}
