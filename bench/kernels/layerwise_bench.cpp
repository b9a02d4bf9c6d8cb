// The layers between the multiply-accumulate layers, beside memcpy: elements of the input per second.
// NNIESIM_ISA=scalar runs the specification's loops.
#include <benchmark/benchmark.h>

#include <cstring>
#include <nniesim/ops/activation.hpp>
#include <nniesim/ops/eltwise.hpp>
#include <nniesim/ops/l2_normalize.hpp>
#include <nniesim/ops/lrn.hpp>
#include <nniesim/ops/mvn.hpp>
#include <nniesim/ops/permute.hpp>
#include <nniesim/ops/pooling.hpp>
#include <nniesim/ops/power.hpp>
#include <nniesim/ops/reduce_mean.hpp>
#include <nniesim/ops/relu.hpp>
#include <nniesim/ops/resize.hpp>
#include <nniesim/ops/scale.hpp>
#include <nniesim/ops/softmax.hpp>
#include <nniesim/ops/upsample.hpp>

using namespace nniesim;

namespace {

/// An input of 64 channels of `size` x `size`, an output of the given shape, and the loop around call(x, y).
template <class P, class Call>
void measure(benchmark::State& state, const tensor_shape& out, Call call) {
  const auto size = static_cast<std::size_t>(state.range(0));
  auto x = make_tensor<value_t<P>>({1, 64, size, size});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = P::output::from(static_cast<float>(i % 255) * 0.1F - 12);
  auto y = make_tensor<value_t<P>>(out);
  y.fill(value_t<P>{});
  for (auto unused : state) {
    call(view_of(std::as_const(x)), view_of(y));
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(x.size()));
}

template <class P, class Call>
void measure(benchmark::State& state, Call call) {
  const auto size = static_cast<std::size_t>(state.range(0));
  measure<P>(state, {1, 64, size, size}, call);
}

template <class P>
void copy(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { std::memcpy(static_cast<void*>(y.data()), x.data(), x.size() * 4); });
}
template <class P>
void relu(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { relu_into<P>(x, {}, y); });
}
template <class P>
void leaky_relu(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { relu_into<P>(x, {.negative_slope = 0.1F}, y); });
}
template <class P>
void prelu(benchmark::State& state) {
  const auto slopes = prelu_slopes<P>(std::vector<float>(64, 0.1F));
  measure<P>(state, [&](auto x, auto y) { prelu_into<P>(x, {std::span(slopes), {64}}, y); });
}
template <class P, activation_function F, function_rule R = function_rule::hardware>
void function(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { activation_into<P>(x, {.function = F, .rule = R}, y); });
}
template <class P, std::size_t Axis, function_rule R = function_rule::hardware>
void softmax(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { softmax_into<P>(x, {.axis = Axis, .rule = R}, y); });
}
template <class P>
void sum_of_two(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { eltwise_into<P>(std::array{x, x}, {}, y); });
}
template <class P>
void square(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { power_into<P>(x, {.exponent = 2}, y); });
}
template <class P>
void reciprocal_root(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { power_into<P>(x, {.exponent = -0.5, .shift = 13}, y); });
}
template <class P>
void scale_channels(benchmark::State& state) {
  auto factor = make_tensor<value_t<P>>({64});
  factor.fill(P::output::from(0.7));
  const auto f = view_of(std::as_const(factor));
  measure<P>(state, [&](auto x, auto y) { scale_into<P>(x, f, f.span(), {}, y); });
}
template <class P>
void mean_of_channel(benchmark::State& state) {
  measure<P>(state, {1, 64, 1, 1}, [](auto x, auto y) { reduce_mean_into<P>(x, {.axes = {2, 3}}, y); });
}
template <class P>
void mean_over_channels(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  measure<P>(state, {1, 1, size, size}, [](auto x, auto y) { reduce_mean_into<P>(x, {.axes = {1}}, y); });
}
template <class P>
void norm_of_sample(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { l2_normalize_into<P>(x, {}, y); });
}
template <class P>
void norm_per_position(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { l2_normalize_into<P>(x, {.across_positions = false}, y); });
}
template <class P>
void pool(benchmark::State& state, const pooling_params& p) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const typename P::activations::scale s = P::activations::scale_of(std::array{12.0F});
  measure<P>(state, infer_shape(p, tensor_shape{1, 64, size, size}),
             [&](auto x, auto y) { pooling_into<P>(x, s, p, y); });
}
template <class P>
void max_pool_3x3_2(benchmark::State& state) {
  pool<P>(state, {.kernel = {3, 3}, .stride = {2, 2}});
}
template <class P>
void max_pool_2x2_2(benchmark::State& state) {
  pool<P>(state, {.kernel = {2, 2}, .stride = {2, 2}});
}
template <class P>
void average_pool_3x3_1(benchmark::State& state) {
  pool<P>(state, {.operation = pooling_operation::average, .kernel = {3, 3}, .pad = {1, 1}});
}
template <class P>
void average_pool_global(benchmark::State& state) {
  pool<P>(state, {.operation = pooling_operation::average, .global = true});
}
template <class P>
void max_pool_global(benchmark::State& state) {
  pool<P>(state, {.global = true});
}
template <class P>
void local_response(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { lrn_into<P>(x, {}, y); });
}
template <class P>
void local_response_within(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { lrn_into<P>(x, {.region = lrn_region::within_channel}, y); });
}
template <class P>
void mean_variance(benchmark::State& state) {
  measure<P>(state, [](auto x, auto y) { mvn_into<P>(x, {}, y); });
}
template <class P>
void upsample_2(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const typename P::activations::scale s = P::activations::scale_of(std::array{12.0F});
  measure<P>(state, {1, 64, 2 * size, 2 * size}, [&](auto x, auto y) { upsample_into<P>(x, s, {}, y); });
}
template <class P>
void resize_bilinear(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  measure<P>(state, {1, 64, 2 * size, 2 * size}, [&](auto x, auto y) {
    resize_into<P>(x, {.size = {2 * size, 2 * size}}, y);
  });
}
template <class P>
void permute_channels_last(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  measure<P>(state, {1, size, size, 64}, [](auto x, auto y) {
    permute_into<value_t<P>>(x, {.order = {0, 2, 3, 1}}, y);
  });
}
void layer_values_of_floats(benchmark::State& state) {
  measure<float32>(state, [](auto x, auto) {
    const detail::op_input<w8a8, tensor_view<const float>> in(x, "input");
    benchmark::DoNotOptimize(in.view().data());
  });
}
void search_of_nan(benchmark::State& state) {
  measure<float32>(state, [](auto x, auto) { detail::refuse_nan<float>(x, "input"); });
}

}  // namespace

// 32 k elements (L2) and 16 M (DRAM).
#define LAYER(name)                         \
  BENCHMARK(name<w8a8>)->Arg(22)->Arg(500); \
  BENCHMARK(name<float32>)->Arg(22)->Arg(500)
LAYER(copy);
LAYER(relu);
LAYER(leaky_relu);
LAYER(prelu);
BENCHMARK(function<w8a8, activation_function::sigmoid>)->Arg(22)->Arg(500);
BENCHMARK(function<w8a8, activation_function::sigmoid, function_rule::nearest_entry>)->Arg(22)->Arg(500);
BENCHMARK(function<w8a8, activation_function::sigmoid, function_rule::exact>)->Arg(22);
BENCHMARK(function<float32, activation_function::sigmoid>)->Arg(22);
BENCHMARK(function<w8a8, activation_function::exponential>)->Arg(22)->Arg(500);
BENCHMARK(function<w8a8, activation_function::exponential, function_rule::exact>)->Arg(22);
BENCHMARK(function<w8a8, activation_function::logarithm>)->Arg(22)->Arg(500);
BENCHMARK(function<w8a8, activation_function::logarithm, function_rule::exact>)->Arg(22);
BENCHMARK(softmax<w8a8, 1>)->Arg(22)->Arg(500);
BENCHMARK(softmax<w8a8, 1, function_rule::exact>)->Arg(22);
BENCHMARK(softmax<w8a8, 3>)->Arg(4)->Arg(22)->Arg(500);  // each row by itself
BENCHMARK(softmax<float32, 1>)->Arg(22);
LAYER(sum_of_two);
LAYER(square);
LAYER(reciprocal_root);
LAYER(scale_channels);
LAYER(mean_of_channel);
LAYER(mean_over_channels);
LAYER(norm_of_sample);
LAYER(norm_per_position);
LAYER(max_pool_3x3_2);
LAYER(max_pool_2x2_2);
LAYER(average_pool_3x3_1);
LAYER(average_pool_global);
LAYER(max_pool_global);
BENCHMARK(function<w8a8, activation_function::elu>)->Arg(22);
BENCHMARK(function<w8a8, activation_function::swish>)->Arg(22);
BENCHMARK(local_response<w8a8>)->Arg(22);
BENCHMARK(local_response<float32>)->Arg(22);
BENCHMARK(local_response_within<w8a8>)->Arg(22);
BENCHMARK(mean_variance<w8a8>)->Arg(22);
BENCHMARK(mean_variance<float32>)->Arg(22);
LAYER(upsample_2);
BENCHMARK(resize_bilinear<w8a8>)->Arg(22);
BENCHMARK(resize_bilinear<float32>)->Arg(22);
LAYER(permute_channels_last);
BENCHMARK(layer_values_of_floats)->Arg(22)->Arg(500);
BENCHMARK(search_of_nan)->Arg(22)->Arg(500);
