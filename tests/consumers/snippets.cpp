// The lines of C++ of the guide (examples/guide), which tests/docs/check.sh looks for here.
#include <cstddef>
#include <iostream>
#include <vector>

#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/runner.hpp>
#include <nniesim/nniesim.hpp>

using namespace nniesim;

namespace {

void own_memory(const float* frame, const std::vector<float>& weights, const std::vector<float>& bias) {
  // Memory may be a pointer, or a std::vector, std::array or std::span of floats.
  auto x = view_of(frame, {1, 3, 16, 16});
  // A bias may be a std::vector as it is.
  auto y = conv2d<w8a8>(x, view_of(weights, {8, 3, 3, 3}), bias, {.pad = {1, 1}});
  tensor<float> values = to_float(y);  // y.data()[i].raw() is the int32
  std::cout << values.data()[0] << " = " << y.data()[0].raw() << " / 4096\n";
}

void prepared(const tensor<float>& x, const tensor<float>& w, const std::vector<float>& bias) {
  event_counts counts;
  conv2d_layer<w8a8> layer(w, bias, {.pad = {1, 1}});
  auto y = layer(x);                                // the scale of the activations is derived from x
  const tensor<q20_12> in = encode<q20_12>(x, {});  // what the layer before would have written
  const auto scale = layer.activation_scale_of(view_of(in));
  thread_pool pool(4);
  std::vector<std::byte> workspace(layer.workspace_bytes(shape_of(in), pool.handle()));
  layer.run(view_of(in), scale, view_of(y), workspace, pool.handle(), {.relu = true, .events = &counts});
  std::cout << counts.saturated << " values saturated\n";
}

struct w8a16 : precision<gfpq8, gfpq16, fp32_chain, q20_12> {
  static constexpr std::string_view name = "w8a16";
};
void policy(const tensor<float>& x, const tensor<float>& w) {
  auto y = conv2d<w8a16>(x, w);
  std::cout << y.size() << " outputs in " << w8a16::name << "\n";
}

void marked(const network& net, const tensor<float>& x) {
  precision_plan plan = plan_of(net, compile_mode::all_8bit);
  plan.layers[layer_index(net, "conv3")] = layer_precision::w16a16;
  network_runner runner(net, plan);
  runner.run(x);
  std::cout << runner.value("conv3").size() << " outputs\n";
}

}  // namespace

int main() {
  const std::vector<float> image(3 * 16 * 16, 0.3F), weights(8 * 3 * 3 * 3, 0.25F), bias(8, 0.5F);
  own_memory(image.data(), weights, bias);
  tensor<float> x = xt::ones<float>({1, 3, 16, 16}), w = xt::ones<float>({8, 3, 3, 3});
  prepared(x, w, bias);
  policy(x, w);
  // A network of one layer, written down by hand.
  network net{"by hand", {{"data", {1, 3, 16, 16}}, {"conv3", {1, 8, 14, 14}}}, {}};
  net.layers.push_back({"data", "Input", "", {}, {0}, layers::input{}});
  net.layers.push_back({"conv3", "Convolution", "", {0}, {1}, layers::convolution{{}, w, bias}});
  marked(net, x);
}
