// Any bytes as a compiled model: a parse_error, or a model whose parts lie within the file, which can be compared with
// a network whether it fits or not.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include <nniesim/debug/wk_compare.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// That of the seeds: data 2x4x4, conv 2x3x3, up 2x6x6, in make_wk.py.
nniesim::network tiny_network() {
  using namespace nniesim;
  network net;
  net.blobs = {{"data", {1, 2, 4, 4}}, {"conv", {1, 2, 3, 3}}, {"up", {1, 2, 6, 6}}};
  const auto weights = [](std::initializer_list<std::size_t> shape) {
    auto w = make_tensor<float>(tensor_shape(shape));
    for (std::size_t i = 0; i < w.size(); ++i) w.data()[i] = static_cast<float>(i % 5) * 0.1F - 0.2F;
    return w;
  };
  const auto add = [&](const char* name, std::vector<std::size_t> inputs, std::size_t output, layer_params params) {
    net.layers.push_back({.name = name,
                          .type = name,
                          .where = "",
                          .inputs = std::move(inputs),
                          .outputs = {output},
                          .params = std::move(params)});
  };
  add("data", {}, 0, layers::input{});
  add("conv", {0}, 1, layers::convolution{{}, weights({2, 2, 2, 2}), {0.5F, -0.5F}});
  auto up = make_tensor<float>({2, 1, 2, 2});
  up.fill(1.0F);
  add("up", {1}, 2, layers::deconvolution{{.stride = {2, 2}, .groups = 2}, up, {}});
  return net;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const nniesim::network net = tiny_network();
  nniesim::wk_model model;
  try {
    model = nniesim::parse_wk({reinterpret_cast<const char*>(data), size}, "model");
  } catch (const nniesim::parse_error&) {
    return 0;
  }
  std::size_t decoded = 0;
  for (const nniesim::wk_block& b : model.blocks) {
    require(b.at <= size && b.stored <= size - b.at);
    require(b.problem.empty() || b.bytes.empty());
    decoded += b.bytes.size();
  }
  require(decoded <= 12 * size);
  std::size_t end = 0;
  for (const nniesim::wk_layer& l : model.layers) {
    require(l.segment < model.segments.size());
    require(l.first_block <= model.blocks.size() && l.block_count <= model.blocks.size() - l.first_block);
    if (l.block_count == 0) continue;
    require(l.first_block >= end);
    end = l.first_block + l.block_count;
  }
  try {
    const auto compared = nniesim::compare_wk(model, net);
    require(compared.layers.size() == 2);
    for (const auto& [b, r] : nniesim::wk_ranges(model, net, compared.matching))
      require(b < 3 && (r.bits == 8 || r.bits == 16));
  } catch (const nniesim::format_error&) {
  }
  return 0;
}
