// A format of one's own in a layer: what would an accelerator lose that stored weights and inputs as bfloat16, the
// upper half of a float? formats/format.hpp lists the parts that a format has.
#include <bit>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <nniesim/nniesim.hpp>

using namespace nniesim;

struct bfloat16 {
  using code = std::uint16_t;  // the upper half of the float's bits
  using scale = no_scale;      // a float's range needs none
  static constexpr std::string_view name = "bfloat16";

  static scale scale_of(std::span<const float>) { return {}; }
  template <event_counter C = const no_events>
  static code encode(float x, scale, C&& count = {}) {
    if (x != x) {
      count(event::nan);
      return 0;
    }
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const auto half = static_cast<code>((bits + 0x7fffU + (bits >> 16U & 1U)) >> 16U);  // to nearest, ties to even
    if ((half & 0x7fffU) < 0x7f80U) return half;
    count(std::isinf(x) ? event::infinite : event::saturated);
    return static_cast<code>((half & 0x8000U) | 0x7f7fU);
  }
  static float decode(code c, scale) noexcept { return std::bit_cast<float>(std::uint32_t{c} << 16U); }
  static float step(float x, scale s) noexcept {
    const float here = decode(encode(x, s), s);
    return std::fabs(decode(static_cast<code>(encode(x, s) + 1), s) - here);
  }
  static float largest(scale s) noexcept { return decode(0x7f7f, s); }
};
static_assert(quantized_format<bfloat16>);

struct bfloat16_layers : precision<bfloat16, bfloat16, fp32_chain, q20_12> {};

int main() {
  auto x = make_tensor<float>({1, 16, 24, 24});
  auto w = make_tensor<float>({16, 16, 3, 3});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i * 37 % 255) / 17.0F;
  for (std::size_t i = 0; i < w.size(); ++i) w.data()[i] = static_cast<float>(i * 53 % 101) / 100.0F - 0.4F;

  const auto reference = conv2d<float32>(x, w, no_bias, {.pad = {1, 1}});
  layer_table table;
  table.add("w8a8", compare(reference, conv2d<w8a8>(x, w, no_bias, {.pad = {1, 1}})));
  table.add("bfloat16", compare(reference, conv2d<bfloat16_layers>(x, w, no_bias, {.pad = {1, 1}})));
  table.add("w16a16", compare(reference, conv2d<w16a16>(x, w, no_bias, {.pad = {1, 1}})));
  table.print(std::cout);
}
