// A format of one's own, 4-bit integers with one scale for each tensor, through the operators: would a network live
// with 4-bit weights?
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <span>

#include <nniesim/nniesim.hpp>

using namespace nniesim;

struct int4 {
  using code = std::int8_t;  // -7 .. 7
  struct scale {
    float step = 1.0F;
  };
  static constexpr std::string_view name = "int4";

  static scale scale_of(std::span<const float> values) {
    float most = 0.0F;
    for (const float v : values) most = std::max(most, std::fabs(v));
    return {most == 0.0F ? 1.0F : most / 7.0F};
  }
  static code encode(float x, const scale& s) {
    return static_cast<code>(std::clamp(std::nearbyint(x / s.step), -7.0F, 7.0F));
  }
  static code encode(float x, const scale& s, event_counts& counts) {
    if (std::fabs(x) > largest(s)) counts(event::saturated);
    return encode(x, s);
  }
  static float decode(code c, const scale& s) noexcept { return static_cast<float>(c) * s.step; }
  static float step(float, const scale& s) noexcept { return s.step; }
  static float largest(const scale& s) noexcept { return 7.0F * s.step; }
};
static_assert(quantized_format<int4>);

struct w4a8 : precision<int4, gfpq8, fp32_chain, q20_12> {
  static constexpr std::string_view name = "w4a8";
};

int main() {
  tensor<float> x = make_tensor<float>({1, 3, 16, 16}), w = make_tensor<float>({4, 3, 3, 3});
  for (std::size_t i = 0; i < x.size(); ++i) x.flat(i) = static_cast<float>(i % 31) / 31.0F;
  for (std::size_t i = 0; i < w.size(); ++i) w.flat(i) = static_cast<float>(i % 13) / 13.0F - 0.4F;
  const auto reference = conv2d<float32>(x, w);
  const comparison c8 = compare(reference, conv2d<w8a8>(x, w));
  const comparison c4 = compare(reference, conv2d<w4a8>(x, w));
  std::cout << "cosine with 8-bit weights " << c8.cosine << ", with 4-bit ones " << c4.cosine << '\n';
  return c4.cosine > 0.98 && c4.cosine < c8.cosine ? 0 : 1;
}
