// Well-known networks with random weights (He's scale, a fixed seed): what a layer costs does not depend on its values.
#pragma once

#include <cmath>
#include <cstdint>
#include <nniesim/network/layer.hpp>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// Adds layer behind layer; each method returns its output's blob.
class network_builder {
 public:
  explicit network_builder(std::string name) { net_.name = std::move(name); }

  std::size_t input(const nniesim::tensor_shape& shape) {
    net_.blobs.push_back({"input", shape});
    net_.layers.push_back({"input", "Input", "", {}, {0}, nniesim::layers::input{}});
    return 0;
  }
  std::size_t add(const char* type, std::vector<std::size_t> inputs, nniesim::layer_params params) {
    const std::string name = type + std::to_string(net_.layers.size());
    nniesim::layer l{name, type, net_.name, std::move(inputs), {net_.blobs.size()}, std::move(params)};
    net_.blobs.push_back({name, nniesim::infer_shapes(l, nniesim::input_shapes(net_, l)).at(0)});
    net_.layers.push_back(std::move(l));
    return net_.blobs.size() - 1;
  }
  /// With "same" padding.
  std::size_t conv(std::size_t x, std::size_t outputs, std::size_t kernel, std::size_t stride = 1,
                   std::size_t groups = 1) {
    const std::size_t pad = (kernel - 1) / 2;
    nniesim::layers::convolution c{.geometry = {.stride = {stride, stride}, .pad = {pad, pad}, .groups = groups}};
    c.weights = random({outputs, channels(x) / groups, kernel, kernel});
    c.bias.assign(outputs, 0.01F);
    return add("Convolution", {x}, std::move(c));
  }
  std::size_t fully_connected(std::size_t x, std::size_t outputs) {
    nniesim::layers::fully_connected f{.weights = random({outputs, net_.blobs[x].shape.size()})};
    f.bias.assign(outputs, 0.01F);
    return add("InnerProduct", {x}, std::move(f));
  }
  std::size_t relu(std::size_t x) { return add("ReLU", {x}, nniesim::relu_params{}); }
  std::size_t sigmoid(std::size_t x) { return add("Sigmoid", {x}, nniesim::activation_params{}); }
  /// x times its sigmoid, as Caffe networks write it.
  std::size_t silu(std::size_t x) {
    return add("Eltwise", {x, sigmoid(x)}, nniesim::eltwise_params{.operation = nniesim::eltwise_operation::product});
  }
  std::size_t sum(std::size_t a, std::size_t b) { return add("Eltwise", {a, b}, nniesim::eltwise_params{}); }
  std::size_t concat(std::vector<std::size_t> parts) {
    return add("Concat", std::move(parts), nniesim::concat_params{});
  }
  std::size_t max_pool(std::size_t x, std::size_t kernel, std::size_t stride, std::size_t pad) {
    return add("Pooling", {x},
               nniesim::pooling_params{.kernel = {kernel, kernel}, .stride = {stride, stride}, .pad = {pad, pad}});
  }
  std::size_t global_average(std::size_t x) {
    return add("Pooling", {x},
               nniesim::pooling_params{.operation = nniesim::pooling_operation::average, .global = true});
  }
  [[nodiscard]] std::size_t channels(std::size_t x) const { return net_.blobs[x].shape[1]; }
  [[nodiscard]] nniesim::network finish() { return std::move(net_); }

 private:
  /// Uniform, of variance 2 / inputs; by a generator of its own, so that all machines have the same.
  nniesim::tensor<float> random(const nniesim::tensor_shape& shape) {
    auto w = nniesim::make_tensor<float>(shape);
    const float limit = std::sqrt(6.0F * static_cast<float>(shape[0]) / static_cast<float>(shape.size()));
    for (float& v : w) {
      state_ = state_ * 6364136223846793005U + 1442695040888963407U;
      v = limit * (static_cast<float>(state_ >> 40U) / 8388608.0F - 1.0F);
    }
    return w;
  }

  nniesim::network net_;
  std::uint64_t state_ = 1;
};

/// With ReLU in place of ReLU6, which the accelerator does not have. Without softmax, as the next one: of random
/// weights it would be alike whatever came before.
inline nniesim::network mobilenet_v2() {
  network_builder b("MobileNet v2");
  std::size_t x = b.relu(b.conv(b.input({1, 3, 224, 224}), 32, 3, 2));
  struct stage {
    std::size_t expansion, outputs, count, stride;
  };
  for (const stage s : {stage{1, 16, 1, 1}, stage{6, 24, 2, 2}, stage{6, 32, 3, 2}, stage{6, 64, 4, 2},
                        stage{6, 96, 3, 1}, stage{6, 160, 3, 2}, stage{6, 320, 1, 1}}) {
    for (std::size_t i = 0; i < s.count; ++i) {
      const std::size_t wide = b.channels(x) * s.expansion, stride = i == 0 ? s.stride : 1;
      const std::size_t expanded = s.expansion == 1 ? x : b.relu(b.conv(x, wide, 1));
      const std::size_t y = b.conv(b.relu(b.conv(expanded, wide, 3, stride, wide)), s.outputs, 1);
      x = i == 0 ? y : b.sum(x, y);
    }
  }
  b.fully_connected(b.global_average(b.relu(b.conv(x, 1280, 1))), 1000);
  return b.finish();
}

inline nniesim::network resnet_18() {
  network_builder b("ResNet-18");
  std::size_t x = b.max_pool(b.relu(b.conv(b.input({1, 3, 224, 224}), 64, 7, 2)), 3, 2, 0);
  for (const std::size_t outputs : {64U, 128U, 256U, 512U}) {
    for (std::size_t i = 0; i < 2; ++i) {
      const std::size_t stride = i == 0 && outputs != 64 ? 2 : 1;
      const std::size_t y = b.conv(b.relu(b.conv(x, outputs, 3, stride)), outputs, 3);
      x = b.relu(b.sum(stride == 1 ? x : b.conv(x, outputs, 1, 2), y));
    }
  }
  b.fully_connected(b.global_average(x), 1000);
  return b.finish();
}

/// The 640 x 640 detector up to its three heads and their sigmoids.
inline nniesim::network yolo_v5s() {
  network_builder b("YOLOv5s");
  const auto conv = [&](std::size_t x, std::size_t outputs, std::size_t kernel, std::size_t stride = 1) {
    return b.silu(b.conv(x, outputs, kernel, stride));
  };
  const auto c3 = [&](std::size_t x, std::size_t outputs, std::size_t count, bool shortcut) {
    std::size_t y = conv(x, outputs / 2, 1);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t z = conv(conv(y, outputs / 2, 1), outputs / 2, 3);
      y = shortcut ? b.sum(y, z) : z;
    }
    return conv(b.concat({y, conv(x, outputs / 2, 1)}), outputs, 1);
  };
  const auto up = [&](std::size_t x) { return b.add("Upsample", {x}, nniesim::upsample_params{}); };
  const std::size_t stem = conv(b.input({1, 3, 640, 640}), 32, 6, 2);
  const std::size_t p3 = c3(conv(c3(conv(stem, 64, 3, 2), 64, 1, true), 128, 3, 2), 128, 2, true);
  const std::size_t p4 = c3(conv(p3, 256, 3, 2), 256, 3, true);
  std::size_t x = conv(c3(conv(p4, 512, 3, 2), 512, 1, true), 256, 1);
  std::vector<std::size_t> pools{x};
  for (int i = 0; i < 3; ++i) pools.push_back(b.max_pool(pools.back(), 5, 1, 2));
  const std::size_t top = conv(conv(b.concat(pools), 512, 1), 256, 1);
  const std::size_t middle = conv(c3(b.concat({up(top), p4}), 256, 1, false), 128, 1);
  const std::size_t small = c3(b.concat({up(middle), p3}), 128, 1, false);
  const std::size_t medium = c3(b.concat({conv(small, 128, 3, 2), middle}), 256, 1, false);
  const std::size_t large = c3(b.concat({conv(medium, 256, 3, 2), top}), 512, 1, false);
  for (const std::size_t head : {small, medium, large}) b.sigmoid(b.conv(head, 255, 1));
  return b.finish();
}

}  // namespace bench
