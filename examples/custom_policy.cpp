// A precision policy of one's own, from its formats to a diagnosis: 4-bit weights with a scale per group, 12-bit
// activations, sums that saturate at 24 bits. What would an accelerator lose that computes so?
#include <algorithm>
#include <cmath>
#include <iostream>
#include <nniesim/debug/diagnose.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/compare_network.hpp>

using namespace nniesim;

// Integers -most .. most times a step; formats/format.hpp lists the parts that a format has.
template <int Bits>
struct small_integers {
  using code = std::int16_t;
  struct scale {
    float step = 1.0F;
  };
  static constexpr std::string_view name = Bits == 4 ? "int4" : "int12";
  static constexpr int bits = Bits;
  static constexpr int max_code = (1 << (Bits - 1)) - 1;

  static scale scale_of_max(float m) { return {m > 0 ? m / max_code : 1.0F}; }
  static scale scale_of(std::span<const float> x) {
    float most = 0;
    for (const float v : x) most = std::max(most, std::abs(v));
    return scale_of_max(most);
  }
  template <event_counter C = const no_events>
  static code encode(float x, scale s, C&& count = {}) {
    if (x != x) return count(event::nan), code{0};
    const float steps = std::nearbyint(x / s.step);
    if (std::abs(steps) > max_code) count(event::saturated);
    else if (steps == 0 && x != 0) count(event::flushed);
    return static_cast<code>(std::clamp(steps, -1.0F * max_code, 1.0F * max_code));
  }
  static float decode(code c, scale s) noexcept { return static_cast<float>(c) * s.step; }
  static float step(float, scale s) noexcept { return s.step; }
  static float largest(scale s) noexcept { return max_code * s.step; }
};

// Every addition saturates at 24 bits.
struct saturating_24_bits {
  using operand = std::int32_t;
  using sum = std::int32_t;
  static constexpr std::string_view name = "saturating_24_bits";

  static sum add(sum acc, operand w, operand a) {
    constexpr std::int64_t most = (1 << 23) - 1;
    return static_cast<sum>(std::clamp(acc + std::int64_t{w} * a, -most - 1, most));
  }
  static double total(sum acc) { return acc; }
  static void check_capacity(std::size_t, double, std::string_view) {}
};

struct tiny : precision<small_integers<4>, small_integers<12>, saturating_24_bits, q20_12> {
  static constexpr std::string_view name = "tiny";
};
static_assert(precision_policy<tiny>);

// A small network without files: a grouped convolution, a ReLU, a fully connected layer.
network make_network() {
  layers::convolution conv{.geometry = {.pad = {1, 1}, .groups = 2}, .weights = make_tensor<float>({16, 4, 3, 3})};
  layers::fully_connected full{.weights = make_tensor<float>({10, 16 * 12 * 12})};
  for (std::size_t i = 0; i < conv.weights.size(); ++i) {
    const float by_group = i < conv.weights.size() / 2 ? 1.0F : 0.1F;  // what a scale per group is good for
    conv.weights.data()[i] = by_group * (static_cast<float>(i * 53 % 101) / 100.0F - 0.4F);
  }
  for (std::size_t i = 0; i < full.weights.size(); ++i) {
    full.weights.data()[i] = static_cast<float>(i * 71 % 103) / 1000.0F - 0.05F;
  }
  network net;
  net.name = "example";
  net.blobs = {{"data", {1, 8, 12, 12}}, {"conv", {1, 16, 12, 12}}, {"relu", {1, 16, 12, 12}}, {"full", {1, 10}}};
  net.layers = {{"data", "Input", "here", {}, {0}, layers::input{}},
                {"conv", "Convolution", "here", {0}, {1}, conv},
                {"relu", "ReLU", "here", {1}, {2}, relu_params{}},
                {"full", "InnerProduct", "here", {2}, {3}, full}};
  return net;
}

int main() {
  const network net = make_network();
  auto x = make_tensor<float>({1, 8, 12, 12});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i * 37 % 255) / 16.0F;

  // One layer by itself.
  const auto& conv = std::get<layers::convolution>(net.layers[1].params);
  std::cout
      << "conv alone: cosine "
      << compare(conv2d<float32>(x, conv.weights, conv.geometry), conv2d<tiny>(x, conv.weights, conv.geometry)).cosine
      << "\n\n";

  // The whole network: the set of policies that this program compiles in, ranges, a table of all layers.
  const policy_set policies = policy_set::of<tiny, w8a8, w16a16>();
  const precision_plan plan = plan_of(net, layer_precision::of<tiny>());
  calibrator calibration(net, plan, range_rule::quantized, {}, policies);
  calibration.add(x);
  network_runner reference(net, float_plan(net), {.keep_all = true});
  network_runner quantized(net, plan, {.keep_all = true, .policies = policies});
  quantized.use(calibration.ranges());
  reference.run(x);
  quantized.run(x);
  table_of(net, compare_accumulated(reference, quantized)).print(std::cout);

  // And the cause of what is lost.
  const experiment_context lab{
      .net = net, .inputs = {view_of(x)}, .ranges = calibration.ranges(), .plan = plan, .policies = policies};
  const finding verdict = diagnose(layers_of(reference), layers_of(quantized), {}, &lab).verdict;
  std::cout << "\n" << to_string(verdict.cause) << ": " << verdict.summary << '\n';
  for (const std::string line : verdict.evidence) std::cout << "  " << line << '\n';
}
