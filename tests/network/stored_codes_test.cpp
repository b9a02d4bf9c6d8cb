// Runs with given ranges store blobs as codes: every kind that reads or writes them gives the bits that it gives where
// blobs are int32.
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/code_table.hpp>
#include <nniesim/network/runner.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace stored_codes_test {

namespace {

/// A network under construction that names its layers by their place.
struct chain : network_builder {
  explicit chain(draws& d) : random(&d) {}
  std::size_t put(const char* name, layer_params params, std::vector<std::size_t> inputs) {
    return add(name + std::to_string(net.layers.size()), std::move(params), std::move(inputs));
  }
  std::size_t conv(std::size_t x, std::size_t outputs, std::size_t kernel = 1) {
    const std::size_t pad = kernel / 2;
    return put("conv",
               layers::convolution{{.pad = {pad, pad}},
                                   random->tensor({outputs, net.blobs[x].shape[1], kernel, kernel}, 0.5F),
                                   random_floats(*random, outputs)},
               {x});
  }
  draws* random;
};

/// In 8 bits, 16 bits, or both by turns.
precision_plan plan_in(const network& net, int mode) {
  precision_plan plan = plan_for(net, mode == 1 ? 1 : 0);
  for (std::size_t l = 0; mode == 2 && l < net.layers.size(); ++l) {
    if (l % 3 == 1) plan.layers[l] = layer_precision::w16a16;
  }
  return plan;
}

/// Runs with blobs as codes, in all modes, instruction sets and with threads, against one that keeps all blobs as
/// int32. `stored`: how many blobs stand as codes in mode 0.
void expect_same(const network& net, draws& random, std::size_t stored, int octaves = 0) {
  const auto picture = random.tensor(net.blobs[0].shape, 2);
  const tensor_view<const float> in = view_of(picture);
  thread_pool pool(2);
  for (const int mode : {0, 1, 2}) {
    calibrator c(net, plan_in(net, mode));
    c.add({&in, 1});
    activation_ranges ranges = c.ranges();
    for (auto& [name, range] : ranges.blobs) range.largest = std::ldexp(range.largest, octaves);
    for_each_isa([&](isa used) {
      CAPTURE(mode, to_string(used), octaves);
      network_runner all(net, plan_in(net, mode), {.keep_all = true});
      all.use(ranges);
      all.run({&in, 1});
      network_runner coded(net, plan_in(net, mode));
      network_runner shared(net, plan_in(net, mode), {.threads = pool.handle()});
      for (network_runner* r : {&coded, &shared}) {
        r->use(ranges);
        for (int round = 0; round < 2; ++round) {
          r->run({&in, 1});
          for (const layer_output& o : network_outputs(net)) {
            const std::size_t b = net.layers[o.layer].outputs[o.output];
            CAPTURE(net.blobs[b].name);
            CHECK(same_bits(r->value(b), all.value(b)));
          }
        }
      }
      if (mode != 0) return;
      std::size_t count = 0;
      for (std::size_t b = 0; b < net.blobs.size(); ++b) count += coded.is_stored_as_codes(b) ? 1U : 0U;
      CHECK(count == stored);
    });
  }
}

}  // namespace

TEST_CASE("sums, maxima and products of codes, and the ReLU behind them", "[network]") {
  draws random(61);
  chain b(random);
  const std::size_t x = b.conv(b.input({1, 3, 23, 19}), 8, 3);
  const std::size_t y = b.conv(x, 8);
  const std::size_t sum = b.put("sum", eltwise_params{.coefficients = {1.0F, -0.75F}}, {x, y});
  const std::size_t relu = b.put("relu", relu_params{}, {sum});
  const std::size_t product = b.put("product", eltwise_params{.operation = eltwise_operation::product}, {relu, y});
  const std::size_t most = b.put("most", eltwise_params{.operation = eltwise_operation::maximum}, {product, x});
  const std::size_t leaky = b.put("leaky", relu_params{0.125F}, {most});
  b.put("three", eltwise_params{}, {b.conv(leaky, 8), relu, x});
  for (const int octaves : {0, 4, -4}) expect_same(b.net, random, 6, octaves);
}

TEST_CASE("functions of codes are tables, one behind the other", "[network]") {
  draws random(62);
  chain b(random);
  const std::size_t x = b.conv(b.input({1, 3, 21, 17}), 8, 3);
  const std::size_t sigmoid = b.put("sigmoid", activation_params{}, {x});
  const std::size_t silu = b.put("silu", eltwise_params{.operation = eltwise_operation::product}, {x, sigmoid});
  const std::size_t y = b.conv(silu, 6);
  const std::size_t tanh = b.put("tanh", activation_params{.function = activation_function::tanh}, {y});
  const std::size_t power = b.put("power", power_params{2.0, 0.5, 0.25}, {tanh});
  const std::size_t z = b.conv(power, 6);
  const std::size_t squares = b.put("squares", eltwise_params{.operation = eltwise_operation::product}, {z, z});
  const std::size_t fourth = b.put("fourth", eltwise_params{.operation = eltwise_operation::product}, {squares, z});
  b.put("sum", eltwise_params{}, {b.conv(fourth, 6), y});
  b.put("last", activation_params{.function = activation_function::elu}, {z});  // stays int32
  for (const int octaves : {0, 5, -5}) expect_same(b.net, random, 9, octaves);
}

TEST_CASE("codes that are pooled, upsampled and joined", "[network]") {
  draws random(63);
  chain b(random);
  const std::size_t x = b.conv(b.input({2, 3, 18, 22}), 8, 3);
  const std::size_t pool =
      b.put("max", pooling_params{.operation = pooling_operation::maximum, .kernel = {2, 2}, .stride = {2, 2}}, {x});
  const std::size_t wide = b.put("wide", pooling_params{.kernel = {5, 5}, .stride = {1, 1}, .pad = {2, 2}}, {pool});
  const std::size_t only = b.conv(pool, 5);  // read by the concat alone
  const std::size_t joined = b.put("joined", concat_params{1}, {pool, only, wide, b.conv(wide, 3)});
  const std::size_t up = b.put("up", upsample_params{}, {b.conv(joined, 4)});
  b.conv(up, 2);                                         // codes with its input's scale
  b.put("permuted", permute_params{{0, 2, 3, 1}}, {x});  // gets a copy
  const std::size_t again = b.put("again", concat_params{1}, {up, x});
  const std::size_t mean =
      b.put("mean", pooling_params{.operation = pooling_operation::average, .kernel = {3, 3}, .stride = {2, 2}},
            {b.conv(again, 4)});
  b.conv(mean, 2);
  b.put("global", pooling_params{.operation = pooling_operation::average, .global = true}, {x});  // gets a copy
  for (const int octaves : {0, 3, -6}) expect_same(b.net, random, 10, octaves);
}

TEST_CASE("codes that are renamed, and read by fully connected layers", "[network]") {
  draws random(64);
  chain b(random);
  const std::size_t x = b.conv(b.input({2, 3, 6, 5}), 4, 3);
  const std::size_t flat = b.put("flat", layers::flatten{1, 3}, {x});
  const std::size_t fc = b.put("fc", layers::fully_connected{1, random.tensor({70, 120}), {}}, {flat});
  const std::size_t relu = b.put("relu", relu_params{}, {fc});
  b.put("fc", layers::fully_connected{1, random.tensor({3, 70}), {}}, {relu});
  const std::size_t y = b.conv(b.conv(x, 4), 6);
  const std::size_t split = b.put("split", layers::identity{}, {y});
  b.conv(split, 2);
  b.put("tail", layers::flatten{1, 3}, {y});
  expect_same(b.net, random, 5);
}

TEST_CASE("a table has the results of all codes", "[network]") {
  using detail::code_table;
  for_each_isa([&](isa used) {
    CAPTURE(to_string(used));
    for (const std::size_t bytes : {1U, 2U}) {
      const std::vector<std::byte> codes = code_table::codes(bytes);
      const std::size_t count = code_table::count(bytes);
      REQUIRE(codes.size() == count * bytes);
      std::vector<std::byte> results(codes.rbegin(), codes.rend());
      if (bytes == 2) {
        for (std::size_t i = 0; i < results.size(); i += 2) std::swap(results[i], results[i + 1]);
      }
      const code_table table(results, bytes);
      std::vector<std::byte> out(codes.size());
      for (const std::size_t n : {count, count - 1, std::size_t{65}, std::size_t{63}, std::size_t{0}}) {
        std::fill(out.begin(), out.end(), std::byte{});
        table.apply(codes.data(), out.data(), n, {});
        for (std::size_t i = 0; i < out.size(); ++i) CHECK(out[i] == (i < n * bytes ? results[i] : std::byte{}));
      }
    }
  });
}

}  // namespace stored_codes_test
