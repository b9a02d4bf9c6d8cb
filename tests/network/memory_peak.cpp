// What a network is said to need, before it is made, is not less than what its runner takes at any moment. Counts bytes
// by replacing operator new: a program of its own.
#include <malloc.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <nniesim/kernels/thread_pool.hpp>

#include "catch.hpp"
#include "support/networks.hpp"
#include "support/random_network.hpp"

namespace {

std::atomic<std::size_t> bytes = 0, most_bytes = 0;

void* counted(void* p) {
  if (p == nullptr) throw std::bad_alloc();
  const std::size_t now = bytes += malloc_usable_size(p);
  std::size_t most = most_bytes;
  while (most < now && !most_bytes.compare_exchange_weak(most, now)) {
  }
  return p;
}
void release(void* p) noexcept {
  if (p != nullptr) bytes -= malloc_usable_size(p);
  std::free(p);
}

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t n) { return counted(std::malloc(n)); }
[[gnu::noinline]] void* operator new(std::size_t n, std::align_val_t a) {
  const auto unit = static_cast<std::size_t>(a);
  return counted(std::aligned_alloc(unit, (n + unit - 1) / unit * unit));
}
[[gnu::noinline]] void operator delete(void* p) noexcept { release(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { release(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { release(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }

using namespace nniesim;

namespace {

/// One runner with these options, and its run; see check_need().
void check_need_of(const network& net, const precision_plan& plan, const std::vector<tensor<float>>& inputs,
                   runner_options options, double slack) {
  CAPTURE(options.keep_all, options.threads.max_workers, options.stored_as != nullptr, options.prepared_limit);
  const memory_need need = need_of_memory(net, plan, options);
  const bool keep_all = options.keep_all;
  const std::size_t workers = options.threads.max_workers, before = bytes;
  most_bytes = before;
  {
    network_runner runner(net, plan, std::move(options));
    runner.run(inputs);
  }
  const std::size_t taken = most_bytes - before;
  const std::size_t gaps = keep_all ? 0 : need.activations / 2;
  CHECK(need.total() - need.weights + gaps >= taken);  // the weights were there
  if (workers == 1) {
    CHECK(static_cast<double>(need.total() - need.weights) <= slack * static_cast<double>(taken));
  }
}

/// Runs the network in all ways; `slack` is how many times as much as was taken may have been expected.
void check_need(const network& net, const std::vector<tensor<float>>& inputs, double slack) {
  thread_pool pool(3);
  for (const int mode : {-1, 0, 1}) {
    const precision_plan plan = mode < 0 ? float_plan(net) : plan_of(net, compile_mode_of(mode));
    for (const bool keep_all : {false, true}) {
      for (const executor& threads : {executor{}, pool.handle()}) {
        for (const std::size_t prepared_limit : {detail::most_bytes, std::size_t{0}}) {
          CAPTURE(mode);
          const runner_options options{.keep_all = keep_all, .threads = threads, .prepared_limit = prepared_limit};
          check_need_of(net, plan, inputs, options, slack);
          if (mode < 0) continue;
          runner_options stored = options;
          stored.stored_as = &plan;
          check_need_of(net, float_plan(net), inputs, std::move(stored), slack);
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("no runner takes more memory than was said") {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    const auto g = random_network::generator(random_network::choices(seed)).make();
    check_need(g.net, g.inputs, 1e9);
  }
}

TEST_CASE("a large network takes no less than half of what was said") {
  draws random(1);
  test_networks::network_builder b;
  std::size_t x = b.input({1, 3, 160, 160});
  x = b.add("conv1", layers::convolution{{.stride = {2, 2}, .pad = {3, 3}}, random.tensor({64, 3, 7, 7}), {}}, {x});
  x = b.add("relu1", relu_params{}, {x});
  x = b.add("conv2", layers::convolution{{.pad = {1, 1}}, random.tensor({64, 64, 3, 3}), {}}, {x});
  x = b.add("depthwise", layers::convolution{{.pad = {1, 1}, .groups = 64}, random.tensor({64, 1, 3, 3}), {}}, {x});
  x = b.add("pool", pooling_params{pooling_operation::maximum, {3, 3}, {4, 4}}, {x});
  x = b.add("up", layers::deconvolution{{.stride = {2, 2}, .groups = 64}, random.tensor({64, 1, 4, 4}), {}}, {x});
  b.add("fc", layers::fully_connected{1, random.tensor({50, b.net.blobs[x].shape.size()}, 0.01F), {}}, {x});
  check_need(b.net, {random.tensor({1, 3, 160, 160})}, 2.2);
}
