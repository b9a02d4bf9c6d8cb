// Networks of random structure: what every layer gives is what its definition says, and no way of running them changes
// a bit.
#include "support/random_network.hpp"

#include <nniesim/kernels/thread_pool.hpp>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <span>
#include <vector>

#include "catch.hpp"
#include "support/isas.hpp"

using namespace nniesim;

namespace random_network_test {

namespace {

/// How many seeds: NNIESIM_SEEDS times as many as usual.
std::uint32_t count(std::uint32_t usual) {
  const char* times = std::getenv("NNIESIM_SEEDS");
  return times == nullptr ? usual : usual * static_cast<std::uint32_t>(std::atoi(times));
}

random_network::generated of_seed(std::uint32_t seed) {
  return random_network::generator(random_network::choices(seed)).make();
}

}  // namespace

TEST_CASE("random networks give in float what their layers' definitions say", "[network]") {
  std::size_t compared = 0, layers = 0;
  std::set<std::size_t> kinds;
  for (std::uint32_t seed = 0; seed < count(400); ++seed) {
    const auto g = of_seed(seed);
    CAPTURE(seed);
    CHECK(random_network::float_difference(g, compared) == "");
    layers += g.net.layers.size();
    for (const layer& l : g.net.layers) kinds.insert(l.params.index());
  }
  CHECK(compared > 100000);
  CHECK(layers > 2000);
  CHECK(kinds.size() == std::variant_size_v<layer_params>);
}

TEST_CASE("random networks give the same bits on every instruction set, for any threads and in little memory",
          "[network]") {
  thread_pool pool(3);
  const auto best = runnable_isas().back();
  for (std::uint32_t seed = 0; seed < count(200); ++seed) {
    const auto g = of_seed(seed);
    CAPTURE(seed);
    for (const int mode : {-1, 0, 1}) {
      CAPTURE(mode);
      const precision_plan plan = mode < 0 ? float_plan(g.net) : plan_of(g.net, compile_mode_of(mode));
      std::vector<std::vector<std::uint32_t>> plain;
      for_each_isa([&](isa i) {
        if (i == isa::scalar) plain = random_network::run_words(g, plan, {.keep_all = true});
        if (i != best) return;
        const auto check = [&](const runner_options& options) {
          REQUIRE(random_network::first_difference(g, plain, random_network::run_words(g, plan, options)) == "");
        };
        check({.keep_all = true});
        check({.keep_all = true, .threads = pool.handle()});
        check({});
        check({.keep = {seed % g.net.blobs.size()}, .threads = pool.handle()});
      });
    }
  }
}

namespace {

/// A layer by itself, alone and shared by threads on every instruction set, against the scalar specification.
template <class P, class Layer, class Specification>
bool equals_specification(const Layer& layer, const tensor<value_t<P>>& x, thread_pool& pool,
                          Specification specification) {
  const auto s = layer.activation_scale_of(view_of(x));
  auto expected = make_tensor<value_t<P>>(layer.output_shape(shape_of(x)));
  specification(view_of(x), s, layer.weight_groups(), view_of(expected));
  for (const executor& threads : {executor{}, pool.handle()}) {
    auto y = make_tensor<value_t<P>>(shape_of(expected));
    std::vector<std::byte> workspace(layer.workspace_bytes(shape_of(x), threads));
    layer.run(view_of(x), s, view_of(y), workspace, threads);
    if (!same_bits(y, expected)) return false;
  }
  return true;
}

template <class P>
bool mac_layer_equals_specification(const layer& l, const tensor<float>& in, thread_pool& pool) {
  auto x = make_tensor<value_t<P>>(shape_of(in));
  std::transform(in.begin(), in.end(), x.begin(), [](float v) { return P::output::from(v); });
  bool equal = true;
  for_each_isa([&](isa) {
    const auto with_bias = [&](const auto& p, auto f) {
      if (p.bias.empty()) return f(no_bias);
      return f(tensor_view<const float>(p.bias, {p.bias.size()}));
    };
    if (const auto* p = std::get_if<layers::convolution>(&l.params)) {
      equal = equal && with_bias(*p, [&](const auto& bias) {
                const conv2d_layer<P> layer(p->weights, bias, p->geometry);
                return equals_specification<P>(layer, x, pool, [&](auto from, auto sx, const auto& sw, auto to) {
                  reference::conv2d<P>(from, sx, view_of(p->weights), sw, p->bias, p->geometry, {}, to);
                });
              });
    } else if (const auto* d = std::get_if<layers::deconvolution>(&l.params)) {
      equal = equal && with_bias(*d, [&](const auto& bias) {
                const deconv2d_layer<P> layer(d->weights, bias, d->geometry);
                return equals_specification<P>(layer, x, pool, [&](auto from, auto sx, const auto& sw, auto to) {
                  reference::deconv2d<P>(from, sx, view_of(d->weights), sw, d->bias, d->geometry, {}, to);
                });
              });
    }
  });
  return equal;
}

}  // namespace

TEST_CASE("random geometries give the specification's bits, alone and shared by threads", "[network]") {
  thread_pool pool(3);
  std::size_t checked = 0;
  for (std::uint32_t seed = 0; seed < count(100); ++seed) {
    const auto g = of_seed(seed + 1000000);
    draws random(seed);
    for (const layer& l : g.net.layers) {
      if (!is_mac_layer(l)) continue;
      CAPTURE(seed, l.name);
      const auto x = random.tensor(g.net.blobs[l.inputs[0]].shape);
      CHECK(mac_layer_equals_specification<float32>(l, x, pool));
      CHECK(mac_layer_equals_specification<w8a8>(l, x, pool));
      CHECK(mac_layer_equals_specification<w16a16>(l, x, pool));
      ++checked;
    }
  }
  CHECK(checked > 60);
}

}  // namespace random_network_test
