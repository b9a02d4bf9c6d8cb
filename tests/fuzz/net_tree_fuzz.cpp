// Any bytes as the compiler's graph: nodes and edges between them, or a parse_error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nniesim/io/net_tree.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const nniesim::net_tree_limits limits;
    const auto tree = nniesim::parse_net_tree({reinterpret_cast<const char*>(data), size}, "x.dot", limits);
    if (tree.labelled > tree.nodes.size() || tree.nodes.size() > limits.nodes || tree.edges.size() > limits.edges) {
      std::abort();
    }
    for (const auto& [from, to] : tree.edges) {
      if (from >= tree.nodes.size() || to >= tree.nodes.size()) std::abort();
    }
    for (std::size_t i = 0; i <= tree.nodes.size(); ++i) {
      if (nniesim::board_layer_name(tree, 0, i).has_value() != (i < tree.labelled)) std::abort();
    }
  } catch (const nniesim::parse_error&) {
  }
  return 0;
}
