// nnie-debug diagnose: from two runs, or a network alone, to the cause of what differs; and the report.
#include <iostream>
#include <nniesim/debug/diagnose.hpp>
#include <nniesim/debug/precision_search.hpp>
#include <nniesim/debug/report_html.hpp>
#include <nniesim/debug/report_markdown.hpp>
#include <nniesim/io/output_file.hpp>
#include <nniesim/network/fold.hpp>

#include "arithmetic.hpp"
#include "command.hpp"

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
  std::string float_prototxt;
  bool show_layers = false, as_json = false;

  [[nodiscard]] bool has_report() const { return !html.empty() || !markdown.empty(); }
};

/// A folder's layers, and where the compiler's graph, if it lies beside them, has each.
struct dump_folder {
  std::vector<named_values> layers;
  std::map<std::string, std::size_t> places;

  [[nodiscard]] static dump_folder of(const std::string& folder) {
    dump_folder result;
    dump_list list = list_dumps(folder);
    for (const std::filesystem::path& file : list.others) {
      if (file.extension() != ".dot" || !file.filename().string().starts_with("cnn_net_tree")) continue;
      const net_tree tree = read_net_tree(file);
      name_board_dumps(list, tree);
      for (std::size_t i = 0; i < tree.labelled; ++i) {
        result.places.emplace(detail::match_key(tree.nodes[i].name), i);
      }
    }
    require_one_run(list);
    result.layers = layers_of(list);
    detail::require<error>(!result.layers.empty(), folder,
                           ": no dumps of layers' outputs, expected .npy, linear.hex or .float");
    return result;
  }
  /// Into the order of a graph; layers that it does not have come last. Returns how many it has.
  std::size_t sort_by(const std::map<std::string, std::size_t>& graph) {
    const auto at = [&](const named_values& v) {
      const auto found = graph.find(detail::match_key(v.name));
      return found == graph.end() ? graph.size() : found->second;
    };
    std::stable_sort(layers.begin(), layers.end(),
                     [&](const named_values& a, const named_values& b) { return at(a) < at(b); });
    return static_cast<std::size_t>(
        std::count_if(layers.begin(), layers.end(), [&](const named_values& v) { return at(v) != graph.size(); }));
  }
};

json as_json(const finding& f) {
  json rivals = json::array();
  for (const rival_explanation& r : f.rivals) rivals.push_back({{"cause", to_string(r.cause)}, {"why_not", r.why_not}});
  return {{"cause", to_string(f.cause)}, {"layer", f.layer}, {"summary", f.summary}, {"evidence", f.evidence},
          {"against", f.against},        {"rivals", rivals}, {"change", f.change},   {"next", f.next}};
}
json as_json(const diagnosis& d) {
  json also = json::array(), rows = json::array();
  for (const finding& f : d.also) also.push_back(as_json(f));
  const auto number = [](double v) { return std::isfinite(v) ? json(v) : json(nullptr); };
  const auto optional = [&](const std::optional<double>& v) { return v ? number(*v) : json(nullptr); };
  for (const layer_evidence& l : d.layers) {
    json row = {{"layer", l.name}, {"partner", l.partner}, {"relation", l.relation}, {"suspicious", l.suspicious}};
    row["cosine"] = l.result ? number(l.result->cosine) : json(nullptr);
    row["norm_error"] = l.result ? number(l.result->norm_error) : json(nullptr);
    row["relative_l2_error"] = l.result ? number(l.result->relative_l2_error) : json(nullptr);
    row["floor_ratio"] = optional(l.floor_ratio);
    row["isolated_cosine"] = optional(l.isolated);
    row["cosine_in_16_bits"] = optional(l.in_16bit);
    row["cosine_weights_only"] = optional(l.weights_only);
    row["cosine_activations_only"] = optional(l.activations_only);
    if (l.parts) {
      const error_parts& p = *l.parts;
      json worst = json::array();
      for (const channel_error& c : l.worst_channels)
        worst.push_back({{"channel", c.channel}, {"share", number(c.share)}});
      row["error_parts"] = {{"by_itself", l.isolated.has_value()},
                            {"gain_share", number(p.gain_share)},
                            {"offset_share", number(p.offset_share)},
                            {"saturation_share", number(p.saturation_share)},
                            {"underflow_share", number(p.underflow_share)},
                            {"rounding_share", number(p.rounding_share)},
                            {"gain", number(p.gain)},
                            {"offset", number(p.offset)},
                            {"saturated", p.saturated},
                            {"underflowed", p.underflowed},
                            {"channels", l.channels},
                            {"channels_with_90_percent", l.most_channels},
                            {"worst_channels", worst}};
    }
    rows.push_back(std::move(row));
  }
  return {{"verdict", as_json(d.verdict)}, {"also", also}, {"layers", rows}};
}

void print(const finding& f) {
  const auto list = [](const char* title, const std::vector<std::string>& lines) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::printf("  %-10s %s\n", i == 0 ? title : "", printable(lines[i]).c_str());
    }
  };
  std::printf("%s%s%s%s\n  %s\n", std::string(to_string(f.cause)).c_str(), f.layer.empty() ? "" : ": '",
              printable(f.layer).c_str(), f.layer.empty() ? "" : "'", printable(f.summary).c_str());
  list("evidence", f.evidence);
  list("against", f.against);
  list("rivals", rival_lines(f));
  list("change", f.change);
  if (!f.next.empty()) std::printf("  %-10s %s\n", "next", printable(f.next).c_str());
}

/// What the runs are made of, held for as long as their layers are looked at.
struct experiment {
  std::optional<loaded_network> loaded;
  accumulator_policies accumulator;
  std::optional<batch_norm_choice> choice;
  std::vector<tensor<float>> inputs;
  activation_ranges ranges;
  std::optional<network> meant;  ///< the float network, where it is another one than that which is compiled
  std::optional<network_runner> in_float, quantized;
  std::optional<laboratory> lab;
  std::vector<named_values> reference, other;
  std::size_t ordered = std::numeric_limits<std::size_t>::max();  ///< as diagnose_options::ordered
  std::vector<std::string> remarks;  ///< of what is simulated otherwise than by default, or not at all
};

void set_up(const options& o, experiment& e) {
  const bool has_network = o.network.is_given();
  detail::require<error>(has_network || (!o.reference.empty() && !o.other.empty()),
                         "nothing to compare: expected --cfg (or --prototxt and --caffemodel), or --reference and "
                         "--other with folders of dumps");
  if (has_network) {
    loaded_network& loaded = e.loaded.emplace(o.network, true, o.arithmetic.rules());
    e.accumulator = o.arithmetic.policies();
    const network& net = loaded.net();
    const compile_mode mode = loaded.mode(o.mode);
    e.ranges = loaded.ranges(o.calibration, plan_of(net, mode), true);
    e.inputs = loaded.chosen_inputs();
    laboratory& lab = e.lab.emplace(laboratory{.net = net,
                                               .inputs = loaded_network::views(e.inputs),
                                               .ranges = e.ranges,
                                               .plan = e.accumulator.of(plan_of(net, mode)),
                                               .threads = loaded.threads(),
                                               .policies = e.accumulator.policies});
    e.choice = loaded.choose(
        lab.inputs, e.ranges, o.calibration, mode, [&](precision_plan p) { return e.accumulator.of(std::move(p)); },
        e.accumulator.policies);
    lab.pictures = loaded.pictures();
    if (loaded.has_pictures()) {
      std::size_t input = 0;
      for (const layer& l : net.layers) {
        if (!std::holds_alternative<layers::input>(l.params)) continue;
        lab.preprocessing.push_back(
            known_preprocessing_of(loaded.cfg().inputs[input++], net.blobs[l.outputs[0]].shape));
      }
    }
    if (!o.float_prototxt.empty()) {
      e.meant = loaded.compiled(read_caffe_network(o.float_prototxt, loaded.cfg().caffemodel_file.path));
    }
    if (o.reference.empty()) {
      const network& reference = e.meant ? *e.meant : net;
      e.in_float.emplace(reference, float_plan(reference),
                         runner_options{.keep_all = true, .threads = loaded.threads()});
      e.in_float->run(lab.inputs);
      e.reference = layers_of(*e.in_float);
    }
    if (o.other.empty()) {
      e.quantized.emplace(
          net, lab.plan,
          runner_options{.keep_all = true, .threads = loaded.threads(), .policies = e.accumulator.policies});
      e.quantized->use(e.ranges);
      e.quantized->run(lab.inputs);
      e.other = layers_of(*e.quantized);
    }
  } else {
    detail::require<error>(
        o.mode.empty() && o.calibration.empty() && o.arithmetic.is_default() &&
            o.network.batch_norm() == batch_norm_rule::fused && o.float_prototxt.empty() &&
            o.network.pictures.empty() && o.network.threads_option->empty() && o.network.scale_option->empty() &&
            o.network.mean_file.empty(),
        "--mode, --calibration, --accumulator, --sum-rounding, --functions, --merge-batch-norm, --own-batch-norm, "
        "--float-prototxt, --picture, --mean-file, --data-scale and --threads need a network");
  }
  dump_folder reference, other;
  if (!o.reference.empty()) reference = dump_folder::of(o.reference);
  if (!o.other.empty()) other = dump_folder::of(o.other);
  const auto& graph = reference.places.empty() ? other.places : reference.places;
  const std::size_t ordered = reference.sort_by(graph);
  (void)other.sort_by(graph);
  if (!o.reference.empty()) e.reference = std::move(reference.layers);
  if (!o.other.empty()) e.other = std::move(other.layers);
  if (!has_network) e.ordered = ordered;
}

const named_values* find(const std::vector<named_values>& layers, const std::string& name) {
  for (const named_values& v : layers) {
    if (v.name == name) return &v;
  }
  return nullptr;
}

tensor<float> as_tensor(const named_values& v) {
  const std::vector<float> values = v.values();
  tensor<float> t = make_tensor<float>(
      v.shape.size() == values.size() && v.shape.rank() != 0 ? v.shape : tensor_shape{values.size()});
  std::copy(values.begin(), values.end(), t.begin());
  return t;
}

std::optional<postprocessing> chosen_postprocessing(const options& o) {
  if (o.top_k != 0) return postprocess::top_k(o.top_k);
  if (o.threshold) return postprocess::threshold(*o.threshold);
  if (o.softmax) return postprocess::softmax(*o.softmax);
  if (!o.feature.empty()) {
    const std::optional<dump_entry> file = dump_entry_of(o.feature);
    detail::require<error>(file.has_value(), o.feature, ": expected a .npy or one of the compiler's dumps");
    return postprocess::feature_distance(
        read_values(*file), *o.distance,
        o.normalized ? postprocess::feature_length::normalized : postprocess::feature_length::as_it_is);
  }
  if (!o.command.empty()) return postprocess::command(o.command, o.command_limit);
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

/// What a diagnosis has at hand besides the two runs; all that it refers to must outlive it.
case_extras extras_of(const options& o, experiment& e, const std::optional<postprocessing>& post) {
  case_extras extras;
  if (post) {
    decision_question& q = extras.decision.emplace(decision_question{.post = *post, .trials = o.trials});
    if (!o.output_layer.empty()) q.outputs = {o.output_layer};
    q.board_decision = o.board_decision;
    q.read = [&o](const std::string& text, std::size_t size) { return board_decision(o, text, size); };
  }
  if (!e.lab) return extras;
  extras.not_simulated = e.loaded->not_simulated();
  const bool shows_all = o.has_report() || o.show_layers || o.as_json;
  extras.ablation = shows_all ? case_extras::ablations::all : case_extras::ablations::for_too_few_bits;
  extras.goal = o.goal;
  const auto bar = std::make_shared<std::optional<progress>>();  // from the first step on
  const auto show = [bar](const char* what, std::size_t done, std::size_t of) {
    if (!*bar) bar->emplace(what, of);
    (*bar)->at(done, of);
    if (done >= of) bar->reset();
  };
  extras.searching = [show](const search_progress& p) {
    show("searching", p.evaluations, p.estimate);
    return true;
  };
  extras.measuring = [show](std::size_t done, std::size_t of) { show("measuring norms", done, of); };
  extras.pictures = e.loaded->listed_pictures();
  if (o.calibration.empty()) {
    extras.calibrate = [&e](const network& net) {
      return e.loaded->calibrate(net, e.lab->plan, range_rule::quantized, e.lab->policies);
    };
  }
  if (e.meant) extras.meant = &*e.meant;
  return extras;
}

/// Lines for the report.
std::vector<std::string> decision_lines(const std::optional<decision_facts>& d) {
  if (!d) return {};
  const probe_result& p = d->probe;
  return {detail::concat(d->name, ": ", to_string(p.verdict)),
          detail::concat("reference: ", detail::excerpt(p.reference_decision),
                         ", other: ", detail::excerpt(p.other_decision)),
          detail::concat(p.sign_flips + p.permutation_flips, " of ", p.trials, " disturbed copies decide otherwise")};
}

report report_of(const options& o, experiment& e, const diagnosis& d, std::vector<std::string> post) {
  report r;
  r.title = "What the accelerator makes of the network";
  r.network = e.lab ? e.lab->net.name : o.reference;
  r.picture = e.lab ? e.loaded->chosen_name() : o.other;
  if (!o.other.empty()) r.mode = o.other + " against " + (o.reference.empty() ? "the float network" : o.reference);
  else if (e.lab) r.mode = "simulated, compile_mode " + std::to_string(static_cast<int>(e.loaded->mode(o.mode)));
  if (e.lab) r.mode += "; ranges: " + text_of(e.ranges, o.calibration);
  for (const std::string& line : e.remarks) r.mode += "; " + line;
  r.versions = detail::concat("nniesim ", NNIESIM_VERSION_MAJOR, ".", NNIESIM_VERSION_MINOR, ", results version ",
                              NNIESIM_RESULTS_VERSION);
  r.result = d;
  r.thresholds = {o.limits.layer_cosine, o.limits.norm_error};
  r.post_processing = std::move(post);
  for (const layer_evidence& l : d.layers) {
    const named_values* a = find(e.reference, l.name);
    const named_values* b = find(e.other, l.partner);
    if (a == nullptr || b == nullptr) continue;
    const tensor<float> x = as_tensor(*a), y = as_tensor(*b);
    if (x.size() == 0 || y.size() == 0) continue;
    r.histograms.push_back({l.name, histograms(x, y, 64), histogram_bins::linear});
  }
  return r;
}

void print_layers(const diagnosis& d) {
  std::size_t width = 5;
  for (const layer_evidence& l : d.layers) width = std::max(width, printable(l.name).size());
  std::printf(
      "\nEvery layer; the parts are shares of the squared error, of the layer by itself where that is known\n"
      "%-*s %9s %10s %9s %9s %9s %8s %6s %6s %6s %6s %6s  channels with 90 %% of it\n",
      static_cast<int>(width), "layer", "cosine", "norm_error", "by itself", "weights", "activat.", "x floor", "gain",
      "offset", "satur.", "underf", "round.");
  const auto number = [](const std::optional<double>& v, const char* format, double unit = 1) {
    std::array<char, 32> text{"-"};
    if (v) (void)std::snprintf(text.data(), text.size(), format, *v * unit);
    return std::string(text.data());
  };
  for (const layer_evidence& l : d.layers) {
    const auto of = [&](auto field) { return l.result ? std::optional<double>((*l.result).*field) : std::nullopt; };
    const auto part = [&](auto field) {
      return number(l.parts ? std::optional<double>((*l.parts).*field) : std::nullopt, "%.1f", 100);
    };
    std::printf("%-*s %9s %10s %9s %9s %9s %8s %6s %6s %6s %6s %6s ", static_cast<int>(width),
                printable(l.name).c_str(), number(of(&comparison::cosine), "%.6f").c_str(),
                number(of(&comparison::norm_error), "%+.5f").c_str(), number(l.isolated, "%.6f").c_str(),
                number(l.weights_only, "%.6f").c_str(), number(l.activations_only, "%.6f").c_str(),
                number(l.floor_ratio, "%.2f").c_str(), part(&error_parts::gain_share).c_str(),
                part(&error_parts::offset_share).c_str(), part(&error_parts::saturation_share).c_str(),
                part(&error_parts::underflow_share).c_str(), part(&error_parts::rounding_share).c_str());
    if (l.partner.empty()) std::printf(" no partner: %s", printable(l.relation).c_str());
    else if (l.channels > 1 && l.most_channels != 0) std::printf(" %zu of %zu", l.most_channels, l.channels);
    std::printf("\n");
  }
}

int run_diagnosis(const options& o) {
  const std::optional<postprocessing> post = chosen_postprocessing(o);
  detail::require<error>(o.html.empty() || o.html != o.markdown, "--html and --markdown name the same file");
  for (const std::string& file : {o.html, o.markdown}) {
    require_output(
        file, {o.network.cfg, o.network.prototxt, o.network.caffemodel, o.float_prototxt, o.calibration, o.feature});
  }
  experiment e;
  set_up(o, e);
  for (const std::string& file : {o.html, o.markdown}) {
    if (e.loaded) require_output(file, e.loaded->network_files());
  }
  if (e.loaded) {
    e.remarks = o.arithmetic.remarks();
    e.remarks.insert(e.remarks.end(), e.loaded->remarks().begin(), e.loaded->remarks().end());
  }
  diagnose_options limits = o.limits;
  limits.ordered = e.ordered;
  const detail::case_file file(e.reference, e.other, limits, e.lab ? &*e.lab : nullptr, extras_of(o, e, post));
  const diagnosis d = diagnose(file);
  const std::optional<search_result>& found = file.marks();
  if (o.has_report()) {
    report r = report_of(o, e, d, decision_lines(file.decision()));
    const std::optional<compensation>& norms = file.norms();
    if (found) r.search = {"output cosine", *o.goal, found->front, found->best};
    for (std::size_t i = 0; norms && i < norms->chains.size(); ++i) {
      const judged_chain& c = norms->judged[i];
      r.norms.push_back({c.name, c.float_norms, c.quantized, c.compensated, norms->chains[i].constant,
                         static_cast<double>(norms->solved[i].constant)});
    }
    output_set files;
    if (!o.html.empty()) write_html(files.add(o.html).stream(), r);
    if (!o.markdown.empty()) write_markdown(files.add(o.markdown).stream(), r);
    files.commit();
  }
  if (o.as_json) {
    json j = as_json(d);
    if (e.lab) {
      j["calibration"] = nnie_debug::as_json(e.ranges, o.calibration);
      j["arithmetic"] = o.arithmetic.as_json();
      j["batch_norm"] = to_string(e.loaded->batch_norm());
      j["merge_batch_norm"] = nnie_debug::as_json(e.choice);
    }
    j["remarks"] = e.remarks;
    if (found) {
      j["search"] = {{"goal", *o.goal},
                     {"reached", found->reached},
                     {"verdict", found->verdict},
                     {"layers", found->best.layers},
                     {"time", found->best.cost}};
    }
    print_json(j);
  } else {
    print(d.verdict);
    for (const finding& f : d.also) {
      std::printf("\nalso ");
      print(f);
    }
    if (const std::string advice = text_of(e.choice); !advice.empty()) std::printf("\n%s\n", printable(advice).c_str());
    if (e.lab) std::printf("\nranges: %s\n", printable(text_of(e.ranges, o.calibration)).c_str());
    for (const std::string& line : e.remarks) std::printf("%s\n", printable(line).c_str());
    if (found) std::printf("\nsearch: %s\n", printable(found->verdict).c_str());
    if (o.show_layers) print_layers(d);
    for (const std::string& file : {o.html, o.markdown}) {
      if (!file.empty()) std::printf("\nreport: %s\n", printable(std::filesystem::absolute(file).string()).c_str());
    }
  }
  return d.verdict.cause == fault::none ? passed : below_threshold;
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
  std::vector<CLI::Option*> posts;  // of which one can be given
  const auto post = [&](CLI::Option* option) {
    for (CLI::Option* other : posts) option->excludes(other);
    posts.push_back(option);
    return option;
  };
  post(command->add_option("--top-k", o->top_k, "post-processing: the K largest outputs"))
      ->check(CLI::Range(1, 1000000));
  post(command->add_option("--threshold", o->threshold, "post-processing: outputs above a value"));
  post(command->add_option("--softmax", o->softmax, "post-processing: outputs whose softmax is above a probability"))
      ->check(between(0, 1));
  auto* feature = post(command->add_option("--feature", o->feature,
                                           "post-processing: whether the output is within --distance of this .npy"))
                      ->check(CLI::ExistingFile);
  auto* distance = command->add_option("--distance", o->distance, "Euclidean distance of features of the same")
                       ->check(between(0, 1e30))
                       ->needs(feature);
  feature->needs(distance);
  command->add_flag("--normalized", o->normalized, "scale features to length 1 before they are compared")
      ->needs(feature);
  auto* user = post(command->add_option("--post", o->command,
                                        "post-processing: a command of yours, run by /bin/sh; $1 is a folder with the "
                                        "outputs as 0.npy, 1.npy ...; what it prints is the decision"))
                   ->check(not_empty());
  command->add_option("--time-limit", o->command_limit.seconds, "seconds that one run of that command may take")
      ->check(between(0.001, 1e9))
      ->needs(user)
      ->capture_default_str();
  command->add_option("--output-layer", o->output_layer, "what the post-processing reads; else the network's outputs")
      ->check(not_empty());
  command->add_option("--board-decision", o->board_decision,
                      "what the board decided, as the post-processing prints it");
  auto* trials = command->add_option("--trials", o->trials, "disturbed copies that the post-processing is tried on")
                     ->check(CLI::Range(1, 1000000))
                     ->capture_default_str();
  command->add_option("--data-layer", o->limits.data_layers, "names of the inputs in the dumps, without a network");
  const auto limit = [&](const char* name, double& value, const char* help) {
    command->add_option(name, value, help)->check(between(0, 1))->capture_default_str();
  };
  limit("--data-cosine", o->limits.data_cosine, "what the inputs must reach");
  limit("--layer-cosine", o->limits.layer_cosine, "what a good layer reaches");
  limit("--last-cosine", o->limits.last_cosine, "below it the last layer is bad for certain");
  limit("--dip-cosine", o->limits.dip_cosine, "below it a layer in between is a dip");
  limit("--norm-error", o->limits.norm_error, "largest error of a good layer's norm");
  command->add_flag("--layers", o->show_layers, "also print every layer: cosines, what its error consists of");
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer(
      "Exit code 0: no fault; 1: a fault, or inconclusive.\nExamples:\n"
      "  nnie-debug diagnose --cfg net.cfg --html report.html       # what 8 bits do to this network\n"
      "  nnie-debug diagnose --cfg net.cfg --other mapper_quant     # what the compiler or the board really did\n"
      "  nnie-debug diagnose --reference caffe --other mapper_quant # two folders, no network\n"
      "  nnie-debug diagnose --cfg net.cfg --top-k 5 --board-decision '3 7 12 40 99'");
  command->callback([o, trials, &result] {
    detail::require<error>(
        trials->empty() || o->top_k != 0 || o->threshold || o->softmax || !o->feature.empty() || !o->command.empty(),
        "--trials needs a post-processing");
    detail::require<error>(o->limits.data_layers.empty() || !o->network.is_given(),
                           "--data-layer is for folders without a network, which knows its inputs");
    detail::require<error>(!o->goal || !(o->network.cfg.empty() && o->network.prototxt.empty()),
                           "--goal needs a network");
    detail::require<error>(!o->goal || o->arithmetic.accumulator == "fp32_chain",
                           "--goal searches with the accumulator fp32_chain, got ", o->arithmetic.accumulator);
    result = run_diagnosis(*o);
  });
}

}  // namespace nnie_debug
