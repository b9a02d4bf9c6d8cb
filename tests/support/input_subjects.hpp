// Small networks of several kinds with drawn pictures, and what can be done wrongly to their inputs: each fault is made
// here by itself, from the picture's pixels, and not by the code that is to find it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>

#include "support/networks.hpp"
#include "support/random.hpp"

namespace input_subjects {

using namespace nniesim;
using floats = std::vector<float>;

/// A picture with structure: a shaded ground, discs, bars and a little texture, in colours.
inline image drawn_picture(std::uint32_t seed, std::size_t rows, std::size_t columns) {
  draws random(seed * 7919 + 13);
  const auto unit = [&] { return 0.5F + 0.5F * random.symmetric(); };
  struct shape {
    float x, y, size;
    bool is_bar;
    float colour[3];
  };
  std::vector<shape> shapes;
  for (int i = 0; i < 7; ++i) {
    shape s{unit(), unit(), 0.08F + 0.22F * unit(), unit() > 0.6F, {}};
    for (float& c : s.colour) c = 255 * unit();
    shapes.push_back(s);
  }
  float ground[3], slope_x[3], slope_y[3];
  for (int c = 0; c < 3; ++c) {
    ground[c] = 60 + 120 * unit();
    slope_x[c] = 70 * random.symmetric();
    slope_y[c] = 70 * random.symmetric();
  }
  const float wave = 4 + 8 * unit();
  image p{rows, columns, std::vector<std::uint8_t>(rows * columns * 3)};
  for (std::size_t j = 0; j < rows; ++j) {
    for (std::size_t i = 0; i < columns; ++i) {
      const float x = static_cast<float>(i) / static_cast<float>(columns);
      const float y = static_cast<float>(j) / static_cast<float>(rows);
      for (std::size_t c = 0; c < 3; ++c) {
        float v =
            ground[c] + slope_x[c] * x + slope_y[c] * y + 12 * std::sin(wave * (x + 2 * y) + static_cast<float>(c));
        for (const shape& s : shapes) {
          const float dx = (x - s.x) / s.size, dy = (y - s.y) / s.size;
          const float away = s.is_bar ? std::fmax(std::fabs(dx) * 3, std::fabs(dy)) : std::sqrt(dx * dx + dy * dy);
          const float cover = std::fmin(1.0F, std::fmax(0.0F, (1 - away) * 8));
          v = v * (1 - cover) + s.colour[c] * cover;
        }
        v += 3 * random.symmetric();
        p.pixels[(j * columns + i) * 3 + c] = static_cast<std::uint8_t>(std::fmin(255.0F, std::fmax(0.0F, v)));
      }
    }
  }
  return p;
}

/// The kinds of networks.
inline const std::vector<std::string>& kinds() {
  static const std::vector<std::string> all = {"chain", "residual", "depthwise", "heads", "tiny", "feature"};
  return all;
}

inline network made_network(const std::string& kind, std::uint32_t seed, std::size_t rows, std::size_t columns) {
  draws random(seed);
  test_networks::network_builder b;
  std::size_t x = b.input({1, 3, rows, columns});
  const auto conv = [&](const std::string& name, std::size_t from, std::size_t outputs, std::size_t kernel,
                        std::size_t stride, std::size_t groups = 1) {
    const std::size_t inputs = b.net.blobs[from].shape[1] / groups;
    const float deviation = 1.6F / std::sqrt(static_cast<float>(inputs * kernel * kernel));
    layers::convolution c{{.stride = {stride, stride}, .groups = groups},
                          random.tensor({outputs, inputs, kernel, kernel}, deviation),
                          {}};
    const std::size_t pad = kernel / 2;
    c.geometry.pad = {pad, pad, pad, pad};
    for (std::size_t i = 0; i < outputs; ++i) c.bias.push_back(0.1F * random.normal());
    return b.add(name, std::move(c), {from});
  };
  const auto relu = [&](const std::string& name, std::size_t from) { return b.add(name, relu_params{}, {from}); };
  const auto fc = [&](const std::string& name, std::size_t from, std::size_t outputs) {
    std::size_t features = 1;
    for (std::size_t a = 1; a < b.net.blobs[from].shape.rank(); ++a) features *= b.net.blobs[from].shape[a];
    floats bias;
    for (std::size_t i = 0; i < outputs; ++i) bias.push_back(0.05F * random.normal());
    return b.add(name,
                 layers::fully_connected{
                     1, random.tensor({outputs, features}, 1.5F / std::sqrt(static_cast<float>(features))), bias},
                 {from});
  };
  x = relu("relu1", conv("conv1", x, 8, 3, 2));
  if (kind == "chain") {
    x = relu("relu2", conv("conv2", x, 12, 3, 2));
    x = relu("relu3", conv("conv3", x, 16, 3, 2));
    fc("fc", x, 24);
  } else if (kind == "residual") {
    const std::size_t from = x;
    x = relu("relu2", conv("conv2", x, 8, 3, 1));
    x = conv("conv3", x, 8, 3, 1);
    x = relu("relu4", b.add("sum", eltwise_params{}, {from, x}));
    x = relu("relu5", conv("conv5", x, 12, 3, 2));
    fc("fc", x, 32);
  } else if (kind == "depthwise") {
    x = relu("relu2", conv("dw2", x, 8, 3, 1, 8));
    x = relu("relu3", conv("pw3", x, 16, 1, 1));
    x = relu("relu4", conv("dw4", x, 16, 3, 2, 16));
    conv("out", x, 6, 1, 1);
  } else if (kind == "heads") {
    x = relu("relu2", conv("conv2", x, 12, 3, 2));
    const std::size_t left = conv("box", x, 4, 3, 1), right = conv("score", x, 2, 3, 1);
    b.add("cat", concat_params{1}, {left, right});
  } else if (kind == "tiny") {
    x = b.add("pool1", pooling_params{pooling_operation::maximum, {2, 2}, {2, 2}, {}, pooling_size::ceil, false}, {x});
    x = b.add("prelu2", layers::prelu{floats(10, 0.25F)}, {conv("conv2", x, 10, 3, 1)});
    fc("fc", x, 10);
  } else {
    x = relu("relu2", conv("conv2", x, 12, 3, 2));
    x = fc("fc", x, 64);
    b.add("norm", layers::normalize{{true, 1e-6F}, floats{1.0F}}, {x});
  }
  return b.net;
}

/// A network with a cfg's preprocessing and a list of pictures.
struct subject {
  std::string kind;
  std::size_t rows, columns;
  network net;
  known_preprocessing cfg;
  std::vector<image> pictures;
  activation_ranges ranges{};
  precision_plan plan{};

  [[nodiscard]] std::size_t chosen() const { return pictures.size() - 1; }
  [[nodiscard]] std::vector<float> bytes(const image& resized) const {
    std::vector<float> v(3 * rows * columns);
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t i = 0; i < rows * columns; ++i) {
        v[c * rows * columns + i] =
            static_cast<float>(resized.pixels[i * 3 + (cfg.order == channel_order::rgb ? c : 2 - c)]);
      }
    }
    return v;
  }
  [[nodiscard]] tensor<float> as_tensor(const floats& v) const {
    tensor<float> t = make_tensor<float>({1, 3, rows, columns});
    std::copy(v.begin(), v.end(), t.begin());
    return t;
  }
  [[nodiscard]] floats normalized(floats v, const floats& mean, double scale) const {
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (!mean.empty()) v[i] -= mean[i / (rows * columns)];
      v[i] *= static_cast<float>(scale);
    }
    return v;
  }
  [[nodiscard]] floats input(std::size_t picture) const {
    return normalized(bytes(resize(pictures[picture], rows, columns)), cfg.mean, cfg.scale);
  }
  [[nodiscard]] experiment_context lab(const tensor<float>& fed) const {
    experiment_context l{.net = net, .inputs = {view_of(fed)}, .ranges = ranges, .plan = plan, .preprocessing = {cfg}};
    l.pictures.count = pictures.size();
    l.pictures.chosen = chosen();
    l.pictures.name = [](std::size_t i) { return "p" + std::to_string(i) + ".png"; };
    l.pictures.read = [this](std::size_t, std::size_t i) { return std::optional(pictures[i]); };
    l.pictures.inputs = [this](std::size_t i) {
      std::vector<tensor<float>> x;
      x.push_back(as_tensor(input(i)));
      return x;
    };
    return l;
  }
};

/// Subject number i of a kind: other weights, pictures, sizes and preprocessing for each.
inline subject made_subject(const std::string& kind, std::uint32_t i) {
  static const std::vector<known_preprocessing> cfgs = {
      {cfg_norm_type::scale, channel_order::bgr, 1.0 / 255, {}},
      {cfg_norm_type::channel_means_scale, channel_order::bgr, 1.0 / 128, {104, 117, 123}},
      {cfg_norm_type::channel_means_scale, channel_order::rgb, 0.0078125, {127.5F, 127.5F, 127.5F}},
      {cfg_norm_type::channel_means, channel_order::bgr, 1, {104, 117, 123}},
      {cfg_norm_type::channel_means_scale, channel_order::rgb, 0.017, {123.68F, 116.78F, 103.94F}}};
  const std::size_t rows = std::vector<std::size_t>{28, 40, 24}[i % 3];
  const std::size_t columns = std::vector<std::size_t>{36, 28, 50}[i % 3];
  subject s{kind, rows, columns, made_network(kind, 100 + i, rows, columns), cfgs[i % cfgs.size()], {}};
  for (std::uint32_t p = 0; p < 4; ++p) s.pictures.push_back(drawn_picture(10 * i + p, 60, 88 - 10 * (i % 2)));
  s.plan = plan_of(s.net, compile_mode::all_8bit);
  calibrator c(s.net, s.plan);
  for (std::size_t p = 0; p < s.pictures.size(); ++p) {
    const tensor<float> x = s.as_tensor(s.input(p));
    c.add(x);
  }
  s.ranges = c.ranges();
  return s;
}

/// What a run of the subject's network shows of its last blob, and of all blobs.
struct run_values {
  std::vector<floats> blobs;
  [[nodiscard]] const floats& output() const { return blobs.back(); }
};
inline run_values run_of(const network& net, const precision_plan& plan, const activation_ranges* ranges,
                         const tensor<float>& x) {
  network_runner runner(net, plan, {.keep_all = true});
  if (ranges != nullptr && !plan.is_float) runner.use(*ranges);
  runner.run(x);
  run_values result;
  for (std::size_t b = 0; b < net.blobs.size(); ++b) {
    const tensor<float> t = runner.value(b);
    result.blobs.emplace_back(t.begin(), t.end());
  }
  return result;
}

/// The layers of a run as a diagnosis takes them.
inline std::vector<named_values> layers_as(const network& net, const run_values& run) {
  std::vector<named_values> list;
  for (const layer& l : net.layers) {
    list.push_back({l.name, net.blobs[l.outputs[0]].shape, [v = run.blobs[l.outputs[0]]] { return v; }});
  }
  return list;
}

}  // namespace input_subjects
