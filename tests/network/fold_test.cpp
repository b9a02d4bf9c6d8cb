// What becomes of BatchNorm and Scale layers.
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/cost.hpp>
#include <nniesim/network/fold.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace fold_test {

namespace {

/// A layer with weights, then BatchNorm, Scale, ReLU, and a layer that reads codes.
struct example {
  network net;
  tensor<float> picture;

  example(draws& random, layer_params mac, const tensor_shape& in) : picture(random.tensor(in)) {
    network_builder b;
    std::size_t x = b.add("mac", std::move(mac), {b.input(in)});
    const std::size_t channels = b.net.blobs[x].shape[1];
    batch_norm_params bn{.mean = random_floats(random, channels), .variance = random_floats(random, channels)};
    for (float& v : bn.variance) v = v * v + 0.1F;
    x = b.add("bn", layers::batch_norm{bn}, {x});
    x = b.add("scale", layers::scale{{}, random.tensor({channels}), random_floats(random, channels)}, {x});
    x = b.add("relu", relu_params{}, {x});
    b.add("end", eltwise_params{}, {x, x});
    net = b.net;
  }
};

std::vector<example> examples(draws& random) {
  const auto bias = [&](std::size_t n) { return random_floats(random, n); };
  std::vector<example> all;
  all.emplace_back(random, layers::convolution{{.pad = {1, 1}, .groups = 2}, random.tensor({6, 2, 3, 3}), bias(6)},
                   tensor_shape{2, 4, 7, 6});
  all.emplace_back(random, layers::convolution{{.groups = 4}, random.tensor({4, 1, 3, 3}), {}},
                   tensor_shape{1, 4, 7, 6});
  all.emplace_back(random, layers::deconvolution{{.stride = {2, 2}, .groups = 2}, random.tensor({4, 3, 3, 3}), bias(6)},
                   tensor_shape{1, 4, 5, 6});
  all.emplace_back(random, layers::fully_connected{1, random.tensor({9, 4 * 5 * 6}), bias(9)},
                   tensor_shape{2, 4, 5, 6});
  return all;
}

/// Factor and shift of both layers, in float64.
channel_affine affine_of(const network& net) {
  const channel_affine first = as_affine(std::get<layers::batch_norm>(net.layers[2].params).statistics);
  const auto& scale = std::get<layers::scale>(net.layers[3].params);
  channel_affine a;
  for (std::size_t c = 0; c < first.factor.size(); ++c) {
    const auto f = static_cast<double>(scale.factor->data()[c]);
    a.factor.push_back(first.factor[c] * f);
    a.shift.push_back(std::fma(first.shift[c], f, static_cast<double>(scale.shift[c])));
  }
  return a;
}

}  // namespace

TEST_CASE("a fused layer keeps its weights, and in float gives what the separate layers give", "[network]") {
  draws random(61);
  for (const example& e : examples(random)) {
    CAPTURE(e.net.layers[1].params.index());
    const network fused = fold_batch_norm(e.net), merged = fold_batch_norm(e.net, batch_norm_rule::merged);
    REQUIRE(fused.layers.size() == 4);
    CHECK(fused.layers[1].merged == std::vector<std::string>{"bn", "scale"});
    const channel_affine expected = affine_of(e.net);
    visit_kind(fused.layers[1], [&](auto, const auto& p) {
      if constexpr (requires { p.affine; }) {
        using params = std::remove_cvref_t<decltype(p)>;
        CHECK(same_bits(p.weights, std::get<params>(e.net.layers[1].params).weights));
        CHECK(p.bias == std::get<params>(e.net.layers[1].params).bias);
        CHECK(p.affine.factor == expected.factor);
        CHECK(p.affine.shift == expected.shift);
        CHECK(std::get<params>(merged.layers[1].params).affine.factor.empty());
        CHECK_FALSE(same_bits(std::get<params>(merged.layers[1].params).weights, p.weights));
      }
    });
    network_runner separate(e.net, float_plan(e.net), {.keep_all = true});
    separate.run(e.picture);
    for (const network* net : {&fused, &merged}) {
      for (const bool keep_all : {true, false}) {
        network_runner runner(*net, float_plan(*net), {.keep_all = keep_all});
        runner.run(e.picture);
        CHECK(compare(separate.value("end"), runner.value("end")).relative_l2_error < 1e-6);
      }
    }
    CHECK(work_of(fused, fused.layers[1]).macs == work_of(e.net, e.net.layers[1]).macs);
    CHECK(work_of(fused, fused.layers[1]).parameters ==
          work_of(e.net, e.net.layers[1]).parameters + 2 * expected.factor.size());
  }
}

TEST_CASE("a fused layer quantizes the raw weights, and its stage has factor and shift", "[network]") {
  draws random(62);
  for (const bool is_relu_fused : {false, true}) {
    for (const example& e : examples(random)) {
      CAPTURE(is_relu_fused, e.net.layers[1].params.index());
      const network fused = fold_batch_norm(e.net);
      const mac_options options{.affine = affine_of(e.net)};
      network_runner runner(fused, plan_of(fused, layer_precision::w8a8), {.keep_all = !is_relu_fused});
      runner.run(e.picture);
      const tensor<q20_12> y = visit_kind(fused.layers[1], [&](auto, const auto& p) -> tensor<q20_12> {
        using params = std::remove_cvref_t<decltype(p)>;
        const auto with = [&](auto layer) { return layer(e.picture); };
        const auto bias = [&](const auto& q, auto f) {
          return q.bias.empty() ? f(no_bias) : f(tensor_view<const float>(q.bias, {q.bias.size()}));
        };
        if constexpr (std::same_as<params, layers::convolution>) {
          return bias(p, [&](const auto& x) { return with(conv2d_layer<w8a8>(p.weights, x, p.geometry, options)); });
        } else if constexpr (std::same_as<params, layers::deconvolution>) {
          return bias(p, [&](const auto& x) { return with(deconv2d_layer<w8a8>(p.weights, x, p.geometry, options)); });
        } else if constexpr (std::same_as<params, layers::fully_connected>) {
          tensor<float> rows = e.picture;
          rows.reshape({2UL, rows.size() / 2});
          return bias(p, [&](const auto& x) { return fully_connected_layer<w8a8>(p.weights, x, options)(rows); });
        } else {
          return {};
        }
      });
      const tensor<float> expected = to_float(relu<w8a8>(y));
      network_runner keeps(fused, plan_of(fused, layer_precision::w8a8), {.keep = {blob_index(fused, "relu")}});
      keeps.run(e.picture);
      CHECK(same_bits(keeps.value("relu"), expected));
      CHECK(same_bits(keeps.value("end"), runner.value("end")));
      if (!is_relu_fused) CHECK(same_bits(runner.value("scale"), to_float(y)));
    }
  }
}

TEST_CASE("the three rules give three networks, and ranges have the same names in all of them", "[network]") {
  draws random(63);
  const example e = examples(random)[0];
  std::vector<tensor<float>> values;
  std::vector<std::string> names;
  for (const batch_norm_rule rule : {batch_norm_rule::fused, batch_norm_rule::own_layers, batch_norm_rule::merged}) {
    CAPTURE(to_string(rule));
    const network net = fold_batch_norm(e.net, rule);
    const precision_plan plan = plan_of(net, layer_precision::w8a8);
    calibrator c(net, plan);
    c.add(e.picture);
    network_runner runner(net, plan, {.keep = {blob_index(net, "scale")}});
    runner.use(c.ranges());
    runner.run(e.picture);
    values.push_back(runner.value("scale"));
    std::vector<std::string> found;
    for (const auto& [name, range] : c.ranges().blobs) found.push_back(name);
    if (names.empty()) names = found;
    CHECK(found == names);
  }
  CHECK(names == std::vector<std::string>{"data", "relu"});
  CHECK_FALSE(same_bits(values[0], values[1]));
  CHECK_FALSE(same_bits(values[0], values[2]));
  CHECK_FALSE(same_bits(values[1], values[2]));
  for (const auto& v : values) CHECK(compare(values[0], v).cosine > 0.99);
  // Folding what is folded changes nothing.
  const network again = fold_batch_norm(fold_batch_norm(e.net));
  CHECK(std::get<layers::convolution>(again.layers[1].params).affine.factor == affine_of(e.net).factor);
  const network merged = fold_batch_norm(fold_batch_norm(e.net, batch_norm_rule::merged), batch_norm_rule::merged);
  CHECK(std::get<layers::convolution>(merged.layers[1].params).affine.factor.empty());
}

TEST_CASE("an affine that does not fit its layer is refused", "[network]") {
  draws random(64);
  network_builder b;
  layers::convolution conv{{}, random.tensor({3, 2, 1, 1}), {}};
  const std::size_t data = b.input({1, 2, 3, 3});
  conv.affine = {{1, 1}, {0, 0}};
  CHECK_THROWS_WITH(b.add("conv", conv, {data}), contains("2 factors and 2 shifts for 3 outputs"));
  conv.affine = {{1, 1, std::numeric_limits<double>::infinity()}, {0, 0, 0}};
  CHECK_THROWS_AS(b.add("conv", conv, {data}), format_error);
}

}  // namespace fold_test
