// One layer of a network under one precision policy: its weights prepared once, then run as often as wanted.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/kernels/quantize.hpp>
#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How many ranges a layer's inputs have, each encoded with an activation scale of its own: one for a convolution, a
/// deconvolution, a fully connected layer, a max pooling and an upsampling, one per input of an element-wise layer and
/// of a concat; none for all others. Source: which layers a public toolkit for this hardware
/// writes ranges for (seen by exclusion; that max pooling encodes its input is reported a second time, from a board).
/// The hardware's own documents say nothing: a better fact changes this function alone.
[[nodiscard]] inline std::size_t input_ranges(const layer& l) noexcept {
  return std::visit(
      detail::overloaded{
          [](const layers::convolution&) { return std::size_t{1}; },
          [](const layers::deconvolution&) { return std::size_t{1}; },
          [](const layers::fully_connected&) { return std::size_t{1}; },
          [](const pooling_params& p) { return std::size_t{p.operation == pooling_operation::maximum ? 1U : 0U}; },
          [](const upsample_params&) { return std::size_t{1}; },
          [&](const eltwise_params&) { return l.inputs.size(); },
          [&](const concat_params&) { return l.inputs.size(); },
          [](const auto&) { return std::size_t{0}; },
      },
      l.params);
}

namespace detail {

/// x encoded and decoded, as the layer's output format holds it.
template <precision_policy P>
void requantize(std::span<const value_t<P>> x, const typename P::activations::scale& s, std::span<value_t<P>> y) {
  using output = typename P::output;
  if constexpr (std::same_as<typename P::activations, binary32>) {
    std::copy(x.begin(), x.end(), y.begin());
  } else {
    constexpr std::size_t piece = 1024;
    float values[piece];
    for (std::size_t at = 0; at < x.size(); at += piece) {
      const std::size_t n = std::min(piece, x.size() - at);
      const std::span<float> part(values, n);
      decode<output>(x.subspan(at, n), part, {});
      fake_quantize<typename P::activations>(part, part, s);
      encode<output>(part, y.subspan(at, n), {});
    }
  }
}

/// Runs f(begin, count) over n elements, in pieces of whole `unit`s that the threads share.
template <class F>
void share(std::size_t n, std::size_t unit, const executor& threads, F&& f) {
  constexpr std::size_t least = std::size_t{1} << 14U;
  const std::size_t units = n / unit;
  const std::size_t parts = threads.workers < 2 ? 1 : std::clamp<std::size_t>(n / least, 1, 4 * threads.workers);
  const std::size_t pieces = std::min(parts, units);
  threads(pieces, [&](std::size_t i) {
    const std::size_t begin = units * i / pieces;
    const std::size_t end = units * (i + 1) / pieces;
    f(begin * unit, (end - begin) * unit);
  });
}

}  // namespace detail

/// A layer ready to run on inputs of the given shapes. Threads may share one object, which no run changes.
template <precision_policy P>
class layer_operator {
 public:
  using value = value_t<P>;
  using activation_scale = typename P::activations::scale;
  using const_view = tensor_view<const value>;
  using view = tensor_view<value>;

  /// `l` must outlive the object. Throws where shapes and parameters do not fit, as infer_shapes and the operators do.
  layer_operator(const layer& l, std::span<const tensor_shape> inputs);

  [[nodiscard]] const std::vector<tensor_shape>& output_shapes() const noexcept { return outputs_; }

  /// Bytes that run() needs.
  [[nodiscard]] std::size_t workspace_bytes(const executor& all_threads) const;

  /// The activation scales that the inputs themselves ask for, input_ranges() of them. Throws shape_error as run().
  [[nodiscard]] std::vector<activation_scale> derive_scales(std::span<const const_view> inputs) const;

  /// Evaluates into `outputs`, whose shapes are output_shapes(). `scales`: one for each of input_ranges(). With `relu`
  /// a convolution, deconvolution or fully connected layer writes max(y, 0).
  void run(std::span<const const_view> inputs, std::span<const activation_scale> scales, std::span<const view> outputs,
           std::span<std::byte> workspace, const executor& all_threads, bool relu = false) const;

 private:
  template <class Prepared, class Params, class... Geometry>
  void emplace(const Params& p, const Geometry&... geometry) {
    if (p.bias.empty()) {
      prepared_.template emplace<Prepared>(p.weights, no_bias, geometry...);
    } else {
      const tensor_view<const float> bias(p.bias, {p.bias.size()});
      prepared_.template emplace<Prepared>(p.weights, bias, geometry...);
    }
  }
  void check_inputs(std::span<const const_view> inputs) const {
    detail::require<shape_error>(inputs.size() == inputs_.size(), layer_->type, ": ", inputs.size(),
                                 " inputs, expected ", inputs_.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      detail::require<shape_error>(inputs[i].shape() == inputs_[i], layer_->type, ": input of shape ",
                                   inputs[i].shape(), ", expected ", inputs_[i]);
    }
  }
  [[nodiscard]] tensor_shape rows(const tensor_shape& x) const {
    return detail::as_rows(x, std::get<layers::fully_connected>(layer_->params).axis);
  }
  [[nodiscard]] static channel_affine affine_of(std::span<const float> factor, std::span<const float> shift) {
    channel_affine a{{factor.begin(), factor.end()}, {shift.begin(), shift.end()}};
    a.shift.resize(a.factor.size());
    return a;
  }
  [[nodiscard]] static std::vector<value> converted(std::span<const float> values) {
    std::vector<value> result;
    for (const float v : values) result.push_back(P::output::from(static_cast<double>(v)));
    return result;
  }
  template <class T>
  [[nodiscard]] static tensor_view<T> part(const tensor_view<T>& whole, std::size_t at, std::size_t n) {
    return {whole.span().subspan(at, n), {n}};
  }

  /// Factor and shift of every channel, which begins at `axis`.
  void run_affine(const const_view& x, std::size_t axis, const view& y, const executor& threads) const {
    const channel_affine& a = std::get<channel_affine>(prepared_);
    const std::size_t channels = a.factor.size();
    std::size_t outer = 1;
    for (std::size_t i = 0; i < axis; ++i) outer *= x.shape()[i];
    const std::size_t inner = x.size() / outer / channels;
    detail::share(x.size(), channels * inner, threads, [&](std::size_t at, std::size_t n) {
      const tensor_shape shape{n / inner / channels, channels, inner};
      batch_norm_into<P>({x.span().subspan(at, n), shape}, a, {y.span().subspan(at, n), shape});
    });
  }

  void copy_to_all(const const_view& x, std::span<const view> outputs, const executor& threads) const {
    for (const view& y : outputs) {
      if (y.data() == x.data()) continue;
      detail::share(x.size(), 1, threads,
                    [&](std::size_t at, std::size_t n) { std::copy_n(x.data() + at, n, y.data() + at); });
    }
  }

  void run_pooling(const const_view& x, std::span<const activation_scale> scales, const pooling_params& p,
                   const view& y, const executor& threads) const {
    const activation_scale s = scales.empty() ? activation_scale{} : scales[0];
    const std::size_t in = x.shape()[2] * x.shape()[3];
    const std::size_t out = y.shape()[2] * y.shape()[3];
    detail::share(x.size(), in, threads, [&](std::size_t at, std::size_t n) {
      const std::size_t maps = n / in;
      pooling_into<P>({x.span().subspan(at, n), {1, maps, x.shape()[2], x.shape()[3]}}, s, p,
                      {y.span().subspan(at / in * out, maps * out), {1, maps, y.shape()[2], y.shape()[3]}});
    });
  }

  void run_eltwise(std::span<const const_view> inputs, std::span<const activation_scale> scales,
                   const eltwise_params& p, const view& y, const executor& threads) const {
    constexpr std::size_t piece = 4096;  // of each input: small enough for the cache
    detail::share(y.size(), 1, threads, [&](std::size_t begin, std::size_t count) {
      std::vector<value> encoded(inputs.size() * std::min(piece, count));
      std::vector<const_view> parts(inputs.size());
      for (std::size_t at = begin; at < begin + count; at += piece) {
        const std::size_t n = std::min(piece, begin + count - at);
        for (std::size_t i = 0; i < inputs.size(); ++i) {
          const std::span<value> to = std::span(encoded).subspan(i * n, n);
          detail::requantize<P>(inputs[i].span().subspan(at, n), scales[i], to);
          parts[i] = const_view(to, {n});
        }
        eltwise_into<P>(parts, p, part(y, at, n));
      }
    });
  }

  void run_concat(std::span<const const_view> inputs, std::span<const activation_scale> scales, const concat_params& p,
                  const view& y, const executor& threads) const {
    std::size_t outer = 1;
    for (std::size_t i = 0; i < p.axis; ++i) outer *= y.shape()[i];
    const std::size_t row = y.size() / outer;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::size_t length = inputs[i].size() / outer;
      for (std::size_t o = 0; o < outer; ++o) {
        detail::share(length, 1, threads, [&](std::size_t at, std::size_t n) {
          detail::requantize<P>(inputs[i].span().subspan(o * length + at, n), scales[i],
                                y.span().subspan(o * row + begin + at, n));
        });
      }
      begin += length;
    }
  }

  const layer* layer_;
  std::vector<tensor_shape> inputs_;
  std::vector<tensor_shape> outputs_;
  bool is_small_ = false;  ///< one thread is enough
  std::variant<std::monostate, conv2d_layer<P>, deconv2d_layer<P>, fully_connected_layer<P>, channel_affine,
               std::vector<value>>
      prepared_;
};

template <precision_policy P>
layer_operator<P>::layer_operator(const layer& l, std::span<const tensor_shape> inputs)
    : layer_(&l), inputs_(inputs.begin(), inputs.end()), outputs_(infer_shapes(l, inputs)) {
  std::visit(detail::overloaded{
                 [&](const layers::convolution& p) { emplace<conv2d_layer<P>>(p, p.geometry); },
                 [&](const layers::deconvolution& p) { emplace<deconv2d_layer<P>>(p, p.geometry); },
                 [&](const layers::fully_connected& p) { emplace<fully_connected_layer<P>>(p); },
                 [&](const layers::batch_norm& p) { prepared_ = as_affine(p.statistics); },
                 [&](const layers::scale& p) {
                   if (p.factor) prepared_ = affine_of(view_of(*p.factor).span(), p.shift);
                 },
                 [&](const layers::normalize& p) { prepared_ = affine_of(p.factor, {}); },
                 [&](const layers::prelu& p) { prepared_ = prelu_slopes<P>(p.slope); },
                 [&](const power_params& p) { check<P>(p); },
                 [&](const upsample_params& p) { check<P>(p); },
                 [&](const arg_max_params&) {
                   detail::require<format_error>(std::same_as<value, float>, l.type, ": under policy ",
                                                 policy_name<P>(), ", expected it on the host, in float32");
                 },
                 [](const auto&) {},
             },
             l.params);
  // Waking threads takes longer than some layers.
  std::size_t work = 0;
  for (const tensor_shape& s : inputs_) work += s.size();
  for (const tensor_shape& s : outputs_) work += s.size();
  std::visit(
      detail::overloaded{
          [&](const layers::convolution& p) { work += outputs_[0].size() * (p.weights.size() / outputs_[0][1]) / 8; },
          [&](const layers::deconvolution& p) { work += inputs_[0].size() * (p.weights.size() / inputs_[0][1]) / 8; },
          [&](const layers::fully_connected& p) { work += p.weights.size() / 8; },
          [](const auto&) {},
      },
      l.params);
  is_small_ = work < (std::size_t{1} << 15U);
}

template <precision_policy P>
std::size_t layer_operator<P>::workspace_bytes(const executor& all_threads) const {
  const executor threads = is_small_ ? executor{} : all_threads;
  if (const auto* conv = std::get_if<conv2d_layer<P>>(&prepared_)) return conv->workspace_bytes(inputs_[0], threads);
  if (const auto* deconv = std::get_if<deconv2d_layer<P>>(&prepared_)) {
    return deconv->workspace_bytes(inputs_[0], threads);
  }
  if (const auto* full = std::get_if<fully_connected_layer<P>>(&prepared_)) {
    return full->workspace_bytes(rows(inputs_[0]), threads);
  }
  return 0;
}

template <precision_policy P>
auto layer_operator<P>::derive_scales(std::span<const const_view> inputs) const -> std::vector<activation_scale> {
  check_inputs(inputs);
  std::vector<activation_scale> scales;
  for (std::size_t i = 0; i < input_ranges(*layer_); ++i) {
    scales.push_back(kernels::engine<P>::scale_of(active_isa(), inputs[i].data(), inputs[i].size()));
  }
  return scales;
}

template <precision_policy P>
void layer_operator<P>::run(std::span<const const_view> inputs, std::span<const activation_scale> scales,
                            std::span<const view> outputs, std::span<std::byte> workspace, const executor& all_threads,
                            bool relu) const {
  const executor threads = is_small_ ? executor{} : all_threads;
  check_inputs(inputs);
  detail::require<shape_error>(outputs.size() == outputs_.size() && scales.size() == input_ranges(*layer_),
                               layer_->type, ": ", outputs.size(), " outputs and ", scales.size(),
                               " activation scales, expected ", outputs_.size(), " and ", input_ranges(*layer_));
  const view& y = outputs[0];
  const output_stage stage{relu, nullptr};
  const auto x = [&] { return inputs[0]; };
  std::visit(detail::overloaded{
                 [&](const layers::input&) {},
                 [&](const layers::convolution&) {
                   std::get<conv2d_layer<P>>(prepared_).run(x(), scales[0], y, workspace, threads, stage);
                 },
                 [&](const layers::deconvolution&) {
                   std::get<deconv2d_layer<P>>(prepared_).run(x(), scales[0], y, workspace, threads, stage);
                 },
                 [&](const layers::fully_connected&) {
                   const const_view in(x().span(), rows(x().shape()));
                   const auto& full = std::get<fully_connected_layer<P>>(prepared_);
                   full.run(in, scales[0], view(y.span(), full.output_shape(in.shape())), workspace, threads, stage);
                 },
                 [&](const layers::batch_norm&) { run_affine(x(), 1, y, threads); },
                 [&](const layers::scale& p) {
                   if (p.factor) {
                     run_affine(x(), p.params.axis, y, threads);
                   } else {
                     scale_into<P>(x(), inputs[1], converted(p.shift), p.params, y);
                   }
                 },
                 [&](const layers::prelu&) {
                   const auto& slope = std::get<std::vector<value>>(prepared_);
                   prelu_into<P>(x(), const_view(slope, {slope.size()}), y);
                 },
                 [&](const layers::normalize& p) {
                   l2_normalize_into<P>(x(), p.params, y);
                   if (p.factor != std::vector<float>{1.0F}) run_affine(y, 1, y, threads);
                 },
                 [&](const layers::identity&) { copy_to_all(x(), outputs, threads); },
                 [&](const layers::flatten&) { copy_to_all(x(), outputs, threads); },
                 [&](const layers::reshape&) { copy_to_all(x(), outputs, threads); },
                 [&](const relu_params& p) {
                   detail::share(y.size(), 1, threads, [&](std::size_t at, std::size_t n) {
                     relu_into<P>(part(x(), at, n), p, part(y, at, n));
                   });
                 },
                 [&](const activation_params& p) {
                   detail::share(y.size(), 1, threads, [&](std::size_t at, std::size_t n) {
                     activation_into<P>(part(x(), at, n), p, part(y, at, n));
                   });
                 },
                 [&](const power_params& p) {
                   detail::share(y.size(), 1, threads, [&](std::size_t at, std::size_t n) {
                     power_into<P>(part(x(), at, n), p, part(y, at, n));
                   });
                 },
                 [&](const softmax_params& p) { softmax_into<P>(x(), p, y); },
                 [&](const pooling_params& p) { run_pooling(x(), scales, p, y, threads); },
                 [&](const eltwise_params& p) { run_eltwise(inputs, scales, p, y, threads); },
                 [&](const concat_params& p) { run_concat(inputs, scales, p, y, threads); },
                 [&](const permute_params& p) { permute_into<value>(x(), p, y); },
                 [&](const reduce_mean_params& p) { reduce_mean_into<P>(x(), p, y); },
                 [&](const reduce_sum_params& p) { reduce_sum_into<P>(x(), p, y); },
                 [&](const slice_params& p) { slice_into<value>(x(), p, outputs); },
                 [&](const lrn_params& p) { lrn_into<P>(x(), p, y); },
                 [&](const mvn_params& p) { mvn_into<P>(x(), p, y); },
                 [&](const upsample_params& p) { upsample_into<P>(x(), scales[0], p, y); },
                 [&](const crop_params& p) { crop_into<value>(x(), inputs_[1], p, y); },
                 [&](const arg_max_params& p) {
                   if constexpr (std::same_as<value, float>) arg_max_into<P>(x(), p, y);
                 },
             },
             layer_->params);
}

// Compiling all operators takes half a minute. A program of many files can do it once: all of them define
// NNIESIM_EXTERN_OPERATORS, and one NNIESIM_INSTANTIATE_OPERATORS. No result depends on either.
#if defined(NNIESIM_INSTANTIATE_OPERATORS)
template class layer_operator<float32>;
template class layer_operator<w8a8>;
template class layer_operator<w16a16>;
#elif defined(NNIESIM_EXTERN_OPERATORS)
extern template class layer_operator<float32>;
extern template class layer_operator<w8a8>;
extern template class layer_operator<w16a16>;
#endif

NNIESIM_END_NAMESPACE
