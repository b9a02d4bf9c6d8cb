// The part that a format of one's own lacks is named.
// expected: satisfaction of .largest<F>. \[with F = halves\]|'halves' does not satisfy 'largest'
#include <nniesim/ops/conv2d.hpp>

using namespace nniesim;

struct halves {
  using code = std::int8_t;
  using scale = no_scale;
  static constexpr std::string_view name = "halves";
  static scale scale_of(std::span<const float>) { return {}; }
  template <event_counter C = const no_events>
  static code encode(float x, scale, C&& = {}) {
    return static_cast<code>(x * 2);
  }
  static float decode(code c, scale) noexcept { return static_cast<float>(c) / 2; }
  static float step(float, scale) noexcept { return 0.5F; }
#if !defined(MUST_FAIL)
  static float largest(scale) noexcept { return 63.5F; }
#endif
};

auto use(const tensor<float>& x, const tensor<float>& w) {
  return conv2d<precision<halves, halves, fp32_chain, q20_12>>(x, w, no_bias);
}
