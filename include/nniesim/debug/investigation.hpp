// From the files of a network and folders of dumps to a diagnosis and a report: all that is between the options of a
// program and what it prints.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/batch_norm_choice.hpp>
#include <nniesim/debug/case_file.hpp>
#include <nniesim/debug/diagnose.hpp>
#include <nniesim/debug/dumped_run.hpp>
#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/debug/loaded_network.hpp>
#include <nniesim/debug/report.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What is investigated, and how. Without a network both folders must be given.
struct investigation_options {
  std::optional<network_source> network{};  ///< the network and its inputs
  std::string reference{};                  ///< folder of dumps that are right; else the float network
  std::string other{};                      ///< folder of dumps to judge; else the simulation
  std::optional<compile_mode> mode{};       ///< of the other run; else the cfg's
  std::string calibration{};                ///< file of ranges or compiled model; else from the cfg's lists
  std::string float_prototxt{};             ///< the network that is meant, where the compiled one has other constants
  /// Other policies in place of the accelerator's: a plan with them, and the set that runs it.
  std::function<precision_plan(precision_plan)> with_policies{};
  policy_set policies{};                                                       ///< the set that runs that plan
  diagnose_options limits{};                                                   ///< the thresholds
  std::optional<decision_question> decision{};                                 ///< the post-processing
  case_extras::ablations ablation = case_extras::ablations::for_too_few_bits;  ///< as case_extras
  std::optional<double> goal{};  ///< cosine of the outputs for which layers to mark _hp are searched
};

/// Two runs, made or read, and what they say. Holds all of it: networks, inputs, ranges and runs.
class investigation {
 public:
  /// Throws error without anything to compare; as loaded_network, its ranges(), network_runner and read_run.
  explicit investigation(investigation_options options) : o_(std::move(options)) {
    detail::require<error>(o_.network || (!o_.reference.empty() && !o_.other.empty()),
                           "nothing to compare: got neither a network nor the folders of both runs");
    if (o_.network) run_network();
    read_folders();
  }
  investigation(const investigation&) = delete;
  investigation& operator=(const investigation&) = delete;

  /// nullptr where there are only folders.
  [[nodiscard]] const loaded_network* network_files() const noexcept { return loaded_ ? &*loaded_ : nullptr; }
  /// What the diagnosis tries things out with; nullptr where there are only folders.
  [[nodiscard]] const experiment_context* lab() const noexcept { return lab_ ? &*lab_ : nullptr; }
  /// Of the network's blobs; empty where there are only folders.
  [[nodiscard]] const activation_ranges& ranges() const noexcept { return ranges_; }
  /// Whether merging BatchNorm before compiling would help.
  [[nodiscard]] const std::optional<batch_norm_choice>& batch_norm() const noexcept { return choice_; }
  /// The reference run's layers.
  [[nodiscard]] const std::vector<named_values>& reference() const noexcept { return reference_; }
  /// The other run's layers, which are judged.
  [[nodiscard]] const std::vector<named_values>& other() const noexcept { return other_; }

  /// Computed when it is asked for first. Throws as nniesim::diagnose.
  [[nodiscard]] const diagnosis& result() {
    if (!result_) result_ = diagnose(file());
    return *result_;
  }
  /// All that the diagnosis looks at.
  [[nodiscard]] const detail::case_file& file() {
    if (!file_) file_.emplace(reference_, other_, o_.limits, lab(), extras());
    return *file_;
  }

  /// `about` with all that was found: every layer's histogram, the search, the norms, what the post-processing decides.
  [[nodiscard]] report report_of(report about) {
    about.result = result();
    about.thresholds = {o_.limits.layer_cosine, o_.limits.norm_error};
    about.network_layers = network_layers();
    if (const auto& d = file().decision()) add_decision(about, *d);
    for (const layer_evidence& l : result().layers) {
      const named_values* r = named(reference_, l.name);
      const named_values* x = named(other_, l.partner);
      if (r == nullptr || x == nullptr) continue;
      const tensor<float> a = tensor_of(*r), b = tensor_of(*x);
      if (a.size() == 0 || b.size() == 0) continue;
      constexpr std::size_t bins = 64;
      about.histograms.push_back({l.name, histograms(a, b, bins), histogram_bins::linear});
    }
    if (const auto& found = file().marks()) about.search = {"output cosine", *o_.goal, found->front, found->best};
    const auto& norms = file().norms();
    for (std::size_t i = 0; norms && i < norms->chains.size(); ++i) {
      const judged_chain& c = norms->judged[i];
      about.norms.push_back({c.name, c.float_norms, c.quantized, c.compensated, norms->chains[i].constant,
                             static_cast<double>(norms->solved[i].constant)});
    }
    return about;
  }

 private:
  void run_network() {
    const loaded_network& loaded = loaded_.emplace(*o_.network);
    const network& net = loaded.net();
    const compile_mode mode = o_.mode.value_or(loaded.cfg().mode);
    const auto with_policies = [&](precision_plan p) { return o_.with_policies ? o_.with_policies(std::move(p)) : p; };
    ranges_ = loaded_->ranges(o_.calibration, plan_of(net, mode), true);
    inputs_ = loaded.chosen_inputs();
    experiment_context& lab = lab_.emplace(experiment_context{.net = net,
                                                              .inputs = loaded_network::views(inputs_),
                                                              .ranges = ranges_,
                                                              .plan = with_policies(plan_of(net, mode)),
                                                              .threads = loaded.threads(),
                                                              .policies = o_.policies});
    choice_ = loaded_->choose(lab.inputs, ranges_, o_.calibration, mode, with_policies, o_.policies);
    lab.pictures = loaded.pictures();
    if (loaded.has_pictures()) {
      std::size_t input = 0;
      for (const layer& l : net.layers) {
        if (!std::holds_alternative<layers::input>(l.params)) continue;
        lab.preprocessing.push_back(
            known_preprocessing_of(loaded.cfg().inputs[input++], net.blobs[l.outputs[0]].shape));
      }
    }
    if (!o_.float_prototxt.empty()) {
      const std::filesystem::path& model = loaded.cfg().caffemodel_file.path;
      meant_ =
          loaded.compiled(loaded.imported(read_prototxt(o_.float_prototxt), read_caffemodel(model), model.string()));
    }
    if (o_.reference.empty()) {
      const network& reference = meant_ ? *meant_ : net;
      in_float_.emplace(reference, float_plan(reference),
                        runner_options{.keep_all = true, .threads = loaded.threads()});
      in_float_->run(lab.inputs);
      reference_ = layers_of(*in_float_);
    }
    if (o_.other.empty()) {
      quantized_.emplace(net, lab.plan,
                         runner_options{.keep_all = true, .threads = loaded.threads(), .policies = o_.policies});
      quantized_->use(ranges_);
      quantized_->run(lab.inputs);
      other_ = layers_of(*quantized_);
    }
  }
  void read_folders() {
    dumped_run reference, other;
    if (!o_.reference.empty()) reference = read_run(o_.reference);
    if (!o_.other.empty()) other = read_run(o_.other);
    const auto graph = reference.places.empty() ? other.places : reference.places;
    const std::size_t ordered = reference.sort_by(graph);
    (void)other.sort_by(graph);
    if (!o_.reference.empty()) reference_ = std::move(reference.layers);
    if (!o_.other.empty()) other_ = std::move(other.layers);
    if (!lab_) o_.limits.ordered = ordered;
  }

  /// Of the network; without one, of the reference's dumps, whose shapes are all that is known.
  [[nodiscard]] std::vector<report_layer> network_layers() const {
    std::vector<report_layer> layers;
    if (!loaded_) {
      for (const named_values& v : reference_) {
        if (v.shape.rank() != 0) layers.push_back({{}, {v.name}, {detail::message(v.shape)}, {}});
      }
      return layers;
    }
    const network& net = loaded_->net();
    std::vector<std::size_t> writers(net.blobs.size(), net.layers.size());
    for (const layer& l : net.layers) {
      report_layer& drawn = layers.emplace_back(report_layer{.type = l.type});
      for (const std::size_t b : l.inputs) {
        if (writers[b] < layers.size()) drawn.inputs.push_back(writers[b]);
      }
      for (std::size_t i = 0; i < l.outputs.size(); ++i) {
        drawn.outputs.push_back(output_name(l, i));
        drawn.shapes.push_back(detail::message(net.blobs[l.outputs[i]].shape));
        writers[l.outputs[i]] = layers.size() - 1;
      }
    }
    return layers;
  }

  [[nodiscard]] case_extras extras() {
    case_extras x;
    x.decision = o_.decision;
    if (!lab_) return x;
    x.not_simulated = loaded_->not_simulated();
    x.ablation = o_.ablation;
    x.goal = o_.goal;
    if (o_.network->progress) {
      x.searching = [this](const search_progress& p) {
        o_.network->progress("searching", p.evaluations, p.estimate);
        return true;
      };
      x.measuring = [this](std::size_t done, std::size_t of) { o_.network->progress("measuring norms", done, of); };
    }
    x.pictures = loaded_->listed_pictures();
    if (o_.calibration.empty()) {
      x.calibrate = [this](const network& net) {
        return loaded_->calibrate(net, lab_->plan, range_rule::quantized, lab_->policies);
      };
    }
    if (meant_) x.meant = &*meant_;
    return x;
  }

  static void add_decision(report& r, const decision_facts& d) {
    const probe_result& p = d.probe;
    r.post_processing = {
        detail::message(d.name, ": ", to_string(p.verdict)),
        detail::message("reference: ", detail::excerpt(p.reference_decision),
                        ", other: ", detail::excerpt(p.other_decision)),
        detail::message(p.sign_flips + p.permutation_flips, " of ", p.trials, " disturbed copies decide otherwise")};
  }
  [[nodiscard]] static const named_values* named(const std::vector<named_values>& layers, const std::string& name) {
    const auto at = std::find_if(layers.begin(), layers.end(), [&](const named_values& v) { return v.name == name; });
    return at == layers.end() ? nullptr : &*at;
  }
  [[nodiscard]] static tensor<float> tensor_of(const named_values& v) {
    const std::vector<float> values = v.values();
    const bool has_shape = v.shape.size() == values.size() && v.shape.rank() != 0;
    tensor<float> t = make_tensor<float>(has_shape ? v.shape : tensor_shape{values.size()});
    std::copy(values.begin(), values.end(), t.begin());
    return t;
  }

  investigation_options o_;
  std::optional<loaded_network> loaded_;
  std::optional<batch_norm_choice> choice_;
  std::vector<tensor<float>> inputs_;
  activation_ranges ranges_;
  std::optional<network> meant_;
  std::optional<network_runner> in_float_, quantized_;
  std::optional<experiment_context> lab_;
  std::vector<named_values> reference_, other_;
  std::optional<detail::case_file> file_;
  std::optional<diagnosis> result_;
};

NNIESIM_END_NAMESPACE
