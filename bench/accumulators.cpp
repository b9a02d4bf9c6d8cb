// What a layer's sum is made of changes in a network's outputs: the accumulators that the hardware may have, each
// against the float network and against the default. Prints rows of the table in examples/guide/hardware.md.
//
//   accumulators net.prototxt net.caffemodel picture... (of the network's size, values as they stand in the file)
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/io/preprocess.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>

using namespace nniesim;

namespace {

struct in_doubles : precision<gfpq8, gfpq8, fp64_chain, q20_12> {
  static constexpr std::string_view name = "fp64_chain";
};
/// Products rounded to whole units, sums of 40 bits.
struct in_units : precision<gfpq8, gfpq8, fixed_accumulator<40, 0, nearest_even, saturate>, q20_12> {
  static constexpr std::string_view name = "whole units, 40 bits";
};
/// The same of 24 bits.
struct in_24_bits : precision<gfpq8, gfpq8, fixed_accumulator<24, 0, nearest_even, saturate>, q20_12> {
  static constexpr std::string_view name = "whole units, 24 bits";
};
struct in_32_bits : precision<gfpq8, gfpq8, fixed_accumulator<20, 12, floor_rounding, saturate>, q20_12> {
  static constexpr std::string_view name = "1/4096 units, 32 bits";
};

template <class... P>
void compare_all(const network& net, const std::vector<tensor<float>>& inputs) {
  const policy_set policies = policy_set::of<w8a8, P...>();
  calibrator calibration(net, plan_of(net, compile_mode::all_8bit));
  calibration.add(inputs);
  const auto run = [&](const precision_plan& plan) {
    network_runner runner(net, plan, {.policies = policies});
    if (!plan.is_float) runner.use(calibration.ranges());
    runner.run(inputs);
    std::vector<float> values;  // of all outputs
    for (const auto& [l, o] : network_outputs(net)) {
      const tensor<float> v = runner.value(net.layers[l].outputs[o]);
      values.insert(values.end(), v.begin(), v.end());
    }
    return values;
  };
  const auto reference = run(float_plan(net));
  const auto usual = run(plan_of(net, layer_precision::w8a8));
  const auto row = [&](layer_precision p) {
    const auto y = run(plan_of(net, p));
    const comparison to_float = compare(reference, y), to_usual = compare(usual, y);
    std::size_t differ = 0;
    for (std::size_t i = 0; i < y.size(); ++i) differ += y[i] != usual[i] ? 1U : 0U;
    std::printf("| %s | %.6f | %.6f | %zu of %zu | %.0f |\n", std::string(p.name()).c_str(), to_float.cosine,
                to_usual.relative_l2_error, differ, y.size(), to_usual.max_abs * 4096);
  };
  row(layer_precision::w8a8);
  (row(layer_precision::of<P>()), ...);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::cerr << "usage: accumulators net.prototxt net.caffemodel picture...\n";
    return 2;
  }
  const network net = fold_batch_norm(read_caffe_network(argv[1], argv[2]));
  std::vector<tensor<float>> inputs;
  for (const std::size_t b : input_blobs(net)) {
    detail::require<error>(inputs.size() + 3 < static_cast<std::size_t>(argc), argc - 3, " pictures, expected one for ",
                           "each input");
    const std::string file = argv[inputs.size() + 3];
    if (std::filesystem::path(file).extension() == ".npy")
      inputs.push_back(detail::read_npy_input(file, net.blobs[b].shape));
    else inputs.push_back(picture_transform(cfg_input{}, net.blobs[b].shape)(read_image(file)));
  }
  std::printf(
      "%s\n| sum of a w8a8 layer | cosine to float | relative L2 error to the default | outputs that differ | by at "
      "most, in 1/4096 |\n|---|---|---|---|---|\n",
      net.name.c_str());
  compare_all<in_doubles, in_units, in_32_bits, in_24_bits>(net, inputs);
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
