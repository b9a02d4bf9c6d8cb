// Compiled models: those of golden/wk, which a second implementation of the format wrote (make_wk.py), damaged ones,
// and two of the real compiler.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <nniesim/io/wk.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/mutate.hpp"

using namespace nniesim;

namespace {

std::filesystem::path golden_wk(const std::string& name) {
  return std::filesystem::path(NNIESIM_SOURCE_DIR) / "tests/golden/wk" / name;
}
std::string golden_bytes(const std::string& name) {
  return detail::read_whole_file(golden_wk(name), 1 << 20, "a file");
}

/// What parse_wk throws; "" for nothing.
std::string refusal_of(const std::string& bytes) {
  try {
    (void)parse_wk(bytes, "net.wk");
  } catch (const parse_error& e) {
    return e.what();
  }
  return "";
}

void put_u32(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i) & 255U);
}
std::uint32_t u32_at(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}
std::size_t base_of(const std::string& bytes) { return u32_at(bytes, 0x34); }

std::vector<const wk_layer*> of_type(const wk_model& m, wk_type type) {
  std::vector<const wk_layer*> found;
  for (const wk_layer& l : m.layers) {
    if (l.type == type) found.push_back(&l);
  }
  return found;
}

}  // namespace

TEST_CASE("the carried compiled models read as they were written") {
  const int bits = GENERATE(8, 16);
  const wk_model m = read_wk(golden_wk(bits == 8 ? "small_8.wk" : "small_16.wk"));
  CHECK(m.build == "00000000000000");
  CHECK(m.checksum_fits);
  CHECK(m.damaged_instructions == 0);
  REQUIRE(m.segments.size() == 1);
  REQUIRE(m.segments[0].inputs.size() == 1);
  CHECK(m.segments[0].inputs[0].name == "data");
  CHECK(m.segments[0].inputs[0].channels == 3);
  REQUIRE(m.segments[0].outputs.size() == 3);
  CHECK(m.segments[0].outputs[1].name == "deconv");
  CHECK(m.segments[0].outputs[1].height == 15);
  CHECK(m.function_tables.size() == 4);
  CHECK(m.function_tables[0].size() == 1024);
  CHECK(m.layers.size() == 26);
  CHECK(std::all_of(m.blocks.begin(), m.blocks.end(), [](const wk_block& b) { return b.problem.empty(); }));
  // Every coding is in it.
  for (const int coding : {0x00, 0x01, 0x11}) {
    CHECK(std::any_of(m.blocks.begin(), m.blocks.end(), [&](const wk_block& b) { return b.coding == coding; }));
  }
  CHECK(std::any_of(m.blocks.begin(), m.blocks.end(), [&](const wk_block& b) { return b.coding == 0x51; }) ==
        (bits == 8));

  const auto convs = of_type(m, wk_type::convolution);
  REQUIRE(convs.size() == 12);
  const wk_layer& conv1 = *convs[0];
  REQUIRE((conv1.descriptor && conv1.window && conv1.store));
  CHECK(conv1.channels == 8);
  CHECK(conv1.bits() == bits);
  CHECK(conv1.descriptor->has_merged_rows() == (bits == 8));
  CHECK(conv1.descriptor->kernel == std::array<std::uint32_t, 2>{bits == 8 ? 2U : 3U, 3U});
  CHECK(conv1.window->left_pad == 1);
  CHECK(conv1.store->activation == wk_activation::relu);
  CHECK(conv1.store->element_bytes == bits / 8);
  CHECK(conv1.scale.z(bits) == (bits == 8 ? -40 : -733));
  CHECK(conv1.store->scale == conv1.scale);
  CHECK(conv1.input_scales == std::vector<wk_scale>{{bits == 8 ? 0 : -384}});
  CHECK(conv1.block_count == (bits == 8 ? 2U : 8U));
  const wk_layer& conv2 = *convs[9];
  REQUIRE((conv2.descriptor && conv2.window && conv2.store));
  CHECK(conv2.descriptor->dilation == std::array<std::uint32_t, 2>{2, 2});
  CHECK(conv2.descriptor->kernel == std::array<std::uint32_t, 2>{3, 3});
  CHECK(conv2.window->top_pad == 2);
  CHECK(conv2.store->activation == wk_activation::leaky_relu);
  CHECK(wk_stage(m.blocks_of(conv2)[0], 0, false).slope == 409);
  const auto deconvs = of_type(m, wk_type::deconvolution);
  REQUIRE(deconvs.size() == 7);
  CHECK(deconvs[6]->descriptor->upsampling == std::array<std::uint32_t, 2>{2, 2});
  CHECK(deconvs[6]->window->is_upsampling);
  CHECK(deconvs[6]->window->left_pad == 1);
  CHECK(deconvs[6]->element_bytes == 4);
}

TEST_CASE("segments count their instructions by themselves") {
  const wk_model m = read_wk(golden_wk("exchanged.wk"));
  REQUIRE(m.segments.size() == 2);
  CHECK(m.segments[0].outputs[0].name == "b");
  CHECK(m.segments[1].outputs[0].name == "a");
  const auto convs = of_type(m, wk_type::convolution);
  REQUIRE(convs.size() == 2);
  CHECK(convs[0]->segment == 0);
  CHECK(convs[1]->segment == 1);
  CHECK(convs[1]->descriptor.has_value());
}

TEST_CASE("a damaged block is left out and named, the others stay") {
  std::string bytes = golden_bytes("small_8.wk");
  const wk_model whole = parse_wk(bytes, "net.wk");
  for (std::size_t i = 0; i < whole.blocks.size(); ++i) {
    const wk_block& b = whole.blocks[i];
    if (b.coding == 0x00) continue;
    // The last byte of the stream holds the end mark.
    const std::size_t at = b.at + b.stored - 3;
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(~damaged[at]);
    const wk_model m = parse_wk(damaged, "net.wk");
    CHECK_FALSE(m.checksum_fits);
    INFO("block " << i);
    CHECK_FALSE(m.blocks[i].problem.empty());
    CHECK(m.blocks[i].bytes.empty());
    CHECK(m.blocks[i].at == b.at);
    for (std::size_t k = 0; k < whole.blocks.size(); ++k) {
      if (m.blocks[k].problem.empty()) CHECK(m.blocks[k].bytes == whole.blocks[k].bytes);
      if (k < i) CHECK(m.blocks[k].problem.empty());
    }
  }
}

TEST_CASE("an instruction of wrong parity is left out and counted") {
  std::string bytes = golden_bytes("small_8.wk");
  const std::size_t at = parse_wk(bytes, "").segments[0].instructions_at + 8 * 3;
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  const wk_model m = parse_wk(bytes, "net.wk");
  CHECK(m.damaged_instructions == 1);
  CHECK(m.first_damaged == at);
}

TEST_CASE("files that are no compiled models, or damaged ones, are refused with the byte") {
  const std::string good = golden_bytes("small_8.wk");
  CHECK(refusal_of(good).empty());
  CHECK(refusal_of("").find("byte 0: got 0 bytes") != std::string::npos);
  CHECK(refusal_of(std::string(5000, 'x')).find("expected a compiled model (.wk)") != std::string::npos);
  const auto with = [&](std::size_t at, std::uint32_t value) {
    std::string bytes = good;
    put_u32(bytes, at, value);
    return refusal_of(bytes);
  };
  CHECK(with(0x34, 0xffffff00U).find("byte 52: ") != std::string::npos);
  CHECK(with(0x38, 0xffffffffU).find("byte 52: ") != std::string::npos);
  CHECK(with(0x60, 0x7fffffffU).find("byte 96: got a block table") != std::string::npos);
  CHECK(with(0x64, u32_at(good, 0x64) - 4).find("entries of 8") != std::string::npos);
  CHECK(with(0x74, 0xffffffffU).find("a function table") != std::string::npos);
  CHECK(with(0xb4, u32_at(good, 0xb4) - 1).find("48 each") != std::string::npos);
  CHECK(with(0xcc, 0xfffffff8U).find("a segment's instructions") != std::string::npos);
  std::string bytes = good;
  bytes[0x31] = 0;
  CHECK(refusal_of(bytes).find("no segments") != std::string::npos);
  bytes[0x31] = 2;
  CHECK(refusal_of(bytes).find("expected segment 1 of 2") != std::string::npos);
  bytes = good;
  bytes[0xc2] = 9;
  CHECK(refusal_of(bytes).find("10 inputs and outputs of segment 0") != std::string::npos);
  const std::size_t table = base_of(good) + u32_at(good, 0x60), records = base_of(good) + u32_at(good, 0xb0);
  CHECK(with(table + 4, 0x7fffffffU).find("a weight block") != std::string::npos);
  CHECK(with(table + 8, 0).find("expected it behind the one before") != std::string::npos);
  CHECK(with(records + 28, 0xffffU).find("layer 0: got its first instruction at 65535") != std::string::npos);
  CHECK(with(records + 48 + 28, 0).find("layer 1: got its first instruction at 0") != std::string::npos);
  bytes = good;
  bytes[records + 1] = 3;
  CHECK(refusal_of(bytes).find("3 bytes per element") != std::string::npos);
}

TEST_CASE("a compiled model cut off anywhere, and any small damage to it, ends in an error or a model") {
  const std::string name = GENERATE("small_8.wk", "exchanged.wk");
  const std::string good = golden_bytes(name);
  for (std::size_t size = 0; size < good.size(); size += size < 0x200 ? 1 : 37) {
    INFO("cut to " << size);
    CHECK_FALSE(refusal_of(good.substr(0, size)).empty());
  }
  draws d(1);
  for (int i = 0; i < 500; ++i) (void)refusal_of(mutated(good, d, {std::string(4, '\xff'), std::string(8, '\0')}));
}

TEST_CASE("compiled models of the real compiler decode, and their records agree with their instructions") {
  const auto folder = std::filesystem::path(NNIESIM_SHARED_DIR) / "wk";
  if (std::string_view(NNIESIM_SHARED_DIR).empty() || !std::filesystem::exists(folder / "mnet_640_inst.wk")) {
    WARN("skipped: the compiled models are not here (../shared/wk)");
    return;
  }
  const bool wide = GENERATE(true, false);
  const wk_model m = read_wk(folder / (wide ? "mnet_640_inst.wk" : "mnet_mergebn_640L_inst.wk"));
  CHECK(m.checksum_fits);
  CHECK(m.build == "19010713251682");
  CHECK(m.layers.size() == 1435);
  CHECK(m.blocks.size() == (wide ? 3568U : 1918U));
  CHECK(m.damaged_instructions == 0);
  CHECK(std::all_of(m.blocks.begin(), m.blocks.end(), [](const wk_block& b) { return b.problem.empty(); }));
  std::size_t stored = 0, blocks = 0;
  for (const wk_layer& l : m.layers) {
    blocks += l.block_count;
    if (l.type != wk_type::convolution && l.type != wk_type::deconvolution) continue;
    REQUIRE((l.store && l.descriptor && l.window));
    CHECK(l.store->scale == l.scale);
    CHECK(l.store->element_bytes == l.element_bytes);
    CHECK(l.store->is_interleaved == l.is_interleaved);
    CHECK(l.descriptor->output_width == l.width);
    CHECK(l.descriptor->plane_bytes == l.line_stride * l.height);
    CHECK_FALSE(l.stores_differ);
    CHECK(l.bits() == (wide ? 16 : 8));
    ++stored;
  }
  CHECK(stored == 1411);
  CHECK(blocks == m.blocks.size());
}
