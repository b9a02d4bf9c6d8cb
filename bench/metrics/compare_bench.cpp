// Pairs compared per second, beside memcpy of as many floats.
#include <benchmark/benchmark.h>

#include <cstring>
#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/metrics/compare.hpp>
#include <vector>

using namespace nniesim;

namespace {

void copy(benchmark::State& state) {
  std::vector<float> a(static_cast<std::size_t>(state.range(0)), 1.0F), b(a.size());
  for (auto unused : state) {
    std::memcpy(b.data(), a.data(), a.size() * sizeof(float));
    benchmark::DoNotOptimize(b.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

template <class R, class X>
void compare_pairs(benchmark::State& state) {
  std::vector<R> r(static_cast<std::size_t>(state.range(0)));
  std::vector<X> x(r.size());
  for (std::size_t i = 0; i < r.size(); ++i) {
    r[i] = static_cast<R>(i % 4001) * 0.0005F - 1;
    if constexpr (std::same_as<X, q20_12>) x[i] = q20_12::from(static_cast<float>(i % 4003) * 0.0005F - 1);
    else x[i] = static_cast<float>(i % 4003) * 0.0005F - 1;
  }
  for (auto unused : state) {
    comparison_accumulator sums;
    sums.add(std::span<const R>(r), std::span<const X>(x));
    benchmark::DoNotOptimize(sums.result().cosine);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

}  // namespace

BENCHMARK(copy)->Arg(1 << 15)->Arg(1 << 24);
BENCHMARK(compare_pairs<float, float>)->Arg(1 << 15)->Arg(1 << 24);
BENCHMARK(compare_pairs<float, q20_12>)->Arg(1 << 15)->Arg(1 << 24);
