#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/memory_need.hpp>
#include <nniesim/network/runner.hpp>
#include <nniesim/network/single_layer.hpp>

#include <limits>
#include <new>
#include <string>

#include "catch.hpp"
#include "support/networks.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define NNIESIM_SANITIZER_OWNS_MEMORY 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NNIESIM_SANITIZER_OWNS_MEMORY 1
#endif

using namespace nniesim;
using namespace test_networks;

namespace memory_need_test {

namespace {

/// An executor that only says how many there are.
executor workers(std::size_t n) {
  executor e;
  e.max_workers = n;
  return e;
}

}  // namespace

TEST_CASE("what a network needs is not less than what its runner takes", "[network]") {
  draws random(30);
  std::vector<network> nets = {network_of_all_kinds(random)};
  // Large maps, a large kernel, a stride, a batch: each fills its workspace in another way.
  network_builder b;
  std::size_t x = b.input({3, 16, 60, 200});
  x = b.add("wide", layers::convolution{{.pad = {5, 5}}, random.tensor({40, 16, 11, 11}), {}}, {x});
  x = b.add("depthwise", layers::convolution{{.stride = {2, 2}, .groups = 40}, random.tensor({40, 1, 5, 5}), {}}, {x});
  x = b.add("point", layers::convolution{{.groups = 2}, random.tensor({30, 20, 1, 1}), {}}, {x});
  x = b.add("up", layers::deconvolution{{.stride = {3, 3}, .dilation = {2, 2}}, random.tensor({30, 2, 4, 4}), {}}, {x});
  b.add("fc", layers::fully_connected{2, random.tensor({7, b.net.blobs[x].shape[2] * b.net.blobs[x].shape[3]}), {}},
        {x});
  nets.push_back(b.net);
  for (const network& net : nets) {
    for (const int mode : {-1, 0, 1}) {
      for (const bool keep_all : {false, true}) {
        for (const std::size_t n : {1UL, 2UL, 16UL}) {
          CAPTURE(net.layers.size(), mode, keep_all, n);
          const network_runner runner(net, plan_for(net, mode), {.keep_all = keep_all, .threads = workers(n)});
          const memory_need need =
              need_of_memory(net, plan_for(net, mode), {.keep_all = keep_all, .threads = workers(n)});
          CHECK(need.activations + need.scratch >= runner.memory_bytes());
          CHECK(need.activations + need.scratch <= 2 * runner.memory_bytes() + n * (std::size_t{1} << 20U) + 4000000);
          CHECK(need.prepared >= need.weights / sizeof(float));  // codes of one byte at least
          CHECK(runner.needed_memory().total() == need.total());
        }
      }
    }
  }
  const precision_plan plan = float_plan(nets[1]);
  CHECK(need_of_memory(nets[1], plan, {.keep_all = true}).activations > need_of_memory(nets[1], plan).activations);
  CHECK(need_of_memory(nets[1], plan, {.keep_all = true}).activations ==
        need_of_memory(nets[1], plan, {.keep = {0, 1, 2, 3, 4, 5}}).activations);
}

TEST_CASE("a network that needs more than the limit is refused before it is prepared", "[network]") {
  network_builder b;
  std::size_t x = b.input({1, 1000000, 1000, 1000});  // 3.6 TiB each
  x = b.add("relu", relu_params{}, {x});
  x = b.add("conv", layers::convolution{{}, zeros({2, 1000000, 1, 1}), {}}, {x});
  CHECK_THROWS_WITH(network_runner(b.net, float_plan(b.net), {.memory_limit = std::size_t{1} << 40U}),
                    contains("network 'test' takes ") && contains("expected at most 1099511627776 bytes (1 TiB)") &&
                        contains("layer 'data' (here:1:1): 4000000000064 bytes (3.6 TiB)"));
  CHECK_THROWS_AS(network_runner(b.net, float_plan(b.net), {.memory_limit = 1}), memory_error);

  // A limit just there is enough, a byte less is not.
  draws random(31);
  const network net = network_of_all_kinds(random);
  const std::size_t total = need_of_memory(net, float_plan(net)).total();
  CHECK_NOTHROW(network_runner(net, float_plan(net), {.memory_limit = total}));
  CHECK_THROWS_WITH(network_runner(net, float_plan(net), {.memory_limit = total - 1}),
                    contains(std::to_string(total) + " bytes"));
}

TEST_CASE("needs that no number holds are refused under any limit", "[network]") {
  constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
  network_builder b;
  const std::size_t huge = b.input({std::size_t{1} << 32U, std::size_t{1} << 30U});  // 2^62 values, 2^64 bytes
  b.add("relu", relu_params{}, {huge});
  CHECK_THROWS_WITH(network_runner(b.net, float_plan(b.net), {.memory_limit = unlimited}), contains("more than "));
  CHECK_THROWS_AS(tensor_shape({std::size_t{1} << 32U, std::size_t{1} << 31U}), shape_error);

  network_builder many;  // each of them fits into a number
  std::size_t x = many.input({std::size_t{1} << 30U, std::size_t{1} << 30U});
  for (int i = 0; i < 8; ++i) x = many.add("relu" + std::to_string(i), relu_params{}, {x});
  CHECK_THROWS_AS(network_runner(many.net, float_plan(many.net), {.keep_all = true, .memory_limit = unlimited}),
                  memory_error);
}

TEST_CASE("a network whose shapes do not fit is told so, not that it is large", "[network]") {
  network_builder b;
  const std::size_t x = b.input({1, 3});
  b.net.layers.push_back({"conv",
                          "Convolution",
                          "here:3:1",
                          {x},
                          {b.blob("y", {1, 1})},
                          layers::convolution{{}, zeros({4, 3, 3, 3}), {}}});
  CHECK_THROWS_AS(network_runner(b.net, float_plan(b.net)), shape_error);
}

TEST_CASE("memory that the system refuses is an error that names the layer", "[network]") {
  // An executor's exceptions come out of a run as the system's do.
  draws random(32);
  network_builder b;
  std::size_t x = b.input({1, 8, 64, 64});
  b.add("conv", layers::convolution{{.pad = {1, 1}}, random.tensor({16, 8, 3, 3}), {}}, {x});
  const executor fails{[](void*, std::size_t, executor::task_function, void*) { throw std::bad_alloc(); }, nullptr, 2};
  const auto picture = random.tensor({1, 8, 64, 64});
  const tensor_view<const float> in = view_of(picture);
  network_runner runner(b.net, float_plan(b.net), {.threads = fails});
  CHECK_THROWS_AS(runner.run({&in, 1}), memory_error);
  CHECK_THROWS_WITH(runner.run({&in, 1}), contains("here:2:1: layer 'conv': the system gave no memory, expected ") &&
                                              contains(std::to_string(runner.needed_memory().layers[1]) + " bytes"));
  const single_layer alone(b.net, 1, layer_precision::float32, fails);
  CHECK_THROWS_WITH(alone.run({&picture, 1}), contains("layer 'conv': the system gave no memory"));

#if !defined(NNIESIM_SANITIZER_OWNS_MEMORY)  // which end the program instead
  network_builder large;
  x = large.input({1 << 20, 1 << 20, 1 << 16});  // beyond all addresses
  large.add("relu", relu_params{}, {x});
  network_runner beyond(large.net, float_plan(large.net), {.memory_limit = std::size_t{1} << 62U});
  CHECK_THROWS_WITH(beyond.run({}), contains("network 'test': the system gave no memory") && contains("'data'"));
#endif
}

TEST_CASE("bytes are told, sums and products stop at the largest number", "[network]") {
  CHECK(detail::bytes_text(1000) == "1000 bytes");
  CHECK(detail::bytes_text(1536U << 20U) == "1610612736 bytes (1.5 GiB)");
  CHECK(detail::saturating_sum(detail::most_bytes - 1, 1) == detail::most_bytes);
  CHECK(detail::saturating_sum(detail::most_bytes - 1, 5) == detail::most_bytes);
  CHECK(detail::saturating_product(std::size_t{1} << 33U, std::size_t{1} << 33U) == detail::most_bytes);
  CHECK(detail::saturating_product(0, detail::most_bytes) == 0);
}

}  // namespace memory_need_test
