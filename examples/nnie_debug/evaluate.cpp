// nnie-debug evaluate: a network over many pictures, in float and in a compile mode.
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <iostream>
#include <mutex>
#include <nniesim/debug/evaluation.hpp>
#include <nniesim/debug/evaluation_compensation.hpp>
#include <nniesim/debug/evaluation_identity.hpp>
#include <nniesim/debug/norm_compensation.hpp>

#include "arithmetic.hpp"
#include "decision_command.hpp"
#include "evaluation_output.hpp"

namespace nnie_debug {

namespace evaluate_command {

struct options {
  network_options network;
  arithmetic_options arithmetic;
  std::string mode, calibration, folder, state, shard = "0/1", command, output_layer, compensated;
  std::vector<std::string> lists;
  bool has_labels = false, shows_progress = false;
  std::size_t top_k = 0, training = 0;
  std::optional<double> threshold;
  command_limits limits;
  evaluation_output out;
};

/// How far the work is and how long the rest takes, on standard error: one line that changes on a terminal, else a line
/// now and then.
class progress_line {
 public:
  explicit progress_line(bool is_wanted)
      : is_terminal_(isatty(STDERR_FILENO) != 0), is_shown_(is_wanted || is_terminal_) {}
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;
  ~progress_line() {
    if (is_terminal_ && is_shown_) std::fputs("\r\033[K", stderr);
  }
  void operator()(const evaluation_progress& p) {
    if (!is_shown_) return;
    const clock::time_point now = clock::now();
    const bool is_end = p.done == p.of;
    const auto pause = is_terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
    if (last_ && now - *last_ < pause && !is_end) return;
    last_ = now;
    const std::string left = left_of(p, std::chrono::duration<double>(now - begin_).count());
    std::fprintf(stderr, "%sevaluating %zu/%zu, %zu bad%s%s", is_terminal_ ? "\r\033[K" : "", p.done, p.of, p.bad,
                 left.c_str(), is_terminal_ ? "" : "\n");
    std::fflush(stderr);
  }

 private:
  using clock = std::chrono::steady_clock;

  [[nodiscard]] static std::string left_of(const evaluation_progress& p, double seconds) {
    if (p.done == p.known || p.done == p.of) return "";
    const double each = seconds / static_cast<double>(p.done - p.known);
    const auto left = static_cast<long long>(each * static_cast<double>(p.of - p.done) + 0.5);
    std::array<char, 64> text{};
    (void)std::snprintf(text.data(), text.size(), ", %lld:%02lld:%02lld left", left / 3600, left / 60 % 60, left % 60);
    return text.data();
  }

  bool is_terminal_, is_shown_;
  clock::time_point begin_ = clock::now();
  std::optional<clock::time_point> last_;
};

evaluation_shard shard_of(const std::string& text) {
  evaluation_shard s;
  const char* const end = text.data() + text.size();
  const auto index = std::from_chars(text.data(), end, s.index);
  bool holds = index.ec == std::errc{} && index.ptr != end && *index.ptr == '/';
  if (holds) {
    const auto count = std::from_chars(index.ptr + 1, end, s.count);
    holds = count.ec == std::errc{} && count.ptr == end && s.count != 0 && s.index < s.count;
  }
  detail::require<error>(holds, "--shard ", detail::excerpt(text), ": expected I/N with I of 0 .. N-1");
  return s;
}

std::vector<postprocessing> decisions_of(const options& o, std::size_t output) {
  std::vector<postprocessing> decisions;
  if (o.top_k != 0) decisions.push_back(postprocess::top_k(o.top_k, output));
  if (o.threshold) decisions.push_back(postprocess::threshold(*o.threshold, output));
  if (!o.command.empty()) {
    decisions.push_back(decision_by_command(o.command, o.limits));
    decisions.back().name = "command " + o.command;
  }
  return decisions;
}

/// The network with other constants: of another prototxt, or solved on some of the pictures.
std::optional<solved_network> changed_network(const options& o, loaded_network& loaded, const precision_plan& plan,
                                              const activation_ranges& ranges, const evaluation_pictures& pictures,
                                              const policy_set& policies) {
  if (o.compensated.empty() && o.training == 0) return std::nullopt;
  compensation_problem problem{
      .net = loaded.net(), .plan = plan, .ranges = ranges, .threads = loaded.threads(), .policies = policies};
  if (o.calibration.empty()) {
    problem.recalibrate = [&](const network& net) {
      return loaded.calibrate(net, plan, range_rule::quantized, policies);
    };
  }
  if (o.compensated.empty()) {
    const auto bar = bars();
    return solve_constants(problem, pictures, o.training, o.state,
                           [&](std::size_t done, std::size_t of) { bar("solving constants", done, of); });
  }
  return given_constants(problem, loaded, o.compensated);
}

std::string about(const options& o, const loaded_network& loaded, compile_mode mode, const activation_ranges& ranges) {
  std::string text = detail::message("compile_mode ", static_cast<int>(mode), "; ranges: ", text_of(ranges));
  for (const std::string& line : o.arithmetic.remarks()) text += '\n' + line;
  for (const std::string& line : loaded.remarks()) text += '\n' + line;
  return text;
}

int evaluate(const options& o) {
  const evaluation_shard shard = shard_of(o.shard);
  detail::require<error>(shard.count == 1 || !o.state.empty(), "--shard needs a file for its part: --state");
  loaded_network loaded(o.network, true, o.arithmetic.rules());
  std::vector<std::filesystem::path> read = loaded.network_files();
  for (const std::string& list : o.lists) read.emplace_back(list);
  require_output(o.state, read);
  o.out.require_files(read);
  const compile_mode mode = loaded.mode(o.mode);
  const accumulator_policies accumulator = o.arithmetic.policies();
  const precision_plan plan = accumulator.of(plan_of(loaded.net(), mode));
  const evaluation_pictures pictures = pictures_of(
      {.lists = o.lists, .folder = o.folder, .has_labels = o.has_labels, .raw = o.network.source({}).raw}, loaded);
  const activation_ranges ranges = loaded.ranges(o.calibration, plan_of(loaded.net(), mode));

  const std::optional<solved_network> other = changed_network(o, loaded, plan, ranges, pictures, accumulator.policies);
  evaluation_problem problem{.net = loaded.net(), .plan = plan, .ranges = ranges, .policies = accumulator.policies};
  if (other) {
    problem.compensated.emplace(compensated_network{other->net, other->ranges});
    problem.intervals = other->intervals;
    problem.training = other->training;
  }
  problem.labelled_output =
      judged_output(loaded.net(), o.output_layer, o.top_k != 0 || o.threshold || o.has_labels, "--output-layer");
  problem.decisions = decisions_of(o, problem.labelled_output);
  problem.identity = identity_of(loaded, o.arithmetic.rules(), o.arithmetic.accumulator, problem.labelled_output);
  problem.about = about(o, loaded, mode, ranges);

  std::optional<held_signals> held(std::in_place);  // they end the evaluation between two pictures
  std::optional<temporary_records> temporary;       // gone before they are delivered
  if (o.state.empty()) temporary.emplace();
  evaluation_options run{.state = temporary ? temporary->path() : std::filesystem::path(o.state), .shard = shard};
  run.threads = loaded.threads();
  run.stop = [] { return held_signals::are_waiting(); };
  bool is_done = false;
  {
    progress_line line(o.shows_progress);
    run.progress = [&](const evaluation_progress& p) { line(p); };
    is_done = nniesim::evaluate(problem, pictures, run);
  }
  evaluation_records records(run.state);
  if (!is_done) {
    std::cerr << "nnie-debug: interrupted with " << records.size() << " of " << shard.size_of(pictures.size)
              << " pictures done" << (o.state.empty() ? "" : "; the same command goes on") << '\n';
    return failed;
  }
  if (!temporary) held.reset();
  return o.out.print(records, loaded.threads());
}

void add_decisions_to(CLI::App& command, options& o) {
  command.add_option("--top-k", o.top_k, "how often the K largest outputs are the same; 1: top-1")
      ->check(CLI::Range(1, 1000000));
  command.add_option("--threshold", o.threshold, "how often the same outputs are above a value");
  auto* user = command
                   .add_option("--post", o.command,
                               "how often a command of yours prints the same, run by /bin/sh; $1 is a folder with the "
                               "outputs as 0.npy, 1.npy ...")
                   ->check(not_empty());
  command.add_option("--time-limit", o.limits.seconds, "seconds that one run of that command may take")
      ->check(between(0.001, 1e9))
      ->needs(user)
      ->capture_default_str();
  command
      .add_option("--output-layer", o.output_layer,
                  "the output that --top-k, --threshold and --labels are of; needed where there are several")
      ->check(not_empty());
}

void add_pictures_to(CLI::App& command, options& o) {
  auto* lists = command
                    .add_option("--list", o.lists,
                                "file of pictures, one a line, for each input of the network; else the cfg's lists")
                    ->check(CLI::ExistingFile);
  command.add_option("--folder", o.folder, "folder of pictures, for a network of one input")
      ->check(CLI::ExistingDirectory)
      ->excludes(lists);
  command.add_flag("--labels", o.has_labels, "the first list has the number of a class behind each name: accuracy")
      ->needs(lists);
  o.network.add_raw_pictures_to(command);
}

}  // namespace evaluate_command

void add_evaluate(CLI::App& app, int& result) {
  using namespace evaluate_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("evaluate", "run a network over many pictures; every layer, norms, decisions");
  o->network.add_cfg_to(*command)->required();
  add_pictures_to(*command, *o);
  add_mode_to(*command, o->mode);
  add_calibration_to(*command, o->calibration);
  o->network.add_batch_norm_to(*command);
  o->network.add_import_to(*command);
  o->arithmetic.add_to(*command);
  add_decisions_to(*command, *o);
  auto* prototxt = command
                       ->add_option("--compensated", o->compensated,
                                    "prototxt with other constants (compensate -o): its norms and decisions, too")
                       ->check(CLI::ExistingFile);
  command
      ->add_option("--compensate", o->training,
                   "solve the constants on so many of the pictures first, spread evenly, and judge them on the others")
      ->check(CLI::Range(1, 1000000))
      ->excludes(prototxt);
  command->add_option("--state", o->state, "file of what is done: the same command goes on from there")
      ->check(not_empty());
  command->add_option("--shard", o->shard, "I/N: part I, from 0, of N; `merge` joins their state files")
      ->capture_default_str();
  command->add_option("--threads", o->network.threads, "pictures at once; the results are the same bits for any number")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_flag("--progress", o->shows_progress, "progress on standard error also where that is no terminal");
  o->out.add_to(*command);
  command->footer(
      "Pictures that cannot be evaluated are counted and named.\nExamples:\n"
      "  nnie-debug evaluate --cfg net.cfg --folder pictures --threads 8 --state all.eval --html report.html\n"
      "  nnie-debug evaluate --cfg net.cfg --list val.txt --labels --top-k 1 --calibration ranges.json\n"
      "  nnie-debug evaluate --cfg net.cfg --compensate 200 --shard 0/4 --state part0.eval");
  command->callback([o, &result] { result = evaluate(*o); });
}

}  // namespace nnie_debug
