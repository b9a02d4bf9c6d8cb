// nnie-debug calibrate: the ranges of a network's blobs over the pictures of a cfg, kept in a file.
#include <nniesim/debug/evaluation_identity.hpp>
#include <nniesim/debug/evaluation_summary.hpp>
#include <nniesim/io/gfpq_param_file.hpp>
#include <nniesim/io/output_file.hpp>

#include "command.hpp"
#include "terminal.hpp"

namespace nnie_debug {

namespace calibrate_command {

struct options {
  network_options network;
  std::string mode, rule = "quantized", output, gfpq_params, evaluation;
  bool as_json = false;
};

/// Those of an evaluation's pictures.
activation_ranges evaluated_ranges(const options& o, const loaded_network& loaded, const precision_plan& plan,
                                   range_rule rule) {
  detail::require<error>(rule == range_rule::floating,
                         "--evaluation needs --ranges floating: what a picture finds in the quantized network depends ",
                         "on the ranges of those before it, so that records have those of the float network alone");
  evaluation_records records(o.evaluation);
  require_network(records, loaded);
  activation_ranges ranges = ranges_of(records);
  const std::vector<std::string> missing = missing_ranges(loaded.net(), plan, ranges);
  detail::require<error>(missing.empty(), o.evaluation, ": has no range of the blob of layer ",
                         missing.empty() ? "" : detail::excerpt(missing.front()),
                         ", expected an evaluation of this compile_mode");
  return ranges;
}

int calibrate(const options& o) {
  loaded_network loaded(o.network, true);
  detail::require<error>(!o.output.empty() || !o.gfpq_params.empty(), "expected --output, --gfpq-param, or both");
  require_output(o.output, loaded.network_files());
  require_output(o.gfpq_params, loaded.network_files());
  const compile_mode mode = loaded.mode(o.mode);
  const range_rule rule = o.rule == "floating" ? range_rule::floating : range_rule::quantized;
  const precision_plan plan = plan_of(loaded.net(), mode);
  const activation_ranges ranges =
      o.evaluation.empty() ? loaded.calibrate(loaded.net(), plan, rule) : evaluated_ranges(o, loaded, plan, rule);
  if (!o.output.empty()) write_calibration(o.output, ranges);
  if (!o.gfpq_params.empty()) detail::write_whole_file(o.gfpq_params, gfpq_params_text(loaded.net(), ranges));
  if (o.as_json) {
    print_json({{"network", loaded.net().name},
                {"mode", static_cast<int>(mode)},
                {"calibration", as_json(ranges, o.output)},
                {"batch_norm", to_string(loaded.batch_norm())},
                {"remarks", loaded.remarks()}});
  } else {
    std::string text = detail::message(ranges.blobs.size(), " blobs calibrated for compile_mode ",
                                       static_cast<int>(mode), ": ", text_of(ranges));
    for (const std::string& file : {o.output, o.gfpq_params}) text += (file.empty() ? "" : ": ") + printable(file);
    print_lines(text + '\n');
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
  command
      ->add_option("--evaluation", o->evaluation,
                   "with --ranges floating: those of the pictures of a state file of `evaluate`, without a run")
      ->check(CLI::ExistingFile);
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
