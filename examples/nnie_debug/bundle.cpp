// nnie-debug bundle: one failing layer with all that computes it again, in one archive for the vendor.
#include <iostream>
#include <nniesim/debug/bundle.hpp>

#include "command.hpp"

namespace nnie_debug {

namespace bundle_command {

struct options {
  network_options network;
  std::string layer, calibration, compiler_version, output;
  std::vector<std::string> other;
  bool random_weights = false, as_json = false;
};

/// Files under the names that they have; of equal ones the later get a number in front.
class file_collection {
 public:
  void add(const std::filesystem::path& path) {
    add(path.filename().string(), detail::read_whole_file(path, most_bytes, "a file for the bundle"));
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

std::vector<tar_file> users_files(const options& o, const loaded_network& loaded,
                                  const std::vector<tensor<float>>& inputs) {
  file_collection files;
  if (!o.network.cfg.empty()) files.add(o.network.cfg);
  const std::vector<std::filesystem::path> pictures = loaded.chosen_files();
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (pictures[i].empty()) files.add(detail::concat("feature_map", i, ".npy"), npy_bytes(inputs[i]));
    else files.add(pictures[i]);
  }
  std::vector<std::filesystem::path> means;
  for (const cfg_input& input : loaded.cfg().inputs) {
    const bool is_new = input.mean_file && std::find(means.begin(), means.end(), input.mean_file->path) == means.end();
    if (is_new) means.push_back(input.mean_file->path);
  }
  for (const auto& mean : means) files.add(mean);
  for (const std::string& other : o.other) files.add(other);
  return files.take();
}

/// Another run's values of an output; `shape` is of rank 0 where it is not known.
tensor<float> values_of(const std::string& path, const tensor_shape& shape) {
  const std::optional<dump_entry> entry = dump_entry_of(path);
  detail::require<error>(entry.has_value(), path, ": got a name that no dump has, expected .npy or a compiler's name");
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
  detail::require<error>(
      shape.rank() == 0 || is_flat || entry->shape.size() != shape.size() || axes(entry->shape) == axes(shape), path,
      ": got shape ", entry->shape, ", expected ", shape, " as the layer gives");
  tensor<float> result = make_tensor<float>({values.size()});
  std::copy(values.begin(), values.end(), result.data());
  return result;
}

int bundle(const options& o) {
  detail::require<error>(std::filesystem::path(o.output).extension() == ".tar", "--output is ",
                         detail::excerpt(o.output), ", expected NAME.tar");
  loaded_network loaded(o.network, true);
  require_output(o.output, loaded.network_files());
  const activation_ranges ranges = loaded.ranges(o.calibration, plan_of(loaded.net(), loaded.cfg().mode));
  const std::vector<tensor<float>> inputs = loaded.chosen_inputs();
  const auto& cfg = loaded.cfg();
  const std::string text = detail::read_whole_file(cfg.prototxt_file.path, prototxt_limits{}.file_bytes, "a prototxt");
  const caffe_model model = read_caffemodel(cfg.caffemodel_file.path);

  bundle_options how;
  const network& net = loaded.net();
  const auto which =
      std::find_if(net.layers.begin(), net.layers.end(), [&](const layer& l) { return l.name == o.layer; });
  for (std::size_t i = 0; i < o.other.size(); ++i) {
    const bool is_known = which != net.layers.end() && i < which->outputs.size();
    how.other.push_back(values_of(o.other[i], is_known ? net.blobs[which->outputs[i]].shape : tensor_shape()));
  }
  how.originals = users_files(o, loaded, inputs);
  how.compiler_version = o.compiler_version;
  if (o.random_weights) how.random_weights = 1;
  const bundle_source source{.original = loaded.original(),
                             .net = loaded.net(),
                             .prototxt = text,
                             .model = model,
                             .cfg = cfg,
                             .ranges = ranges,
                             .inputs = loaded_network::views(inputs),
                             .threads = loaded.threads()};
  const layer_bundle made = bundle_layer(source, o.layer, how);
  write_bundle(o.output, made);

  if (o.as_json) {
    json names = json::array();
    for (const tar_file& f : made.files) names.push_back(f.name);
    print_json({{"file", o.output},
                {"layer", o.layer},
                {"cosine", std::isfinite(made.cosine) ? json(made.cosine) : json(nullptr)},
                {"seed", made.seed ? json(*made.seed) : json(nullptr)},
                {"calibration", nnie_debug::as_json(ranges, o.calibration)},
                {"batch_norm", to_string(loaded.batch_norm())},
                {"remarks", loaded.remarks()},
                {"files", names}});
  } else {
    std::cout << printable(o.output) << ": layer '" << printable(o.layer) << "' in " << made.files.size()
              << " files; quantized by itself its cosine is " << made.cosine << '\n';
    print_remarks(loaded.remarks());
    if (made.seed) std::cout << "its weights are random ones of seed " << *made.seed << '\n';
  }
  return passed;
}

}  // namespace bundle_command

void add_bundle(CLI::App& app, int& result) {
  using namespace bundle_command;
  auto o = std::make_shared<options>();
  CLI::App* command =
      app.add_subcommand("bundle", "pack one layer for the vendor: files, values, a script to replay it");
  o->network.add_to(*command, true);
  command->add_option("--layer", o->layer, "which one; BatchNorm and Scale folded into it come with it")->required();
  command
      ->add_option("--other", o->other,
                   "its output elsewhere (the board's): .npy, linear.hex, .float; each output once")
      ->check(CLI::ExistingFile);
  add_calibration_to(*command, o->calibration);
  command->add_flag("--random-weights", o->random_weights, "replace the weights by random ones that keep the failure");
  command->add_option("--compiler-version", o->compiler_version, "what the vendor's compiler prints as its version");
  command->add_option("--output,-o", o->output, "NAME.tar to write, with a folder NAME in it")->required();
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer(
      "Example:\n"
      "  nnie-debug bundle --cfg net.cfg --layer conv3 --other seg0_layer7_output0_inst.linear.hex\n"
      "      --compiler-version 'nnie_mapper_12 V1.2' -o conv3.tar");
  command->callback([o, &result] { result = bundle(*o); });
}

}  // namespace nnie_debug
