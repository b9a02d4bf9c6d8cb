// layer_choice net.prototxt net.caffemodel: one layer after the other in 16 bits, as if its name ended in _hp, the
// others in 8: which one helps the network's output most?
#include <iostream>

#include <nniesim/io/caffe_import.hpp>
#include <nniesim/network/compare_network.hpp>
#include <nniesim/network/fold.hpp>

using namespace nniesim;

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  const network net = fold_batch_norm(read_caffe_network(argv[1], argv[2]));
  tensor<float> x = make_tensor<float>({1, 1, 24, 24});
  for (std::size_t i = 0; i < x.size(); ++i) x.flat(i) = static_cast<float>(i * 37 % 256);

  network_runner reference(net, float_plan(net));
  reference.run(x, x, x, x);
  const auto cosine_of = [&](const precision_plan& plan) {
    network_runner runner(net, plan);
    runner.run(x, x, x, x);
    return compare(reference.value("classifier"), runner.value("classifier")).cosine;
  };

  precision_plan plan = plan_of(net, compile_mode::all_8bit);
  const double plain = cosine_of(plan);
  std::string best = "none";
  double best_cosine = plain;
  for (const layer& l : net.layers) {
    precision_plan marked = plan;
    marked.layers[layer_index(net, l.name)] = layer_precision::w16a16;
    const double cosine = cosine_of(marked);
    if (cosine <= best_cosine) continue;
    best_cosine = cosine;
    best = l.name;
  }
  std::cout << "8 bits: " << plain << "; best with " << best << " in 16: " << best_cosine << '\n';
  return best_cosine > plain ? 0 : 1;
} catch (const error& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
