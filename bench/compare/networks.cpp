#include "networks.hpp"

#include <filesystem>
#include <memory>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/cost.hpp>
#include <nniesim/network/fold.hpp>

#if defined(HAVE_OPENCV)
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-enum-enum-conversion"
#endif
#include <opencv2/dnn.hpp>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
#endif

using namespace nniesim;

namespace bench {

namespace {

network load(const network_case& n) { return fold_batch_norm(read_caffe_network(n.prototxt, n.caffemodel)); }

/// Something like a picture for every input.
std::vector<tensor<float>> inputs_of(const network& net) {
  std::vector<tensor<float>> inputs;
  for (const layer& l : net.layers) {
    if (!std::holds_alternative<layers::input>(l.params)) continue;
    auto x = make_tensor<float>(net.blobs[l.outputs[0]].shape);
    for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>((i * 2654435761U >> 16U) % 256);
    inputs.push_back(std::move(x));
  }
  return inputs;
}

}  // namespace

std::vector<network_case> networks() {
  const std::filesystem::path source = NNIESIM_SOURCE_DIR;
  const std::pair<const char*, std::filesystem::path> places[] = {
      {"feature_norm", source / "examples/feature_norm/network"},
      {"mnet", source / "../shared/models"},
      {"RFB-320", source / "../shared/models"}};
  std::vector<network_case> found;
  for (const auto& [name, folder] : places) {
    const std::string stem = (folder / name).string();
    if (std::filesystem::exists(stem + ".caffemodel"))
      found.push_back({name, stem + ".prototxt", stem + ".caffemodel"});
  }
  return found;
}

double macs_of(const network_case& n) {
  const network net = load(n);
  double macs = 0;
  for (const layer& l : net.layers) macs += static_cast<double>(work_of(net, l).macs);
  return macs;
}

contestant our_forward(const network_case& n, std::size_t threads, bool calibrated) {
  struct state {
    network net;
    thread_pool pool;
    std::vector<tensor<float>> inputs;
    std::vector<tensor_view<const float>> views;
    std::optional<network_runner> runner;
    state(network net_, std::size_t threads_, bool calibrated_)
        : net(std::move(net_)), pool(threads_), inputs(inputs_of(net)) {
      for (const auto& x : inputs) views.push_back(view_of(x));
      runner.emplace(net, plan_of(net, compile_mode::all_8bit), runner_options{.threads = pool.handle()});
      if (!calibrated_) return;
      calibrator c(net, plan_of(net, compile_mode::all_8bit));
      c.add(views);
      runner->use(c.ranges());
    }
  };
  const auto st = std::make_shared<state>(load(n), threads, calibrated);
  return {"w8a8", [st] { st->runner->run(st->views); }};
}

std::vector<contestant> opencv_forward([[maybe_unused]] const network_case& n, [[maybe_unused]] std::size_t threads) {
  std::vector<contestant> peers;
#if defined(HAVE_OPENCV)
  cv::setNumThreads(static_cast<int>(threads));
  const auto net = std::make_shared<cv::dnn::Net>(cv::dnn::readNetFromCaffe(n.prototxt, n.caffemodel));
  net->setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
  const auto names = std::make_shared<std::vector<std::string>>();
  const auto inputs = std::make_shared<std::vector<tensor<float>>>();
  {
    const network ours = load(n);
    *inputs = inputs_of(ours);
    for (const layer& l : ours.layers) {
      if (std::holds_alternative<layers::input>(l.params)) names->push_back(ours.blobs[l.outputs[0]].name);
    }
  }
  peers.push_back({"OpenCV dnn f32", [net, names, inputs] {
                     for (std::size_t i = 0; i < inputs->size(); ++i) {
                       const auto& x = (*inputs)[i];
                       const std::vector<int> shape(x.shape().begin(), x.shape().end());
                       net->setInput(cv::Mat(shape, CV_32F, const_cast<float*>(x.data())), (*names)[i]);
                     }
                     std::vector<cv::Mat> outputs;
                     net->forward(outputs, net->getUnconnectedOutLayersNames());
                   }});
#endif
  return peers;
}

}  // namespace bench
