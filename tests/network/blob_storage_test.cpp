// How blobs are stored between layers, and what their readers get.
#include <nniesim/network/blob_storage.hpp>
#include <nniesim/network/runner.hpp>

#include <vector>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace blob_storage_test {

namespace {

const pooling_params max_2{pooling_operation::maximum, {2, 2}, {2, 2}, {}, pooling_size::ceil, false};
const pooling_params mean_2{pooling_operation::average, {2, 2}, {2, 2}, {}, pooling_size::ceil, false};

layers::convolution point(draws& random, std::size_t out, std::size_t in) {
  return {{}, random.tensor({out, in, 1, 1}), {}};
}
precision_plan in_8bit(const network& net) { return plan_of(net, layer_precision::w8a8); }

/// x as a blob of codes holds it, in 1/4096.
template <class F>
tensor<float> stored(const tensor<float>& x, const typename F::scale& s) {
  tensor<q20_12> y = encode<q20_12>(fake_quantize<F>(x, s), {});
  return to_float(y);
}

}  // namespace

TEST_CASE("a blob is codes where a reader wants codes, else int32", "[network]") {
  draws random(51);
  network_builder b;
  const std::size_t data = b.input({1, 4, 8, 8});
  const std::size_t conv = b.add("conv", point(random, 4, 4), {data});
  const std::size_t relu = b.add("relu", relu_params{}, {conv});
  const std::size_t split = b.add("split", layers::identity{}, {relu});
  const std::size_t most = b.add("max", max_2, {split});
  const std::size_t mean = b.add("mean", mean_2, {relu});
  const std::size_t both = b.add("concat", concat_params{1}, {most, mean});
  const std::size_t end = b.add("end", point(random, 2, 8), {both});
  const std::size_t flat = b.add("flat", layers::flatten{1, 3}, {end});
  const std::size_t fc = b.add("fc", layers::fully_connected{1, random.tensor({3, 32}), {}}, {flat});
  const std::size_t top = b.add("top", softmax_params{1}, {fc});
  const auto storage = blob_storage_of(b.net, in_8bit(b.net));
  const auto text = [&](std::size_t blob) { return to_string(storage[blob]); };
  CHECK(text(data) == "gfpq8");
  CHECK(text(conv) == "int32");  // the ReLU encodes it
  CHECK(text(relu) == "gfpq8");
  CHECK(text(split) == "gfpq8");
  CHECK(storage[split].source == relu);
  CHECK(storage[split].range == relu);
  CHECK(text(most) == "int32");  // members of a concat
  CHECK(text(mean) == "int32");
  CHECK(text(both) == "gfpq8");
  CHECK(text(end) == "int32");  // read by a reshaping layer
  CHECK(text(flat) == "gfpq8");
  CHECK(text(fc) == "int32");
  CHECK(text(top) == "int32");
  for (const blob_storage& s : blob_storage_of(b.net, float_plan(b.net))) CHECK_FALSE(s.is_codes());
  // Layers of the host read no codes.
  b.net.layers[layer_index(b.net, "max")].on_cpu = true;
  CHECK(to_string(blob_storage_of(b.net, in_8bit(b.net))[relu]) == "int32");
}

TEST_CASE("readers of both widths have a blob stored for each", "[network]") {
  draws random(52);
  network_builder b;
  const std::size_t data = b.input({1, 4, 8, 8});
  const std::size_t x = b.add("relu", relu_params{}, {data});
  b.add("narrow", point(random, 4, 4), {x});
  b.add("wide", point(random, 4, 4), {x});
  b.add("mean", mean_2, {x});
  precision_plan plan = in_8bit(b.net);
  plan.layers[3] = plan.layers[4] = layer_precision::w16a16;
  const auto storage = blob_storage_of(b.net, plan);
  CHECK(to_string(storage[x]) == "gfpq8 and gfpq16");
  CHECK(storage[x].read_by(layer_precision::w16a16) == layer_precision::w16a16);
  CHECK(storage[x].read_by(layer_precision::float32) == layer_precision::w8a8);
  const auto picture = random.tensor({1, 4, 8, 8});
  network_runner mixed(b.net, plan, {.keep_all = true});
  network_runner narrow(b.net, in_8bit(b.net), {.keep_all = true});
  network_runner wide(b.net, plan_of(b.net, layer_precision::w16a16), {.keep_all = true});
  for (network_runner* r : {&mixed, &narrow, &wide}) r->run(picture);
  CHECK(same_bits(mixed.value("narrow"), narrow.value("narrow")));
  CHECK(same_bits(mixed.value("wide"), wide.value("wide")));
  CHECK(same_bits(mixed.value("mean"), wide.value("mean")));
  CHECK_FALSE(same_bits(mixed.value("mean"), narrow.value("mean")));
}

TEST_CASE("those who read values of a blob of codes get them from the codes", "[network]") {
  draws random(53);
  network_builder b;
  const std::size_t data = b.input({1, 4, 8, 8});
  const std::size_t x = b.add("relu", relu_params{}, {data});
  b.add("conv", point(random, 4, 4), {x});
  b.add("mean", mean_2, {x});
  b.add("flat", layers::flatten{1, 3}, {x});
  b.add("host", power_params{1, 2, 0}, {x});
  b.net.layers.back().on_cpu = true;
  const auto picture = random.tensor({1, 4, 8, 8});
  for (const bool keep_all : {true, false}) {
    network_runner runner(b.net, in_8bit(b.net), {.keep_all = keep_all, .keep = {x}});
    runner.run(picture);
    // What the layer wrote stays what a report shows.
    const tensor<float> y = relu<float32>(to_float(encode<q20_12>(picture, {})));
    CHECK(same_bits(runner.value(x), y));
    tensor<float> z = stored<gfpq8>(y, gfpq8::scale_of(y));
    CHECK(same_bits(runner.value("mean"), to_float(pooling<w8a8>(z, mean_2))));
    CHECK(same_bits(runner.value("host"), tensor<float>(z * 2.0F)));
    z.reshape({1UL, 256UL});
    CHECK(same_bits(runner.value("flat"), z));
  }
  // In a float network that stores what the plan stores nothing is cut to 1/4096.
  const precision_plan plan = in_8bit(b.net);
  network_runner in_float(b.net, float_plan(b.net), {.keep_all = true, .stored_as = &plan});
  in_float.run(picture);
  const tensor<float> y = relu<float32>(picture);
  CHECK(same_bits(in_float.value("mean"), pooling<float32>(fake_quantize<gfpq8>(y, gfpq8::scale_of(y)), mean_2)));
  CHECK_THROWS_WITH(network_runner(b.net, plan, {.stored_as = &plan}), contains("not in a float plan"));
}

TEST_CASE("upsampling repeats codes: its output has its input's scale, max pooling's its own", "[network]") {
  draws random(54);
  network_builder b;
  std::size_t x = b.input({1, 4, 4, 4});
  x = b.add("relu", relu_params{}, {x});
  const std::size_t up = b.add("up", upsample_params{2, {}}, {x});
  b.add("behind_up", point(random, 2, 4), {up});
  tensor<float> weights = random.tensor({4, 1, 2, 2});
  const std::size_t wide = b.add("deconv", layers::deconvolution{{.stride = {2, 2}, .groups = 4}, weights, {}}, {x});
  b.add("behind_deconv", point(random, 2, 4), {wide});
  const std::size_t pooled = b.add("max", max_2, {x});
  b.add("behind_max", point(random, 2, 4), {pooled});
  const std::size_t grouped =
      b.add("other", layers::deconvolution{{.stride = {2, 2}, .groups = 2}, random.tensor({4, 2, 2, 2}), {}}, {x});
  b.add("behind_other", point(random, 2, 4), {grouped});
  const auto storage = blob_storage_of(b.net, in_8bit(b.net));
  CHECK(storage[up].range == x);
  CHECK(storage[wide].range == x);
  CHECK(storage[pooled].range == pooled);
  CHECK(storage[grouped].range == grouped);
  // The deconvolution's values are up to ten times larger than its input's scale reaches: they saturate.
  for (float& v : std::get<layers::deconvolution>(b.net.layers[layer_index(b.net, "deconv")].params).weights) v = 10;
  const auto picture = random.tensor({1, 4, 4, 4});
  const auto behind = [&](network_runner& runner) {
    runner.run(picture);
    const tensor<float> y = runner.value("relu"), z = runner.value("deconv");
    const auto& w = std::get<layers::convolution>(b.net.layers[layer_index(b.net, "behind_deconv")].params).weights;
    const conv2d_layer<w8a8> conv(w, no_bias);
    CHECK(same_bits(runner.value("behind_deconv"), to_float(conv(encode<q20_12>(z, {}), gfpq8::scale_of(y)))));
  };
  network_runner all(b.net, in_8bit(b.net), {.keep_all = true});
  behind(all);
  const std::vector<std::size_t> keep = {x, wide, blob_index(b.net, "behind_deconv")};
  network_runner few(b.net, in_8bit(b.net), {.keep = keep});
  behind(few);
  for (const std::size_t blob : keep) CHECK(same_bits(few.value(blob), all.value(blob)));
  // By itself, too.
  network_runner reference(b.net, float_plan(b.net), {.keep_all = true});
  reference.run(picture);
  std::vector<tensor<float>> isolated;
  all.run_isolated(reference, [&](std::size_t l, std::size_t, auto values) {
    if (b.net.layers[l].name != "behind_deconv") return;
    isolated.push_back(make_tensor<float>(values.shape()));
    std::transform(values.span().begin(), values.span().end(), isolated[0].data(),
                   [](const auto& v) { return static_cast<float>(v); });
  });
  const auto& w = std::get<layers::convolution>(b.net.layers[layer_index(b.net, "behind_deconv")].params).weights;
  const auto in = encode<q20_12>(reference.value("relu"), {});
  REQUIRE(isolated.size() == 1);
  CHECK(same_bits(isolated[0], to_float(conv2d_layer<w8a8>(w, no_bias)(encode<q20_12>(reference.value("deconv"), {}),
                                                                       gfpq8::scale_of(to_float(in))))));
}

TEST_CASE("the network's input is encoded at once, without 1/4096 in between", "[network]") {
  draws random(55);
  network_builder b;
  const std::size_t data = b.input({1, 4, 4, 4});
  const auto w = random.tensor({4, 4, 1, 1});
  const auto w2 = random.tensor({3, 64});
  b.add("conv", layers::convolution{{}, w, {}}, {data});
  b.add("fc", layers::fully_connected{1, w2, {}}, {data});
  b.add("relu", relu_params{}, {data});
  tensor<float> picture = random.tensor({1, 4, 4, 4}, 1e-3F);  // a few steps of 1/4096
  for (const layer_precision p : {layer_precision::w8a8, layer_precision::w16a16}) {
    network_runner runner(b.net, plan_of(b.net, p), {.keep_all = true});
    runner.run(picture);
    CHECK(same_bits(runner.value("data"), picture));
    const bool is_8bit = p == layer_precision::w8a8;
    CHECK(same_bits(runner.value("conv"),
                    is_8bit ? to_float(conv2d<w8a8>(picture, w)) : to_float(conv2d<w16a16>(picture, w))));
    tensor<float> row = picture;
    row.reshape({1UL, 64UL});
    CHECK(same_bits(runner.value("fc"),
                    is_8bit ? to_float(fully_connected<w8a8>(row, w2)) : to_float(fully_connected<w16a16>(row, w2))));
    const tensor<float> values =
        is_8bit ? stored<gfpq8>(picture, gfpq8::scale_of(picture)) : stored<gfpq16>(picture, gfpq16::scale_of(picture));
    CHECK(same_bits(runner.value("relu"), relu<float32>(values)));
  }
}

}  // namespace blob_storage_test
