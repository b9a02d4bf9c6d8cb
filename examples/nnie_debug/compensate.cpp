// nnie-debug compensate: the constants that bring shifted feature norms back, written into a new prototxt and checked
// there.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include <nniesim/debug/evaluation_compensation.hpp>
#include <nniesim/debug/evaluation_identity.hpp>
#include <nniesim/debug/norm_compensation.hpp>

#include "command.hpp"
#include "terminal.hpp"

namespace nnie_debug {

namespace compensate_command {

struct options {
  network_options network;
  std::string mode, calibration, output, evaluation;
  double held_out = 0.5, least_gain = 0.5;
  bool as_json = false;
};

/// What is left of the error of a chain on held-out pictures is not good enough.
bool misses(const judged_chain& c, const compensation_problem& p, double least_gain) {
  return !(c.before.mean_abs < p.negligible) && !(c.removed >= least_gain);
}

json as_json(const norm_errors& e) {
  return {{"mean", e.mean}, {"mean_abs", e.mean_abs}, {"deviation", e.deviation}, {"samples", e.samples}};
}
json as_json(const judged_chain& c) {
  return {{"before", as_json(c.before)},    {"after", as_json(c.after)},
          {"removed", c.removed},           {"removed_abs", c.removed_abs},
          {"left_out", c.left_out},         {"float_norms", c.float_norms},
          {"quantized_norms", c.quantized}, {"compensated_norms", c.compensated}};
}

/// Where one of three sets of norms lies: how far it is from the float one is what a constant changes.
void print_distribution(const char* name, std::vector<double> norms) {
  std::erase_if(norms, [](double v) { return !std::isfinite(v); });
  if (norms.empty()) return;
  std::sort(norms.begin(), norms.end());
  const auto at = [&](double share) {
    return norms[static_cast<std::size_t>(std::lround(share * static_cast<double>(norms.size() - 1)))];
  };
  double sum = 0;
  for (const double v : norms) sum += v;
  std::printf("  %-12s %12.6g %12.6g %12.6g %12.6g %12.6g   mean %.6g\n", name, at(0), at(0.25), at(0.5), at(0.75),
              at(1), sum / static_cast<double>(norms.size()));
}

/// What became of the constants, over all chains.
struct outcome {
  std::vector<std::string> wrong{};  ///< what the written prototxt does not say as it should
  bool writes = false;
  double before = 0, after = 0;  ///< mean magnitudes of the chains' mean errors
  bool missed = false;
};

outcome written(const options& o, loaded_network& loaded, const compensation_problem& problem,
                const compensation& found) {
  outcome out;
  out.writes = !o.output.empty() && !found.constants.empty();
  if (out.writes) {
    const auto& cfg = loaded.cfg();
    const std::string text =
        detail::read_whole_file(cfg.prototxt_file.path, prototxt_limits{}.file_bytes, "a prototxt");
    const std::string changed = prototxt_with_constants(text, found.constants, cfg.prototxt_file.text);
    const caffe_model model = read_caffemodel(cfg.caffemodel_file.path);
    const network read_back = loaded.imported(parse_prototxt(changed, o.output), model, cfg.caffemodel_file.text);
    out.wrong = verify_constants(loaded.original(), read_back, found.constants);
    if (out.wrong.empty()) detail::write_whole_file(o.output, changed);
  }
  for (const judged_chain& c : found.judged) {
    out.before += std::fabs(c.before.mean) / static_cast<double>(found.judged.size());
    out.after += std::fabs(c.after.mean) / static_cast<double>(found.judged.size());
    out.missed = out.missed || misses(c, problem, o.least_gain);
  }
  return out;
}

void print_as_json(const options& o, const loaded_network& loaded, const compensation_problem& problem,
                   const compensation& found, const outcome& out) {
  json list = json::array();
  for (std::size_t i = 0; i < found.chains.size(); ++i) {
    const solved_constant& s = found.solved[i];
    list.push_back({{"chain", found.chains[i].name},
                    {"layer", problem.net.layers[found.chains[i].holder].name},
                    {"form", to_string(found.chains[i].form)},
                    {"outcome", to_string(s.outcome)},
                    {"summary", s.verdict},
                    {"old_constant", found.chains[i].constant},
                    {"new_constant", s.constant},
                    {"interval", s.interval ? json(*s.interval) : json(nullptr)},
                    {"from_input", as_json(s.from_input)},
                    {"from_chain", as_json(s.from_chain)},
                    {"training", as_json(found.trained[i])},
                    {"held_out", as_json(found.judged[i])}});
  }
  json j = {{"network", loaded.net().name},
            {"mode", static_cast<int>(loaded.mode(o.mode))},
            {"calibration", nnie_debug::as_json(problem.ranges, o.calibration)},
            {"batch_norm", to_string(loaded.batch_norm())},
            {"remarks", loaded.remarks()},
            {"enough_removed", !out.missed},
            {"removed", detail::removed_share(out.before, out.after)},
            {"chains", list}};
  if (out.writes) j["constants_verified"] = out.wrong.empty();
  print_json(j);
}

void print_constants(const compensation& found, const outcome& out) {
  std::printf("%-24s %10s -> %-10s %-24s %22s   %22s   removed, of all\n", "norm", "constant", "new", "95 % interval",
              "mean error, training", "mean error, held out");
  for (std::size_t i = 0; i < found.chains.size(); ++i) {
    const auto& interval = found.solved[i].interval;
    std::array<char, 64> range{"-"};
    if (interval) {
      (void)std::snprintf(range.data(), range.size(), "%.6g .. %.6g", (*interval)[0], (*interval)[1]);
    }
    const judged_chain& h = found.judged[i];
    std::printf("%-24s %10.7g -> %-10s %-24s %+8.3f %% -> %+7.3f %%   %+8.3f %% -> %+7.3f %%   %5.1f %% %5.1f %%\n",
                printable(found.chains[i].name).c_str(), found.chains[i].constant,
                detail::shortest(found.solved[i].constant).c_str(), range.data(), 100 * found.trained[i].before.mean,
                100 * found.trained[i].after.mean, 100 * h.before.mean, 100 * h.after.mean, 100 * h.removed,
                100 * h.removed_abs);
  }
  std::printf("%-24s %97.3f %% -> %7.3f %%   %5.1f %%\n", "all, in magnitude", 100 * out.before, 100 * out.after,
              100 * detail::removed_share(out.before, out.after));
  print_lines(
      "(errors of the norms' lengths, signed; removed: of the held-out mean, and of the mean magnitude, in which what "
      "differs from picture to picture remains)\n\n");
}

void print_what_was_written(const options& o, const loaded_network& loaded, const compensation& found,
                            const outcome& out) {
  const std::string file = printable(o.output);
  if (!out.wrong.empty()) {
    print_lines(file + " is not written\n");
    for (const std::string& w : out.wrong) print_lines("WRONG: " + printable(w) + '\n');
  } else if (out.writes) {
    print_lines(detail::message(file, " has ", found.constants.size(), " new constant(s) and is else as it was\n"));
    print_lines("its own float run has other norms: diagnose it with --float-prototxt " +
                printable(loaded.cfg().prototxt_file.text) +
                ", the network that it stands for, and do not compensate it again\n");
  } else if (!o.output.empty()) {
    print_lines("no constant changed: " + file + " is not written\n");
  }
}

void print_as_text(const options& o, const loaded_network& loaded, const compensation_problem& problem,
                   const compensation& found, const outcome& out) {
  print_lines(detail::message("compile_mode ", static_cast<int>(loaded.mode(o.mode)),
                              "; ranges: ", printable(text_of(problem.ranges, o.calibration)), "\nsolved with ",
                              found.training_pictures, " pictures, judged by ", found.held_out_pictures,
                              " others\n\n"));
  print_constants(found, out);
  for (std::size_t i = 0; i < found.chains.size(); ++i) {
    print_lines(printable(found.chains[i].name) + " (" + std::string(to_string(found.chains[i].form)) +
                ", constant in " + printable(problem.net.layers[found.chains[i].holder].name) +
                "): " + printable(found.solved[i].verdict) + '\n');
    if (misses(found.judged[i], problem, o.least_gain)) {
      print_lines(detail::message("  LESS THAN ", 100 * o.least_gain, " % REMOVED on held-out pictures\n"));
    }
  }
  print_remarks(loaded.remarks());
  std::printf("\nnorms on held-out pictures   least    a quarter       half   3 quarters         most\n");
  for (const judged_chain& c : found.judged) {
    std::printf("%s\n", printable(c.name).c_str());
    print_distribution("float", c.float_norms);
    print_distribution("quantized", c.quantized);
    print_distribution("compensated", c.compensated);
  }
  std::printf("\n");
  print_what_was_written(o, loaded, found, out);
}

int compensate(const options& o) {
  loaded_network loaded(o.network, true);
  require_output(o.output, loaded.network_files());
  const compile_mode mode = loaded.mode(o.mode);
  const activation_ranges ranges = loaded.ranges(o.calibration, plan_of(loaded.net(), mode));
  compensation_problem problem{
      .net = loaded.net(), .plan = plan_of(loaded.net(), mode), .ranges = ranges, .threads = loaded.threads()};
  if (o.calibration.empty()) {
    problem.recalibrate = [&](const network& changed) { return loaded.calibrate(changed, problem.plan); };
  }
  const compensation found = [&] {
    progress bar("measuring norms", 1);
    const auto at = [&](std::size_t done, std::size_t of) { bar.at(done, of); };
    if (o.evaluation.empty()) return compensate_norms(problem, loaded.listed_pictures(), o.held_out, at);
    evaluation_records records(o.evaluation);
    require_network(records, loaded);
    return compensate_norms(problem, records, loaded.listed_pictures(), digest_of(pictures_of({}, loaded)), o.held_out,
                            at);
  }();
  if (found.chains.empty()) {
    const std::string summary = "no chain of layers that computes a norm and divides by it: nothing to compensate";
    if (o.as_json) print_json({{"summary", summary}, {"chains", json::array()}});
    else print_lines(summary + (o.output.empty() ? "" : "; " + printable(o.output) + " is not written") + '\n');
    return below_threshold;
  }
  const outcome out = written(o, loaded, problem, found);
  if (o.as_json) print_as_json(o, loaded, problem, found, out);
  else print_as_text(o, loaded, problem, found, out);
  if (!out.wrong.empty()) return failed;
  return out.missed ? below_threshold : passed;
}

}  // namespace compensate_command

void add_compensate(CLI::App& app, int& result) {
  using namespace compensate_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("compensate", "bring back feature norms that Power / ReduceMean chains shift");
  o->network.add_cfg_to(*command)->required();
  add_mode_to(*command, o->mode);
  add_calibration_to(*command, o->calibration);
  o->network.add_batch_norm_to(*command);
  command
      ->add_option("--evaluation", o->evaluation,
                   "solve on the norms in a state file of `evaluate`, without a run, and judge by the cfg's pictures")
      ->check(CLI::ExistingFile);
  command->add_option("--held-out", o->held_out, "share of the cfg's pictures to judge by, not to solve with")
      ->check(between(0, 1))
      ->capture_default_str();
  command->add_option("--least-gain", o->least_gain, "share of the mean error that must be removed on them")
      ->check(between(0, 1))
      ->capture_default_str();
  command->add_option("--threads", o->network.threads, "threads; the results are the same bits for any number")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--output,-o", o->output, "write a prototxt with the new constants, else as it was")
      ->check(not_empty());
  command->add_flag("--json", o->as_json, "print JSON, with the norm of every picture");
  command->footer(
      "Exit code 1: no norm is found, or less than --least-gain of its error is removed.\nExample:\n"
      "  nnie-debug compensate --cfg net.cfg --held-out 0.3 -o net_compensated.prototxt");
  command->callback([o, &result] { result = compensate(*o); });
}

}  // namespace nnie_debug
