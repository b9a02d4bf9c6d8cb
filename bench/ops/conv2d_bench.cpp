#include <benchmark/benchmark.h>

#include <nniesim/ops/conv2d.hpp>

using namespace nniesim;

namespace {

/// 3x3 convolution of `channels` maps of `size` x `size`, prepared weights, no allocation in the loop.
template <class P>
void conv2d_3x3(benchmark::State& state) {
  const auto channels = static_cast<std::size_t>(state.range(0));
  const auto size = static_cast<std::size_t>(state.range(1));
  auto x = make_tensor<value_t<P>>({1, channels, size, size});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = P::output::from(static_cast<float>(i % 255) * 0.1F - 12);
  auto w = make_tensor<float>({channels, channels, 3, 3});
  for (std::size_t i = 0; i < w.size(); ++i) w.data()[i] = static_cast<float>(i % 201) * 0.01F - 1;
  const conv2d_layer<P> layer(w, no_bias, {.pad = {1, 1}});
  const auto scale = layer.activation_scale_of(view_of(std::as_const(x)));
  auto y = make_tensor<value_t<P>>(layer.output_shape(shape_of(x)));
  std::vector<std::byte> memory(layer.workspace_bytes(shape_of(x)));
  for (auto unused : state) {
    layer.run(view_of(std::as_const(x)), scale, view_of(y), memory);
    benchmark::DoNotOptimize(y.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(y.size() * channels * 9));
}

}  // namespace

BENCHMARK(conv2d_3x3<float32>)->Args({64, 56})->Args({256, 14});
BENCHMARK(conv2d_3x3<w8a8>)->Args({64, 56})->Args({256, 14});
BENCHMARK(conv2d_3x3<w16a16>)->Args({64, 56})->Args({256, 14});
BENCHMARK(conv2d_3x3<uniform_w8a8>)->Args({64, 56})->Args({256, 14});
