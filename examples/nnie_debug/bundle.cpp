// nnie-debug bundle: one failing layer with all that computes it again, in one archive for the vendor.
#include <nniesim/debug/bundle_files.hpp>

#include "command.hpp"
#include "terminal.hpp"

namespace nnie_debug {

namespace bundle_command {

struct options {
  network_options network;
  std::string layer, calibration, compiler_version, output;
  std::vector<std::string> other;
  bool random_weights = false, as_json = false;
};

int bundle(const options& o) {
  detail::require<error>(std::filesystem::path(o.output).extension() == ".tar", "--output is ",
                         detail::excerpt(o.output), ", expected NAME.tar");
  loaded_network loaded(o.network, true);
  require_output(o.output, loaded.network_files());
  const activation_ranges ranges = loaded.ranges(o.calibration, plan_of(loaded.net(), loaded.cfg().mode));
  const layer_bundle made =
      bundle_layer(loaded, ranges, o.layer,
                   {.other = o.other, .compiler_version = o.compiler_version, .random_weights = o.random_weights});
  write_bundle(o.output, made);

  if (o.as_json) {
    json names = json::array();
    for (const tar_file& f : made.files) names.push_back(f.name);
    print_json({{"file", o.output},
                {"layer", o.layer},
                {"network", loaded.net().name},
                {"mode", static_cast<int>(loaded.cfg().mode)},
                {"isolated_cosine", made.cosine},
                {"seed", made.seed ? json(*made.seed) : json(nullptr)},
                {"calibration", nnie_debug::as_json(ranges, o.calibration)},
                {"batch_norm", to_string(loaded.batch_norm())},
                {"remarks", loaded.remarks()},
                {"files", names}});
  } else {
    print_lines(detail::message(printable(o.output), ": layer '", printable(o.layer), "' in ", made.files.size(),
                                " files; quantized by itself its cosine is ", made.cosine, '\n'));
    print_remarks(loaded.remarks());
    if (made.seed) print_lines(detail::message("its weights are random ones of seed ", *made.seed, '\n'));
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
