// Small networks of the kinds that are compiled, as trained ones look like: weights that keep the variance, BatchNorm
// with the statistics of its own input, and smooth pictures. As in a prototxt: nothing is folded.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/preprocess_solver.hpp>
#include <nniesim/network/runner.hpp>

#include "support/networks.hpp"

namespace natural_networks {

using namespace nniesim;
using tensors = std::vector<tensor<float>>;

/// A picture of bytes: a coarse grid of colours drawn smoothly, an edge, and a little noise; of its own contrast.
inline tensor<float> smooth_picture(draws& random, const tensor_shape& shape) {
  constexpr std::size_t grid = 5;
  const std::size_t channels = shape[1], height = shape[2], width = shape[3];
  const float contrast = 0.45F + 0.55F * std::fabs(random.symmetric());
  std::vector<float> common(grid * grid);
  for (float& v : common) v = random.symmetric();
  const std::size_t top = random.between(0, height / 2), left = random.between(0, width / 2);
  const float step = 60 * random.symmetric();
  tensor<float> picture = make_tensor<float>(shape);
  for (std::size_t c = 0; c < channels; ++c) {
    std::vector<float> own(grid * grid);
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = 0.65F * common[i] + 0.35F * random.symmetric();
    const float base = 110 + 40 * random.symmetric();
    for (std::size_t y = 0; y < height; ++y) {
      for (std::size_t x = 0; x < width; ++x) {
        const float v = static_cast<float>(y) * (grid - 1) / static_cast<float>(height);
        const float u = static_cast<float>(x) * (grid - 1) / static_cast<float>(width);
        const auto i = static_cast<std::size_t>(v), j = static_cast<std::size_t>(u);
        const float fv = v - static_cast<float>(i), fu = u - static_cast<float>(j);
        const float smooth = (own[i * grid + j] * (1 - fu) + own[i * grid + j + 1] * fu) * (1 - fv) +
                             (own[(i + 1) * grid + j] * (1 - fu) + own[(i + 1) * grid + j + 1] * fu) * fv;
        const bool is_inside = y >= top && y < top + height / 2 && x >= left && x < left + width / 3;
        const float value = base + 150 * contrast * smooth + (is_inside ? step : 0) + 5 * random.normal();
        picture.data()[(c * height + y) * width + x] = std::round(std::clamp(value, 0.0F, 255.0F));
      }
    }
  }
  return picture;
}

inline tensor<float> normalized(const tensor<float>& picture, const known_preprocessing& how) {
  tensor<float> result = picture;
  const std::size_t plane = picture.size() / shape_of(picture)[1];
  for (std::size_t e = 0; e < picture.size(); ++e) {
    float& v = result.data()[e];
    if (!how.mean.empty()) v -= how.mean[e / plane];
    v *= static_cast<float>(how.scale);
  }
  return result;
}

struct natural_network {
  std::string name;
  network net;
  known_preprocessing how;
  tensors pictures;  ///< the list: bytes, as many as image_list has lines
};

inline constexpr std::size_t pictures_in_list = 6;
/// Added to every network's seed: other weights and pictures of the same kinds.
inline std::uint32_t other_seed = 0;

/// Grows a network layer by layer.
class grower {
 public:
  grower(std::string name, std::uint32_t seed, const tensor_shape& shape, known_preprocessing how)
      : random_(seed + other_seed), made_{std::move(name), {}, std::move(how), {}} {
    for (std::size_t i = 0; i < pictures_in_list; ++i) made_.pictures.push_back(smooth_picture(random_, shape));
    x_ = builder_.input(shape);
  }

  [[nodiscard]] std::size_t picture() const { return x_; }
  [[nodiscard]] const tensor_shape& shape(std::size_t x) const { return builder_.net.blobs[x].shape; }
  std::size_t add(const std::string& name, layer_params params, std::vector<std::size_t> inputs) {
    return builder_.add(name, std::move(params), std::move(inputs));
  }

  struct window {
    std::size_t kernel = 3, stride = 1, groups = 1;
    bool has_pad = true, has_bias = true;
    float gain = 1;
  };
  std::size_t convolution(const std::string& name, std::size_t x, std::size_t outputs, window w) {
    const std::size_t each = shape(x)[1] / w.groups;
    const std::size_t pad = w.has_pad ? w.kernel / 2 : 0;
    return add(name,
               layers::convolution{{.stride = {w.stride, w.stride}, .pad = {pad, pad, pad, pad}, .groups = w.groups},
                                   weights({outputs, each, w.kernel, w.kernel}, each * w.kernel * w.kernel, w.gain),
                                   w.has_bias ? small(outputs, 0.2F) : std::vector<float>()},
               {x});
  }
  std::size_t convolution(const std::string& name, std::size_t x, std::size_t outputs) {
    return convolution(name, x, outputs, window());
  }
  std::size_t fully_connected(const std::string& name, std::size_t x, std::size_t outputs, float gain = 1) {
    const std::size_t features = shape(x).size() / shape(x)[0];
    return add(name, layers::fully_connected{1, weights({outputs, features}, features, gain), small(outputs, 0.3F)},
               {x});
  }
  /// BatchNorm with the statistics of its input over the pictures, and a Scale behind it.
  std::size_t batch_norm(const std::string& name, std::size_t x) {
    const std::size_t channels = shape(x)[1];
    std::vector<float> mean(channels), variance(channels);
    measure(x, mean, variance);
    x = add(name + "/bn", layers::batch_norm{{.mean = mean, .variance = variance}}, {x});
    tensor<float> factor = make_tensor<float>({channels});
    for (float& v : factor) v = 1 + 0.4F * random_.symmetric();
    return add(name + "/scale", layers::scale{{}, std::move(factor), small(channels, 0.4F)}, {x});
  }
  std::size_t relu(const std::string& name, std::size_t x, float slope = 0) {
    return add(name, relu_params{slope}, {x});
  }
  std::size_t prelu(const std::string& name, std::size_t x) {
    std::vector<float> slopes(shape(x)[1]);
    for (float& v : slopes) v = 0.25F + 0.15F * random_.symmetric();
    return add(name, layers::prelu{slopes}, {x});
  }
  std::size_t max_pool(const std::string& name, std::size_t x, std::size_t kernel = 2, std::size_t stride = 2) {
    return add(
        name,
        pooling_params{pooling_operation::maximum, {kernel, kernel}, {stride, stride}, {}, pooling_size::ceil, false},
        {x});
  }
  std::size_t global_mean(const std::string& name, std::size_t x) {
    pooling_params p;
    p.operation = pooling_operation::average;
    p.global = true;
    return add(name, p, {x});
  }
  /// The root mean square of a blob over the pictures.
  [[nodiscard]] double size_of(std::size_t x) {
    std::vector<float> mean(shape(x)[1]), variance(shape(x)[1]);
    measure(x, mean, variance);
    double sum = 0;
    for (std::size_t c = 0; c < mean.size(); ++c)
      sum += std::pow(static_cast<double>(mean[c]), 2) + static_cast<double>(variance[c]);
    return std::sqrt(sum / static_cast<double>(mean.size()));
  }
  [[nodiscard]] draws& random() noexcept { return random_; }

  [[nodiscard]] natural_network finished() {
    made_.net = std::move(builder_.net);
    made_.net.name = made_.name;
    return std::move(made_);
  }

 private:
  tensor<float> weights(const tensor_shape& s, std::size_t terms, float gain) {
    return random_.tensor(s, gain * std::sqrt(2.0F / static_cast<float>(terms)));
  }
  std::vector<float> small(std::size_t n, float deviation) {
    std::vector<float> v(n);
    for (float& f : v) f = deviation * random_.normal();
    return v;
  }
  void measure(std::size_t x, std::vector<float>& mean, std::vector<float>& variance) {
    network_runner runner(builder_.net, float_plan(builder_.net), {.keep_all = true});
    std::vector<double> sum(mean.size()), squares(mean.size());
    double n = 0;
    for (const auto& p : made_.pictures) {
      const tensor<float> input = normalized(p, made_.how);
      runner.run(view_of(input));
      const tensor<float> values = runner.value(x);
      const std::size_t plane = values.size() / mean.size();
      n += static_cast<double>(plane);
      for (std::size_t e = 0; e < values.size(); ++e) {
        const auto v = static_cast<double>(values.data()[e]);
        sum[e / plane] += v;
        squares[e / plane] += v * v;
      }
    }
    for (std::size_t c = 0; c < mean.size(); ++c) {
      const double m = sum[c] / n;
      mean[c] = static_cast<float>(m);
      variance[c] = static_cast<float>(std::max(squares[c] / n - m * m, 1e-4));
    }
  }

  draws random_;
  natural_network made_;
  test_networks::network_builder builder_;
  std::size_t x_ = 0;
};

inline known_preprocessing centred(double scale = 1.0 / 128) {
  return {cfg_norm_type::channel_means_scale, channel_order::rgb, scale, {127, 127, 127}};
}
inline known_preprocessing means_alone() {
  return {cfg_norm_type::channel_means, channel_order::bgr, 1, {104, 117, 123}};
}

/// Blocks with a shortcut.
inline natural_network residual() {
  grower g("residual", 11, {1, 3, 32, 32}, centred());
  const auto unit = [&](const std::string& name, std::size_t x, std::size_t outputs, std::size_t kernel,
                        std::size_t stride) {
    x = g.convolution(name, x, outputs, {.kernel = kernel, .stride = stride, .has_bias = false});
    return g.batch_norm(name, x);
  };
  std::size_t x = g.relu("relu1", unit("conv1", g.picture(), 16, 3, 1));
  std::size_t n = 1;
  for (const auto& [outputs, stride] : {std::pair<std::size_t, std::size_t>(16, 1), {24, 2}, {32, 2}}) {
    const std::string name = "block" + std::to_string(++n);
    std::size_t y = g.relu(name + "/relu_a", unit(name + "/a", x, outputs, 3, stride));
    y = unit(name + "/b", y, outputs, 3, 1);
    const std::size_t shortcut = stride == 1 ? x : unit(name + "/shortcut", x, outputs, 1, stride);
    x = g.relu(name + "/relu", g.add(name + "/sum", eltwise_params{}, {shortcut, y}));
  }
  x = g.global_mean("pool", x);
  x = g.fully_connected("fc", x, 10, 2);
  g.add("prob", softmax_params{1}, {x});
  return g.finished();
}

/// Depthwise and pointwise convolutions, and a grouped one.
inline natural_network depthwise() {
  grower g("depthwise", 23, {1, 3, 48, 48}, centred(1.0 / 64));
  const auto unit = [&](const std::string& name, std::size_t x, std::size_t outputs, grower::window w) {
    w.has_bias = false;
    return g.relu(name + "/relu", g.batch_norm(name, g.convolution(name, x, outputs, w)));
  };
  std::size_t x = unit("conv1", g.picture(), 16, {.stride = 2});
  for (const auto& [name, outputs, stride] :
       {std::tuple<std::string, std::size_t, std::size_t>("conv2", 24, 1), {"conv3", 32, 2}, {"conv4", 32, 1}}) {
    x = unit(name + "/dw", x, g.shape(x)[1], {.stride = stride, .groups = g.shape(x)[1]});
    x = unit(name + "/pw", x, outputs, {.kernel = 1});
  }
  x = unit("conv5/grouped", x, 48, {.stride = 2, .groups = 4});
  x = g.global_mean("pool", x);
  x = g.fully_connected("fc", x, 12, 2);
  g.add("prob", softmax_params{1}, {x});
  return g.finished();
}

/// Two scales, each with a head for classes and one for places, joined by Concat: SSD.
inline natural_network heads() {
  grower g("heads", 37, {1, 3, 64, 64}, means_alone());
  // Bytes go in as they are: the first weights are small, as a network learns them.
  std::size_t x = g.relu("relu1", g.convolution("conv1", g.picture(), 12, {.stride = 2, .gain = 0.02F}));
  x = g.relu("relu2", g.convolution("conv2", x, 16));
  x = g.max_pool("pool2", x);
  const std::size_t fine = g.relu("relu3", g.convolution("conv3", x, 24));
  x = g.max_pool("pool3", fine);
  x = g.relu("relu4", g.convolution("conv4", x, 32));
  const std::size_t coarse = g.relu("relu5", g.convolution("conv5", x, 32, {.stride = 2}));
  std::vector<std::size_t> places, classes;
  for (const auto& [scale, name] : {std::pair(fine, std::string("fine")), {coarse, "coarse"}}) {
    for (const auto& [list, kind, outputs] :
         {std::tuple(&places, std::string("loc"), std::size_t{8}), {&classes, "conf", 4}}) {
      const std::string full = name + "_mbox_" + kind;
      std::size_t y = g.convolution(full, scale, outputs, {.gain = 0.7F});
      y = g.add(full + "_perm", permute_params{{0, 2, 3, 1}}, {y});
      list->push_back(g.add(full + "_flat", layers::flatten{1, 3}, {y}));
    }
  }
  g.add("mbox_loc", concat_params{1}, places);
  std::size_t y = g.add("mbox_conf", concat_params{1}, classes);
  y = g.add("mbox_conf_reshape", layers::reshape{{{-1, 2}}, 1, 1}, {y});
  g.add("mbox_conf_softmax", softmax_params{2}, {y});
  return g.finished();
}

/// Fully connected layers, and a gated unit unrolled for two steps.
inline natural_network recurrent() {
  grower g("recurrent", 41, {1, 1, 24, 24}, {cfg_norm_type::channel_means_scale, channel_order::rgb, 1.0 / 100, {110}});
  std::size_t h = g.relu("relu1", g.fully_connected("embed", g.picture(), 64));
  h = g.fully_connected("state", h, 48);
  for (const std::string step : {"step1", "step2"}) {
    const std::size_t z = g.add(step + "/gate", activation_params{activation_function::sigmoid},
                                {g.fully_connected(step + "/gate_fc", h, 48, 0.8F)});
    const std::size_t c = g.add(step + "/candidate", activation_params{activation_function::tanh},
                                {g.fully_connected(step + "/candidate_fc", h, 48, 0.8F)});
    eltwise_params product;
    product.operation = eltwise_operation::product;
    h = g.add(step + "/sum", eltwise_params{}, {h, g.add(step + "/gated", product, {z, c})});
  }
  h = g.relu("relu2", g.fully_connected("hidden", h, 40));
  h = g.add("drop", layers::identity{}, {h});
  h = g.fully_connected("score", h, 10, 1.5F);
  g.add("prob", softmax_params{1}, {h});
  return g.finished();
}

/// Few layers with PReLU, pooling that rounds up, and three outputs of few values: MTCNN.
inline natural_network cascade() {
  grower g("cascade", 53, {1, 3, 24, 24}, centred());
  std::size_t x = g.prelu("prelu1", g.convolution("conv1", g.picture(), 28, {.has_pad = false}));
  x = g.max_pool("pool1", x, 3, 2);
  x = g.prelu("prelu2", g.convolution("conv2", x, 32, {.has_pad = false}));
  x = g.max_pool("pool2", x, 3, 2);
  x = g.prelu("prelu3", g.convolution("conv3", x, 48, {.kernel = 2, .has_pad = false}));
  x = g.prelu("prelu4", g.fully_connected("conv4", x, 64));
  g.add("prob1", softmax_params{1}, {g.fully_connected("conv5-1", x, 2)});
  g.fully_connected("conv5-2", x, 4, 0.5F);
  g.fully_connected("conv5-3", x, 10, 0.5F);
  return g.finished();
}

/// y = x / (1 + |x| s) behind a blob of rank 2, as layers of the accelerator; `mean` is that of the squares.
inline std::size_t add_norm(grower& g, const std::string& name, std::size_t x, double mean) {
  const auto s = static_cast<float>(std::sqrt(mean) / g.size_of(x));
  const auto n = static_cast<float>(g.shape(x)[1]);
  std::size_t p = g.add(name + "/square", power_params{2, s, 0}, {x});
  p = g.add(name + "/mean", reduce_mean_params{{1}, false}, {p});
  p = g.add(name + "/sqrt", power_params{0.5, n, 0}, {p});
  p = g.add(name + "/inverse", power_params{-1, 1, 1}, {p});
  return g.add(name, layers::scale{{.axis = 0}, std::nullopt, {}}, {x, p});
}

/// Two branches of features, each normalized by Power and ReduceMean, joined.
inline natural_network normed(double mean = 0.3) {
  grower g("normed", 67, {1, 1, 32, 32}, {cfg_norm_type::channel_means_scale, channel_order::rgb, 1.0 / 128, {120}});
  std::vector<std::size_t> branches;
  const std::size_t stem = g.relu("relu0", g.convolution("conv0", g.picture(), 12, {.stride = 2}));
  for (const std::string name : {"left", "right"}) {
    std::size_t x = g.relu(name + "/relu1", g.convolution(name + "/conv1", stem, 16, {.stride = 2}));
    x = g.relu(name + "/relu2", g.convolution(name + "/conv2", x, 24, {.stride = 2}));
    x = g.fully_connected(name + "/feature", x, 32);
    branches.push_back(add_norm(g, name + "/norm", x, mean));
  }
  std::size_t x = g.add("joint", concat_params{1}, branches);
  x = g.fully_connected("classifier", x, 10, 4);
  g.add("prob", softmax_params{1}, {x});
  return g.finished();
}

/// Down and up again, with leaky ReLUs, an upsampling, a deconvolution and skips.
inline natural_network hourglass() {
  grower g("hourglass", 79, {1, 3, 40, 40}, centred(1.0 / 256));
  const auto unit = [&](const std::string& name, std::size_t x, std::size_t outputs, std::size_t stride) {
    x = g.convolution(name, x, outputs, {.stride = stride, .has_bias = false});
    return g.relu(name + "/leaky", g.batch_norm(name, x), 0.1F);
  };
  const std::size_t first = unit("conv1", g.picture(), 12, 1);
  const std::size_t second = unit("conv2", first, 16, 2);
  std::size_t x = unit("conv3", second, 24, 2);
  x = unit("conv4", x, 24, 1);
  upsample_params up;
  x = g.add("up1", up, {x});
  x = g.add("cat1", concat_params{1}, {x, second});
  x = unit("conv5", x, 16, 1);
  tensor<float> weights = g.random().tensor({16, 12, 2, 2}, std::sqrt(2.0F / 16));
  x = g.add("up2", layers::deconvolution{{.stride = {2, 2}}, std::move(weights), {}}, {x});
  x = g.add("cat2", concat_params{1}, {x, first});
  x = unit("conv6", x, 12, 1);
  x = g.convolution("map", x, 2, {.kernel = 1});
  g.add("sigmoid", activation_params{activation_function::sigmoid}, {x});
  return g.finished();
}

/// One of each kind.
inline std::vector<natural_network> all() {
  std::vector<natural_network> result;
  for (natural_network n : {residual(), depthwise(), heads(), recurrent(), cascade(), normed(), hourglass()}) {
    result.push_back(std::move(n));
  }
  return result;
}

}  // namespace natural_networks
