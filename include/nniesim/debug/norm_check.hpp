// Norms that are off while cosines are intact, and the Power / ReduceMean chain that shifts them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/layer_verdict.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/precision_runs.hpp>
#include <nniesim/debug/run_pair.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

class norm_check {
 public:
  /// `lab` may be nullptr; without it there are no trials.
  norm_check(const run_pair& runs, const experiment_context* lab, std::span<const layer_trial> trials)
      : runs_(runs), lab_(lab), trials_(trials), o_(runs.limits()) {}

  /// Of these rows. Nothing where no norm is off, or only as what was found already explains.
  /// Long: what is found of the chain decides what is said of it.
  [[nodiscard]] std::optional<finding> find(const std::vector<const compared_row*>& rows, bool is_explained) const {
    std::vector<const compared_row*> off;
    for (const compared_row* r : rows) {
      const comparison& c = *r->shown.result;
      if (c.count < 2 || !runs_.is_gain(c)) continue;
      if (c.count < limit::few_values && std::fabs(c.norm_error) < limit::few_values_factor * o_.norm_error) continue;
      if (r->layer && is_chain_layer(lab_->net.layers[*r->layer]))
        continue;  // what is inside a norm; its result counts
      off.push_back(r);
    }
    if (off.empty()) return std::nullopt;
    // The end of a chain, where there is one: what stands before it only disturbs it.
    const auto end = std::find_if(off.begin(), off.end(), [&](const compared_row* r) { return ends_chain(*r); });
    const compared_row& at = end != off.end() ? **end : *off.front();
    finding f{fault::norm_gain, at.shown.name};
    double most = 0;
    for (const compared_row* r : off) {
      const double error = r->shown.result->norm_error;
      if (std::fabs(error) > std::fabs(most)) most = error;
      if (f.evidence.size() == limit::norms_told) continue;
      f.evidence.push_back({fact_kind::norm_off,
                            {{"layer", r->shown.name}, {"norm_error", error}, {"cosine", r->shown.result->cosine}}});
    }
    if (off.size() > limit::norms_told) {
      f.evidence.push_back({fact_kind::more_of_them, {{"count", off.size() - limit::norms_told}}});
    }
    f.summary = {fact_kind::norms_off, {{"norm_error", most}}};
    if (lab_ == nullptr) {
      // As many layers in 8 bits may have.
      const bool is_little = std::all_of(off.begin(), off.end(), [&](const compared_row* r) {
        const comparison& c = *r->shown.result;
        return std::fabs(c.norm_error) <= limit::norms_of_few_bits * o_.norm_error &&
               std::fabs(c.norm_error) < limit::pure_gain_share * c.relative_l2_error;
      });
      if (is_little) return std::nullopt;
      f.next = fact_kind::find_gain;
      f.change.push_back(fact_kind::look_for_chain);
      return f;
    }
    // Where the gain enters: the layers before it whose norm is off for the input that they had.
    const std::set<std::size_t> before = at.layer ? sources_of(lab_->net, *at.layer) : std::set<std::size_t>();
    const layer_trial* most_of_it = nullptr;
    std::size_t shown = 0;
    for (const layer_trial& j : trials_) {
      const comparison& c = j.result;
      if (!j.is_input_finite || c.bad_other + c.bad_reference != 0 || !before.contains(j.layer)) continue;
      if (std::fabs(c.norm_error) < limit::share_of_norm_error_for_one_layer * o_.norm_error) continue;
      if (std::fabs(c.norm_error) < limit::gain_share * c.relative_l2_error) continue;
      if (most_of_it == nullptr || std::fabs(c.norm_error) > std::fabs(most_of_it->result.norm_error)) most_of_it = &j;
      if (++shown > limit::norms_told) continue;
      f.evidence.push_back(
          {fact_kind::norm_off_by_itself,
           {{"layer", output_name(lab_->net.layers[j.layer], j.output)}, {"norm_error", c.norm_error}}});
    }
    if (most_of_it != nullptr && is_chain_layer(lab_->net.layers[most_of_it->layer])) {
      f.summary.add("is_chain", true);
      f.change.push_back(fact_kind::add_constants);
      f.rivals.push_back({fault::precision, fact_kind::same_in_16_bits});
      return f;
    }
    if (is_explained || is_planned(off)) return std::nullopt;
    std::optional<fact> more_bits = more_bits_up_to(at, before);
    if (most_of_it != nullptr &&
        std::fabs(most_of_it->result.norm_error) >= limit::most_of_norm_error * std::fabs(most)) {
      const std::string& name = lab_->net.layers[most_of_it->layer].name;
      f.summary.add("layer", name);
      f.change.push_back(
          {fact_kind::scale_weights,
           {{"layer", name}, {"whole", true}, {"up", true}, {"why", "if its values are few steps of 1/4096"}}});
      if (more_bits) f.change.push_back(more_bits->add("else", true));
    } else {
      f.summary.add("is_chain", false);
      if (more_bits) {
        f.change.push_back(*more_bits);
      } else {
        f.next = {fact_kind::no_more_bits, {{"layer", at.shown.name}}};
      }
    }
    return f;
  }

 private:
  /// Whether each layer by itself has the norm that its simulation has, and the norms are off by little: what few bits
  /// cost, as they may.
  [[nodiscard]] bool is_planned(const std::vector<const compared_row*>& off) const {
    const bool are_small = std::all_of(off.begin(), off.end(), [&](const compared_row* r) {
      const comparison& c = *r->shown.result;
      return std::fabs(c.norm_error) <= limit::norms_of_few_bits * o_.norm_error || c.count < limit::few_values;
    });
    return are_small && std::all_of(trials_.begin(), trials_.end(), [&](const layer_trial& j) {
             return !j.is_input_finite || j.from_planned <= limit::same_as_simulated ||
                    std::fabs(j.result.norm_error - j.expected.norm_error) < limit::gain_share * o_.norm_error;
           });
  }
  /// The advice of more bits for the layers up to one, with what measures its norm; none where no layer there can have
  /// more, as in compile_mode 1. Inputs, and what computes on them in float, have no bits.
  [[nodiscard]] std::optional<fact> more_bits_up_to(const compared_row& at,
                                                    const std::set<std::size_t>& sources) const {
    std::optional<layer_precision> finer;
    std::vector<std::string> names;
    bool are_marks = true;
    for (const std::size_t l : sources) {
      const layer_precision planned = lab_->plan.layers[l];
      if (!planned.encodes() || !reads_codes(lab_->net.layers[l])) continue;
      const auto more = finest_precision(lab_->policies, planned);
      if (!more) continue;
      finer = more;
      names.push_back(lab_->net.layers[l].name);
      are_marks = are_marks && is_marked_width(planned, *more);
    }
    if (!finer) return std::nullopt;
    fact advice(fact_kind::more_bits_up_to, {{"bits", bits_text(*finer)},
                                             {"one", names.size() == 1},
                                             {"layer", names.size() == 1 ? names[0] : at.shown.name}});
    if (!are_marks) return advice;
    const double most = at.shown.result->count < limit::few_values ? limit::few_values_factor : 1;
    return advice.add("command",
                      message("nnie-debug search --target norm-error --layer '", lab_->net.layers[*at.layer].name,
                              "' --goal -", number_text(most * o_.norm_error)));
  }
  /// Whether a layer that is no part of a chain reads what one gives.
  [[nodiscard]] bool ends_chain(const compared_row& r) const {
    if (!r.layer || is_chain_layer(lab_->net.layers[*r.layer])) return false;
    const std::vector<std::size_t>& inputs = lab_->net.layers[*r.layer].inputs;
    return std::any_of(lab_->net.layers.begin(), lab_->net.layers.end(), [&](const layer& l) {
      return is_chain_layer(l) && std::find(inputs.begin(), inputs.end(), l.outputs[0]) != inputs.end();
    });
  }
  const run_pair& runs_;
  const experiment_context* lab_;
  std::span<const layer_trial> trials_;
  const diagnose_options& o_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
