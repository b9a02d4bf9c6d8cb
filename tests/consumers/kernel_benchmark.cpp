// Quantized kernels timed with Google Benchmark: a convolution that allocates nothing, on one thread and on two, and
// the encoding of a tensor.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/nniesim.hpp>

using namespace nniesim;

namespace {

template <class Policy>
void convolution(benchmark::State& state) {
  tensor<float> x = xt::ones<float>({1, 16, 32, 32}), w = xt::ones<float>({16, 16, 3, 3});
  conv2d_layer<Policy> layer(w, {.pad = {1, 1}});
  thread_pool pool(static_cast<std::size_t>(state.range(0)));
  const executor threads = pool.handle();

  const tensor<q20_12> in = encode<q20_12>(x, {});
  tensor<q20_12> y = make_tensor<q20_12>(layer.output_shape(shape_of(in)));
  const auto scale = layer.activation_scale_of(view_of(in));
  std::vector<std::byte> workspace(layer.workspace_bytes(shape_of(in), threads));
  for (auto _ : state) {
    layer.run(view_of(in), scale, view_of(y), workspace, threads);
    benchmark::DoNotOptimize(y.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(y.size() * 16 * 9));
}
BENCHMARK(convolution<w8a8>)->Arg(1)->Arg(2);
BENCHMARK(convolution<uniform_w8a8>)->Arg(1);

void encoding(benchmark::State& state) {
  const std::vector<float> x(1 << 16, 0.37F);
  std::vector<gfpq8::code> codes(x.size());
  const auto s = scale_of<gfpq8>(x);
  for (auto _ : state) {
    encode<gfpq8>(x, codes, s);
    benchmark::DoNotOptimize(codes.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(x.size()));
}
BENCHMARK(encoding);

}  // namespace

BENCHMARK_MAIN();
