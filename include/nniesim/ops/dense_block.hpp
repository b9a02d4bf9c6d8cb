// DenseBlock: stages of batch normalization, ReLU and a 3 x 3 convolution, each of which adds channels to its input.
// The accelerator has no such layer; it runs on the CPU, in float32.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <nniesim/kernels/arena.hpp>
#include <nniesim/kernels/executor.hpp>
#include <nniesim/ops/conv2d.hpp>
#include <nniesim/ops/relu.hpp>
#include <nniesim/ops/scale.hpp>

NNIESIM_BEGIN_NAMESPACE

/// One stage, for an input of C channels: y = filter * relu(norm(x)), or with a bottleneck of B channels
/// y = filter * relu(narrow_norm(narrow * relu(norm(x)))). Convolutions have stride 1 and no bias.
struct dense_block_stage {
  batch_norm_params norm{};               ///< C channels
  std::optional<tensor<float>> narrow{};  ///< B x C x 1 x 1
  batch_norm_params narrow_norm{};        ///< B channels; of a bottleneck alone
  tensor<float> filter{};                 ///< growth x C (or B) x 3 x 3, padding 1
};

/// The layer of Caffe's forks: each stage's output goes behind the channels that it read, and the next reads them all.
struct dense_block_params {
  std::vector<dense_block_stage> stages{};  ///< in the order in which they run
};

namespace detail {

inline constexpr conv2d_params dense_block_window{.stride = {1, 1}, .pad = {1, 1}, .dilation = {1, 1}, .groups = 1};

}  // namespace detail

/// N x C + all growths x H x W for an input N x C x H x W. Throws shape_error or format_error where stages do not fit.
[[nodiscard]] inline tensor_shape infer_shape(const dense_block_params& p, const tensor_shape& x) {
  require_rank(x, 4, "dense_block input", "batch, channels, rows, columns");
  std::size_t channels = x[1];
  for (const dense_block_stage& s : p.stages) {
    tensor_shape in = infer_shape(as_affine(s.norm), {x[0], channels, x[2], x[3]});
    if (s.narrow) {
      const tensor_shape narrow = shape_of(*s.narrow);
      in = infer_shape(conv2d_params{}, in, narrow);
      detail::require<shape_error>(narrow[2] == 1 && narrow[3] == 1, "dense_block: bottleneck ", narrow,
                                   ", expected a kernel of 1 x 1");
      (void)infer_shape(as_affine(s.narrow_norm), in);
    }
    const tensor_shape filter = shape_of(s.filter);
    const tensor_shape y = infer_shape(detail::dense_block_window, in, filter);
    detail::require<shape_error>(filter[2] == 3 && filter[3] == 3, "dense_block: filter ", filter,
                                 ", expected a kernel of 3 x 3");
    channels += y[1];
  }
  return {x[0], channels, x[2], x[3]};
}

namespace reference {

/// The scalar specification: that of the operators one behind the other, in float32. Allocates.
inline void dense_block(tensor_view<const float> x, const dense_block_params& p, tensor_view<float> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "reference::dense_block");
  const std::size_t map = x.shape()[2] * x.shape()[3];
  for (std::size_t n = 0; n < x.shape()[0]; ++n) {
    float* const sample = y.data() + n * y.shape()[1] * map;
    std::size_t channels = x.shape()[1];
    std::copy_n(x.data() + n * channels * map, channels * map, sample);
    const auto normed = [](tensor_view<const float> in, const batch_norm_params& norm) {
      auto out = make_tensor<float>(in.shape());
      batch_norm<float32>(in, as_affine(norm), view_of(out));
      relu<float32>(view_of(std::as_const(out)), {}, view_of(out));
      return out;
    };
    const auto convolved = [](const tensor<float>& in, const tensor<float>& w, const conv2d_params& g,
                              tensor_view<float> out) {
      const std::vector<group_weights<binary32>> groups{group_weights<binary32>::of({w.data(), w.size()})};
      conv2d<float32, float>(view_of(in), {}, view_of(w), groups, {}, g, {}, out);
    };
    for (const dense_block_stage& s : p.stages) {
      tensor<float> in =
          normed(view_of(static_cast<const float*>(sample), {1, channels, x.shape()[2], x.shape()[3]}), s.norm);
      if (s.narrow) {
        auto narrow = make_tensor<float>({1, shape_of(*s.narrow)[0], x.shape()[2], x.shape()[3]});
        convolved(in, *s.narrow, {}, view_of(narrow));
        in = normed(view_of(std::as_const(narrow)), s.narrow_norm);
      }
      const std::size_t growth = shape_of(s.filter)[0];
      convolved(in, s.filter, detail::dense_block_window,
                view_of(sample + channels * map, {1, growth, x.shape()[2], x.shape()[3]}));
      channels += growth;
    }
  }
}

}  // namespace reference

/// A dense block whose weights are laid out once. Const member functions may run at the same time.
class dense_block_layer {
 public:
  /// Throws as conv2d_layer and as_affine.
  explicit dense_block_layer(const dense_block_params& p) {
    for (const dense_block_stage& s : p.stages) {
      stage& to = stages_.emplace_back(stage{
          as_affine(s.norm), {}, {}, convolution(s.filter, detail::dense_block_window), shape_of(s.filter)[0], 0});
      if (!s.narrow) continue;
      to.narrow.emplace(*s.narrow, conv2d_params{});
      to.narrow_norm = as_affine(s.narrow_norm);
      to.narrow_channels = shape_of(*s.narrow)[0];
    }
  }

  /// Bytes that run() needs for an input of this shape and these threads.
  [[nodiscard]] std::size_t workspace_bytes(const tensor_shape& x, const executor& threads = {}) const {
    std::size_t channels = x[1], wide = 0, narrow = 0, inner = 0;
    for (const stage& s : stages_) {
      const tensor_shape in{1, channels, x[2], x[3]};
      wide = std::max(wide, channels);
      tensor_shape filtered = in;
      if (s.narrow) {
        inner = std::max(inner, s.narrow->workspace_bytes(in, threads));
        filtered = {1, s.narrow_channels, x[2], x[3]};
        narrow = std::max(narrow, s.narrow_channels);
      }
      inner = std::max(inner, s.filter.workspace_bytes(filtered, threads));
      channels += s.growth;
    }
    const auto room = [&](std::size_t n) { return kernels::arena::rounded(n * x[2] * x[3] * sizeof(float)); };
    return kernels::arena::alignment + room(wide) + room(narrow) + inner;
  }

  /// Evaluates into `y` of the inferred shape, which is not x. The same bits as the specification. Throws where the
  /// arguments do not fit.
  void run(tensor_view<const float> x, tensor_view<float> y, std::span<std::byte> workspace,
           const executor& threads = {}) const {
    const tensor_shape& shape = x.shape();
    const std::size_t map = shape[2] * shape[3];
    std::size_t wide = shape[1], narrow_channels = 0, last = shape[1];
    for (const stage& s : stages_) {
      wide = last;
      narrow_channels = std::max(narrow_channels, s.narrow_channels);
      last += s.growth;
    }
    detail::require_output(y.shape(), {shape[0], last, shape[2], shape[3]}, "dense_block");
    kernels::arena memory(workspace);
    float* const normed = memory.take<float>(wide * map, "dense_block");
    float* const narrow = memory.take<float>(narrow_channels * map, "dense_block");
    const std::span<std::byte> inner = memory.rest();
    const auto norm = [](const float* from, const channel_affine& a, float* to, const tensor_shape& in) {
      batch_norm_into<float32>(view_of(from, in), a, view_of(to, in));
      relu_into<float32>(tensor_view<const float>(view_of(to, in)), {}, view_of(to, in));
    };
    for (std::size_t n = 0; n < shape[0]; ++n) {
      float* const sample = y.data() + n * last * map;
      std::size_t channels = shape[1];
      std::copy_n(x.data() + n * channels * map, channels * map, sample);
      for (const stage& s : stages_) {
        tensor_shape in{1, channels, shape[2], shape[3]};
        norm(sample, s.norm, normed, in);
        const float* from = normed;
        if (s.narrow) {
          const tensor_shape few{1, s.narrow_channels, shape[2], shape[3]};
          s.narrow->run(view_of(static_cast<const float*>(normed), in), {}, view_of(narrow, few), inner, threads);
          norm(narrow, s.narrow_norm, narrow, few);
          from = narrow;
          in = few;
        }
        s.filter.run(view_of(from, in), {}, view_of(sample + channels * map, {1, s.growth, shape[2], shape[3]}), inner,
                     threads);
        channels += s.growth;
      }
    }
  }

  /// The output of the block for x.
  template <tensor_like X>
  [[nodiscard]] tensor<float> operator()(const X& x, const executor& threads = {}) const {
    const detail::op_input<float32, X> in(x, "dense_block");
    require_rank(in.shape(), 4, "dense_block input", "batch, channels, rows, columns");
    std::size_t channels = in.shape()[1];
    for (const stage& s : stages_) channels += s.growth;
    auto y = make_tensor<float>({in.shape()[0], channels, in.shape()[2], in.shape()[3]});
    std::vector<std::byte> workspace(workspace_bytes(in.shape(), threads));
    run(in.view(), view_of(y), workspace, threads);
    return y;
  }

 private:
  using convolution = conv2d_layer<float32>;
  struct stage {
    channel_affine norm;
    std::optional<convolution> narrow;
    channel_affine narrow_norm;
    convolution filter;
    std::size_t growth;
    std::size_t narrow_channels;  ///< 0 without a bottleneck
  };

  std::vector<stage> stages_;
};

NNIESIM_END_NAMESPACE
