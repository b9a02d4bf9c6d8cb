#include <benchmark/benchmark.h>

#include <nniesim/kernels/quantize.hpp>
#include <vector>

using namespace nniesim;

namespace {

template <class F>
void fake_quantize_elements(benchmark::State& state) {
  std::vector<float> in(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i % 4001) * 0.0005F - 1;
  std::vector<float> out(in.size());
  const auto s = scale_of<F>(in);
  for (auto unused : state) {
    fake_quantize<F>(in, out, s);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

}  // namespace

BENCHMARK(fake_quantize_elements<gfpq8>)->Arg(1 << 15)->Arg(1 << 22);
BENCHMARK(fake_quantize_elements<gfpq16>)->Arg(1 << 15)->Arg(1 << 22);
BENCHMARK(fake_quantize_elements<uniform8>)->Arg(1 << 15)->Arg(1 << 22);
