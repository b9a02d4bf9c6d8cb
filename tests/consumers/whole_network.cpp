// whole_network net.prototxt net.caffemodel: a network of files on tensors of one's own, float against 8 bits.
#include <iostream>

#include <nniesim/io/caffe_import.hpp>
#include <nniesim/network/compare_network.hpp>
#include <nniesim/network/fold.hpp>

using namespace nniesim;

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  const network net = fold_batch_norm(read_caffe_network(argv[1], argv[2]));
  xt::xarray<float> x = xt::zeros<float>({1, 1, 24, 24});
  for (std::size_t i = 0; i < x.size(); ++i) x.flat(i) = static_cast<float>(i * 37 % 256);

  network_runner reference(net, float_plan(net), {.keep_all = true});
  network_runner quantized(net, plan_of(net, compile_mode::all_8bit), {.keep_all = true});
  reference.run(x, x, x, x);
  quantized.run(x, x, x, x);
  table_of(net, compare_accumulated(reference, quantized)).print(std::cout);

  const comparison c = compare(reference.value("jfc"), quantized.value("jfc"));
  const tensor<float> scores = quantized.value("classifier");
  std::cout << "jfc: cosine " << c.cosine << "; " << scores.size() << " scores\n";
  return c.cosine > 0.99 && scores.size() == 10 ? 0 : 1;
} catch (const error& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
