// One network in one process, for race.py:
//
//   network_server export NETWORK FOLDER      writes what peers.py makes an ONNX model of: graph.txt (a layer per line,
//                                             BatchNorm multiplied into the weights), weights.bin, inputs.bin, and
//                                             outputs.bin, what our float run gives; and the calibrated ranges
//   network_server float|0|1|opencv NETWORK FOLDER THREADS    a contestant: ours in float, compile mode 0 or 1 with
//                                             calibrated ranges, or OpenCV's float; says how it stands (one line of
//                                             JSON), then answers each line of its standard input with wall
//                                             and CPU seconds:
//                                             N        of N forwards, after one that does not count
//                                             prepare  of making one more runner, and its first forward
//   network_server peaks                      a line of JSON with the machine's peaks for each line
//
// NETWORK: MobileNet-v2, ResNet-18, YOLOv5s, or the common part of the names of a prototxt and a caffemodel.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/io/calibration_file.hpp>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/metrics/compare.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/cost.hpp>
#include <nniesim/network/fold.hpp>
#include <optional>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "../compare/peaks.hpp"
#include "random_networks.hpp"

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
namespace fs = std::filesystem;

namespace bench {
namespace {

/// Kilobytes: VmRSS, VmHWM.
long memory_of_process(const std::string& which) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    long value = 0;
    if (word == which + ":" && status >> value) return value;
  }
  return 0;
}

/// What a contestant takes over what the process had when it began.
class memory_meter {
 public:
  static void begin() {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
    std::ofstream("/proc/self/clear_refs") << "5\n";  // the peak begins here
    before() = memory_of_process("VmRSS");
  }
  static long peak() { return memory_of_process("VmHWM") - before(); }

 private:
  static long& before() {
    static long kilobytes = 0;
    return kilobytes;
  }
};

network load(const std::string& name, batch_norm_rule rule) {
  if (name == "MobileNet-v2") return mobilenet_v2();
  if (name == "ResNet-18") return resnet_18();
  if (name == "YOLOv5s") return yolo_v5s();
  return fold_batch_norm(read_caffe_network(name + ".prototxt", name + ".caffemodel"), rule);
}

/// Something like a picture for every input: bytes for mnet, else about -1 .. 1.
std::vector<tensor<float>> inputs_of(const network& net, const std::string& name) {
  const bool bytes = fs::path(name).filename() == "mnet";
  std::vector<tensor<float>> inputs;
  for (const std::size_t b : input_blobs(net)) {
    auto x = make_tensor<float>(net.blobs[b].shape);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto v = static_cast<float>((i * 2654435761U >> 16U) % 256);
      x.data()[i] = bytes ? v : (v - 127.0F) / 128.0F;
    }
    inputs.push_back(std::move(x));
  }
  return inputs;
}

std::vector<tensor_view<const float>> views_of(const std::vector<tensor<float>>& tensors) {
  std::vector<tensor_view<const float>> views;
  for (const auto& t : tensors) views.push_back(view_of(t));
  return views;
}

std::vector<std::size_t> output_blobs(const network& net) {
  std::vector<std::size_t> blobs;
  for (const layer_output& o : network_outputs(net)) blobs.push_back(net.layers[o.layer].outputs[o.output]);
  return blobs;
}

// Export.

std::string list(const auto& values) {
  std::string text;
  for (const auto& v : values) text += (text.empty() ? "" : ",") + std::to_string(v);
  return text;
}

/// One line per layer: its kind, then name=value.
struct exporter {
  std::ofstream graph, weights;
  std::size_t at = 0;

  void floats(const char* name, const float* values, std::size_t count, const std::string& shape) {
    graph << ' ' << name << '=' << at << ':' << shape;
    weights.write(reinterpret_cast<const char*>(values), static_cast<std::streamsize>(count * sizeof(float)));
    at += count;
  }
  void floats(const char* name, const std::vector<float>& v) {
    if (!v.empty()) floats(name, v.data(), v.size(), std::to_string(v.size()));
  }
  void floats(const char* name, const tensor<float>& t) { floats(name, t.data(), t.size(), list(shape_of(t))); }
  void pad(const padding& p) { graph << " pad=" << p.top << ',' << p.left << ',' << p.bottom << ',' << p.right; }
  void convolution(const char* kind, const auto& p) {
    const conv2d_params& g = p.geometry;
    graph << kind << " stride=" << list(g.stride) << " dilation=" << list(g.dilation) << " groups=" << g.groups;
    pad(g.pad);
    floats("w", p.weights);
    floats("b", p.bias);
  }
  void parameters(const layer& l) {
    std::visit(
        detail::overloaded{
            [&](const layers::input&) { graph << "Input"; },
            [&](const layers::convolution& p) { convolution("Conv", p); },
            [&](const layers::deconvolution& p) { convolution("ConvTranspose", p); },
            [&](const layers::fully_connected& p) {
              graph << "Gemm axis=" << p.axis;
              floats("w", p.weights);
              floats("b", p.bias);
            },
            [&](const layers::scale& p) {
              graph << "Scale axis=" << p.params.axis;
              if (p.factor) floats("w", *p.factor);
              floats("b", p.shift);
            },
            [&](const layers::identity&) { graph << "Identity"; }, [&](const layers::flatten&) { graph << "Reshape"; },
            [&](const layers::reshape&) { graph << "Reshape"; },
            [&](const relu_params& p) { graph << "LeakyRelu alpha=" << p.negative_slope; },
            [&](const activation_params& p) {
              detail::require<format_error>(p.function == activation_function::sigmoid, "not exported: ", l.type);
              graph << "Sigmoid";
            },
            [&](const power_params& p) {
              graph << "Power exponent=" << p.exponent << " scale=" << p.scale << " shift=" << p.shift;
            },
            [&](const softmax_params& p) { graph << "Softmax axis=" << p.axis; },
            [&](const pooling_params& p) {
              const bool largest = p.operation == pooling_operation::maximum;
              graph << (p.global ? "Global" : "") << (largest ? "MaxPool" : "AveragePool")
                    << " kernel=" << list(p.kernel) << " stride=" << list(p.stride)
                    << " ceil=" << (p.size == pooling_size::ceil)
                    << " inside=" << (p.operation == pooling_operation::average_inside);
              pad(p.pad);
            },
            [&](const eltwise_params& p) {
              detail::require<format_error>(p.coefficients.empty(), "not exported: coefficients of ", l.name);
              const char* const kinds[] = {"Sum", "Mul", "Max"};
              graph << kinds[static_cast<int>(p.operation)];
            },
            [&](const concat_params& p) { graph << "Concat axis=" << p.axis; },
            [&](const permute_params& p) { graph << "Transpose order=" << list(p.order); },
            [&](const reduce_mean_params& p) {
              graph << "ReduceMean axes=" << list(p.axes) << " keep=" << p.keep_axes;
            },
            [&](const upsample_params& p) { graph << "Upsample factor=" << p.factor; },
            [&](const auto&) {
              throw format_error("network_server: layer " + l.name + ": " + l.type + " is not exported");
            }},
        l.params);
  }
};

void export_network(const std::string& name, const fs::path& folder) {
  fs::create_directories(folder);
  const network merged = load(name, batch_norm_rule::merged);
  exporter e{std::ofstream(folder / "graph.txt"), std::ofstream(folder / "weights.bin", std::ios::binary)};
  e.graph.precision(9);
  for (const layer& l : merged.layers) {
    detail::require<format_error>(l.outputs.size() == 1, "network_server: layer ", l.name, " has several outputs");
    e.parameters(l);
    e.graph << " x=" << list(l.inputs) << " y=" << l.outputs[0] << " shape=" << list(merged.blobs[l.outputs[0]].shape)
            << '\n';
  }
  const network net = load(name, batch_norm_rule::fused);
  double macs = 0;
  for (const layer& l : net.layers) macs += static_cast<double>(work_of(net, l).macs);
  e.graph << "outputs y=" << list(output_blobs(net)) << " macs=" << macs << '\n';

  const auto inputs = inputs_of(net, name);
  const auto write = [](std::ofstream&& file, const tensor<float>& t) {
    file.write(reinterpret_cast<const char*>(t.data()), static_cast<std::streamsize>(t.size() * sizeof(float)));
    file.flush();
    detail::require<error>(file.good(), "network_server: a file could not be written");
  };
  fs::remove(folder / "inputs.bin");
  for (const auto& x : inputs) write(std::ofstream(folder / "inputs.bin", std::ios::binary | std::ios::app), x);
  network_runner runner(net, float_plan(net));
  runner.run(views_of(inputs));
  fs::remove(folder / "outputs.bin");
  for (const std::size_t b : output_blobs(net))
    write(std::ofstream(folder / "outputs.bin", std::ios::binary | std::ios::app), runner.value(b));
  for (const int mode : {0, 1}) {
    calibrator c(net, plan_of(net, compile_mode_of(mode)));
    c.add(views_of(inputs));
    write_calibration(folder / ("ranges" + std::to_string(mode) + ".json"), c.ranges());
  }
  detail::require<error>(e.graph.good() && e.weights.good(), "network_server: ", folder.string(), " is not written");
}

// Contestants.

struct contestant {
  virtual ~contestant() = default;
  virtual void prepare() = 0;
  virtual void forward() = 0;
  virtual std::vector<tensor<float>> outputs() = 0;
};

class our_network : public contestant {
 public:
  our_network(const std::string& mode, const std::string& name, const fs::path& folder, std::size_t threads)
      : net_(load(name, batch_norm_rule::fused)), inputs_(inputs_of(net_, name)), views_(views_of(inputs_)) {
    if (threads > 1) pool_.emplace(threads);
    plan_ = mode == "float" ? float_plan(net_) : plan_of(net_, compile_mode_of(std::stoi(mode)));
    if (mode != "float") ranges_ = read_calibration(folder / ("ranges" + mode + ".json"));
    runner_.emplace(made());
  }
  void prepare() override { made().run(views_); }
  void forward() override { runner_->run(views_); }
  std::vector<tensor<float>> outputs() override {
    std::vector<tensor<float>> result;
    for (const std::size_t b : output_blobs(net_)) result.push_back(runner_->value(b));
    return result;
  }

 private:
  [[nodiscard]] network_runner made() const {
    network_runner r(net_, plan_, {.threads = pool_ ? pool_->handle() : executor{}});
    if (ranges_) r.use(*ranges_);
    return r;
  }

  network net_;
  std::vector<tensor<float>> inputs_;
  std::vector<tensor_view<const float>> views_;
  mutable std::optional<thread_pool> pool_;
  precision_plan plan_;
  std::optional<activation_ranges> ranges_;
  std::optional<network_runner> runner_;
};

#if defined(HAVE_OPENCV)
/// Of the ONNX model, else of the Caffe files.
class opencv_network : public contestant {
 public:
  opencv_network(const std::string& name, const fs::path& folder, std::size_t threads)
      : name_(name), model_((folder / "model.onnx").string()) {
    cv::setNumThreads(static_cast<int>(threads));
    is_caffe_ = !fs::exists(model_);
    {
      const network ours = load(name, batch_norm_rule::fused);
      inputs_ = inputs_of(ours, name);
      for (const std::size_t b : input_blobs(ours)) {
        names_.push_back(is_caffe_ ? ours.blobs[b].name : "t" + std::to_string(b));
      }
    }
    memory_meter::begin();  // without what ours took
    net_ = made();
  }
  void prepare() override {
    cv::dnn::Net net = made();
    run(net);
  }
  void forward() override { run(net_); }
  std::vector<tensor<float>> outputs() override { return {}; }  // its order is its own

 private:
  void run(cv::dnn::Net& net) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const std::vector<int> shape(inputs_[i].shape().begin(), inputs_[i].shape().end());
      net.setInput(cv::Mat(shape, CV_32F, inputs_[i].data()), names_[i]);
    }
    net.forward(results_, net.getUnconnectedOutLayersNames());
  }
  [[nodiscard]] cv::dnn::Net made() const {
    cv::dnn::Net net = is_caffe_ ? cv::dnn::readNetFromCaffe(name_ + ".prototxt", name_ + ".caffemodel")
                                 : cv::dnn::readNetFromONNX(model_);
    net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    return net;
  }

  std::string name_, model_;
  bool is_caffe_ = false;
  cv::dnn::Net net_;
  std::vector<tensor<float>> inputs_;
  std::vector<std::string> names_;
  std::vector<cv::Mat> results_;
};
#endif

std::unique_ptr<contestant> make(const std::string& mode, const std::string& name, const fs::path& folder,
                                 std::size_t threads) {
  if (mode != "opencv") return std::make_unique<our_network>(mode, name, folder, threads);
#if defined(HAVE_OPENCV)
  return std::make_unique<opencv_network>(name, folder, threads);
#else
  throw error("network_server: built without OpenCV");
#endif
}

/// Of the outputs beside those of our float run, as JSON: the least cosine, -1 where there is none, and the largest
/// error of a norm.
std::string similarity(const std::vector<tensor<float>>& outputs, const fs::path& folder) {
  if (outputs.empty()) return R"("cosine": null, "norm_error": null)";
  std::ifstream file(folder / "outputs.bin", std::ios::binary);
  double least = 1, most = 0;
  for (const auto& y : outputs) {
    auto expected = make_tensor<float>(shape_of(y));
    file.read(reinterpret_cast<char*>(expected.data()), static_cast<std::streamsize>(y.size() * sizeof(float)));
    const comparison c = compare(expected, y);
    least = std::isfinite(c.cosine) && std::isfinite(c.norm_error) ? std::min(least, c.cosine) : -1;
    if (least < 0) break;
    most = std::max(most, std::abs(c.norm_error));
  }
  return "\"cosine\": " + std::to_string(least) + ", \"norm_error\": " + std::to_string(most);
}

void serve(const std::string& mode, const std::string& name, const fs::path& folder, std::size_t threads) {
  memory_meter::begin();
  const auto c = make(mode, name, folder, threads);
  c->forward();
  const long peak = memory_meter::peak();
  std::printf("{\"peak_kb\": %ld, %s, \"isa\": \"%s\"}\n", peak, similarity(c->outputs(), folder).c_str(),
              std::string(to_string(active_isa())).c_str());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const bool prepares = line == "prepare";
    if (!prepares) c->forward();
    const double from = wall_seconds(), cpu = cpu_seconds();
    if (prepares) c->prepare();
    else
      for (int i = std::stoi(line); i > 0; --i) c->forward();
    std::printf("%.9f %.9f\n", wall_seconds() - from, cpu_seconds() - cpu);
    std::fflush(stdout);
  }
}

void serve_peaks() {
  for (std::string line; std::getline(std::cin, line);) {
    std::string text;
    for (const auto& [name, best] : measured_peaks(wall_seconds)) {
      text += (text.empty() ? "{\"" : ", \"") + name + "\": " + std::to_string(best / 1e9);
    }
    std::printf("%s}\n", text.empty() ? "{" : text.c_str());
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) try {
  const std::vector<std::string> a(argv + 1, argv + argc);
  if (a.size() == 3 && a[0] == "export") bench::export_network(a[1], a[2]);
  else if (a.size() == 4) bench::serve(a[0], a[1], a[2], std::stoul(a[3]));
  else if (a.size() == 1 && a[0] == "peaks") bench::serve_peaks();
  else throw error("network_server: arguments as the head of bench/networks/server.cpp says");
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
