// nnie-debug calibrate: the ranges of a network's blobs over the pictures of a cfg, kept in a file.
#include <iostream>
#include <nniesim/io/gfpq_param_file.hpp>
#include <nniesim/io/output_file.hpp>

#include "command.hpp"

namespace nnie_debug {

namespace calibrate_command {

struct options {
  network_options network;
  std::string mode, rule = "quantized", output, gfpq_params;
  bool as_json = false;
};

int calibrate(const options& o) {
  loaded_network loaded(o.network, true);
  detail::require<error>(!o.output.empty() || !o.gfpq_params.empty(), "expected --output, --gfpq-param, or both");
  require_output(o.output, loaded.network_files());
  require_output(o.gfpq_params, loaded.network_files());
  const compile_mode mode = loaded.mode(o.mode);
  const range_rule rule = o.rule == "floating" ? range_rule::floating : range_rule::quantized;
  const activation_ranges ranges = loaded.calibrate(loaded.net(), plan_of(loaded.net(), mode), rule);
  if (!o.output.empty()) write_calibration(o.output, ranges);
  if (!o.gfpq_params.empty()) detail::write_whole_file(o.gfpq_params, gfpq_params_text(loaded.net(), ranges));
  if (o.as_json) {
    json j = as_json(ranges, o.output);
    j["mode"] = static_cast<int>(mode);
    j["batch_norm"] = to_string(loaded.batch_norm());
    j["remarks"] = loaded.remarks();
    print_json(j);
  } else {
    std::cout << ranges.blobs.size() << " blobs calibrated for compile_mode " << static_cast<int>(mode) << ": "
              << text_of(ranges, {});
    for (const std::string& file : {o.output, o.gfpq_params})
      std::cout << (file.empty() ? "" : ": ") << printable(file);
    std::cout << '\n';
    print_remarks(loaded.remarks());
  }
  return passed;
}

}  // namespace calibrate_command

void add_calibrate(CLI::App& app, int& result) {
  using namespace calibrate_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("calibrate", "find the ranges of all blobs over the cfg's pictures");
  o->network.add_to(*command, true);
  add_mode_to(*command, o->mode);
  command
      ->add_option(
          "--ranges", o->rule,
          "largest magnitudes of the network as the mode quantizes it, which compiled models agree with, or of "
          "the float network")
      ->check(CLI::IsMember({"quantized", "floating"}))
      ->capture_default_str();
  command->add_option("--output,-o", o->output, "JSON file to write, for --calibration of the other commands")
      ->check(not_empty());
  command
      ->add_option("--gfpq-param", o->gfpq_params,
                   "file to write for the cfg's [gfpq_param_file], in the form that MQBench writes")
      ->check(not_empty());
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer("Example:\n  nnie-debug calibrate --cfg feature_norm.cfg --mode 1 -o ranges.json");
  command->callback([o, &result] { result = calibrate(*o); });
}

}  // namespace nnie_debug
