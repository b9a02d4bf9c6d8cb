// Real networks against outputs that OpenCV computed for them, and in every mode.
#include <nniesim/io/npy.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/compare_network.hpp>
#include <nniesim/network/fold.hpp>

#include "support/models.hpp"

using namespace nniesim;

namespace models_test {

using namespace real_models;

TEST_CASE("real networks in float equal OpenCV's stored outputs", "[io][models]") {
  if (!are_here()) return;
  for (const model& m : models) {
    CAPTURE(m.name);
    const network net = load(m);
    network_runner runner(net, float_plan(net), {.keep_all = true});
    const tensor<float> x = input_of(m);
    const tensor_view<const float> in = view_of(x);
    runner.run({&in, 1});
    std::size_t compared = 0;
    for (const layer& l : net.layers) {
      std::string file = l.name;
      std::replace(file.begin(), file.end(), '/', '_');
      const auto path = folder / "reference" / m.name / (file + ".npy");
      if (!std::filesystem::exists(path)) continue;
      CAPTURE(l.name);
      const tensor<float> expected = read_npy<float>(path);
      const tensor<float> got = runner.value(l.outputs[0]);
      REQUIRE(expected.size() == got.size());
      const comparison c = compare(tensor_view<const float>({expected.data(), expected.size()}, shape_of(got)), got);
      CHECK(c.relative_l2_error < 1e-4);
      CHECK(c.cosine > 0.99999);
      ++compared;
    }
    CHECK(compared >= 19);
  }
}

TEST_CASE("real networks run in every mode, and 16 bits are at least as good as 8", "[io][models][long]") {
  if (!are_here()) return;
  for (const model& m : models) {
    CAPTURE(m.name);
    const network net = fold_batch_norm(load(m));
    for (const layer& l : net.layers) CHECK_FALSE(std::holds_alternative<layers::batch_norm>(l.params));
    const tensor<float> x = input_of(m);
    const tensor_view<const float> in = view_of(x);
    calibrator c(net, plan_of(net, compile_mode::all_8bit));
    c.add({&in, 1});
    network_runner reference(net, float_plan(net), {.keep_all = true});
    reference.run({&in, 1});
    std::vector<layer_comparison> isolated[2];
    for (const int mode : {0, 1, 2}) {
      CAPTURE(mode);
      network_runner quantized(net, plan_of(net, compile_mode_of(mode)), {.keep_all = true});
      quantized.use(c.ranges());
      quantized.run({&in, 1});
      CHECK(compare_accumulated(reference, quantized).size() == net.layers.size());
      if (mode < 2) isolated[mode] = compare_isolated(reference, quantized);
    }
    REQUIRE(isolated[0].size() == isolated[1].size());
    for (std::size_t i = 0; i < isolated[0].size(); ++i) {
      const layer& l = net.layers[isolated[0][i].layer];
      if (!is_mac_layer(l)) continue;
      CAPTURE(l.name);
      CHECK(isolated[1][i].result.relative_l2_error <= isolated[0][i].result.relative_l2_error);
      CHECK(isolated[1][i].result.cosine >= isolated[0][i].result.cosine);
    }
  }
}

}  // namespace models_test
