// What several threads do at once, in layers large enough that they take part. Built with ThreadSanitizer as well.
#include <nniesim/kernels/quantize.hpp>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/runner.hpp>
#include <nniesim/network/single_layer.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace threads_test {

namespace {

/// Every kind of layer that shares its work, each with more than one thread is asked for.
network large_network(draws& random) {
  network_builder b;
  const std::size_t data = b.input({2, 4, 66, 70});
  std::size_t x =
      b.add("conv", layers::convolution{{.pad = {1, 1}}, random.tensor({16, 4, 3, 3}, 0.3F), random_floats(random, 16)},
            {data});
  x = b.add("relu", relu_params{}, {x});
  const std::size_t strided = b.add(
      "strided", layers::convolution{{.stride = {2, 2}, .pad = {2, 2}}, random.tensor({16, 16, 5, 5}, 0.1F), {}}, {x});
  x = b.add("depthwise", layers::convolution{{.pad = {1, 1}, .groups = 16}, random.tensor({16, 1, 3, 3}, 0.4F), {}},
            {x});
  x = b.add("point", layers::convolution{{.groups = 2}, random.tensor({16, 8, 1, 1}, 0.3F), {}}, {x});
  const std::size_t leaky = b.add("leaky", relu_params{0.1F}, {x});
  const std::size_t sigmoid = b.add("sigmoid", activation_params{activation_function::sigmoid}, {x});
  x = b.add("sum", eltwise_params{}, {leaky, sigmoid});
  x = b.add("power", power_params{2.0F, 0.5F, 0.1F}, {x});
  x = b.add("bn", layers::batch_norm{{.mean = std::vector<float>(16, 0.1F), .variance = std::vector<float>(16, 1.5F)}},
            {x});
  x = b.add("pool", pooling_params{pooling_operation::maximum, {2, 2}, {2, 2}, {}, pooling_size::ceil, false}, {x});
  x = b.add("both", concat_params{1}, {x, strided});
  x = b.add("deconv", layers::deconvolution{{.stride = {2, 2}, .groups = 4}, random.tensor({32, 2, 3, 3}, 0.2F), {}},
            {x});
  const std::size_t features = b.net.blobs[x].shape.size() / 2;
  b.add("fc", layers::fully_connected{1, random.tensor({40, features}, 0.01F), random_floats(random, 40)}, {x});
  return b.net;
}

}  // namespace

TEST_CASE("a runner's threads give the bits that one gives") {
  draws random(40);
  const network net = large_network(random);
  const auto picture = random.tensor({2, 4, 66, 70});
  for (const int mode : {-1, 0, 1}) {
    network_runner alone(net, plan_for(net, mode), {.keep_all = true});
    alone.run(picture);
    for (const std::size_t threads : {2UL, 5UL}) {
      CAPTURE(mode, threads);
      thread_pool pool(threads);
      network_runner shared(net, plan_for(net, mode), {.keep_all = true, .threads = pool.handle()});
      network_runner lean(net, plan_for(net, mode), {.threads = pool.handle()});
      for (int round = 0; round < 2; ++round) {
        shared.run(picture);
        lean.run(picture);
        for (std::size_t b = 0; b < net.blobs.size(); ++b) CHECK(same_bits(shared.value(b), alone.value(b)));
        CHECK(same_bits(lean.value(net.blobs.size() - 1), alone.value(net.blobs.size() - 1)));
      }
    }
  }
}

TEST_CASE("runners on threads of their own share prepared layers, a pool and the instruction set's choice") {
  draws random(41);
  const network net = large_network(random);
  const auto picture = random.tensor({2, 4, 66, 70});
  const std::size_t last = net.blobs.size() - 1;
  prepared_layers prepared(net);
  thread_pool pool(2);
  std::vector<network_runner> runners;
  for (int i = 0; i < 3; ++i) {
    runners.emplace_back(net, plan_for(net, 0), runner_options{.threads = pool.handle(), .prepared = &prepared});
    runners.back().run(picture);
  }
  const auto expected = runners[0].value(last);
  std::vector<std::thread> threads;
  for (network_runner& r : runners) {
    threads.emplace_back([&] {
      r.run(picture);
      force_isa(active_isa());
    });
  }
  for (std::thread& t : threads) t.join();
  for (const network_runner& r : runners) CHECK(same_bits(r.value(last), expected));
}

TEST_CASE("threads share a layer by itself, which no run changes") {
  draws random(42);
  const network net = large_network(random);
  const std::vector<tensor<float>> in = {random.tensor(net.blobs[net.layers[1].inputs[0]].shape)};
  const single_layer layer(net, 1, layer_precision::w8a8);
  const auto expected = layer.run(in);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      if (!same_bits(layer.run(in)[0], expected[0])) ++wrong;
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(wrong == 0);
}

TEST_CASE("encoding shared by threads gives the bits of one, and what happened to the values is counted once") {
  draws random(43);
  const auto x = random.tensor({200000}, 4.0F);
  thread_pool pool(3);
  const auto s = gfpq8::scale_of(view_of(x).span());
  std::vector<gfpq8::code> alone(x.size()), shared(x.size());
  encode<gfpq8>(view_of(x).span(), alone, s);
  encode<gfpq8>(view_of(x).span(), shared, s, pool.handle());
  CHECK(alone == shared);

  const conv2d_layer<uniform_w8a8> layer(random.tensor({24, 8, 3, 3}, 4.0F), no_bias, {.pad = {1, 1}});
  const tensor_shape shape{2, 8, 40, 40};
  auto in = make_tensor<q20_12>(shape);
  for (auto& v : in) v = q20_12::from(static_cast<double>(random.normal() * 1e4F));
  const auto scale = layer.activation_scale_of(view_of(std::as_const(in)));
  event_counts events[2];
  tensor<q20_12> out[2];
  for (int i = 0; i < 2; ++i) {
    const executor threads = i == 0 ? executor{} : pool.handle();
    out[i] = make_tensor<q20_12>(layer.output_shape(shape));
    std::vector<std::byte> memory(layer.workspace_bytes(shape, threads));
    layer.run(view_of(std::as_const(in)), scale, view_of(out[i]), memory, threads, {false, &events[i]});
  }
  CHECK(same_bits(out[0], out[1]));
  CHECK(events[0] == events[1]);
}

}  // namespace threads_test
