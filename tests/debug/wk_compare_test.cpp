// Compiled models against the networks that they are made of: the carried ones, which make_wk.py encoded by itself, and
// those of the real compiler.
#include <filesystem>
#include <nniesim/debug/wk_compare.hpp>
#include <nniesim/io/caffe_import.hpp>
#include <string>

#include "catch.hpp"

using namespace nniesim;

namespace {

const std::filesystem::path wk_folder = std::filesystem::path(NNIESIM_SOURCE_DIR) / "tests/golden/wk";

network small_network() { return read_caffe_network(wk_folder / "small.prototxt", wk_folder / "small.caffemodel"); }

struct wk_totals {
  wk_block_counts blocks;
  wk_record_counts records;
};
wk_totals totals_of(const wk_comparison& c) {
  wk_totals t;
  for (const wk_layer_comparison& l : c.layers) {
    const wk_block_counts& b = c.is_merged.value_or(false) ? l.merged : l.raw;
    t.blocks.equal += b.equal;
    t.blocks.differing += b.differing;
    t.blocks.unreadable += b.unreadable;
    t.records.equal += l.records.equal;
    t.records.total += l.records.total;
  }
  return t;
}

const wk_layer_comparison& compared_layer(const wk_comparison& c, const network& net, std::string_view name) {
  for (const wk_layer_comparison& l : c.layers) {
    if (net.layers[c.matching.pairs[l.pair].layer].name == name) return l;
  }
  throw error("no such layer");
}

}  // namespace

TEST_CASE("the carried compiled models equal their network code for code and integer for integer") {
  const std::string name = GENERATE("small_8.wk", "small_16.wk", "small_merged_8.wk");
  INFO(name);
  const wk_model m = read_wk(wk_folder / name);
  const network net = small_network();
  const wk_comparison c = compare_wk(m, net);
  const bool wide = name == "small_16.wk";
  const wk_totals t = totals_of(c);
  CHECK(t.blocks.equal == (wide ? 40U : 23U));
  CHECK(t.blocks.equal == m.blocks.size());
  CHECK(t.blocks.total() == m.blocks.size());
  CHECK(t.records.equal == 49);
  CHECK(t.records.total == 49);
  CHECK(c.is_merged == (name == "small_merged_8.wk"));
  CHECK_FALSE(c.matching.keeps_batch_norm);
  REQUIRE(c.layers.size() == 7);
  for (const wk_layer_comparison& l : c.layers) {
    CHECK(l.bits == (wide ? 16 : 8));
    CHECK(l.first_difference.empty());
    if (l.multiplier_input) CHECK(l.multiplier_input == l.input);
    const bool is_conv3 = net.layers[c.matching.pairs[l.pair].layer].name == "conv3";
    CHECK((l.input == l.stored_input) != is_conv3);  // which reads with another scale
  }
  CHECK(compared_layer(c, net, "conv1").raw.equal != compared_layer(c, net, "conv1").merged.equal);
  CHECK(compared_layer(c, net, "dw").raw.total() == 8);
}

TEST_CASE("what differs is counted where it is") {
  const wk_model good = read_wk(wk_folder / "small_8.wk");
  const network net = small_network();
  wk_model m = good;
  const wk_comparison before = compare_wk(m, net);
  const wk_pair& pair = before.matching.pairs[0];
  wk_block& first = m.blocks[m.layers[pair.compiled[0]].first_block];
  const std::vector<std::uint8_t> bytes = first.bytes;
  const auto compared = [&] { return compared_layer(compare_wk(m, net), net, "conv1"); };
  first.bytes[wk_records_size + 5] ^= 1U;
  CHECK(compared().raw.differing == 1);
  CHECK(compared().raw.equal == 1);
  CHECK_THAT(compared().first_difference, Catch::Matchers::Contains("at byte 5 of its codes"));
  CHECK(compared().records.equal == 8);
  for (std::size_t field = 0; field < 4; ++field) {
    first.bytes = bytes;
    first.bytes[16 + 4 * field] ^= 1U;  // of output 1
    const wk_record_counts r = compared().records;
    CHECK(r.equal == 7);
    CHECK(std::array{r.bias, r.multiplier, r.shift, r.slope}[field] == 1);
    CHECK(r.bias + r.multiplier + r.shift + r.slope == 1);
  }
  first.bytes.clear();
  first.problem = "it does not decode";
  CHECK(compared().raw.unreadable == 1);
  CHECK(compared().records.total == 4);
}

TEST_CASE("layers of one shape in exchanged order are told apart by their weights") {
  const wk_model m = read_wk(wk_folder / "exchanged.wk");
  const network net = read_caffe_network(wk_folder / "exchanged.prototxt", wk_folder / "exchanged.caffemodel");
  const wk_comparison c = compare_wk(m, net);
  REQUIRE(c.layers.size() == 2);
  CHECK(c.matching.pairs[0].compiled[0] > c.matching.pairs[1].compiled[0]);
  CHECK(totals_of(c).blocks.equal == 2);
  CHECK(totals_of(c).records.equal == 4);
  CHECK_FALSE(c.is_merged.has_value());
}

TEST_CASE("a depthwise convolution may be a compiled layer of its own") {
  const wk_model m = read_wk(wk_folder / "depthwise.wk");
  const network net = read_caffe_network(wk_folder / "depthwise.prototxt", wk_folder / "depthwise.caffemodel");
  const wk_comparison c = compare_wk(m, net);
  REQUIRE(c.layers.size() == 1);
  CHECK(m.layers[c.matching.pairs[0].compiled.at(0)].type == wk_type::depthwise);
  CHECK(c.matching.pairs[0].compiled.size() == 1);
  CHECK(c.layers[0].raw.equal == 2);
  CHECK(c.layers[0].raw.total() == 2);
  CHECK(c.layers[0].records.total == 0);
}

TEST_CASE("slopes of negative values are those of each channel") {
  const wk_model m = read_wk(wk_folder / "small_8.wk");
  network net = small_network();
  layer& leaky = net.layers[layer_index(net, "leaky")];
  std::vector<float> slopes(6, 0.1F);
  leaky.params = layers::prelu{slopes};
  CHECK(compared_layer(compare_wk(m, net), net, "conv2").records.equal == 6);
  slopes[4] = 0.2F;
  leaky.params = layers::prelu{slopes};
  CHECK(compared_layer(compare_wk(m, net), net, "conv2").records.slope == 1);
  leaky.params = relu_params{};
  CHECK(compared_layer(compare_wk(m, net), net, "conv2").records.slope == 6);
}

TEST_CASE("a real model of merged BatchNorm, and one of raw weights, are what the compiler made of the network") {
  const auto shared = std::filesystem::path(NNIESIM_SHARED_DIR);
  if (std::string_view(NNIESIM_SHARED_DIR).empty() || !std::filesystem::exists(shared / "wk/mnet_640_inst.wk")) {
    WARN("skipped: the compiled models are not here (../shared/wk)");
    return;
  }
  const bool wide = GENERATE(true, false);
  const network net = read_caffe_network(shared / "models/mnet.prototxt", shared / "models/mnet.caffemodel");
  const wk_model m = read_wk(shared / "wk" / (wide ? "mnet_640_inst.wk" : "mnet_mergebn_640L_inst.wk"));
  // Which layers fit says match_wk by kernel, stride, dilation, pad and number of blocks.
  const wk_comparison c = compare_wk(m, net);
  REQUIRE(c.layers.size() == 58);
  const wk_totals t = totals_of(c);
  std::size_t compiled = 0, depthwise = 0;
  std::vector<std::string> other_scales;
  for (const wk_layer_comparison& l : c.layers) {
    const wk_pair& p = c.matching.pairs[l.pair];
    compiled += p.compiled.size();
    const auto* conv = std::get_if<layers::convolution>(&net.layers[p.layer].params);
    const wk_layer& first = m.layers[p.compiled[0]];
    if (conv != nullptr && conv->geometry.groups > 1) depthwise += (wide ? l.raw : l.merged).equal;
    // Its activation and width, as the prototxt has them.
    bool relu = false;
    for (const layer& r : net.layers) {
      relu = relu || (std::holds_alternative<relu_params>(r.params) && r.outputs[0] == p.blob);
    }
    CHECK((first.store->activation == wk_activation::relu) == relu);
    CHECK(l.bits == (wide ? 16 : 8));
    if (l.multiplier_input) CHECK(l.multiplier_input == l.input);
    if (l.input != l.stored_input) other_scales.push_back(net.layers[p.layer].name);
  }
  CHECK(compiled == 1411);
  CHECK(c.is_merged == !wide);
  CHECK(t.blocks.equal == (wide ? 3568U : 1917U));
  CHECK(t.blocks.total() == (wide ? 3568U : 1918U));
  CHECK(depthwise == 1240);
  CHECK(t.records.total == 3568);
  CHECK(t.records.equal >= (wide ? 3568U : 3563U));
  CHECK(other_scales == (wide ? std::vector<std::string>{"rf_c2_det_context_conv2"}
                              : std::vector<std::string>{"mobilenet0_conv11", "face_rpn_cls_score_stride16"}));
  CHECK(wk_ranges(m, net, c.matching).size() == 46);
}
