// A quantized kernel timed with Google Benchmark: a convolution that allocates nothing.
#include <vector>

#include <benchmark/benchmark.h>

#include <nniesim/nniesim.hpp>

using namespace nniesim;

namespace {

template <class Policy>
void convolution(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  tensor<float> x = xt::ones<float>({std::size_t{1}, std::size_t{16}, size, size}), w = xt::ones<float>({16, 16, 3, 3});
  conv2d_layer<Policy> layer(w, {.pad = {1, 1}});
  for (auto _ : state) benchmark::DoNotOptimize(layer(x));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(size * size * 16 * 16 * 9));
}
BENCHMARK(convolution<w8a8>)->Arg(32);
BENCHMARK(convolution<uniform_w8a8>)->Arg(32);

void encoding(benchmark::State& state) {
  std::vector<float> x(static_cast<std::size_t>(state.range(0)), 0.37F);
  std::vector<gfpq8::code> codes(x.size());
  const auto s = gfpq8::scale_of(x);
  for (auto _ : state) {
    encode<gfpq8>(x, codes, s);
    benchmark::DoNotOptimize(codes.data());
  }
}
BENCHMARK(encoding)->Arg(1 << 16);

}  // namespace

BENCHMARK_MAIN();
