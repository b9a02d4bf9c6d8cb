// network [net.cfg [layer]]: a network as the vendor's compiler takes it, in float, in the cfg's 8 bits (or 16), and
// with one layer in 16.
#include <iostream>
#include <vector>

#include <nniesim/io/caffe_import.hpp>
#include <nniesim/io/preprocess.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/compare_network.hpp>
#include <nniesim/network/fold.hpp>

using namespace nniesim;

int main(int argc, char** argv) try {
  const compiler_cfg cfg = read_compiler_cfg(argc > 1 ? argv[1] : "examples/feature_norm/network/feature_norm.cfg");
  const network net = fold_batch_norm(read_caffe_network(cfg.prototxt_file.path, cfg.caffemodel_file.path));

  // One tensor for each input of the network, from picture number p of its list; any tensor<float> will do.
  std::vector<input_source> lists;
  for (const std::size_t b : input_blobs(net))
    lists.push_back(load_inputs(cfg.inputs.at(lists.size()), net.blobs[b].shape));
  const auto picture = [&](std::size_t p) {
    std::vector<tensor<float>> x;
    for (const input_source& list : lists) x.push_back(list[p]);
    return x;
  };

  // The ranges of the activations, over all pictures. Without, a run derives them from its own picture.
  calibrator calibration(net, plan_of(net, cfg.mode));
  for (std::size_t p = 0; p < lists.at(0).size(); ++p) calibration.add(picture(p));

  network_runner reference(net, float_plan(net), {.keep_all = true});
  network_runner quantized(net, plan_of(net, cfg.mode), {.keep_all = true});
  quantized.use(calibration.ranges());
  reference.run(picture(0));
  quantized.run(picture(0));
  table_of(net, compare_accumulated(reference, quantized)).print(std::cout);

  // One layer in 16 bits, as the compiler does with one marked _hp in mode 2: what does the network's output gain?
  const std::string last = net.layers[network_outputs(net).back().layer].name;
  const std::string marked = argc > 2 ? argv[2] : last;
  precision_plan plan = plan_of(net, cfg.mode);
  plan.layers[layer_index(net, marked)] = layer_precision::w16a16;
  network_runner mixed(net, plan);
  mixed.use(calibration.ranges());
  mixed.run(picture(0));
  std::cout << last << ": cosine " << compare(reference.value(last), quantized.value(last)).cosine << "; with "
            << marked << " in 16 bits: " << compare(reference.value(last), mixed.value(last)).cosine << '\n';
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
