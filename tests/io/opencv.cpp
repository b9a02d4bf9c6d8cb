// Real networks layer by layer against OpenCV's Caffe importer, which nobody here wrote.
#include <nniesim/network/runner.hpp>
#include <span>

#include "support/models.hpp"

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-enum-enum-conversion"
#endif
#include <opencv2/dnn.hpp>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

using namespace nniesim;
using namespace real_models;

namespace {

class opencv_network {
 public:
  opencv_network(const std::string& prototxt, const std::string& caffemodel)
      : net_(cv::dnn::readNetFromCaffe(prototxt, caffemodel)) {
    net_.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    net_.enableFusion(false);  // so that every layer's own output can be seen
  }

  /// Runs the network and calls f(layer's name, values) for every layer.
  template <class F>
  void run(tensor_view<const float> x, F&& f) {
    std::vector<int> shape;
    for (const std::size_t n : x.shape()) shape.push_back(static_cast<int>(n));
    net_.setInput(cv::Mat(shape, CV_32F, const_cast<float*>(x.data())));
    // One at a time: layers in place share their memory.
    for (const std::string& name : net_.getLayerNames()) {
      const cv::Mat y = net_.forward(name);
      f(name, std::span<const float>(y.ptr<float>(), y.total()));
    }
  }

 private:
  cv::dnn::Net net_;
};

}  // namespace

TEST_CASE("real networks in float equal OpenCV layer by layer", "[io][models]") {
  if (!are_here()) return;
  for (const model& m : models) {
    CAPTURE(m.name);
    const network net = load(m);
    const tensor<float> x = input_of(m);
    const tensor_view<const float> in = view_of(x);
    network_runner runner(net, float_plan(net), {.keep_all = true});
    runner.run({&in, 1});
    opencv_network other((folder / m.name).string() + ".prototxt", (folder / m.name).string() + ".caffemodel");
    std::size_t compared = 0;
    other.run(in, [&](const std::string& name, std::span<const float> values) {
      for (const layer& l : net.layers) {
        if (l.name != name) continue;
        CAPTURE(name);
        const tensor<float> got = runner.value(l.outputs[0]);
        REQUIRE(values.size() == got.size());
        const comparison c = compare(tensor_view<const float>(values, shape_of(got)), got);
        CHECK(c.relative_l2_error < 1e-4);
        CHECK(c.cosine > 0.99999);
        ++compared;
      }
    });
    CHECK(compared + 1 >= net.layers.size());  // the input is no layer there
  }
}
