#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>
#include <nniesim/network/runner.hpp>

#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace runner_test {

TEST_CASE("a network gives what its operators give one by one", "[network]") {
  draws random(11);
  network_builder b;
  const std::size_t data = b.input({1, 3, 9, 9});
  const auto w = random.tensor({5, 3, 3, 3});
  const auto w2 = random.tensor({4, 5 * 16});
  const auto bias = random_floats(random, 5);
  std::size_t x = b.add("conv", layers::convolution{{.stride = {2, 2}}, w, bias}, {data});
  x = b.add("relu", relu_params{}, {x});
  x = b.add("fc", layers::fully_connected{1, w2, {}}, {x});
  const auto picture = random.tensor({1, 3, 9, 9});
  const tensor_view<const float> in = view_of(picture);
  const tensor_view<const float> bias_view(bias, {5});

  network_runner runner(b.net, float_plan(b.net));
  runner.run({&in, 1});
  auto y = relu<float32>(conv2d<float32>(picture, w, bias_view, {.stride = {2, 2}}));
  y.reshape({1UL, 5UL * 16});
  CHECK(same_bits(runner.value(x), fully_connected<float32>(y, w2, no_bias)));

  network_runner quantized(b.net, plan_of(b.net, compile_mode::all_16bit));
  quantized.run({&in, 1});
  auto q = relu<w16a16>(conv2d<w16a16>(picture, w, bias_view, {.stride = {2, 2}}));
  q.reshape({1UL, 5UL * 16});
  const auto expected = fully_connected<w16a16>(q, w2, no_bias);
  quantized.visit(x, [&](auto view) {
    for (std::size_t i = 0; i < view.size(); ++i) {
      CHECK(static_cast<double>(view[i]) == static_cast<double>(expected.data()[i]));
    }
  });
}

TEST_CASE("memory, fused layers and threads leave every bit as it is", "[network]") {
  draws random(5);
  const network net = network_of_all_kinds(random);
  const auto picture = random.tensor({2, 3, 17, 13});
  const tensor_view<const float> in = view_of(picture);
  const std::size_t last = net.blobs.size() - 1;
  for (const int mode : {-1, 0, 1}) {
    CAPTURE(mode);
    network_runner all(net, plan_for(net, mode), {.keep_all = true});
    all.run({&in, 1});
    network_runner lean(net, plan_for(net, mode));
    CHECK(lean.memory_bytes() < all.memory_bytes());
    thread_pool pool(3);
    network_runner shared(net, plan_for(net, mode), {.threads = pool.handle()});
    for (int round = 0; round < 2; ++round) {
      lean.run({&in, 1});
      shared.run({&in, 1});
      CHECK(same_bits(lean.value(last), all.value(last)));
      CHECK(same_bits(shared.value(last), all.value(last)));
    }
    CHECK_THROWS_WITH(lean.value(0), contains("'data': it was not kept"));
    // Any blob may be asked for, one at a time, and is the same.
    for (std::size_t kept = 0; kept < last; ++kept) {
      network_runner one(net, plan_for(net, mode), {.keep_all = false, .keep = {kept}});
      one.run({&in, 1});
      CAPTURE(net.blobs[kept].name);
      CHECK(same_bits(one.value(kept), all.value(kept)));
      CHECK(same_bits(one.value(last), all.value(last)));
    }
  }
}

TEST_CASE("blobs that runs with given ranges store as codes change no bit, and take a part of the memory",
          "[network]") {
  draws random(12);
  network_builder b;
  std::size_t x = b.input({1, 3, 25, 21});
  const auto conv = [&](const char* name, std::size_t out, std::size_t in, std::size_t kernel, conv2d_params p) {
    const auto bias = random_floats(random, out);
    x = b.add(name, layers::convolution{p, random.tensor({out, in / p.groups, kernel, kernel}), bias}, {x});
  };
  conv("first", 16, 3, 3, {.stride = {2, 2}, .pad = {1, 1}});
  x = b.add("relu", relu_params{}, {x});
  conv("depthwise", 16, 16, 3, {.pad = {1, 1}, .groups = 16});
  const std::size_t depthwise = x;
  conv("wide", 40, 16, 1, {});
  x = b.add("relu2", relu_params{}, {x});
  const std::size_t wide = x;
  conv("down", 40, 40, 3, {.stride = {2, 2}, .pad = {1, 1}, .groups = 40});
  conv("left", 5, 40, 1, {});
  const std::size_t left = x;
  x = wide;  // read twice
  conv("right", 4, 40, 3, {.pad = {1, 1}});
  x = b.add("mean", pooling_params{.operation = pooling_operation::average, .kernel = {2, 2}}, {x});  // takes no codes
  const auto picture = random.tensor({1, 3, 25, 21}, 2);
  const tensor_view<const float> in = view_of(picture);
  for (const int mode : {0, 1}) {
    calibrator c(b.net, plan_for(b.net, mode));
    c.add({&in, 1});
    for_each_isa([&](isa used) {
      CAPTURE(mode, to_string(used));
      network_runner all(b.net, plan_for(b.net, mode), {.keep_all = true});
      network_runner coded(b.net, plan_for(b.net, mode));
      all.use(c.ranges());
      all.run({&in, 1});
      CHECK_FALSE(all.is_stored_as_codes(depthwise));
      const std::size_t before = coded.memory_bytes();
      coded.run({&in, 1});  // with ranges of its own: they are known too late
      CHECK_FALSE(coded.is_stored_as_codes(depthwise));
      coded.use(c.ranges());
      for (int round = 0; round < 2; ++round) {
        coded.run({&in, 1});
        CHECK(coded.is_stored_as_codes(depthwise));
        CHECK(coded.is_stored_as_codes(wide));
        CHECK_FALSE(coded.is_stored_as_codes(left));
        CHECK(coded.memory_bytes() < before);
        for (const std::size_t y : {left, x}) CHECK(same_bits(coded.value(y), all.value(y)));
      }
      CHECK_THROWS_WITH(coded.value(wide), contains("it was not kept"));
    });
  }
}

TEST_CASE("folding keeps the function and the way back to the names", "[network]") {
  draws random(6);
  const network net = network_of_all_kinds(random);
  CHECK(fold_batch_norm(net, batch_norm_rule::own_layers).layers.size() == net.layers.size());
  const network folded = fold_batch_norm(net, GENERATE(batch_norm_rule::fused, batch_norm_rule::merged));
  REQUIRE(folded.layers.size() == net.layers.size() - 2);
  CHECK(folded.layers[3].name == "depthwise");
  CHECK(folded.layers[3].merged == std::vector<std::string>{"bn", "scale"});
  const auto picture = random.tensor({2, 3, 17, 13});
  const tensor_view<const float> in = view_of(picture);
  network_runner before(net, float_plan(net), {.keep_all = true});
  network_runner after(folded, float_plan(folded), {.keep_all = true});
  before.run({&in, 1});
  after.run({&in, 1});
  for (const layer& l : folded.layers) {
    CAPTURE(l.name);
    CHECK(compare(before.value(l.outputs[0]), after.value(l.outputs[0])).relative_l2_error < 1e-5);
  }
  CHECK_THROWS_AS(after.value(net.layers[3].outputs[0]), format_error);
}

TEST_CASE("a deconvolution takes a normalization in as well", "[network]") {
  draws random(8);
  for (const std::size_t groups : {1UL, 2UL}) {
    network_builder b;
    const std::size_t data = b.input({1, 4, 5, 6});
    std::size_t x =
        b.add("deconv",
              layers::deconvolution{
                  {.stride = {2, 2}, .groups = groups}, random.tensor({4, 6 / groups, 3, 3}), random_floats(random, 6)},
              {data});
    x = b.add("scale", layers::scale{{}, random.tensor({6}), random_floats(random, 6)}, {x});
    const network folded = fold_batch_norm(b.net, GENERATE(batch_norm_rule::fused, batch_norm_rule::merged));
    REQUIRE(folded.layers.size() == 2);
    const auto picture = random.tensor({1, 4, 5, 6});
    const tensor_view<const float> in = view_of(picture);
    network_runner before(b.net, float_plan(b.net));
    network_runner after(folded, float_plan(folded));
    before.run({&in, 1});
    after.run({&in, 1});
    CHECK(compare(before.value(x), after.value(x)).relative_l2_error < 1e-6);
  }
}

TEST_CASE("what others read is not folded away", "[network]") {
  draws random(9);
  network_builder b;
  const std::size_t data = b.input({1, 2, 4, 4});
  const std::size_t x = b.add("conv", layers::convolution{{}, random.tensor({2, 2, 1, 1}), {}}, {data});
  const std::size_t s = b.add("scale", layers::scale{{}, random.tensor({2}), {}}, {x});
  b.add("sum", eltwise_params{}, {x, s});
  CHECK(fold_batch_norm(b.net).layers.size() == 4);
}

TEST_CASE("the runner's errors name layer and place", "[network]") {
  draws random(7);
  network net = network_of_all_kinds(random);
  network_runner runner(net, float_plan(net));
  const auto wrong = random.tensor({1, 3, 17, 13});
  const tensor_view<const float> in = view_of(wrong);
  CHECK_THROWS_WITH(runner.run({&in, 1}), contains("input 'data': got shape 1x3x17x13, expected 2x3x17x13"));
  CHECK_THROWS_AS(runner.run({}), shape_error);
  auto nan = random.tensor({2, 3, 17, 13});
  nan.data()[5] = std::numeric_limits<float>::quiet_NaN();
  const tensor_view<const float> bad = view_of(nan);
  CHECK_THROWS_WITH(runner.run({&bad, 1}), contains("NaN"));
}

TEST_CASE("calibrated scales are used, and asked for where they are missing", "[network]") {
  draws random(10);
  network_builder b;
  const std::size_t data = b.input({1, 2, 4, 4});
  const auto w = random.tensor({3, 2, 1, 1});
  const std::size_t y = b.add("conv", layers::convolution{{}, w, {}}, {data});
  const auto picture = random.tensor({1, 2, 4, 4});
  const tensor_view<const float> in = view_of(picture);
  network_runner runner(b.net, plan_of(b.net, compile_mode::all_8bit));
  CHECK_THROWS_WITH(runner.use({}), contains("no range for the blob of layer 'data', which layer 'conv' reads"));
  activation_ranges ranges;
  ranges.blobs["data"].in_8bit = gfpq8::scale(-150);
  runner.use(ranges);
  runner.run({&in, 1});
  const gfpq8::scale s(-150);
  const auto expected = conv2d_layer<w8a8>(w, no_bias)(picture, s);
  runner.visit(y, [&](auto view) {
    for (std::size_t i = 0; i < view.size(); ++i) {
      CHECK(static_cast<double>(view[i]) == static_cast<double>(expected.data()[i]));
    }
  });
}

TEST_CASE("the host computes in float, and truncates toward zero what it gives to the accelerator", "[network]") {
  draws random(12);
  network_builder b;
  const auto on_host = [&](const char* name, auto params, std::size_t from) {
    const std::size_t x = b.add(name, params, {from});
    b.net.layers.back().on_cpu = true;
    return x;
  };
  const std::size_t data = b.input({1, 2, 4, 4});
  const std::size_t tanh = on_host("tanh_cpu", activation_params{activation_function::tanh}, data);
  const std::size_t same = b.add("same", layers::identity{}, {tanh});
  const std::size_t flat = on_host("flat_cpu", layers::flatten{}, same);
  const std::size_t half = on_host("half_cpu", power_params{1, 0.5, 0}, flat);
  const std::size_t given = on_host("given_cpu", power_params{1, 0.5, 0}, flat);
  const std::size_t relu = b.add("relu", relu_params{}, {given});
  const std::size_t last = on_host("last_cpu", power_params{1, 0.5, 0}, relu);
  const auto picture = random.tensor({1, 2, 4, 4});
  const precision_plan plan = plan_of(b.net, compile_mode::all_8bit);
  CHECK(plan.layers[1] == layer_precision::host);
  const auto stands = [&](std::size_t blob) { return to_string(blob_storage_of(b.net, plan)[blob]); };
  for (const std::size_t blob : {tanh, same, flat, half, last}) CHECK(stands(blob) == "float32");
  CHECK(stands(given) == "int32");
  CHECK(stands(relu) == "int32");
  for (const bool keep_all : {true, false}) {
    network_runner runner(b.net, plan, {.keep_all = keep_all});
    runner.run(picture);
    const auto halves = runner.value(half), outputs = runner.value(last);
    for (std::size_t i = 0; i < picture.size(); ++i) {
      const float t = 0.5F * static_cast<float>(std::tanh(static_cast<double>(picture.data()[i])));
      CHECK(halves.data()[i] == Approx(t).epsilon(1e-6));
      if (!keep_all) continue;
      const float cut = static_cast<float>(std::trunc(halves.data()[i] * 4096) / 4096);
      CHECK(runner.value(given).data()[i] == cut);
      CHECK(outputs.data()[i] == std::max(cut, 0.0F) / 2);
    }
  }
}

TEST_CASE("layers by themselves have their own index, fused or not", "[network]") {
  draws random(23);
  network_builder b;
  const std::size_t data = b.input({1, 2, 5, 5});
  std::size_t x = b.add("conv", layers::convolution{{}, random.tensor({3, 2, 1, 1}), {}}, {data});
  b.add("relu", relu_params{}, {x});
  const auto picture = random.tensor({1, 2, 5, 5});
  const tensor_view<const float> in = view_of(picture);
  network_runner reference(b.net, float_plan(b.net), {.keep_all = true});
  reference.run({&in, 1});
  for (const bool keep_all : {true, false}) {
    network_runner runner(b.net, float_plan(b.net), {.keep_all = keep_all});
    std::vector<std::size_t> layers;
    runner.run_isolated(reference, [&](std::size_t l, std::size_t o, auto values) {
      layers.push_back(l);
      if constexpr (std::same_as<element_t<decltype(values)>, float>) {
        const tensor<float> expected = reference.value(b.net.layers[l].outputs[o]);
        CHECK(std::equal(expected.begin(), expected.end(), values.span().begin()));
      }
    });
    CHECK(layers == (keep_all ? std::vector<std::size_t>{1, 2} : std::vector<std::size_t>{2}));
  }
}

TEST_CASE("runners that share prepared layers give the same bits", "[network]") {
  draws random(15);
  const network net = network_of_all_kinds(random);
  const auto picture = random.tensor({2, 3, 17, 13});
  const tensor_view<const float> in = view_of(picture);
  const std::size_t last = net.blobs.size() - 1;
  prepared_layers prepared(net);
  for (const int mode : {0, 1, -1, 0}) {
    network_runner alone(net, plan_for(net, mode));
    network_runner shared(net, plan_for(net, mode), {.prepared = &prepared});
    alone.run({&in, 1});
    shared.run({&in, 1});
    // The next one has memory of its own while this one lives, which can be moved.
    network_runner second(net, plan_for(net, mode), {.prepared = &prepared});
    second.run({&in, 1});
    const network_runner moved(std::move(shared));
    CHECK(same_bits(moved.value(last), alone.value(last)));
    CHECK(same_bits(second.value(last), alone.value(last)));
  }
  CHECK(prepared.get(1, layer_precision::w8a8) == prepared.get(1, layer_precision::w8a8));
  const network other = net;
  CHECK_THROWS_WITH(network_runner(other, float_plan(other), {.prepared = &prepared}), contains("another network"));
}

TEST_CASE("a runner that two threads use at once tells the second", "[network]") {
  draws random(16);
  network_builder b;
  const std::size_t data = b.input({1, 3, 64, 64});
  b.add("conv", layers::convolution{{.pad = {1, 1}}, random.tensor({16, 3, 3, 3}), {}}, {data});
  const auto picture = random.tensor({1, 3, 64, 64});
  const tensor_view<const float> in = view_of(picture);
  // The second comes while the first waits for its tasks.
  struct intruder {
    network_runner* runner = nullptr;
    const tensor_view<const float>* in = nullptr;
    std::vector<std::string> told{};
    static void run(void* self, std::size_t tasks, executor::task_function task, void* argument) {
      auto& i = *static_cast<intruder*>(self);
      const auto attempt = [&](auto f) {
        try {
          f();
        } catch (const error& e) {
          i.told.emplace_back(e.what());
        }
      };
      std::thread([&] {
        attempt([&] { i.runner->run({i.in, 1}); });
        attempt([&] { (void)i.runner->value(1); });
        attempt([&] { i.runner->use({}); });
        attempt([&] { i.runner->run_isolated(*i.runner, [](auto&&...) {}); });
      }).join();
      for (std::size_t t = 0; t < tasks; ++t) task(argument, t);
    }
  } second;
  network_runner runner(b.net, float_plan(b.net), {.keep_all = true, .threads = {&intruder::run, &second, 2}});
  second.runner = &runner;
  second.in = &in;
  runner.run({&in, 1});
  REQUIRE(second.told.size() >= 4);
  for (const std::string& message : second.told) CHECK_THAT(message, contains("network_runner: "));
  network_runner alone(b.net, float_plan(b.net));
  alone.run({&in, 1});
  CHECK(same_bits(runner.value(1), alone.value(1)));
}

TEST_CASE("prepared layers that two threads use at once tell one of them", "[network]") {
  draws random(17);
  network_builder b;
  std::size_t x = b.input({1, 512, 1, 1});
  x = b.add("small", relu_params{}, {x});
  b.add("large", layers::fully_connected{1, random.tensor({2048, 512}), {}}, {x});
  prepared_layers prepared(b.net);
  // The second comes while the first waits for its tasks.
  struct intruder {
    prepared_layers* prepared = nullptr;
    std::vector<std::string> told{};
    static void run(void* self, std::size_t tasks, executor::task_function task, void* argument) {
      auto& i = *static_cast<intruder*>(self);
      std::thread([&] {
        try {
          (void)i.prepared->get(1, layer_precision::w8a8);
        } catch (const error& e) {
          i.told.emplace_back(e.what());
        }
      }).join();
      for (std::size_t t = 0; t < tasks; ++t) task(argument, t);
    }
  } second{&prepared};
  CHECK(prepared.get(2, layer_precision::w8a8, {&intruder::run, &second, 2}) != nullptr);
  REQUIRE(!second.told.empty());
  for (const std::string& message : second.told)
    CHECK_THAT(message, contains("prepared_layers: used by a second thread"));
  CHECK(prepared.get(1, layer_precision::w8a8) == prepared.get(1, layer_precision::w8a8));
}

TEST_CASE("runners of several threads that share prepared layers give the same bits", "[network]") {
  draws random(18);
  const network net = network_of_all_kinds(random);
  const auto picture = random.tensor({2, 3, 17, 13});
  const tensor_view<const float> in = view_of(picture);
  const std::size_t last = net.blobs.size() - 1;
  prepared_layers prepared(net);
  std::vector<network_runner> runners;
  for (int i = 0; i < 3; ++i) {
    runners.emplace_back(net, plan_for(net, 0), runner_options{.prepared = &prepared});
    runners.back().run({&in, 1});
  }
  const auto expected = runners[0].value(last);
  std::vector<std::thread> threads;
  for (network_runner& r : runners) {
    threads.emplace_back([&] {
      for (int round = 0; round < 3; ++round) r.run({&in, 1});
    });
  }
  for (std::thread& t : threads) t.join();
  for (const network_runner& r : runners) CHECK(same_bits(r.value(last), expected));
}

TEST_CASE("a layer of the host that gives its input another name leaves it as it is", "[network]") {
  draws random(31);
  network_builder b;
  const std::size_t data = b.input({1, 3, 4, 4});
  const std::size_t same = b.add("same", layers::identity{}, {data});
  b.net.layers.back().on_cpu = true;
  const std::size_t conv = b.add("conv", layers::convolution{{}, random.tensor({2, 3, 1, 1}), {}}, {same});
  const std::size_t again = b.add("again", layers::identity{}, {conv});
  b.net.layers.back().on_cpu = true;
  const auto picture = random.tensor({1, 3, 4, 4});
  network_runner runner(b.net, plan_of(b.net, layer_precision::w8a8), {.keep_all = true});
  runner.run(picture);
  CHECK(same_bits(runner.value(data), picture));
  CHECK(same_bits(runner.value(same), picture));
  CHECK(same_bits(runner.value(again), runner.value(conv)));
  network_builder direct;
  const std::size_t x = direct.input({1, 3, 4, 4});
  const std::size_t y = direct.add("conv", b.net.layers[2].params, {x});
  network_runner expected(direct.net, plan_of(direct.net, layer_precision::w8a8));
  expected.run(picture);
  CHECK(same_bits(runner.value(conv), expected.value(y)));
}

}  // namespace runner_test
