// A network of one layer, written down by hand, run by operators that were compiled before.
#include <vector>

#include <nniesim/network/runner.hpp>

int main() {
  using namespace nniesim;
  const tensor<float> x = xt::ones<float>({1, 3, 16, 16}), w = xt::ones<float>({8, 3, 3, 3});
  network net{"by hand", {{"data", {1, 3, 16, 16}}, {"conv", {1, 8, 14, 14}}}, {}};
  net.layers.push_back({"data", "Input", "", {}, {0}, layers::input{}});
  net.layers.push_back({"conv", "Convolution", "", {0}, {1}, layers::convolution{{}, w, std::vector<float>(8, 0.5F)}});
  network_runner runner(net, plan_of(net, compile_mode::all_8bit));
  runner.run(x);
  const tensor<float> y = runner.value("conv");
  return y.size() == 8 * 14 * 14 && y.flat(0) > 27.0F && y.flat(0) < 28.0F ? 0 : 1;
}
