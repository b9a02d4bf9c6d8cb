// Small networks of any structure, from random numbers or from a fuzzer's bytes, and the checks that hold for all.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/network/layer.hpp>
#include <nniesim/network/runner.hpp>

#include "support/naive_layers.hpp"
#include "support/random.hpp"

namespace random_network {

using namespace nniesim;

/// Where choices come from: bytes as long as there are, or a seed.
class choices {
 public:
  explicit choices(std::uint32_t seed) : engine_(seed), endless_(true) {}
  explicit choices(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  /// Whether a fuzzer's bytes are used up: then 0 is chosen always.
  [[nodiscard]] bool is_empty() const { return !endless_ && bytes_.empty(); }
  std::uint32_t bits() {
    if (endless_) return static_cast<std::uint32_t>(engine_());
    if (bytes_.empty()) return 0;
    const std::uint8_t b = bytes_[0];
    bytes_ = bytes_.subspan(1);
    return b;
  }
  std::size_t between(std::size_t low, std::size_t high) { return low + bits() % (high - low + 1); }
  bool once_in(std::size_t n) { return bits() % n == n - 1; }
  template <class T>
  T one_of(std::initializer_list<T> all) {
    return all.begin()[between(0, all.size() - 1)];
  }

 private:
  std::mt19937 engine_{};
  std::span<const std::uint8_t> bytes_{};
  bool endless_ = false;
};

struct generated {
  network net;
  std::vector<tensor<float>> inputs;
};

class generator {
 public:
  explicit generator(choices c) : choose_(c), values_(choose_.bits()) {}

  generated make() {
    const std::size_t inputs = choose_.between(1, 2);
    for (std::size_t i = 0; i < inputs; ++i) add_input();
    for (std::size_t l = choose_.between(2, 12); l > 0 && !choose_.is_empty(); --l) add_layer();
    for (std::size_t b = 0; b < net_.blobs.size(); ++b) {
      if (choose_.once_in(16)) net_.reported.push_back(b);
    }
    return {std::move(net_), std::move(inputs_)};
  }

 private:
  static constexpr std::size_t most_elements = 6000;

  std::size_t new_blob(const tensor_shape& shape) {
    net_.blobs.push_back({"blob" + std::to_string(net_.blobs.size()), shape});
    return net_.blobs.size() - 1;
  }
  void add_input() {
    const tensor_shape shape =
        choose_.once_in(6) ? tensor_shape{choose_.between(1, 3), choose_.between(1, 20)}
                           : tensor_shape{choose_.between(1, 2), choose_.one_of<std::size_t>({1, 2, 3, 4, 6, 8}),
                                          choose_.between(1, 9), choose_.between(1, choose_.once_in(5) ? 40 : 11)};
    const std::size_t b = new_blob(shape);
    net_.layers.push_back({"input" + std::to_string(b), "Input", "random:1:1", {}, {b}, layers::input{}});
    tensor<float> t = values_.tensor(shape, choose_.one_of({1.0F, 0.1F, 30.0F}));
    if (choose_.once_in(8)) t.fill(0.5F);
    inputs_.push_back(std::move(t));
  }
  /// An input of these values, which only the layer that it is made for reads.
  std::size_t own_input(tensor<float> t) {
    const std::size_t b = new_blob(shape_of(t));
    net_.layers.push_back({"input" + std::to_string(b), "Input", "random:1:1", {}, {b}, layers::input{}});
    inputs_.push_back(std::move(t));
    own_.push_back(b);
    return b;
  }
  /// R x 5 regions of the first picture, at and around a map; their numbers are multiples of 1/4.
  std::size_t regions() {
    auto t = make_tensor<float>({choose_.between(1, 4), 5});
    for (std::size_t i = 0; i < t.size(); ++i) {
      t.data()[i] = i % 5 == 0 ? 0.0F : static_cast<float>(choose_.between(0, 255)) / 4 - 16;
    }
    return own_input(std::move(t));
  }

  [[nodiscard]] const tensor_shape& shape(std::size_t b) const { return net_.blobs[b].shape; }
  /// Mostly one of the newest blobs.
  std::size_t any_blob() {
    const std::size_t n = net_.blobs.size();
    const std::size_t b =
        choose_.once_in(3) ? choose_.between(0, n - 1) : n - 1 - choose_.between(0, std::min<std::size_t>(n, 2) - 1);
    return std::find(own_.begin(), own_.end(), b) == own_.end() ? b : 0;
  }
  /// Others of the same shape as b, itself where there are none.
  std::size_t like(std::size_t b) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < net_.blobs.size(); ++i) {
      const bool is_own = std::find(own_.begin(), own_.end(), i) != own_.end();
      if (shape(i) == shape(b) && !is_own) found.push_back(i);
    }
    return found[choose_.between(0, found.size() - 1)];
  }
  std::vector<float> floats(std::size_t n, float deviation = 1.0F) {
    std::vector<float> v(n);
    for (float& f : v) f = values_.normal() * deviation;
    return v;
  }
  tensor<float> weights(const tensor_shape& s, std::size_t terms) {
    return values_.tensor(s, 1.0F / std::sqrt(static_cast<float>(terms)));
  }

  /// Whether the layer was taken: not where it is too large or its shapes do not fit.
  bool add(layer_params params, std::vector<std::size_t> inputs, std::size_t outputs = 1, bool on_cpu = false) {
    const std::string name = "layer" + std::to_string(net_.layers.size());
    layer l{name, name, "random:2:1", inputs, std::vector<std::size_t>(outputs), std::move(params)};
    l.on_cpu = on_cpu || choose_.once_in(12);
    std::vector<tensor_shape> shapes;
    for (const std::size_t b : inputs) shapes.push_back(shape(b));
    std::vector<tensor_shape> made;
    try {
      made = infer_shapes(l, shapes);
    } catch (const error&) {
      return false;
    }
    for (const tensor_shape& s : made) {
      if (s.size() > most_elements) return false;
    }
    for (std::size_t o = 0; o < outputs; ++o) l.outputs[o] = new_blob(made[o]);
    net_.layers.push_back(std::move(l));
    return true;
  }

  conv2d_params geometry(std::array<std::size_t, 2>& kernel, std::size_t groups) {
    conv2d_params p;
    kernel = {choose_.between(1, 5), choose_.between(1, 5)};
    if (choose_.once_in(3)) kernel = {1, 1};
    for (std::size_t a = 0; a < 2; ++a) {
      if (choose_.once_in(2)) p.stride[a] = choose_.between(1, 4);
      if (choose_.once_in(3)) p.dilation[a] = choose_.between(1, 3);
    }
    if (choose_.once_in(2)) {
      p.pad = {choose_.between(0, 3), choose_.between(0, 3), choose_.between(0, 3), choose_.between(0, 3)};
    }
    p.groups = groups;
    return p;
  }
  std::size_t divisor_of(std::size_t n) {
    std::vector<std::size_t> all;
    for (std::size_t d = 1; d <= n; ++d) {
      if (n % d == 0) all.push_back(d);
    }
    return choose_.once_in(2) ? all[choose_.between(0, all.size() - 1)] : 1;
  }

  batch_norm_params norm(std::size_t channels) {
    batch_norm_params p;
    p.mean = floats(channels);
    p.variance = floats(channels);
    for (float& v : p.variance) v = std::fabs(v) + 0.1F;
    p.gamma = floats(channels);
    p.beta = floats(channels);
    return p;
  }

  void add_recurrent(std::size_t b) {
    const tensor_shape x = shape(b);
    layers::recurrent p;
    p.cell = choose_.once_in(3) ? recurrent_cell::rnn : recurrent_cell::lstm;
    if (choose_.once_in(4)) p.flat_sequences = 1;
    const std::size_t steps = x[0], sequences = p.flat_sequences != 0 ? 1 : x.rank() < 2 ? 0 : x[1];
    if (sequences == 0) return;
    const std::size_t hidden = choose_.between(1, choose_.once_in(4) ? 40 : 6);
    const std::size_t sums = hidden * (p.cell == recurrent_cell::lstm ? 4 : 1), features = x.size() / steps / sequences;
    std::vector<std::size_t> inputs{b};
    p.has_continuation = choose_.once_in(2);
    if (p.has_continuation) {
      if (!add(continuation_indicator_params{steps, sequences}, {}, 1, true)) return;
      inputs.push_back(net_.blobs.size() - 1);
      p.is_flag = choose_.once_in(3);
    }
    const std::size_t other = any_blob();
    p.has_fixed_input = shape(other).rank() != 0 && shape(other)[0] == sequences;
    if (p.has_fixed_input) {
      inputs.push_back(other);
      const std::size_t fixed = shape(other).size() / sequences;
      p.learned.fixed = weights({sums, fixed}, fixed);
    }
    p.learned.input = weights({sums, features}, features);
    p.learned.hidden = weights({sums, hidden}, hidden);
    if (choose_.once_in(2)) p.learned.bias = floats(sums);
    if (p.cell == recurrent_cell::rnn) {
      p.learned.output = weights({hidden, hidden}, hidden);
      if (choose_.once_in(2)) p.learned.output_bias = floats(hidden);
    }
    add(p, inputs);
  }

  void add_layer() {
    const std::size_t b = any_blob();
    const tensor_shape x = shape(b);  // a copy: blobs are added
    const bool is_map = x.rank() == 4;
    const std::size_t kind = choose_.between(0, 48);
    switch (kind) {
      case 0:
      case 1:
      case 2: {
        if (!is_map) return;
        std::array<std::size_t, 2> k{};
        const std::size_t groups = divisor_of(x[1]);
        const conv2d_params p = geometry(k, groups);
        const std::size_t outputs =
            groups * (choose_.once_in(3) ? 1 : choose_.between(1, (choose_.once_in(6) ? 70 : 20) / groups + 1));
        const std::size_t each = x[1] / groups;
        const bool has_bias = choose_.once_in(2);
        add(layers::convolution{p, weights({outputs, each, k[0], k[1]}, each * k[0] * k[1]),
                                has_bias ? floats(outputs) : std::vector<float>{}},
            {b});
        return;
      }
      case 3:
      case 4: {
        if (!is_map) return;
        std::array<std::size_t, 2> k{};
        const std::size_t groups = divisor_of(x[1]);
        const conv2d_params p = geometry(k, groups);
        const std::size_t each = choose_.between(1, 4);
        const bool has_bias = choose_.once_in(2);
        add(layers::deconvolution{p, weights({x[1], each, k[0], k[1]}, x[1] / groups),
                                  has_bias ? floats(each * groups) : std::vector<float>{}},
            {b});
        return;
      }
      case 5:
      case 6: {
        const std::size_t axis = choose_.once_in(4) ? choose_.between(0, x.rank() - 1) : x.rank() > 1 ? 1 : 0;
        std::size_t features = 1;
        for (std::size_t a = axis; a < x.rank(); ++a) features *= x[a];
        const std::size_t outputs = choose_.between(1, choose_.once_in(4) ? 100 : 12);
        if (features > 2000) return;
        const bool has_bias = choose_.once_in(2);
        add(layers::fully_connected{axis, weights({outputs, features}, features),
                                    has_bias ? floats(outputs) : std::vector<float>{}},
            {b});
        return;
      }
      case 7:
      case 8: {
        if (!is_map) return;
        pooling_params p;
        p.operation = kind == 7            ? pooling_operation::maximum
                      : choose_.once_in(3) ? pooling_operation::average_inside
                                           : pooling_operation::average;
        p.size = choose_.one_of({pooling_size::ceil, pooling_size::floor});
        p.global = choose_.once_in(6);
        if (!p.global) {
          p.kernel = {choose_.between(1, 4), choose_.between(1, 4)};
          p.stride = {choose_.between(1, 4), choose_.between(1, 4)};
          if (choose_.once_in(2)) {
            p.pad = {choose_.between(0, p.kernel[0] - 1), choose_.between(0, p.kernel[1] - 1),
                     choose_.between(0, p.kernel[0] - 1), choose_.between(0, p.kernel[1] - 1)};
          }
        }
        if (kind == 8 || !choose_.once_in(3)) {
          add(p, {b});
        } else if (add(p, {b}, 2)) {
          const std::size_t mask = net_.blobs.size() - 1;
          own_.push_back(mask);
          add(unpool_params{{x[2], x[3]}}, {mask - 1, mask});
        }
        return;
      }
      case 9:
      case 10: {
        eltwise_params p;
        p.operation = choose_.one_of(
            {eltwise_operation::sum, eltwise_operation::sum, eltwise_operation::maximum, eltwise_operation::product});
        std::vector<std::size_t> inputs = {b};
        for (std::size_t i = choose_.between(1, 2); i > 0; --i) inputs.push_back(like(b));
        if (p.operation == eltwise_operation::sum && choose_.once_in(2)) p.coefficients = floats(inputs.size());
        add(p, inputs);
        return;
      }
      case 11:
      case 12: {
        const std::size_t axis = choose_.between(0, x.rank() - 1);
        std::vector<std::size_t> inputs = {b};
        for (std::size_t i = choose_.between(0, 2); i > 0; --i) {
          // Any blob that fits but for the axis.
          const std::size_t other = any_blob();
          bool fits = shape(other).rank() == x.rank();
          for (std::size_t a = 0; fits && a < x.rank(); ++a) fits = a == axis || shape(other)[a] == x[a];
          inputs.push_back(fits ? other : like(b));
        }
        add(concat_params{axis}, inputs);
        return;
      }
      case 13: {
        slice_params p{choose_.between(0, x.rank() - 1), {}, 1};
        const std::size_t n = x[p.axis];
        if (choose_.once_in(2)) {
          for (std::size_t at = 0; (at += choose_.between(1, 4)) < n && p.points.size() < 3;) p.points.push_back(at);
          add(p, {b}, p.points.size() + 1);
        } else {
          p.parts = std::min<std::size_t>(divisor_of(n), 4);
          if (n % p.parts == 0) add(p, {b}, p.parts);
        }
        return;
      }
      case 14: {
        const std::size_t axis = choose_.between(0, x.rank() - 1);
        const std::size_t covered = choose_.between(0, x.rank() - axis);
        const tensor_shape part(std::span<const std::size_t>(x.begin() + axis, covered));
        if (choose_.once_in(4)) {  // the factors are another blob
          std::size_t other = any_blob();
          add(layers::scale{{choose_.once_in(2) ? 0 : axis}, std::nullopt, {}},
              {b, shape(other) == part ? other : like(b)});
        } else {
          const bool has_shift = choose_.once_in(2);
          add(layers::scale{{axis}, values_.tensor(part), has_shift ? floats(part.size()) : std::vector<float>{}}, {b});
        }
        return;
      }
      case 15: {
        if (x.rank() < 2) return;
        batch_norm_params p{.mean = floats(x[1]), .variance = floats(x[1])};
        for (float& v : p.variance) v = std::fabs(v) + 0.01F;
        if (choose_.once_in(2)) p.gamma = floats(x[1]);
        if (choose_.once_in(2)) p.beta = floats(x[1]);
        p.count = choose_.one_of({1.0F, 1.0F, 999.5F, 0.0F});
        add(layers::batch_norm{p}, {b});
        return;
      }
      case 16: {
        power_params p{choose_.one_of({1.0F, 2.0F, 3.0F, 0.5F, -0.5F, -1.0F, -2.0F, -3.0F}),
                       choose_.one_of({1.0F, -0.5F, 2.0F}), choose_.one_of({0.0F, 1.0F, -0.25F})};
        const bool needs_positive = p.exponent < 1.0F;
        if (!needs_positive) {
          add(p, {b});
        } else if (add(activation_params{activation_function::sigmoid}, {b})) {
          add(power_params{p.exponent, 2.0F, 0.5F}, {net_.blobs.size() - 1});
        }
        return;
      }
      case 17: add(relu_params{}, {b}); return;
      case 18: add(relu_params{choose_.one_of({0.1F, -0.5F, 1.5F})}, {b}); return;
      case 19: {
        if (x.rank() < 2) return;
        const std::size_t n = choose_.once_in(2) ? 1 : x[1];
        add(layers::prelu{floats(n, 0.5F)}, {b});
        return;
      }
      case 20: {
        using f = activation_function;
        activation_params p{choose_.one_of({f::sigmoid, f::tanh, f::elu, f::absolute, f::exponential, f::logarithm,
                                            f::bnll, f::threshold, f::relu6, f::swish, f::hard_swish, f::mish})};
        p.threshold = choose_.one_of({0.0F, 0.25F});
        p.alpha = choose_.one_of({1.0F, 0.3F});
        if (p.function == f::exponential || p.function == f::logarithm) {
          if (!add(activation_params{f::tanh}, {b})) return;
          p.base = choose_.one_of({-1.0F, 2.0F, 10.0F});
          p.scale = choose_.one_of({1.0F, -0.75F});
          p.shift = choose_.one_of({1.5F, 2.0F});
          add(p, {net_.blobs.size() - 1});
        } else {
          add(p, {b});
        }
        return;
      }
      case 21: add(softmax_params{choose_.between(0, x.rank() - 1)}, {b}); return;
      case 22: {
        lrn_params p{choose_.one_of<std::size_t>({1, 3, 5}), choose_.one_of({1.0F, 1e-4F}),
                     choose_.one_of({0.75F, 0.5F, 1.0F, 0.9F}), 1.0F,
                     choose_.one_of({lrn_region::across_channels, lrn_region::within_channel})};
        if (p.region == lrn_region::across_channels) p.k = choose_.one_of({1.0F, 2.0F});
        add(p, {b});
        return;
      }
      case 23: {
        std::vector<std::size_t> axes;
        for (std::size_t a = 0; a < x.rank(); ++a) {
          if (choose_.once_in(2)) axes.push_back(a);
        }
        const bool keep = choose_.once_in(2) || axes.size() == x.rank();
        if (choose_.once_in(2)) add(reduce_mean_params{axes, keep}, {b});
        else
          add(reduce_sum_params{axes, keep, choose_.one_of({1.0F, -0.5F}),
                                choose_.one_of(
                                    {reduction_term::value, reduction_term::magnitude, reduction_term::square})},
              {b});
        return;
      }
      case 24: {
        std::vector<std::size_t> order(x.rank());
        for (std::size_t a = 0; a < order.size(); ++a) order[a] = a;
        for (std::size_t a = order.size(); a-- > 1;) std::swap(order[a], order[choose_.between(0, a)]);
        add(permute_params{order}, {b});
        return;
      }
      case 25: {
        if (choose_.once_in(3)) {
          const std::size_t first = choose_.between(0, x.rank() - 1);
          add(layers::flatten{first, choose_.between(first, x.rank() - 1)}, {b});
        } else if (choose_.once_in(2)) {
          add(layers::identity{}, {b}, choose_.between(1, 3));
        } else {
          const std::size_t axis = choose_.between(0, x.rank() - 1);
          layers::reshape p{{{0, -1}}, axis, std::min<std::size_t>(2, x.rank() - axis)};
          if (choose_.once_in(2)) p.params.extents = {-1, static_cast<std::int64_t>(x[x.rank() - 1])};
          add(p, {b});
        }
        return;
      }
      case 26: {
        if (!is_map) return;
        const std::size_t other = any_blob();
        crop_params p{choose_.between(0, 3), {}};
        if (choose_.once_in(2)) p.offsets = {choose_.between(0, 2)};
        add(p, {b, other}, 1, true);
        return;
      }
      case 27: {
        if (!is_map) return;
        const bool by_three = choose_.once_in(4);
        add(upsample_params{by_three ? 3U : 2U, {}}, {b}, 1, by_three);
        return;
      }
      case 28: {
        if (choose_.once_in(2)) {
          add(mvn_params{!choose_.once_in(3), choose_.once_in(2), 1e-3F}, {b});
        } else {
          const bool one = choose_.once_in(2);
          if (x.rank() < 2) return;
          add(layers::normalize{{choose_.once_in(2), 1e-6F}, one ? std::vector<float>{1.0F} : floats(x[1])}, {b});
        }
        return;
      }
      case 29: {
        if (!is_map) return;
        add(pass_through_params{{choose_.between(1, 3), choose_.between(1, 2)},
                                choose_.one_of({block_order::blocks, block_order::darknet, block_order::to_space,
                                                block_order::shuffle})},
            {b});
        return;
      }
      case 30: {
        if (!is_map) return;
        add(roi_pooling_params{{choose_.between(1, 3), choose_.between(1, 3)}, 0.25F}, {b, regions()});
        return;
      }
      case 31: {
        if (!is_map) return;
        const std::size_t group = choose_.between(1, 2);
        add(psroi_pooling_params{x[1] / group / group, group, 0.25F}, {b, regions()});
        return;
      }
      case 32: {
        add(spp_params{choose_.between(1, 3), choose_.one_of({pooling_operation::maximum, pooling_operation::average})},
            {b});
        return;
      }
      case 33: {
        if (!is_map) return;
        resize_params p;
        p.method = choose_.one_of({resize_method::bilinear, resize_method::nearest});
        p.grid = choose_.one_of({resize_grid::corners, resize_grid::origin, resize_grid::half_pixels});
        p.size = {choose_.between(1, 9), choose_.between(1, 9)};
        if (choose_.once_in(4)) p.crop = {choose_.between(0, 1), choose_.between(0, 1), 0, choose_.between(0, 1)};
        add(p, {b}, 1, true);
        return;
      }
      case 34: {
        // Priors of a small map, and scores and corrections for them.
        prior_box_params p;
        p.min_sizes = {4, 9};
        if (choose_.once_in(2)) p.max_sizes = {7, 12};
        if (choose_.once_in(2)) p.aspect_ratios = {2};
        p.clip = choose_.once_in(2);
        if (!is_map || x[2] * x[3] > 20 || !add(p, {b, b}, 1, true)) return;
        const std::size_t priors = net_.blobs.size() - 1, n = shape(priors).size() / 8;
        detection_output_params d;
        d.classes = choose_.between(1, 3);
        d.code = choose_.one_of({box_code::corner, box_code::center_size, box_code::corner_size});
        d.share_location = choose_.once_in(2);
        d.confidence_threshold = 0.1F;
        if (choose_.once_in(2)) d.keep_top_k = choose_.between(1, 9);
        const std::size_t scores = own_input(values_.tensor({1, n * d.classes}));
        const std::size_t moves = own_input(values_.tensor({1, n * 4 * (d.share_location ? 1 : d.classes)}, 0.5F));
        add(d, {moves, scores, priors}, 1, true);
        return;
      }
      case 35: {
        if (choose_.once_in(3)) {
          const tensor_shape map{1, 20, choose_.between(1, 3), choose_.between(1, 3)};
          const std::size_t scores = own_input(values_.tensor(map)), moves = own_input(values_.tensor(map, 0.3F));
          tensor<float> size = zeros({1, 3});
          size.fill(40);
          add(text_proposal_params{choose_.one_of<std::size_t>({8, 16})}, {scores, moves, own_input(std::move(size))},
              choose_.between(1, 2), true);
          return;
        }
        proposal_params p;
        p.stride = p.base_size = 8;
        p.ratios = {1, 2};
        p.scales = {1};
        p.min_size = 3;
        p.regions = choose_.between(1, 12);
        const std::size_t h = choose_.between(1, 4), w = choose_.between(1, 4);
        const std::size_t scores = own_input(values_.tensor({1, 4, h, w}));
        const std::size_t moves = own_input(values_.tensor({1, 8, h, w}, 0.3F));
        add(p, {scores, moves}, choose_.between(1, 2), true);
        return;
      }
      case 36: add_recurrent(b); return;
      case 37: {
        reverse_params p{{choose_.between(0, x.rank() - 1)}};
        if (choose_.once_in(3)) p.axes.push_back(choose_.between(0, x.rank() - 1));
        add(p, {b}, 1, true);
        return;
      }
      case 38: {
        if (!is_map) return;
        im2col_params p;
        p.geometry = geometry(p.kernel, 1);
        add(p, {b}, 1, true);
        return;
      }
      case 39: {
        ctc_greedy_decoder_params p{choose_.between(0, 2), !choose_.once_in(3)};
        if (choose_.once_in(3)) p.blank = std::nullopt;
        if (!is_map) {
          add(p, {b}, choose_.between(1, 2), true);
        } else if (add(layers::reshape{{{0, 0, -1}}, 0, 4}, {b})) {
          add(p, {net_.blobs.size() - 1}, choose_.between(1, 2), true);
        }
        return;
      }
      case 40: {
        if (!is_map) return;
        dense_block_params p;
        const std::size_t growth = choose_.between(1, 3);
        std::size_t channels = x[1];
        for (std::size_t s = choose_.between(1, 3); s > 0; --s, channels += growth) {
          dense_block_stage stage;
          stage.norm = norm(channels);
          std::size_t from = channels;
          if (choose_.once_in(2)) {
            from = 4 * growth;
            stage.narrow = weights({from, channels, 1, 1}, channels);
            stage.narrow_norm = norm(from);
          }
          stage.filter = weights({growth, from, 3, 3}, 9 * from);
          p.stages.push_back(std::move(stage));
        }
        add(p, {b}, 1, true);
        return;
      }
      case 41: {
        if (x.rank() >= 2) add(shuffle_channel_params{divisor_of(x[1])}, {b}, 1, true);
        return;
      }
      case 42: {
        if (!is_map) return;
        pooling_params whole;
        whole.operation = pooling_operation::average;
        whole.global = true;
        if (add(whole, {b})) add(axpy_params{}, {net_.blobs.size() - 1, b, like(b)}, 1, true);
        return;
      }
      case 43: {
        const std::size_t other = any_blob();
        std::size_t axis = 0;
        while (axis + shape(other).rank() < x.rank() && choose_.once_in(2)) ++axis;
        add(bias_params{detail::is_run_of(shape(other), x, axis) ? axis : 0},
            {b, detail::is_run_of(shape(other), x, axis) ? other : like(b)});
        return;
      }
      case 44: add(crelu_params{choose_.between(0, x.rank() - 1), choose_.one_of({0.0F, 0.1F})}, {b}); return;
      case 45:
      case 46: {
        if (x.rank() < 2) return;
        const std::size_t last = x[x.rank() - 1];
        matmul_params p{choose_.once_in(2), true, {}};
        if (p.transpose_a) p.transpose_b = false;
        if (choose_.once_in(4)) p = {false, false, {x.size() / last, last, x.size() / last}};
        add(p, {b, like(b)});
        return;
      }
      case 47: {
        if (choose_.once_in(2)) {
          add(layers::parameter{values_.tensor(x)}, {});
          return;
        }
        layers::custom p;
        for (std::size_t i = choose_.between(1, 2); i > 0; --i) {
          p.outputs.push_back({choose_.between(1, 3), choose_.between(1, 6)});
          p.values.push_back(values_.tensor(p.outputs.back()));
        }
        const std::size_t outputs = p.outputs.size();
        add(std::move(p), {b}, outputs, true);
        return;
      }
      default: {
        arg_max_params p{1, choose_.once_in(2), std::nullopt};
        if (choose_.once_in(2)) p.axis = choose_.between(0, x.rank() - 1);
        if (choose_.once_in(3)) p.top_k = choose_.between(1, 3);
        add(p, {b}, 1, true);
      }
    }
  }

  choices choose_;
  draws values_;
  network net_{"random", {}, {}};
  std::vector<std::size_t> own_{};  ///< blobs that only one layer may read
  std::vector<tensor<float>> inputs_;
};

/// The blobs of a run as they stand in memory, floats or q20_12.
inline std::vector<std::vector<std::uint32_t>> words_of(const network_runner& runner) {
  std::vector<std::vector<std::uint32_t>> result;
  for (std::size_t b = 0; b < runner.net().blobs.size(); ++b) {
    result.emplace_back();
    if (!runner.is_kept(b)) continue;
    runner.visit(b, [&](const auto& view) {
      for (const auto& v : view.span()) result.back().push_back(std::bit_cast<std::uint32_t>(v));
    });
  }
  return result;
}

/// How the library's float run differs from the naive evaluation, layer by layer on the library's own inputs; empty
/// where it does not. Adds to `compared` what it compared.
inline std::string float_difference(const generated& g, std::size_t& compared) {
  network_runner runner(g.net, float_plan(g.net), {.keep_all = true});
  runner.run(g.inputs);
  for (const layer& l : g.net.layers) {
    if (std::holds_alternative<layers::input>(l.params)) continue;
    std::vector<naive::array> inputs;
    bool is_finite = true;
    for (const std::size_t b : l.inputs) {
      inputs.push_back(naive::from(runner.value(b)));
      for (const double v : inputs.back().value) is_finite = is_finite && std::isfinite(v);
    }
    if (!is_finite) continue;  // undefined results are each operator's own tests' matter
    const auto expected = naive::evaluate(l, inputs);
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      const tensor<float> got = runner.value(l.outputs[o]);
      const naive::array& want = expected.at(o);
      const auto differs = [&](const std::string& what) {
        return detail::message(l.name, " (alternative ", l.params.index(), ") output ", o, " of inputs ",
                               l.inputs.empty() ? tensor_shape{} : g.net.blobs[l.inputs[0]].shape, ": ", what);
      };
      const tensor_shape shape(std::span<const std::size_t>(want.shape.data(), want.shape.size()));
      if (shape_of(got) != shape) return differs(detail::message("shape ", shape_of(got), ", expected ", shape));
      for (std::size_t i = 0; i < got.size(); ++i) {
        const auto v = static_cast<double>(got.data()[i]);
        const double e = want.value[i];
        const bool both_large = std::fabs(e) > 3.4e38 && std::isinf(v) && (v > 0) == (e > 0);
        if (both_large || (std::isnan(e) && std::isnan(v))) continue;
        ++compared;
        // Below the normal numbers the distance of floats is constant.
        if (!(std::fabs(v - e) <= want.tolerance[i] + 1e-44)) {
          return differs(detail::message("got ", v, " at ", coordinates(shape, i), ", expected ", e, " within ",
                                         want.tolerance[i]));
        }
      }
    }
  }
  return {};
}

/// The kept blobs of a run under `plan` with these options, as words.
inline std::vector<std::vector<std::uint32_t>> run_words(const generated& g, const precision_plan& plan,
                                                         runner_options options) {
  network_runner runner(g.net, plan, std::move(options));
  runner.run(g.inputs);
  return words_of(runner);
}

/// Where kept blobs of b differ from those of a, of the same network; empty where they do not.
inline std::string first_difference(const generated& g, const std::vector<std::vector<std::uint32_t>>& a,
                                    const std::vector<std::vector<std::uint32_t>>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!b[i].empty() && a[i] != b[i]) {
      return detail::message("blob ", i, " of shape ", g.net.blobs[i].shape, " has other bits");
    }
  }
  return {};
}

}  // namespace random_network
