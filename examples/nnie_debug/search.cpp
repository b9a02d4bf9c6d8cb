// nnie-debug search: which layers to mark _hp, written into a new prototxt and caffemodel and checked there.
#include <csignal>
#include <iostream>
#include <nniesim/core/number_text.hpp>
#include <nniesim/debug/evaluation_search.hpp>
#include <nniesim/debug/mark_files.hpp>
#include <nniesim/debug/precision_search.hpp>

#include "command.hpp"
#include "score_command.hpp"
#include "terminal.hpp"

namespace nnie_debug {

namespace search_command {

struct options {
  network_options network;
  std::string target = "output-cosine", strategy = "by-gain", state, calibration, output, evaluation;
  std::vector<std::string> layers;
  evaluation_source evaluated;
  std::optional<std::string> score_command;
  std::optional<double> goal;
  command_limits limits;
  double budget = std::numeric_limits<double>::infinity();
  std::size_t pictures = 1;
  bool as_json = false;
};

search_target target_of(const options& o, const network& net) {
  if (o.score_command) return score_by_command(net, *o.score_command, o.limits);
  if (o.target == "worst-layer-cosine") return worst_layer_cosine(net);
  if (o.target == "norm-error") return norm_error(net, o.layers.empty() ? "" : o.layers.front());
  return output_cosine(net, o.layers);
}

json as_json(const evaluated_plan& plan) {
  return {{"time", plan.cost}, {"score", plan.score}, {"layers_in_16_bits", plan.layers}};
}

volatile std::sig_atomic_t was_interrupted = 0;

/// While it lives the first Ctrl-C ends the search with what it has found; the second ends the process.
class interruptible {
 public:
  interruptible() {
    was_interrupted = 0;
    std::signal(SIGINT, [](int) {
      was_interrupted = 1;
      std::signal(SIGINT, SIG_DFL);
    });
  }
  ~interruptible() { std::signal(SIGINT, SIG_DFL); }
  interruptible(const interruptible&) = delete;
  interruptible& operator=(const interruptible&) = delete;
};

void check_options(const options& o) {
  const bool takes_layers = !o.score_command && o.target != "worst-layer-cosine";
  detail::require<error>(o.layers.empty() || takes_layers,
                         "--layer is for --target output-cosine, which takes several, and norm-error");
  detail::require<error>(o.layers.size() < 2 || o.target != "norm-error", "--target norm-error takes one --layer, got ",
                         o.layers.size());
  detail::require<error>(!o.score_command || o.goal, "--score-command needs a --goal: its scale is the command's");
}

/// The pictures that plans are judged by.
named_inputs inputs_of(const options& o, loaded_network& loaded) {
  if (!o.evaluation.empty()) {
    evaluation_records records(o.evaluation);
    evaluation_source source = o.evaluated;
    source.raw = o.network.source({}).raw;
    return worst_inputs(loaded, records, source, o.pictures);
  }
  named_inputs found;
  if (!o.network.pictures.empty() || loaded.listed() == 0) {
    found.inputs.push_back(loaded.chosen_inputs());
    return found;
  }
  const std::size_t count = o.pictures;
  detail::require<error>(count <= loaded.listed(), "--pictures ", count, ", the cfg's lists have ", loaded.listed());
  for (std::size_t i = loaded.listed() - count; i < loaded.listed(); ++i) {
    found.names.push_back(loaded.listed_name(i));
    found.inputs.push_back(loaded.listed_inputs(i));
  }
  return found;
}

search_result found_by(const options& o, const search_problem& problem) {
  search_options how;
  how.strategy = o.strategy == "from-first" ? search_strategy::from_first : search_strategy::by_gain;
  how.state_file = o.state;
  const interruptible handler;
  progress bar("searching", 1);
  how.progress = [&](const search_progress& p) {
    bar.at(p.evaluations, p.estimate);
    return was_interrupted == 0;
  };
  return search_precisions(problem, how);
}

void print_as_json(const options& o, const loaded_network& loaded, const search_problem& problem,
                   const std::vector<std::string>& pictures, const search_result& result,
                   const std::optional<hp_verification>& verified) {
  json front = json::array();
  for (const evaluated_plan& p : result.front) front.push_back(as_json(p));
  json j = {{"network", loaded.net().name}, {"target", problem.target.name}, {"goal", problem.goal},
            {"reached", result.reached},    {"finished", result.finished},   {"summary", result.verdict},
            {"best", as_json(result.best)}, {"pareto_front", front},         {"evaluations", result.evaluations}};
  if (!pictures.empty()) j["pictures"] = pictures;
  if (verified) j["marks_verified"] = verified->passed();
  j["calibration"] = nnie_debug::as_json(problem.ranges, o.calibration);
  j["batch_norm"] = to_string(loaded.batch_norm());
  j["remarks"] = loaded.remarks();
  print_json(j);
}

void print_marks(const options& o, const hp_verification& verified) {
  const std::string files = printable(o.output) + ".prototxt and " + printable(o.output) + ".caffemodel ";
  if (verified.wrong.empty()) {
    print_lines(files +
                "have the marks. Read back and run under compile_mode 2: " + std::to_string(verified.raised.size()) +
                " layers went from 8 to 16 bits, and the score is the one that was found\n");
  } else {
    print_lines(files + "are not written\n");
  }
  for (const auto& n : verified.without_effect) {
    print_lines("no effect: " + printable(n.layer) + ": " + printable(n.reason) + '\n');
  }
  for (const std::string& w : verified.wrong) print_lines("WRONG: " + printable(w) + '\n');
}

void print_as_text(const options& o, const loaded_network& loaded, const search_problem& problem,
                   const std::vector<std::string>& pictures, const search_result& result) {
  print_lines(printable(result.verdict) + "\n\ntime (all 8 bits: 1)   " +
              (o.score_command ? "score" : problem.target.name) + "   layers in 16 bits\n");
  for (const evaluated_plan& p : result.front) {
    std::string line =
        detail::right_aligned(detail::fixed_number(p.cost, 3), 20) + "   " + detail::fixed_number(p.score, 6) + "  ";
    for (const std::string& name : p.layers) line += ' ' + printable(name);
    print_lines(line + '\n', 34);
  }
  print_lines(detail::message("(", result.evaluations,
                              " plans evaluated; ranges: ", printable(text_of(problem.ranges, o.calibration)), ")\n"));
  if (!o.evaluation.empty()) {
    std::string line = "the worst pictures of " + printable(o.evaluation) + ':';
    for (const std::string& name : pictures) line += ' ' + printable(name);
    print_lines(line + '\n', 2);
  }
  print_remarks(loaded.remarks());
}

int search(const options& o) {
  check_options(o);
  loaded_network loaded(o.network, true);
  for (const char* end : {".prototxt", ".caffemodel"}) {
    if (!o.output.empty()) require_output(o.output + end, loaded.network_files());
  }
  require_output(o.state, loaded.network_files());
  const network& net = loaded.net();
  const activation_ranges ranges = loaded.ranges(o.calibration, plan_of(net, compile_mode::mixed), true);
  const named_inputs pictures = inputs_of(o, loaded);
  search_problem problem{net, ranges};
  for (const auto& of_picture : pictures.inputs) problem.pictures.push_back(loaded_network::views(of_picture));
  problem.target = target_of(o, net);
  problem.goal = o.goal.value_or(o.target == "norm-error" ? -0.01 : 0.99);
  problem.budget = o.budget;
  problem.threads = loaded.threads();
  const search_result result = found_by(o, problem);

  std::optional<hp_verification> verified;
  std::string problem_of_marks;  // what was found is shown all the same
  try {
    if (!o.output.empty()) verified = write_marks(loaded, problem, result, o.output);
  } catch (const error& e) {
    problem_of_marks = e.what();
  }
  if (o.as_json) print_as_json(o, loaded, problem, pictures.names, result, verified);
  else print_as_text(o, loaded, problem, pictures.names, result);
  if (verified && !o.as_json) print_marks(o, *verified);
  if (!problem_of_marks.empty()) std::cerr << "nnie-debug: " << problem_of_marks << '\n';
  if (!problem_of_marks.empty() || (verified && !verified->passed())) return failed;
  return result.reached ? passed : below_threshold;
}

}  // namespace search_command

void add_search(CLI::App& app, int& result) {
  using namespace search_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("search", "find the layers to mark _hp (16 bits in compile_mode 2)");
  o->network.add_to(*command, true);
  auto* target = command->add_option("--target", o->target, "what must reach the goal")
                     ->check(CLI::IsMember({"output-cosine", "worst-layer-cosine", "norm-error"}))
                     ->capture_default_str();
  command
      ->add_option("--score-command", o->score_command,
                   "in place of a target: run by /bin/sh for every picture of every plan; $1 is a folder with "
                   "reference/NAME.npy and quantized/NAME.npy of the network's outputs; the last line that it prints "
                   "is one number, larger is better")
      ->excludes(target);
  command->add_option("--time-limit", o->limits.seconds, "seconds that one run of the score command may take")
      ->check(between(0.001, 1e9))
      ->needs("--score-command")
      ->capture_default_str();
  command->add_option("--layer", o->layers, "whose cosine (also several) or norm error; else the network's outputs'")
      ->check(not_empty());
  command->add_option("--goal", o->goal, "of the target; 0.99 for cosines, -0.01 (norms within 1 %) for norm-error")
      ->check(between(-1e30, 1e30));
  command->add_option("--budget", o->budget, "most time, where all layers in 8 bits take 1")->check(between(1, 100));
  command->add_option("--strategy", o->strategy, "from-first is the vendor's way")
      ->check(CLI::IsMember({"by-gain", "from-first"}))
      ->capture_default_str();
  command
      ->add_option("--pictures", o->pictures,
                   "how many: of the cfg's lists, from their ends, or of an evaluation, the worst")
      ->check(CLI::Range(1, 100000))
      ->excludes(o->network.picture_option)
      ->capture_default_str();
  auto* evaluation =
      command
          ->add_option("--evaluation", o->evaluation,
                       "state file of `evaluate` or `merge`: judge by the pictures on which an output was "
                       "worst")
          ->check(CLI::ExistingFile)
          ->excludes(o->network.picture_option);
  auto* lists = command->add_option("--list", o->evaluated.lists, "the lists that were evaluated; else the cfg's")
                    ->check(CLI::ExistingFile)
                    ->needs(evaluation);
  command->add_option("--folder", o->evaluated.folder, "the folder that was evaluated")
      ->check(CLI::ExistingDirectory)
      ->needs(evaluation)
      ->excludes(lists);
  add_calibration_to(*command, o->calibration);
  command
      ->add_option("--state", o->state, "file that keeps every evaluation: a search that was stopped goes on from it")
      ->check(not_empty());
  command->add_option("--output,-o", o->output, "write NAME.prototxt and NAME.caffemodel with the marks")
      ->check(not_empty());
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer(
      "Ctrl-C ends the search with the best that it has found. Exit code 1: the goal was not reached within the "
      "budget.\n"
      "Example:\n"
      "  nnie-debug search --cfg net.cfg --goal 0.995 --budget 1.3 --state search.txt -o net_hp\n"
      "  nnie-debug search --cfg net.cfg --goal 0.99 --evaluation all.eval --pictures 8\n"
      "  nnie-debug search --cfg net.cfg --goal 0.8 --pictures 50 --score-command 'python3 same_top1.py \"$1\"'");
  command->callback([o, &result] { result = search(*o); });
}

}  // namespace nnie_debug
