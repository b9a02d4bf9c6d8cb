// nnie-debug diagnose: from two runs, or a network alone, to the cause of what differs; and the report.
#include <iostream>
#include <nniesim/core/number_text.hpp>
#include <nniesim/debug/finding_json.hpp>
#include <nniesim/debug/finding_text.hpp>
#include <nniesim/debug/investigation.hpp>
#include <nniesim/debug/report_html.hpp>
#include <nniesim/debug/report_markdown.hpp>
#include <nniesim/io/output_file.hpp>

#include "arithmetic.hpp"
#include "decision_command.hpp"
#include "terminal.hpp"
#include "text_table.hpp"

namespace nnie_debug {

namespace diagnose_command {

struct options {
  network_options network;
  arithmetic_options arithmetic;
  diagnose_options limits;
  std::string mode, calibration, reference, other, html, markdown;
  std::size_t top_k = 0;
  std::optional<double> threshold, softmax, distance, goal;
  std::string feature, command, output_layer;
  std::optional<std::string> board_decision;  ///< an empty one is a decision, too
  bool normalized = false;
  command_limits command_limit;
  std::size_t trials = 200;
  CLI::Option* trials_option = nullptr;
  std::string float_prototxt;
  bool show_layers = false, as_json = false;

  [[nodiscard]] bool has_report() const { return !html.empty() || !markdown.empty(); }
};

void check_options(const options& o) {
  const bool has_network = o.network.is_given();
  detail::require<error>(has_network || (!o.reference.empty() && !o.other.empty()),
                         "nothing to compare: expected --cfg (or --prototxt and --caffemodel), or --reference and "
                         "--other with folders of dumps");
  detail::require<error>(
      has_network ||
          (o.mode.empty() && o.calibration.empty() && o.arithmetic.is_default() &&
           o.network.batch_norm() == batch_norm_rule::fused && o.float_prototxt.empty() && o.network.pictures.empty() &&
           o.network.threads_option->empty() && o.network.scale_option->empty() && o.network.mean_file.empty()),
      "--mode, --calibration, --accumulator, --sum-rounding, --functions, --merge-batch-norm, --own-batch-norm, "
      "--float-prototxt, --picture, --mean-file, --data-scale and --threads need a network");
  detail::require<error>(
      o.trials_option->empty() || o.top_k != 0 || o.threshold || o.softmax || !o.feature.empty() || !o.command.empty(),
      "--trials needs a post-processing");
  detail::require<error>(o.limits.data_layers.empty() || !o.network.is_given(),
                         "--data-layer is for folders without a network, which knows its inputs");
  detail::require<error>(!o.goal || !(o.network.cfg.empty() && o.network.prototxt.empty()), "--goal needs a network");
  detail::require<error>(!o.goal || o.arithmetic.accumulator == "fp32_chain",
                         "--goal searches with the accumulator fp32_chain, got ", o.arithmetic.accumulator);
  detail::require<error>(o.html.empty() || o.html != o.markdown, "--html and --markdown name the same file");
  for (const std::string& file : {o.html, o.markdown}) {
    require_output(
        file, {o.network.cfg, o.network.prototxt, o.network.caffemodel, o.float_prototxt, o.calibration, o.feature});
  }
}

std::optional<postprocessing> chosen_postprocessing(const options& o) {
  if (o.top_k != 0) return postprocess::top_k(o.top_k);
  if (o.threshold) return postprocess::threshold(*o.threshold);
  if (o.softmax) return postprocess::softmax(*o.softmax);
  if (!o.feature.empty()) {
    return postprocess::feature_distance(
        read_values(named_dump_entry_of(o.feature)), *o.distance,
        o.normalized ? postprocess::feature_length::normalized : postprocess::feature_length::as_it_is);
  }
  if (!o.command.empty()) return decision_by_command(o.command, o.command_limit);
  detail::require<error>(!o.board_decision && o.output_layer.empty(),
                         "--board-decision and --output-layer need a post-processing: --top-k, --threshold, --softmax, "
                         "--feature or --post");
  return std::nullopt;
}

/// The board's decision as the post-processing writes it: indices as a set in rising order, of `size` values.
std::string board_decision(const options& o, std::string text, std::size_t size) {
  if (!o.command.empty()) return text;
  if (!o.feature.empty()) {
    detail::require<error>(text == "same" || text == "other", "--board-decision is ", detail::excerpt(text),
                           ", expected same or other");
    return text;
  }
  std::replace(text.begin(), text.end(), ',', ' ');
  std::set<std::size_t> indices;
  for (std::string_view rest = text; !(rest = detail::trimmed(rest)).empty();) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    const auto index = detail::whole_integer<std::size_t>(word);
    detail::require<error>(index.has_value(), "--board-decision is ", detail::excerpt(*o.board_decision),
                           ", expected indices between spaces or commas");
    detail::require<error>(*index < size, "--board-decision has the index ", *index, " of an output of ", size,
                           " values: if the board decided that, its code is wrong");
    indices.insert(*index);
    rest.remove_prefix(word.size());
  }
  detail::require<error>(o.top_k == 0 || indices.size() == o.top_k, "--board-decision has ", indices.size(),
                         " different indices, expected the ", o.top_k, " of --top-k");
  std::string sorted;
  for (const std::size_t i : indices) sorted += (sorted.empty() ? "" : " ") + std::to_string(i);
  return sorted;
}

investigation_options asked_by(const options& o) {
  investigation_options asked{.reference = o.reference, .other = o.other, .calibration = o.calibration};
  if (const std::optional<postprocessing> post = chosen_postprocessing(o)) {
    decision_question& q = asked.decision.emplace(decision_question{.post = *post, .trials = o.trials});
    if (!o.output_layer.empty()) q.outputs = {o.output_layer};
    q.board_decision = o.board_decision;
    q.read = [&o](const std::string& text, std::size_t size) { return board_decision(o, text, size); };
  }
  asked.limits = o.limits;
  if (!o.network.is_given()) return asked;
  asked.network = o.network.source(o.arithmetic.rules());
  if (!o.mode.empty()) asked.mode = compile_mode_of(std::stoi(o.mode));
  asked.float_prototxt = o.float_prototxt;
  const accumulator_policies accumulator = o.arithmetic.policies();
  asked.with_policies = [accumulator](precision_plan p) { return accumulator.of(std::move(p)); };
  asked.policies = accumulator.policies;
  const bool shows_all = o.has_report() || o.show_layers || o.as_json;
  if (shows_all) asked.ablation = case_extras::ablations::all;
  asked.goal = o.goal;
  return asked;
}

/// What the report says of itself.
report about(const options& o, const investigation& i, const std::vector<std::string>& remarks) {
  report r;
  const nniesim::loaded_network* const files = i.network_files();
  r.title = "What the accelerator makes of the network";
  r.network = files != nullptr ? files->net().name : o.reference;
  r.picture = files != nullptr ? files->chosen_name() : o.other;
  if (!o.other.empty()) r.mode = o.other + " against " + (o.reference.empty() ? "the float network" : o.reference);
  else if (files != nullptr)
    r.mode = "simulated, compile_mode " + std::to_string(static_cast<int>(files->mode(o.mode)));
  if (files != nullptr) r.mode += "; ranges: " + text_of(i.ranges(), o.calibration);
  for (const std::string& line : remarks) r.mode += "; " + line;
  r.versions = detail::message("nniesim ", version_text(), ", results version ", NNIESIM_RESULTS_VERSION);
  r.date = date_text();
  r.command = command_line();
  return r;
}

void print_layers(const diagnosis& d) {
  print_lines("\nEvery layer; the parts are shares of the squared error, of the layer by itself where that is known\n");
  text_table table({{"layer", false},
                    {"cosine", true, 12},
                    {"norm_error", true, 11},
                    {"by itself", true, 10},
                    {"weights", true, 2},
                    {"activat.", true, 1},
                    {"x floor", true, 9},
                    {"gain", true, 8},
                    {"offset", true, 4},
                    {"satur.", true, 7},
                    {"underf", true, 6},
                    {"round.", true, 5},
                    {"channels with 90 % of it", false, 3}});
  const auto number = [](const std::optional<double>& v, int decimals) {
    return v ? detail::fixed_number(*v, decimals) : std::string("-");
  };
  for (const layer_evidence& l : d.layers) {
    const auto of = [&](auto field) { return l.result ? std::optional<double>((*l.result).*field) : std::nullopt; };
    const auto part = [&](auto field) {
      return number(l.parts ? std::optional<double>(100 * (*l.parts).*field) : std::nullopt, 1);
    };
    const std::string norm_error = number(of(&comparison::norm_error), 5);
    table.add({printable(l.name), number(of(&comparison::cosine), 6),
               norm_error == "-" ? norm_error : detail::with_sign(norm_error), number(l.isolated, 6),
               number(l.weights_only, 6), number(l.activations_only, 6), number(l.floor_ratio, 2),
               part(&error_parts::gain_share), part(&error_parts::offset_share), part(&error_parts::saturation_share),
               part(&error_parts::underflow_share), part(&error_parts::rounding_share),
               l.partner.empty()                        ? "no partner: " + printable(l.relation)
               : l.channels > 1 && l.most_channels != 0 ? detail::message(l.most_channels, " of ", l.channels)
                                                        : ""});
  }
  print_table(table.text(line_width()));
}

/// The verdict and the further findings, their headings in colour.
void print_findings(const diagnosis& d) {
  std::istringstream lines(diagnosis_text(d));
  constexpr std::size_t behind_key = 13;
  for (std::string line; std::getline(lines, line);) {
    const bool is_heading = !line.empty() && line.front() != ' ';
    if (is_heading) {
      std::cout << emphasized(line, d.verdict.cause == fault::none ? emphasis::good : emphasis::bad) << '\n';
    } else {
      print_lines(line + '\n', behind_key);
    }
  }
}

void print_as_json(const options& o, investigation& i, const std::vector<std::string>& remarks) {
  json j = json::parse(diagnosis_json(i.result()));
  if (const nniesim::loaded_network* loaded = i.network_files()) {
    j["network"] = loaded->net().name;
    j["mode"] = static_cast<int>(loaded->mode(o.mode));
    j["calibration"] = nnie_debug::as_json(i.ranges(), o.calibration);
    j["arithmetic"] = o.arithmetic.as_json();
    j["batch_norm"] = to_string(loaded->batch_norm());
    j["merge_batch_norm"] = nnie_debug::as_json(i.batch_norm());
  }
  j["remarks"] = remarks;
  if (const std::optional<search_result>& found = i.file().marks()) {
    j["search"] = {
        {"goal", *o.goal},
        {"reached", found->reached},
        {"summary", found->verdict},
        {"best",
         {{"time", found->best.cost}, {"score", found->best.score}, {"layers_in_16_bits", found->best.layers}}}};
  }
  print_json(j);
}

void print_as_text(const options& o, investigation& i, const std::vector<std::string>& remarks) {
  print_findings(i.result());
  if (const std::string advice = text_of(i.batch_norm()); !advice.empty()) print_lines('\n' + printable(advice) + '\n');
  if (i.network_files() != nullptr) print_lines("\nranges: " + printable(text_of(i.ranges(), o.calibration)) + '\n');
  print_remarks(remarks);
  if (const std::optional<search_result>& found = i.file().marks()) {
    print_lines("\nsearch: " + printable(found->verdict) + '\n');
  }
  if (o.show_layers) print_layers(i.result());
  for (const std::string& file : {o.html, o.markdown}) {
    // A path is to be copied: it is not broken.
    if (!file.empty()) std::cout << "\nreport: " << printable(std::filesystem::absolute(file).string()) << '\n';
  }
}

int run_diagnosis(const options& o) {
  check_options(o);
  investigation_options asked = asked_by(o);
  investigation i(std::move(asked));
  const nniesim::loaded_network* const loaded = i.network_files();
  std::vector<std::string> remarks;  // of what is simulated otherwise than by default, or not at all
  if (loaded != nullptr) {
    for (const std::string& file : {o.html, o.markdown}) require_output(file, loaded->network_files());
    remarks = o.arithmetic.remarks();
    remarks.insert(remarks.end(), loaded->remarks().begin(), loaded->remarks().end());
  }
  const diagnosis& d = i.result();
  if (o.has_report()) {
    const report r = i.report_of(about(o, i, remarks));
    output_set files;
    if (!o.html.empty()) write_html(files.add(o.html).stream(), r);
    if (!o.markdown.empty()) write_markdown(files.add(o.markdown).stream(), r);
    files.commit();
  }
  if (o.as_json) print_as_json(o, i, remarks);
  else print_as_text(o, i, remarks);
  return d.verdict.cause == fault::none ? passed : below_threshold;
}

void add_postprocessing(CLI::App& command, options& o) {
  std::vector<CLI::Option*> posts;  // of which one can be given
  const auto post = [&](CLI::Option* option) {
    for (CLI::Option* other : posts) option->excludes(other);
    posts.push_back(option);
    return option;
  };
  post(command.add_option("--top-k", o.top_k, "post-processing: the K largest outputs"))->check(CLI::Range(1, 1000000));
  post(command.add_option("--threshold", o.threshold, "post-processing: outputs above a value"));
  post(command.add_option("--softmax", o.softmax, "post-processing: outputs whose softmax is above a probability"))
      ->check(between(0, 1));
  auto* feature = post(command.add_option("--feature", o.feature,
                                          "post-processing: whether the output is within --distance of this .npy"))
                      ->check(CLI::ExistingFile);
  auto* distance = command.add_option("--distance", o.distance, "Euclidean distance of features of the same")
                       ->check(between(0, 1e30))
                       ->needs(feature);
  feature->needs(distance);
  command.add_flag("--normalized", o.normalized, "scale features to length 1 before they are compared")->needs(feature);
  auto* user = post(command.add_option("--post", o.command,
                                       "post-processing: a command of yours, run by /bin/sh; $1 is a folder with the "
                                       "outputs as 0.npy, 1.npy ...; what it prints is the decision"))
                   ->check(not_empty());
  command.add_option("--time-limit", o.command_limit.seconds, "seconds that one run of that command may take")
      ->check(between(0.001, 1e9))
      ->needs(user)
      ->capture_default_str();
  command.add_option("--output-layer", o.output_layer, "what the post-processing reads; else the network's outputs")
      ->check(not_empty());
  command.add_option("--board-decision", o.board_decision, "what the board decided, as the post-processing prints it");
  o.trials_option = command.add_option("--trials", o.trials, "disturbed copies that the post-processing is tried on")
                        ->check(CLI::Range(1, 1000000))
                        ->capture_default_str();
}

void add_limits(CLI::App& command, options& o) {
  const auto limit = [&](const char* name, double& value, const char* help) {
    command.add_option(name, value, help)->check(between(0, 1))->capture_default_str();
  };
  limit("--data-cosine", o.limits.data_cosine, "what the inputs must reach");
  limit("--layer-cosine", o.limits.layer_cosine, "what a good layer reaches");
  limit("--last-cosine", o.limits.last_cosine, "below it the last layer is bad for certain");
  limit("--dip-cosine", o.limits.dip_cosine, "below it a layer in between is a dip");
  limit("--norm-error", o.limits.norm_error, "largest error of a good layer's norm");
}

}  // namespace diagnose_command

void add_diagnose(CLI::App& app, int& result) {
  using namespace diagnose_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("diagnose", "find the cause of what differs: the vendor's procedure, decided");
  o->network.add_to(*command, true);
  command->add_option("--reference", o->reference, "folder of dumps that are right; else the float network")
      ->check(CLI::ExistingDirectory);
  command->add_option("--other", o->other, "folder of dumps to judge; else the simulation in the cfg's mode")
      ->check(CLI::ExistingDirectory);
  command
      ->add_option("--float-prototxt", o->float_prototxt,
                   "the network that is meant, where the compiled one has other constants (compensate); the float "
                   "reference is its")
      ->check(CLI::ExistingFile);
  command->add_option("--mode", o->mode, "compile_mode of the other run: 0, 1 or 2; else the cfg's")
      ->check(CLI::IsMember({"0", "1", "2"}));
  add_calibration_to(*command, o->calibration);
  o->arithmetic.add_to(*command);
  command->add_option("--html", o->html, "write the report, one self-contained file")->check(not_empty());
  command->add_option("--markdown", o->markdown, "write the report for a ticket")->check(not_empty());
  command->add_option("--goal", o->goal, "also search the layers to mark _hp for this cosine of the outputs")
      ->check(between(-1, 1));
  add_postprocessing(*command, *o);
  command->add_option("--data-layer", o->limits.data_layers, "names of the inputs in the dumps, without a network");
  add_limits(*command, *o);
  command->add_flag("--layers", o->show_layers, "also print every layer: cosines, what its error consists of");
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer(
      "Exit code 0: no fault; 1: a fault, or inconclusive.\nExamples:\n"
      "  nnie-debug diagnose --cfg net.cfg --html report.html       # what 8 bits do to this network\n"
      "  nnie-debug diagnose --cfg net.cfg --other mapper_quant     # what the compiler or the board really did\n"
      "  nnie-debug diagnose --reference caffe --other mapper_quant # two folders, no network\n"
      "  nnie-debug diagnose --cfg net.cfg --top-k 5 --board-decision '3 7 12 40 99'");
  command->callback([o, &result] { result = run_diagnosis(*o); });
}

}  // namespace nnie_debug
