// All that the rules of a diagnosis look at: the two runs side by side, the experiment context, and what was tried out
// in it. Nothing of it changes; what is dear is computed when it is asked for first, and once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/ablation.hpp>
#include <nniesim/debug/decision_probe.hpp>
#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/debug/input_check.hpp>
#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/layer_verdict.hpp>
#include <nniesim/debug/norm_compensation.hpp>
#include <nniesim/debug/precision_runs.hpp>
#include <nniesim/debug/precision_search.hpp>
#include <nniesim/debug/reference_trials.hpp>
#include <nniesim/debug/run_pair.hpp>
#include <nniesim/debug/shown_wrongly.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What else a diagnosis can have at hand; all of it may be left out, and must outlive it.
struct case_extras {
  std::optional<decision_question> decision{};  ///< the post-processing
  /// When ablate() is run: never, only where the verdict is fault::precision, or always.
  enum class ablations { none, for_too_few_bits, all };
  ablations ablation = ablations::none;  ///< whether weights and activations are encoded by themselves
  std::optional<double> goal{};          ///< cosine of the outputs for which layers to mark _hp are searched
  std::function<bool(const search_progress&)> searching{};  ///< as search_options::progress
  picture_set pictures{};  ///< of the experiment context's network: with two or more the constants of norms are solved
  /// The ranges of a network with other constants; empty: they are those of the experiment context.
  std::function<activation_ranges(const network&)> calibrate{};
  const network* meant = nullptr;     ///< the float network, where the experiment context's has other constants
  compensation_progress measuring{};  ///< called while norms are measured
  /// What changes results and is not simulated, a line each: whatever the verdict, it is one without these.
  std::vector<std::string> not_simulated{};
};

namespace detail {

/// Of one diagnosis; not to be shared between threads.
class case_file {
 public:
  /// `lab` may be nullptr. All must outlive the file. Throws as diagnose().
  case_file(std::span<const named_values> reference, std::span<const named_values> other,
            const diagnose_options& options, const experiment_context* lab, case_extras extras = {})
      : options_(options), lab_(lab), extras_(std::move(extras)), runs_(reference, other, options, lab) {
    is_all_zero_ = std::all_of(runs_.rows().begin(), runs_.rows().end(), [](const compared_row& r) {
      return !r.shown.result || (r.reference_is_zero && r.other_is_zero);
    });
    if (!is_all_zero_) inputs_ = check_inputs(runs_, lab_);
  }
  case_file(const case_file&) = delete;
  case_file& operator=(const case_file&) = delete;

  [[nodiscard]] const diagnose_options& options() const noexcept { return options_; }
  [[nodiscard]] const run_pair& runs() const noexcept { return runs_; }
  /// nullptr where only the runs are at hand.
  [[nodiscard]] const experiment_context* lab() const noexcept { return lab_; }
  /// Whether all that was compared, if anything was, is zero in both runs.
  [[nodiscard]] bool is_all_zero() const noexcept { return is_all_zero_; }
  /// Empty where all is zero.
  [[nodiscard]] const input_facts& inputs() const noexcept { return inputs_; }

  /// Every layer by itself; none without an experiment context.
  [[nodiscard]] std::span<const layer_trial> trials() const {
    if (lab_ == nullptr) return {};
    return tried().all();
  }
  /// nullptr where there is none.
  [[nodiscard]] const layer_trial* trial_of(std::size_t layer, std::size_t output) const {
    return lab_ == nullptr ? nullptr : tried().of(layer, output);
  }
  [[nodiscard]] const layer_trial* trial_of(const compared_row& r) const {
    return r.layer ? trial_of(*r.layer, r.output) : nullptr;
  }

  /// What is off by itself; empty without an experiment context.
  [[nodiscard]] const suspicions& suspects() const {
    if (!suspicions_) {
      suspicions_ = lab_ == nullptr ? suspicions() : find_suspicions(runs_, *lab_, tried());
    }
    return *suspicions_;
  }
  [[nodiscard]] bool is_only_shown_wrongly(std::size_t layer, std::size_t output) const {
    return suspects().only_shown_wrongly.contains({layer, output});
  }
  [[nodiscard]] bool is_only_shown_wrongly(const compared_row& r) const {
    return r.layer && is_only_shown_wrongly(*r.layer, r.output);
  }

  /// The layers that are off by themselves, each tried out: what does something else than the simulation first, at most
  /// limit::layers_judged. Empty without an experiment context.
  struct judged_layer {
    const layer_trial* trial;
    layer_verdict verdict;
  };
  [[nodiscard]] std::span<const judged_layer> judged() const {
    if (judged_) return *judged_;
    judged_.emplace();
    for (const auto* list : {&suspects().off, &suspects().off_as_planned}) {
      for (const layer_trial* t : *list) {
        if (judged_->size() < limit::layers_judged) {
          judged_->push_back({t, layer_judge(runs_, *lab_, *t).judge()});
        }
      }
    }
    return *judged_;
  }
  /// The reference's layers on its own inputs. Needs an experiment context.
  [[nodiscard]] const reference_trials& of_reference() const {
    if (!reference_trials_) reference_trials_.emplace(runs_, *lab_);
    return *reference_trials_;
  }

  /// Needs an experiment context.
  [[nodiscard]] const precision_runs& precisions() const {
    if (!precisions_) precisions_ = run_precisions(*lab_);
    return *precisions_;
  }

  // ---- what is computed where something more than runs and experiment context is at hand ----

  /// What the post-processing decides. Throws as ask_decision.
  [[nodiscard]] const std::optional<decision_facts>& decision() const {
    if (!decision_ && extras_.decision) decision_ = ask_decision(runs_, lab_, *extras_.decision);
    return decision_;
  }
  /// Weights and activations encoded by themselves; none where that is not asked for.
  [[nodiscard]] std::span<const layer_ablation> ablation() const {
    if (lab_ == nullptr || lab_->plan.is_float || extras_.ablation == case_extras::ablations::none) return {};
    if (!ablation_) {
      ablation_ = ablate(lab_->net, lab_->plan, lab_->ranges, lab_->inputs, lab_->threads, lab_->policies);
    }
    return *ablation_;
  }
  /// Which layers to mark _hp for the goal.
  [[nodiscard]] const std::optional<search_result>& marks() const {
    if (marks_ || lab_ == nullptr || !extras_.goal) return marks_;
    search_problem problem{lab_->net, lab_->ranges};
    problem.pictures.push_back(lab_->inputs);
    problem.target = output_cosine(lab_->net);
    problem.goal = *extras_.goal;
    problem.threads = lab_->threads;
    marks_ = search_precisions(problem, {.progress = extras_.searching});
    return marks_;
  }
  /// The constants of norms: those in use where they differ from the meant ones, else new ones.
  [[nodiscard]] const std::optional<compensation>& norms() const {
    if (norms_ || lab_ == nullptr || lab_->plan.is_float || extras_.pictures.size < 2) return norms_;
    const auto problem_of = [&](const network& net, const activation_ranges& ranges) {
      return compensation_problem{.net = net,
                                  .plan = lab_->plan,
                                  .ranges = ranges,
                                  .recalibrate = extras_.calibrate,
                                  .threads = lab_->threads,
                                  .policies = lab_->policies};
    };
    if (extras_.meant != nullptr) {
      const activation_ranges ranges = extras_.calibrate ? extras_.calibrate(*extras_.meant) : lab_->ranges;
      norms_ = judge_used_constants(problem_of(*extras_.meant, ranges), lab_->net, extras_.pictures, extras_.measuring);
      norms_are_in_use_ = !norms_->constants.empty();
    }
    if (!norms_are_in_use_) {
      constexpr double held_out = 0.5;  // of the pictures
      norms_ = compensate_norms(problem_of(lab_->net, lab_->ranges), extras_.pictures, held_out, extras_.measuring);
    }
    return norms_;
  }
  [[nodiscard]] bool norms_are_in_use() const noexcept { return norms_are_in_use_; }
  [[nodiscard]] const case_extras& extras() const noexcept { return extras_; }

  /// Where something of a row enters: its layer's place among the network's, or, without it, its own among the rows.
  [[nodiscard]] std::size_t position_of(const compared_row& r) const {
    if (r.layer) return *r.layer;
    return lab_ != nullptr ? lab_->net.layers.size() : static_cast<std::size_t>(&r - runs_.rows().data());
  }

  /// The layers with all that is known of them by now.
  [[nodiscard]] std::vector<layer_evidence> evidence() const {
    std::vector<layer_evidence> layers;
    for (const compared_row& r : runs_.rows()) {
      layers.push_back(r.shown);
      if (precisions_ && r.layer) layers.back().in_16bit = precisions_->in_most_bits.at({*r.layer, r.output}).cosine;
    }
    const auto of = [&](std::size_t layer, std::size_t output) {
      const compared_row* const r = runs_.row_of(layer, output);
      return r == nullptr ? nullptr : &layers[static_cast<std::size_t>(r - runs_.rows().data())];
    };
    if (trials_) {
      for (const layer_trial& t : trials_->all()) {
        layer_evidence* const e = t.is_input_finite ? of(t.layer, t.output) : nullptr;
        if (e == nullptr) continue;
        e->isolated = t.result.cosine;
        note(*e, t.parts);
      }
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (layers[i].result && !layers[i].parts) note(layers[i], runs_.errors_of(runs_.rows()[i]));
    }
    if (ablation_) {
      for (const layer_ablation& a : *ablation_) {
        layer_evidence* const e = of(a.layer, a.output);
        if (e == nullptr) continue;
        e->weights_only = a.weights_only.cosine;
        e->activations_only = a.activations_only.cosine;
      }
    }
    return layers;
  }

 private:
  [[nodiscard]] const layer_trials& tried() const {
    if (!trials_) trials_.emplace(runs_, *lab_);
    return *trials_;
  }

  const diagnose_options& options_;
  const experiment_context* lab_;
  case_extras extras_;
  run_pair runs_;
  bool is_all_zero_;
  input_facts inputs_;
  mutable std::optional<layer_trials> trials_;
  mutable std::optional<suspicions> suspicions_;
  mutable std::optional<std::vector<judged_layer>> judged_;
  mutable std::optional<reference_trials> reference_trials_;
  mutable std::optional<precision_runs> precisions_;
  mutable std::optional<decision_facts> decision_;
  mutable std::optional<std::vector<layer_ablation>> ablation_;
  mutable std::optional<search_result> marks_;
  mutable std::optional<compensation> norms_;
  mutable bool norms_are_in_use_ = false;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
