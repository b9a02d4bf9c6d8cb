// Recurrent layers, and what stands around them, in networks.
#include <nniesim/network/runner.hpp>

#include <array>
#include <vector>

#include <nniesim/debug/ablation.hpp>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/arithmetic.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/constraints.hpp>
#include <nniesim/network/cost.hpp>
#include <nniesim/network/single_layer.hpp>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/naive_layers.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace recurrent_network_test {

namespace {

layers::recurrent drawn(draws& d, recurrent_cell cell, std::size_t features, std::size_t hidden) {
  const std::size_t sums = hidden * (cell == recurrent_cell::lstm ? 4 : 1);
  layers::recurrent p;
  p.cell = cell;
  p.learned.input = d.tensor({sums, features}, 0.5F);
  p.learned.hidden = d.tensor({sums, hidden}, 0.5F);
  p.learned.bias = random_floats(d, sums);
  if (cell == recurrent_cell::rnn) {
    p.learned.output = d.tensor({hidden, hidden}, 0.5F);
    p.learned.output_bias = random_floats(d, hidden);
  }
  return p;
}

/// Adds a layer with as many outputs as it has.
std::vector<std::size_t> add_all(network_builder& b, const std::string& name, layer_params params,
                                 std::vector<std::size_t> inputs, bool on_cpu = false) {
  layer l{name, name, "here:3:1", inputs, {}, std::move(params)};
  l.on_cpu = on_cpu;
  if (const auto* p = std::get_if<layers::recurrent>(&l.params); p != nullptr && p->exposes_states) {
    l.outputs.resize(1 + detail::recurrent_states(*p));
  } else {
    l.outputs.resize(1);
  }
  std::vector<tensor_shape> shapes;
  for (const std::size_t x : inputs) shapes.push_back(b.net.blobs[x].shape);
  const std::vector<tensor_shape> made = infer_shapes(l, shapes);
  for (std::size_t o = 0; o < made.size(); ++o) l.outputs[o] = b.blob(name + std::to_string(o), made[o]);
  b.net.layers.push_back(std::move(l));
  return b.net.layers.back().outputs;
}

/// The network's input feeds an lstm with exposed states; an rnn reads its y and a fixed input that a layer wrote.
network sequences_of_all_kinds(draws& d) {
  network_builder b;
  const auto input = [&](const std::string& name, const tensor_shape& shape) {
    const std::size_t blob = b.blob(name, shape);
    b.net.layers.push_back({name, "Input", "here:1:1", {}, {blob}, layers::input{}});
    return blob;
  };
  const std::size_t x = input("x", {5, 2, 6}), h = input("h", {1, 2, 7}), c = input("c", {1, 2, 7});
  const std::size_t k = add_all(b, "indicator", continuation_indicator_params{5, 2}, {}, true)[0];
  layers::recurrent lstm = drawn(d, recurrent_cell::lstm, 6, 7);
  lstm.exposes_states = true;
  const auto first = add_all(b, "lstm", lstm, {x, k, h, c});
  const std::size_t turned = add_all(b, "reverse", reverse_params{}, {first[0]}, true)[0];
  const std::size_t still = b.add("still", power_params{1.0F, 0.5F, 0.125F}, {first[1]});
  const std::size_t flat = b.add("flat", layers::reshape{{{2, 7}}, 0, 3}, {still});
  layers::recurrent rnn = drawn(d, recurrent_cell::rnn, 7, 4);
  rnn.has_fixed_input = true;
  rnn.learned.fixed = d.tensor({4, 7}, 0.5F);
  const std::size_t y = add_all(b, "rnn", rnn, {turned, k, flat})[0];
  layers::recurrent fork = drawn(d, recurrent_cell::lstm, 4, 3);
  fork.has_continuation = false;
  const std::size_t z = add_all(b, "fork", fork, {y})[0];
  (void)add_all(b, "decoder", ctc_greedy_decoder_params{}, {z}, true);
  return b.net;
}
std::vector<tensor<float>> inputs_of(draws& d) {
  return {d.tensor({5, 2, 6}), d.tensor({1, 2, 7}, 0.3F), d.tensor({1, 2, 7})};
}

}  // namespace

TEST_CASE("a network of sequences is its layers' definitions in float", "[network]") {
  draws d(1);
  const network net = sequences_of_all_kinds(d);
  network_runner runner(net, float_plan(net), {.keep_all = true});
  runner.run(inputs_of(d));
  for (const layer& l : net.layers) {
    if (std::holds_alternative<layers::input>(l.params)) continue;
    std::vector<naive::array> in;
    for (const std::size_t b : l.inputs) in.push_back(naive::from(runner.value(b)));
    const auto expected = naive::evaluate(l, in);
    REQUIRE(expected.size() == l.outputs.size());
    for (std::size_t o = 0; o < expected.size(); ++o) {
      const tensor<float> got = runner.value(l.outputs[o]);
      REQUIRE(got.size() == expected[o].value.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        INFO(l.name << " output " << o << " element " << i);
        CHECK(std::fabs(static_cast<double>(got.data()[i]) - expected[o].value[i]) <= expected[o].tolerance[i]);
      }
    }
  }
}

TEST_CASE("recurrent layers read x and the fixed input as codes, continuation and states as they are", "[network]") {
  draws d(2);
  const network net = sequences_of_all_kinds(d);
  const auto storage = blob_storage_of(net, plan_of(net, layer_precision::w8a8));
  const auto as = [&](std::string_view name) { return to_string(storage[blob_index(net, name)]); };
  CHECK(as("x") == "gfpq8");
  CHECK(as("h") == "float32");
  CHECK(as("c") == "float32");
  CHECK(as("indicator") == "int32");
  CHECK(as("reverse") == "gfpq8");
  CHECK(as("flat") == "gfpq8");
  CHECK(as("lstm") == "int32");
  const layer& lstm = net.layers[layer_index(net, "lstm")];
  const layer& rnn = net.layers[layer_index(net, "rnn")];
  CHECK(reads_codes(lstm));
  CHECK(reads_codes(lstm, 0));
  CHECK_FALSE(reads_codes(lstm, 1));
  CHECK_FALSE(reads_codes(lstm, 2));
  CHECK(code_inputs(lstm) == 1);
  CHECK_FALSE(reads_codes(rnn, 1));
  CHECK(reads_codes(rnn, 2));
  CHECK(code_inputs(rnn) == 3);
  CHECK(encodes_weights(lstm));
  CHECK_FALSE(is_mac_layer(lstm));
}

TEST_CASE("a recurrent layer in a network is the operator's specification on what the layers before wrote",
          "[network]") {
  draws d(3);
  const network net = sequences_of_all_kinds(d);
  const std::vector<tensor<float>> inputs = inputs_of(d);
  for_each_isa([&](isa used) {
    network_runner runner(net, plan_of(net, layer_precision::w8a8), {.keep_all = true});
    runner.run(inputs);
    const auto written = [&](std::string_view name) {
      const tensor<float> x = runner.value(name);
      auto y = make_tensor<q20_12>(shape_of(x));
      std::transform(x.begin(), x.end(), y.begin(), [](float v) { return q20_12::from(static_cast<double>(v)); });
      return y;
    };
    INFO(to_string(used));
    {
      const auto& p = std::get<layers::recurrent>(net.layers[layer_index(net, "lstm")].params);
      const auto k = written("indicator"), h = written("h"), c = written("c");
      auto y = make_tensor<q20_12>({5, 2, 7}), last_h = make_tensor<q20_12>({1, 2, 7}), last_c = last_h;
      recurrent_run<w8a8, float> r;  // the network's input is encoded at once
      r.x = view_of(inputs[0]);
      r.scale = gfpq8::scale_of(inputs[0]);
      r.continuation = view_of(k);
      r.first_h = view_of(h);
      r.first_c = view_of(c);
      r.y = view_of(y);
      r.last_h = view_of(last_h);
      r.last_c = view_of(last_c);
      reference::recurrent(r, p, p.learned);
      CHECK(same_bits(to_float(y), runner.value("lstm")));
      CHECK(same_bits(to_float(last_h), runner.value("lstm1")));
      CHECK(same_bits(to_float(last_c), runner.value("lstm2")));
    }
    const auto& p = std::get<layers::recurrent>(net.layers[layer_index(net, "rnn")].params);
    const auto k = written("indicator"), x = written("reverse"), fixed = written("flat");
    auto y = make_tensor<q20_12>({5, 2, 4});
    recurrent_run<w8a8> r;
    r.x = view_of(x);
    r.scale = gfpq8::scale_of(runner.value("reverse"));
    r.continuation = view_of(k);
    r.fixed = view_of(fixed);
    r.fixed_scale = gfpq8::scale_of(runner.value("flat"));
    r.y = view_of(y);
    reference::recurrent(r, p, p.learned);
    CHECK(same_bits(to_float(y), runner.value("rnn")));
  });
}

TEST_CASE("modes, threads, memory and layers by themselves", "[network]") {
  draws d(4);
  const network net = sequences_of_all_kinds(d);
  const std::vector<tensor<float>> inputs = inputs_of(d);
  thread_pool pool(2);
  calibrator c(net, plan_of(net, layer_precision::w8a8));
  c.add(inputs);
  for (const int mode : {-1, 0, 1}) {
    network_runner runner(net, plan_for(net, mode), {.keep_all = true}),
        threaded(net, plan_for(net, mode), {.threads = pool.handle()});
    runner.use(c.ranges());
    threaded.use(c.ranges());
    runner.run(inputs);
    threaded.run(inputs);
    CAPTURE(mode);
    CHECK(same_bits(runner.value("decoder"), threaded.value("decoder")));
    CHECK(runner.memory_bytes() <= runner.needed_memory().activations + runner.needed_memory().scratch);
    for (std::size_t l = 0; l < net.layers.size(); ++l) {
      if (std::holds_alternative<layers::input>(net.layers[l].params) || net.layers[l].inputs.empty()) continue;
      std::vector<tensor<float>> in;
      for (const std::size_t b : net.layers[l].inputs) in.push_back(runner.value(b));
      const auto outputs =
          single_layer(net, l, runner.plan().layers[l], pool.handle(), {}, &runner.plan()).run(in, &c.ranges());
      INFO(net.layers[l].name);
      if (net.layers[l].on_cpu) continue;  // a runner truncates what the host gives
      for (std::size_t o = 0; o < outputs.size(); ++o) {
        CHECK(same_bits(outputs[o], runner.value(net.layers[l].outputs[o])));
      }
    }
  }
  const network_policy& policy = policy_set()[layer_precision::w8a8];
  for (const std::size_t threads : {1U, 7U}) {
    for (const std::string_view name : {"lstm", "rnn", "fork"}) {
      const layer& l = net.layers[layer_index(net, name)];
      const auto shapes = input_shapes(net, l);
      executor many;
      many.max_workers = threads;
      CHECK(policy.prepare(l, shapes)->workspace_bytes(many) <= policy.need(l, shapes, threads).workspace);
    }
  }
}

TEST_CASE("16 bits are nearer to float than 8", "[network]") {
  draws d(5);
  const network net = sequences_of_all_kinds(d);
  const std::vector<tensor<float>> inputs = inputs_of(d);
  network_runner reference(net, float_plan(net), {.keep_all = true});
  reference.run(inputs);
  std::array<double, 2> error{};
  for (const int mode : {0, 1}) {
    network_runner runner(net, plan_for(net, mode), {.keep_all = true});
    runner.run(inputs);
    error[static_cast<std::size_t>(mode)] = compare(reference.value("fork"), runner.value("fork")).relative_l2_error;
  }
  CHECK(error[0] > 2 * error[1]);
  CHECK(error[0] < 0.1);
  CHECK(error[1] < 0.01);
}

TEST_CASE("what is not known of the arithmetic is chosen for recurrent layers, too", "[network]") {
  draws d(6);
  const network net = sequences_of_all_kinds(d);
  const network other = with_arithmetic(net, {sum_rounding::truncate, function_rule::exact});
  const auto& p = std::get<layers::recurrent>(other.layers[layer_index(other, "rnn")].params);
  CHECK(p.rounding == sum_rounding::truncate);
  CHECK(p.rule == function_rule::exact);
}

TEST_CASE("weights of recurrent layers are encoded where the network is quantized in float", "[network]") {
  draws d(7);
  const network net = sequences_of_all_kinds(d);
  layer l = net.layers[layer_index(net, "rnn")];
  const auto before = std::get<layers::recurrent>(l.params).learned;
  policy_set()[layer_precision::w8a8].encode_weights(l);
  const auto& after = std::get<layers::recurrent>(l.params).learned;
  const auto is_encoded = [](const tensor<float>& was, const tensor<float>& is) {
    auto expected = was;
    const auto scale = gfpq8::scale_of(was);
    for (float& v : expected) v = gfpq8::decode(gfpq8::encode(v, scale), scale);
    return !same_bits(was, is) && same_bits(expected, is);
  };
  CHECK(is_encoded(before.input, after.input));
  CHECK(is_encoded(before.fixed, after.fixed));
  CHECK(is_encoded(before.hidden, after.hidden));
  CHECK(is_encoded(before.output, after.output));

  const std::vector<tensor<float>> inputs = inputs_of(d);
  std::vector<tensor_view<const float>> views;
  for (const auto& x : inputs) views.push_back(view_of(x));
  calibrator c(net, plan_of(net, layer_precision::w8a8));
  c.add(inputs);
  const auto rows = ablate(net, plan_of(net, layer_precision::w8a8), c.ranges(), views);
  const auto row =
      std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.layer == layer_index(net, "lstm"); });
  REQUIRE(row != rows.end());
  CHECK(row->weights_only.relative_l2_error > 1e-4);
  CHECK(row->activations_only.relative_l2_error > 1e-4);
}

TEST_CASE("products of recurrent layers count, and too many steps break a rule", "[network]") {
  draws d(8);
  const network net = sequences_of_all_kinds(d);
  // 10 rows of 28 x 6 and of 28 x 7.
  CHECK(work_of(net, net.layers[layer_index(net, "lstm")]).macs == 10 * 28 * (6 + 7));
  // 10 rows of 4 x 7, of 4 x 4 and 4 x 4, and 2 of 4 x 7.
  CHECK(work_of(net, net.layers[layer_index(net, "rnn")]).macs == 10 * (28 + 16 + 16) + 2 * 28);
  CHECK(time_of(net, layer_index(net, "lstm"), layer_precision::w8a8) > 0);
  network_builder b;
  const std::size_t x = b.input({1025, 1, 2});
  layers::recurrent p = drawn(d, recurrent_cell::lstm, 2, 2);
  p.has_continuation = false;
  (void)add_all(b, "long", p, {x});
  const auto found = check_constraints(b.net);
  REQUIRE(found.size() == 1);
  CHECK(found[0].rule == "at most 1024 steps");
  CHECK(found[0].got == "1025 steps");
}

TEST_CASE("layers of the host alone are refused under the accelerator's policies", "[network]") {
  draws d(9);
  const network net = sequences_of_all_kinds(d);
  CHECK_THROWS_WITH(single_layer(net, layer_index(net, "decoder"), layer_precision::w8a8),
                    contains("expected it on the host"));
  network_builder b;
  const std::size_t x = b.input({1, 2, 4, 4});
  dense_block_params p;
  dense_block_stage s;
  s.norm.mean = {0, 0};
  s.norm.variance = {1, 1};
  s.filter = d.tensor({3, 2, 3, 3});
  p.stages.push_back(s);
  (void)add_all(b, "dense", p, {x}, true);
  auto picture = d.tensor({1, 2, 4, 4});
  for (float& v : picture) v = std::floor(v * 4096) / 4096;  // what the host is handed is in 1/4096
  CHECK_THROWS_WITH(single_layer(b.net, 1, layer_precision::w16a16), contains("expected it on the host"));
  network_runner runner(b.net, plan_for(b.net, 0), {.keep_all = true});
  runner.run(picture);
  const auto expected = naive::evaluate(b.net.layers[1], {naive::from(runner.value("data"))}).at(0);
  const tensor<float> y = runner.value("dense0");
  for (std::size_t i = 0; i < y.size(); ++i) {
    CHECK(std::fabs(static_cast<double>(y.data()[i]) - expected.value[i]) <= expected.tolerance[i] + 0x1p-12);
  }
  CHECK(work_of(b.net, b.net.layers[1]).macs == 16 * 9 * 2 * 3);
}

}  // namespace recurrent_network_test
