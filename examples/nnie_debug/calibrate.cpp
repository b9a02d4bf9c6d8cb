// nnie-debug calibrate: the ranges of every layer's inputs over the pictures of a cfg, kept in a file.
#include <iostream>

#include "command.hpp"

namespace nnie_debug {

namespace calibrate_command {

struct options {
  network_options network;
  std::string output;
  bool as_json = false;
};

int calibrate(const options& o) {
  loaded_network loaded(o.network, true);
  require_output(o.output, loaded.network_files());
  const activation_ranges ranges = loaded.ranges({}, plan_of(loaded.net(), loaded.cfg().mode));
  write_calibration(o.output, ranges);
  if (o.as_json) {
    print_json({{"pictures", ranges.pictures}, {"blobs", ranges.blobs.size()}, {"file", o.output}});
  } else {
    std::cout << ranges.blobs.size() << " blobs calibrated on " << ranges.pictures
              << " picture(s): " << printable(o.output) << '\n';
  }
  return passed;
}

}  // namespace calibrate_command

void add_calibrate(CLI::App& app, int& result) {
  using namespace calibrate_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("calibrate", "find the ranges of all layers' inputs over the cfg's pictures");
  o->network.add_to(*command, true);
  command->add_option("--output,-o", o->output, "JSON file to write, for `run --calibration`")
      ->required()
      ->check(not_empty());
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer("Example:\n  nnie-debug calibrate --cfg feature_norm.cfg -o ranges.json");
  command->callback([o, &result] { result = calibrate(*o); });
}

}  // namespace nnie_debug
