// One layer of a loaded network as a bundle, with the user's own files in it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/bundle.hpp>
#include <nniesim/debug/dump_folder.hpp>
#include <nniesim/debug/loaded_network.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What comes into a bundle besides the layer.
struct bundle_request {
  std::vector<std::string> other{};  ///< files of the layer's outputs elsewhere, each output once
  std::string compiler_version{};    ///< as bundle_options
  bool random_weights = false;       ///< in place of the network's own
};

namespace detail {

/// Files under the names that they have; of equal ones the later get a number in front.
class file_collection {
 public:
  void add(const std::filesystem::path& path) {
    add(path.filename().string(), read_whole_file(path, most_bytes, "a file for the bundle"));
  }
  void add(const std::string& name, std::string content) {
    const auto is_taken = [&](const std::string& n) {
      return std::any_of(files_.begin(), files_.end(), [&](const tar_file& f) { return f.name == n; });
    };
    const std::filesystem::path path(name);
    const bool has_extension = path.extension().string().size() <= 32;
    const std::string stem = has_extension ? path.stem().string() : name;
    std::string free = name;
    for (std::size_t i = 2; is_taken(free); ++i) {
      free = layer_file_name(std::to_string(i) + "_" + stem, has_extension ? path.extension().string() : "");
    }
    files_.push_back({free, std::move(content)});
  }
  [[nodiscard]] std::vector<tar_file> take() { return std::move(files_); }

 private:
  static constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30U;
  std::vector<tar_file> files_;
};

/// The cfg, the pictures, their means and the dumps.
[[nodiscard]] inline std::vector<tar_file> users_files(const loaded_network& loaded,
                                                       const std::vector<tensor<float>>& inputs,
                                                       const std::vector<std::string>& dumps) {
  file_collection files;
  if (!loaded.cfg().file.empty()) files.add(std::filesystem::path(loaded.cfg().file));
  const std::vector<std::filesystem::path> pictures = loaded.chosen_files();
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (pictures[i].empty()) files.add(message("feature_map", i, ".npy"), npy_bytes(inputs[i]));
    else files.add(pictures[i]);
  }
  std::vector<std::filesystem::path> means;
  for (const cfg_input& input : loaded.cfg().inputs) {
    const bool is_new = input.mean_file && std::find(means.begin(), means.end(), input.mean_file->path) == means.end();
    if (is_new) means.push_back(input.mean_file->path);
  }
  for (const auto& mean : means) files.add(mean);
  for (const std::string& dump : dumps) files.add(std::filesystem::path(dump));
  return files.take();
}

/// Another run's values of an output; `shape` is of rank 0 where it is not known.
[[nodiscard]] inline tensor<float> values_of_output(const std::string& path, const tensor_shape& shape) {
  const std::optional<dump_entry> entry = dump_entry_of(path);
  require<error>(entry.has_value(), path, ": got a name that no dump has, expected .npy or a compiler's name");
  const std::vector<float> values = read_values(*entry);
  // Axes of 1 are no difference: the compiler's names do not have the batch.
  const auto axes = [](const tensor_shape& s) {
    std::vector<std::size_t> kept;
    for (std::size_t a = 0; a < s.rank(); ++a) {
      if (s[a] != 1) kept.push_back(s[a]);
    }
    return kept;
  };
  const bool is_flat = axes(entry->shape).size() <= 1;
  require<error>(
      shape.rank() == 0 || is_flat || entry->shape.size() != shape.size() || axes(entry->shape) == axes(shape), path,
      ": got shape ", entry->shape, ", expected ", shape, " as the layer gives");
  tensor<float> result = make_tensor<float>({values.size()});
  std::copy(values.begin(), values.end(), result.data());
  return result;
}

}  // namespace detail

/// Throws as bundle_layer of a bundle_source, and for files that cannot be read or do not fit the layer.
[[nodiscard]] inline layer_bundle bundle_layer(const loaded_network& loaded, const activation_ranges& ranges,
                                               const std::string& layer_name, const bundle_request& request = {}) {
  const std::vector<tensor<float>> inputs = loaded.chosen_inputs();
  const auto& cfg = loaded.cfg();
  const std::string text = detail::read_whole_file(cfg.prototxt_file.path, prototxt_limits{}.file_bytes, "a prototxt");
  const caffe_model model = read_caffemodel(cfg.caffemodel_file.path);
  bundle_options how;
  const network& net = loaded.net();
  const auto which =
      std::find_if(net.layers.begin(), net.layers.end(), [&](const layer& l) { return l.name == layer_name; });
  for (std::size_t i = 0; i < request.other.size(); ++i) {
    const bool is_known = which != net.layers.end() && i < which->outputs.size();
    how.other.push_back(
        detail::values_of_output(request.other[i], is_known ? net.blobs[which->outputs[i]].shape : tensor_shape()));
  }
  how.originals = detail::users_files(loaded, inputs, request.other);
  how.compiler_version = request.compiler_version;
  if (request.random_weights) how.random_weights = 1;
  const bundle_source source{.original = loaded.original(),
                             .net = net,
                             .prototxt = text,
                             .model = model,
                             .cfg = cfg,
                             .ranges = ranges,
                             .inputs = loaded_network::views(inputs),
                             .threads = loaded.threads()};
  return bundle_layer(source, layer_name, how);
}

NNIESIM_END_NAMESPACE
