// How a network's layers are made ready: by threads, with the same results and errors.
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/runner.hpp>

#include <atomic>
#include <ctime>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/networks.hpp"

namespace preparation_test {

using namespace nniesim;
using namespace test_networks;

/// A pool that counts what it is given.
struct counting {
  thread_pool pool{3};
  executor inside = pool.handle();
  std::atomic<std::size_t> tasks{0};

  [[nodiscard]] executor handle() {
    return {[](void* self, std::size_t n, executor::task_function task, void* argument) {
              auto* c = static_cast<counting*>(self);
              c->tasks += n;
              c->inside.run_function(c->inside.context, n, task, argument);
            },
            this, inside.max_workers};
  }
};

/// Small layers, then a large one of each kind: 262,144 weights and more are shared within a layer.
network mixed_network(draws& random) {
  network_builder b;
  std::size_t x = b.input({1, 64, 6, 6});
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    x = b.add("conv" + n, layers::convolution{{}, random.tensor({64, 64, 1, 1}, 0.1F), {}}, {x});
    x = b.add("dw" + n, layers::convolution{{.pad = {1, 1}, .groups = 64}, random.tensor({64, 1, 3, 3}, 0.3F), {}},
              {x});
  }
  x = b.add("grouped", layers::convolution{{.groups = 4}, random.tensor({1024, 16, 5, 5}, 0.05F), {}}, {x});
  x = b.add("up", layers::deconvolution{{}, random.tensor({1024, 40, 3, 3}, 0.02F), {}}, {x});
  x = b.add("large", layers::convolution{{}, random.tensor({600, 40, 4, 4}, 0.05F), {}}, {x});
  b.add("fc", layers::fully_connected{1, random.tensor({500, 600}, 0.05F), {}}, {x});
  return b.net;
}

TEST_CASE("threads make the same layers ready", "[network]") {
  draws random(50);
  const network net = mixed_network(random);
  const auto picture = random.tensor({1, 64, 6, 6});
  for (const int mode : {-1, 0, 1}) {
    network_runner alone(net, plan_for(net, mode));
    alone.run(picture);
    counting threads;
    network_runner together(net, plan_for(net, mode), {.threads = threads.handle()});
    CHECK(threads.tasks > 12 + 2 * 4);  // the small layers, and more than the large ones
    together.run(picture);
    CHECK(same_bits(alone.value("fc"), together.value("fc")));
    if (mode < 0) continue;
    calibrator by_one(net, plan_for(net, mode)), by_many(net, plan_for(net, mode), {}, threads.handle());
    by_one.add(picture);
    by_many.add(picture);
    for (const auto& [name, range] : by_one.ranges().blobs) {
      CHECK(by_many.ranges().blobs.at(name).largest == range.largest);
    }
  }
}

TEST_CASE("the first layer that fails is named, whoever makes it ready", "[network]") {
  draws random(51);
  const network net = mixed_network(random);
  counting threads;
  const auto spoil = [](network& n, std::string_view name) {
    visit_kind(n.layers[layer_index(n, name)], [](auto, const auto& p) {
      if constexpr (requires { p.weights.data(); }) {
        const_cast<float*>(p.weights.data())[p.weights.size() / 2] = std::numeric_limits<float>::quiet_NaN();
      }
    });
  };
  const std::vector<std::vector<std::string>> bad = {
      {"conv0"},       {"large"}, {"conv2", "dw4"}, {"dw1", "large"}, {"grouped", "large"}, {"up", "large"},
      {"conv5", "fc"}, {"fc"}};
  for (const auto& names : bad) {
    network broken = net;
    for (const std::string& name : names) spoil(broken, name);
    const auto message = [&](const executor& e) -> std::string {
      try {
        network_runner(broken, plan_for(broken, 0), {.threads = e});
      } catch (const format_error& error) {
        return error.what();
      }
      return {};
    };
    CAPTURE(names[0]);
    CHECK_THAT(message({}), contains("layer '" + names[0] + "'") && contains("weights: nan at "));
    for (int i = 0; i < 5; ++i) CHECK(message(threads.handle()) == message({}));
  }
}

TEST_CASE("memory that threads do not get is an error of the network", "[network]") {
  draws random(52);
  const network net = mixed_network(random);
  const executor fails{[](void*, std::size_t, executor::task_function, void*) { throw std::bad_alloc(); }, nullptr, 2};
  CHECK_THROWS_AS(network_runner(net, plan_for(net, 0), {.threads = fails}), memory_error);
}

/// Processor seconds for a network of so many layers: made ready, run and calibrated.
double seconds_for(std::size_t layers, bool keep_all) {
  draws random(53);
  network_builder b;
  std::size_t x = b.input({1, 4, 2, 2});
  const auto w = random.tensor({4, 4, 1, 1}, 0.4F);
  for (std::size_t i = 0; i < layers; ++i) {
    const std::string n = std::to_string(i);
    if (i % 2 == 0) x = b.add("conv" + n, layers::convolution{{}, w, {}}, {x});
    else x = b.add("relu" + n, relu_params{}, {x});
  }
  const auto picture = random.tensor({1, 4, 2, 2});
  const std::clock_t start = std::clock();
  network_runner runner(b.net, plan_for(b.net, 0), {.keep_all = keep_all});
  runner.run(picture);
  calibrator ranges(b.net, plan_for(b.net, 0));
  ranges.add(picture);
  runner.use(ranges.ranges());
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

TEST_CASE("no step of a run or a calibration takes the square of the layers", "[network]") {
  for (const bool keep_all : {false, true}) {
    const double few = seconds_for(200, keep_all), many = seconds_for(3200, keep_all);
    CAPTURE(keep_all, few, many);
    CHECK(many < 16 * 4 * few + 0.1);  // the square: 256 times as long
  }
}

TEST_CASE("inputs are copied, searched for NaN and measured by threads as by one", "[network]") {
  draws random(54);
  network_builder b;
  const std::size_t x = b.input({1, 3, 300, 300});
  b.add("pool", pooling_params{.kernel = {2, 2}, .stride = {2, 2}}, {x});
  counting threads;
  auto picture = random.tensor({1, 3, 300, 300});
  network_runner alone(b.net, plan_for(b.net, 0)), together(b.net, plan_for(b.net, 0), {.threads = threads.handle()});
  const tensor_view<const float> view = view_of(std::as_const(picture));
  for (network_runner* r : {&alone, &together}) {
    r->run({&view, 1});
    CHECK(r->range(0).largest == detail::largest_magnitude<float>(view.span()));
  }
  CHECK(same_bits(alone.value("pool"), together.value("pool")));
  picture.data()[200000] = -std::numeric_limits<float>::quiet_NaN();
  for (network_runner* r : {&alone, &together}) {
    CHECK_THROWS_WITH(r->run({&view, 1}), contains("input 'data': NaN at "));
    CHECK_THROWS_WITH(r->run(picture), contains("input 'data': NaN at "));
  }
}

}  // namespace preparation_test
