#include <benchmark/benchmark.h>

#include <nniesim/ops/fully_connected.hpp>

using namespace nniesim;

namespace {

/// A batch of feature vectors through prepared weights, no allocation in the loop.
template <class P>
void fully_connected(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const auto outputs = static_cast<std::size_t>(state.range(1));
  const auto inputs = static_cast<std::size_t>(state.range(2));
  auto x = make_tensor<value_t<P>>({batch, inputs});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = P::output::from(static_cast<float>(i % 255) * 0.1F - 12);
  auto w = make_tensor<float>({outputs, inputs});
  for (std::size_t i = 0; i < w.size(); ++i) w.data()[i] = static_cast<float>(i % 201) * 0.01F - 1;
  const fully_connected_layer<P> layer(w, no_bias);
  const auto scale = layer.activation_scale_of(view_of(std::as_const(x)));
  auto y = make_tensor<value_t<P>>(layer.output_shape(shape_of(x)));
  std::vector<std::byte> memory(layer.workspace_bytes(shape_of(x)));
  for (auto unused : state) {
    layer.run(view_of(std::as_const(x)), scale, view_of(y), memory);
    benchmark::DoNotOptimize(y.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(y.size() * inputs));
}

}  // namespace

BENCHMARK(fully_connected<float32>)->Args({1, 1000, 2048})->Args({16, 4096, 4096});
BENCHMARK(fully_connected<w8a8>)->Args({1, 1000, 2048})->Args({16, 4096, 4096});
BENCHMARK(fully_connected<w16a16>)->Args({1, 1000, 2048})->Args({16, 4096, 4096});
BENCHMARK(fully_connected<uniform_w8a8>)->Args({1, 1000, 2048})->Args({16, 4096, 4096});
