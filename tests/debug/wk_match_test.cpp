// Compiled layers against layers of a network, of the carried models that make_wk.py encoded by itself.
#include <nniesim/debug/wk_match.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <nniesim/io/caffe_import.hpp>

#include "catch.hpp"

using namespace nniesim;

namespace wk_match_test {

namespace {

const std::filesystem::path wk_folder = std::filesystem::path(NNIESIM_SOURCE_DIR) / "tests/golden/wk";

network small_network() { return read_caffe_network(wk_folder / "small.prototxt", wk_folder / "small.caffemodel"); }

std::string misfit_of(const wk_model& m, const network& net) {
  try {
    (void)match_wk(m, net);
  } catch (const format_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a network of other shapes is refused with the first layer that does not fit") {
  const wk_model m = read_wk(wk_folder / "small_8.wk");
  const network good = small_network();
  CHECK(misfit_of(m, good).empty());
  const auto changed = [&](std::string_view name, auto&& change) {
    network net = good;
    change(net, net.layers[layer_index(net, name)]);
    return misfit_of(m, net);
  };
  const auto conv = [](layer& l) -> layers::convolution& { return std::get<layers::convolution>(l.params); };
  CHECK_THAT(changed("conv2",
                     [&](network&, layer& l) {
                       conv(l).geometry.dilation = {1, 1};
                     }),
             Catch::Matchers::Contains("layer 'conv2'") && Catch::Matchers::Contains("its dilation is 2x2"));
  CHECK_THAT(changed("conv1",
                     [&](network&, layer& l) {
                       conv(l).geometry.stride = {1, 1};
                     }),
             Catch::Matchers::Contains("layer 'conv1'") && Catch::Matchers::Contains("its kernel is 2x3"));
  CHECK_THAT(changed("conv2",
                     [&](network&, layer& l) {
                       conv(l).geometry.pad = {1, 1};
                     }),
             Catch::Matchers::Contains("its left pad is 2"));
  CHECK_THAT(changed("conv1",
                     [&](network& net, layer& l) {
                       net.blobs[l.outputs[0]].shape = {1, 8, 9, 8};
                     }),
             Catch::Matchers::Contains("it stores 8x8x8"));
  CHECK_THAT(changed("conv3", [&](network&, layer& l) { l.on_cpu = true; }),
             Catch::Matchers::Contains("layer 11, a convolution that stores 3x8x8, has none in network 'small'"));
  CHECK_THAT(changed("deconv", [&](network& net, layer&) { net.layers.push_back(net.layers[1]); }),
             Catch::Matchers::Contains("all of them are taken"));
}

TEST_CASE("where BatchNorm and Scale are layers of their own, convolutions end before them") {
  wk_model m = read_wk(wk_folder / "small_8.wk");
  const network net = small_network();
  wk_layer own;
  own.type = wk_type::batch_norm;
  own.element_bytes = 1;
  own.channels = own.height = own.width = 8;
  own.scale = {-80};
  m.layers.push_back(own);
  CHECK_FALSE(wk_ranges(m, net).contains(blob_index(net, "bn1")));  // of two of that shape one
  m.layers.push_back(own);
  const wk_matching matching = match_wk(m, net);
  CHECK(matching.keeps_batch_norm);
  CHECK(matching.pairs[0].blob == blob_index(net, "conv1"));
  CHECK(matching.pairs[0].affine.empty());
  CHECK(wk_ranges(m, net, matching).at(blob_index(net, "bn1")) == wk_range{8, -10});
}

TEST_CASE("the scales of blobs are those that stand in the model") {
  const bool wide = GENERATE(true, false);
  const wk_model m = read_wk(wk_folder / (wide ? "small_16.wk" : "small_8.wk"));
  const network net = small_network();
  const auto ranges = wk_ranges(m, net);
  const std::map<std::string, std::pair<int, int>> expected = {
      {"data", {0, -384}},    {"relu1", {-40, -733}}, {"relu2", {-56, -861}}, {"leaky", {-62, -871}},
      {"conv3", {-63, -915}}, {"sum", {-60, -888}},   {"pool", {-60, -891}}};
  CHECK(ranges.size() == expected.size());
  for (const auto& [b, r] : ranges) {
    INFO(net.blobs[b].name);
    REQUIRE(expected.contains(net.blobs[b].name));
    const auto [z8, z16] = expected.at(net.blobs[b].name);
    CHECK(r == wk_range{wide ? 16 : 8, wide ? z16 : z8});
  }
}

TEST_CASE("a scale that the format has not is refused") {
  const network net = small_network();
  for (const std::int32_t steps : {-41, 1 << 20}) {
    wk_model m = read_wk(wk_folder / "small_8.wk");
    m.layers[1].scale = {steps};
    CHECK_THROWS_WITH(wk_ranges(m, net), Catch::Matchers::Contains("blob 'relu1' has a scale of"));
  }
}

}  // namespace wk_match_test
