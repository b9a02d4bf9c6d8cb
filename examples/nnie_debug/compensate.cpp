// nnie-debug compensate: the constants that bring shifted feature norms back, written into a new prototxt and checked
// there.
#include <iostream>

#include <nniesim/debug/norm_compensation.hpp>

#include "command.hpp"

namespace nnie_debug {

namespace compensate_command {

struct options {
  network_options network;
  std::string mode, calibration, output;
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
json as_json(double share) { return std::isfinite(share) ? json(share) : json(nullptr); }
json as_json(const judged_chain& c) {
  return {{"before", as_json(c.before)},   {"after", as_json(c.after)},
          {"removed", as_json(c.removed)}, {"removed_abs", as_json(c.removed_abs)},
          {"left_out", c.left_out},        {"float_norms", c.float_norms},
          {"quantized", c.quantized},      {"compensated", c.compensated}};
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

int compensate(const options& o) {
  loaded_network loaded(o.network, true);
  require_output(o.output, loaded.network_files());
  const network& net = loaded.net();
  const compile_mode mode = loaded.mode(o.mode);
  const activation_ranges ranges = loaded.ranges(o.calibration, plan_of(loaded.net(), mode));
  compensation_problem problem{.net = net, .plan = plan_of(net, mode), .ranges = ranges, .threads = loaded.threads()};
  if (o.calibration.empty()) {
    problem.recalibrate = [&](const network& changed) { return loaded.calibrate(changed, problem.plan); };
  }
  const compensation found = [&] {
    progress bar("measuring norms", 1);
    return compensate_norms(problem, loaded.listed_pictures(), o.held_out,
                            [&](std::size_t done, std::size_t of) { bar.at(done, of); });
  }();
  const auto& [chains, training_pictures, held_out_pictures, solved, constants, trained, judged] = found;
  if (chains.empty()) {
    const std::string verdict = "no chain of layers that computes a norm and divides by it: nothing to compensate";
    if (o.as_json) print_json({{"verdict", verdict}, {"chains", json::array()}});
    else std::cout << verdict << (o.output.empty() ? "" : "; " + o.output + " is not written") << '\n';
    return below_threshold;
  }

  std::vector<std::string> wrong;
  const bool writes = !o.output.empty() && !constants.empty();
  if (writes) {
    const auto& cfg = loaded.cfg();
    const std::string text =
        detail::read_whole_file(cfg.prototxt_file.path, prototxt_limits{}.file_bytes, "a prototxt");
    const std::string changed = prototxt_with_constants(text, constants, cfg.prototxt_file.text);
    const caffe_model model = read_caffemodel(cfg.caffemodel_file.path);
    const network read_back = loaded.imported(parse_prototxt(changed, o.output), model, cfg.caffemodel_file.text);
    wrong = verify_constants(loaded.original(), read_back, constants);
    if (wrong.empty()) detail::write_whole_file(o.output, changed);
  }

  double before = 0, after = 0;  // of all chains
  for (const judged_chain& c : judged) {
    before += std::fabs(c.before.mean) / static_cast<double>(judged.size());
    after += std::fabs(c.after.mean) / static_cast<double>(judged.size());
  }
  const double removed = detail::removed_share(before, after);
  bool missed = false;
  for (const judged_chain& c : judged) missed = missed || misses(c, problem, o.least_gain);
  if (o.as_json) {
    json list = json::array();
    for (std::size_t i = 0; i < chains.size(); ++i) {
      const solved_constant& s = solved[i];
      json j = {{"chain", chains[i].name},
                {"layer", net.layers[chains[i].holder].name},
                {"form", to_string(chains[i].form)},
                {"outcome", to_string(s.outcome)},
                {"verdict", s.verdict},
                {"old_constant", chains[i].constant},
                {"new_constant", s.constant},
                {"interval", s.interval ? json(*s.interval) : json(nullptr)},
                {"from_input", as_json(s.from_input)},
                {"from_chain", as_json(s.from_chain)},
                {"training", as_json(trained[i])},
                {"held_out", as_json(judged[i])}};
      list.push_back(std::move(j));
    }
    json j = {{"mode", static_cast<int>(mode)},
              {"calibration", nnie_debug::as_json(ranges, o.calibration)},
              {"batch_norm", to_string(loaded.batch_norm())},
              {"remarks", loaded.remarks()},
              {"enough_removed", !missed},
              {"removed", compensate_command::as_json(removed)},
              {"chains", list}};
    if (writes) j["constants_verified"] = wrong.empty();
    print_json(j);
  } else {
    std::printf(
        "compile_mode %d; ranges: %s\nsolved with %zu pictures, judged by %zu others\n\n"
        "%-24s %10s -> %-10s %-24s %22s   %22s   removed, of all\n",
        static_cast<int>(mode), printable(text_of(ranges, o.calibration)).c_str(), training_pictures, held_out_pictures,
        "norm", "constant", "new", "95 % interval", "mean error, training", "mean error, held out");
    for (std::size_t i = 0; i < chains.size(); ++i) {
      const auto& interval = solved[i].interval;
      std::array<char, 64> range{"-"};
      if (interval) {
        (void)std::snprintf(range.data(), range.size(), "%.6g .. %.6g", (*interval)[0], (*interval)[1]);
      }
      const judged_chain& h = judged[i];
      std::printf("%-24s %10.7g -> %-10s %-24s %+8.3f %% -> %+7.3f %%   %+8.3f %% -> %+7.3f %%   %5.1f %% %5.1f %%\n",
                  printable(chains[i].name).c_str(), chains[i].constant, detail::shortest(solved[i].constant).c_str(),
                  range.data(), 100 * trained[i].before.mean, 100 * trained[i].after.mean, 100 * h.before.mean,
                  100 * h.after.mean, 100 * h.removed, 100 * h.removed_abs);
    }
    std::printf("%-24s %97.3f %% -> %7.3f %%   %5.1f %%\n", "all, in magnitude", 100 * before, 100 * after,
                100 * removed);
    std::printf(
        "(errors of the norms' lengths, signed; removed: of the held-out mean, and of the mean magnitude, in which\n"
        "what differs from picture to picture remains)\n\n");
    for (std::size_t i = 0; i < chains.size(); ++i) {
      std::printf("%s (%s, constant in %s): %s\n", printable(chains[i].name).c_str(),
                  std::string(to_string(chains[i].form)).c_str(), printable(net.layers[chains[i].holder].name).c_str(),
                  printable(solved[i].verdict).c_str());
      if (misses(judged[i], problem, o.least_gain)) {
        std::printf("  LESS THAN %g %% REMOVED on held-out pictures\n", 100 * o.least_gain);
      }
    }
    print_remarks(loaded.remarks());
    std::printf("\nnorms on held-out pictures   least    a quarter       half   3 quarters         most\n");
    for (const judged_chain& c : judged) {
      std::printf("%s\n", printable(c.name).c_str());
      print_distribution("float", c.float_norms);
      print_distribution("quantized", c.quantized);
      print_distribution("compensated", c.compensated);
    }
    std::printf("\n");
    if (!wrong.empty()) {
      std::printf("%s is not written\n", o.output.c_str());
      for (const std::string& w : wrong) std::printf("WRONG: %s\n", printable(w).c_str());
    } else if (writes) {
      std::printf("%s has %zu new constant(s) and is else as it was\n", o.output.c_str(), constants.size());
      std::printf(
          "its own float run has other norms: diagnose it with --float-prototxt %s, the network that it stands for, "
          "and do not compensate it again\n",
          printable(loaded.cfg().prototxt_file.text).c_str());
    } else if (!o.output.empty()) {
      std::printf("no constant changed: %s is not written\n", o.output.c_str());
    }
  }
  if (!wrong.empty()) return failed;
  return missed ? below_threshold : passed;
}

}  // namespace compensate_command

void add_compensate(CLI::App& app, int& result) {
  using namespace compensate_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("compensate", "bring back feature norms that Power / ReduceMean chains shift");
  command->add_option("--cfg", o->network.cfg, "the compiler's cfg: names network, pictures, preprocessing, mode")
      ->required()
      ->check(CLI::ExistingFile);
  add_mode_to(*command, o->mode);
  add_calibration_to(*command, o->calibration);
  o->network.add_batch_norm_to(*command);
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
