// All that the rules of a diagnosis look at: the two runs side by side, the laboratory, and what was tried out in it.
// Nothing of it changes; what is dear is computed when it is asked for first, and once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/input_check.hpp>
#include <nniesim/debug/laboratory.hpp>
#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/precision_runs.hpp>
#include <nniesim/debug/run_pair.hpp>
#include <nniesim/debug/shown_wrongly.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Of one diagnosis; not to be shared between threads.
class case_file {
 public:
  /// `lab` may be nullptr. All must outlive the file. Throws as diagnose().
  case_file(std::span<const named_values> reference, std::span<const named_values> other,
            const diagnose_options& options, const laboratory* lab)
      : options_(options), lab_(lab), runs_(reference, other, options, lab) {
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
  [[nodiscard]] const laboratory* lab() const noexcept { return lab_; }
  /// Whether all that was compared, if anything was, is zero in both runs.
  [[nodiscard]] bool is_all_zero() const noexcept { return is_all_zero_; }
  /// Empty where all is zero.
  [[nodiscard]] const input_facts& inputs() const noexcept { return inputs_; }

  /// Every layer by itself; none without a laboratory.
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

  /// What is off by itself; empty without a laboratory.
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

  /// Needs a laboratory.
  [[nodiscard]] const precision_runs& precisions() const {
    if (!precisions_) precisions_ = run_precisions(*lab_);
    return *precisions_;
  }

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
      if (precisions_ && r.layer) layers.back().in_16bit = precisions_->in_most_bits.at({*r.layer, r.output});
    }
    if (!trials_) return layers;
    for (const layer_trial& t : trials_->all()) {
      const compared_row* const r = t.is_input_finite ? runs_.row_of(t.layer, t.output) : nullptr;
      if (r == nullptr) continue;
      layer_evidence& e = layers[static_cast<std::size_t>(r - runs_.rows().data())];
      e.isolated = t.result.cosine;
      note(e, t.parts);
    }
    return layers;
  }

 private:
  [[nodiscard]] const layer_trials& tried() const {
    if (!trials_) trials_.emplace(runs_, *lab_);
    return *trials_;
  }

  const diagnose_options& options_;
  const laboratory* lab_;
  run_pair runs_;
  bool is_all_zero_;
  input_facts inputs_;
  mutable std::optional<layer_trials> trials_;
  mutable std::optional<suspicions> suspicions_;
  mutable std::optional<precision_runs> precisions_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
