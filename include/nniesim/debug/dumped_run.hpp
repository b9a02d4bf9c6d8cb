// A run by the folder of its dumps, in order of execution where the compiler's graph lies beside them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nniesim/debug/dump_folder.hpp>
#include <nniesim/debug/match_layers.hpp>
#include <nniesim/io/net_tree.hpp>

NNIESIM_BEGIN_NAMESPACE

/// One run: its layers' outputs, and where the compiler's graph has them.
struct dumped_run {
  std::vector<named_values> layers{};           ///< as layers_of(dump_list) gives them; see sort_by
  std::map<std::string, std::size_t> places{};  ///< in the compiler's graph, by match_key; empty: there is none

  /// Into the order of a graph; layers that it does not have come last. Returns how many it has.
  std::size_t sort_by(const std::map<std::string, std::size_t>& graph) {
    const auto at = [&](const named_values& v) {
      const auto found = graph.find(detail::match_key(v.name));
      return found == graph.end() ? graph.size() : found->second;
    };
    std::stable_sort(layers.begin(), layers.end(),
                     [&](const named_values& a, const named_values& b) { return at(a) < at(b); });
    return static_cast<std::size_t>(
        std::count_if(layers.begin(), layers.end(), [&](const named_values& v) { return at(v) != graph.size(); }));
  }
};

/// Throws error where the folder has no dumps of layers' outputs, or those of several runs; as list_dumps and
/// read_net_tree.
[[nodiscard]] inline dumped_run read_run(const std::filesystem::path& folder) {
  dumped_run result;
  dump_list list = list_dumps(folder);
  for (const std::filesystem::path& file : list.others) {
    if (file.extension() != ".dot" || !file.filename().string().starts_with("cnn_net_tree")) continue;
    const net_tree tree = read_net_tree(file);
    name_board_dumps(list, tree);
    for (std::size_t i = 0; i < tree.labelled; ++i) result.places.emplace(detail::match_key(tree.nodes[i].name), i);
  }
  require_one_run(list);
  result.layers = layers_of(list);
  detail::require<error>(!result.layers.empty(), folder.string(),
                         ": no dumps of layers' outputs, expected .npy, linear.hex or .float");
  return result;
}

NNIESIM_END_NAMESPACE
