// Layers that should not be zero everywhere.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/precision_runs.hpp>
#include <nniesim/debug/rules/rule.hpp>
#include <nniesim/debug/shared_range.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

class zero_layers {
 public:
  explicit zero_layers(const case_file& file) : file_(file), runs_(file.runs()) {
    for (const compared_row& r : runs_.rows()) both_ += r.other_is_zero && r.reference_is_zero ? 1U : 0U;
  }

  [[nodiscard]] std::vector<found> find() {
    for (const layer_trial& t : file_.trials()) {
      if (!t.is_zero || !t.is_input_finite || result_.size() == limit::zero_layers_told) continue;
      of_trial(t);
    }
    for (const compared_row& r : runs_.rows()) {
      const layer_trial* const t = file_.trial_of(r);
      if (!result_.empty()) break;
      if (r.other_is_zero && !r.reference_is_zero && t != nullptr && t->result.l2_reference == 0) of_lost_input(r);
    }
    // Without the network the first row counts, the others may follow from it; with it the first that has no trial.
    for (const compared_row& r : runs_.rows()) {
      if (!r.other_is_zero || r.reference_is_zero || file_.trial_of(r) != nullptr) continue;
      finding f = begun(r.shown.name, &r);
      const std::vector<float> y = runs_.reference_values(r);
      if (std::all_of(y.begin(), y.end(), [](float v) { return std::fabs(v) < limit::step_q20_12; })) {
        below_step(f);
      } else if (r.layer && !r.is_input) {
        f.against.push_back(fact_kind::inputs_not_dumped);
      }
      add(std::move(f), file_.position_of(r), false);
      break;
    }
    return std::move(result_);
  }

 private:
  void of_trial(const layer_trial& t) {
    const experiment_context& lab = *file_.lab();
    const layer& l = lab.net.layers[t.layer];
    finding f = begun(output_name(l, t.output), runs_.row_of(t.layer, t.output));
    f.evidence.push_back(fact_kind::not_zero_in_float);
    const bool as_simulated = t.from_planned == 0;
    f.evidence.push_back({fact_kind::zero_in_simulation, {{"zero", as_simulated}}});
    if (as_simulated) of_simulated(f, t, l);
    add(std::move(f), t.layer, as_simulated);
  }
  /// Why the simulation gives zeros.
  void of_simulated(finding& f, const layer_trial& t, const layer& l) const {
    const experiment_context& lab = *file_.lab();
    const layer_bench bench(runs_, lab, t.layer);
    const auto largest = [](std::span<const float> v) {
      double most = 0;
      for (const float x : v) most = std::max(most, std::fabs(static_cast<double>(x)));
      return most;
    };
    const double in_float = largest(view_of(bench.in_float()[t.output]).span());
    f.evidence.push_back(
        {fact_kind::largest_in_float, {{"largest", in_float}, {"steps", in_float / limit::step_q20_12}}});
    if (in_float < limit::step_q20_12) return below_step(f);
    const layer_precision p = bench.planned();
    if (bench.ranges() != 0 && p.encodes_activations()) {
      const bool is_zero_with_own = is_zero(view_of(bench.simulated(bench.prepared(p), false)[t.output]).span());
      if (!is_zero_with_own) {
        const std::string writer = range_names(lab.net)[blob_storage_of(lab.net, lab.plan)[l.inputs[0]].range];
        f.cause = fault::activation_scale;
        f.evidence.push_back(fact_kind::not_zero_in_own_range);
        f.change.push_back({fact_kind::recalibrate, {{"far_too_large", writer}, {"reader", l.name}}});
        return;
      }
      if (const auto shared = find_shared_range(lab.net, t.layer, bench.inputs(), p.octaves())) {
        return of_shared_range(f, *shared, l, &bench);
      }
    }
    // Whatever else it is, more bits tell.
    const auto finer = finest_precision(lab.policies, p);
    if (finer && !is_zero(view_of(bench.simulated(bench.prepared(*finer), false)[t.output]).span())) {
      f.cause = fault::precision;
      f.evidence.push_back({fact_kind::not_zero_in_bits, {{"bits", bits_text(*finer)}}});
      f.change.push_back(more_bits_for({l.name}, p, *finer));
    }
  }
  /// A layer that gives zeros for the input that it had: a part of what is upstream was lost on the way, if the ranges
  /// tell where.
  void of_lost_input(const compared_row& r) {
    const experiment_context& lab = *file_.lab();
    for (const std::size_t l : sources_of(lab.net, *r.layer)) {
      const layer_precision p = lab.plan.layers[l];
      if (!p.encodes_activations() || !reads_codes(lab.net.layers[l])) continue;
      const layer_bench bench(runs_, lab, l);
      if (!bench.has_inputs() || !bench.is_input_finite()) continue;
      const auto shared = find_shared_range(lab.net, l, bench.inputs(), p.octaves());
      if (!shared || shared->taking.name.empty()) continue;  // channels that differ are common
      finding f = begun(r.shown.name, &r);
      f.evidence.push_back({fact_kind::zero_in_float, {{"layer", r.shown.name}}});
      of_shared_range(f, *shared, lab.net.layers[l], nullptr);
      f.layer = lab.net.layers[l].name;
      return add(std::move(f), l, true);
    }
  }
  /// `bench` is that of the layer that reads the range, where it is the one that is zero.
  void of_shared_range(finding& f, const shared_range& s, const layer& l, const layer_bench* bench) const {
    const experiment_context& lab = *file_.lab();
    f.cause = fault::activation_scale;
    const bool is_branch = !s.taking.name.empty();
    std::vector<std::string> branches;
    std::vector<std::size_t> channels;
    std::vector<double> lost;
    for (const range_part& p : s.vanishing) {
      is_branch ? branches.push_back(p.name) : channels.push_back(p.first);
      lost.push_back(p.largest);
    }
    const auto of_taking = [&](fact_kind kind) {
      fact x(kind, {{"blob", s.blob}});
      return is_branch ? x.add("branch", s.taking.name) : x.add("channel", s.taking.first);
    };
    f.summary = of_taking(fact_kind::range_taken).add("layer", f.layer);
    fact rounded = of_taking(fact_kind::rounded_to_zero).add("largest", s.taking.largest).add("lost", lost);
    f.evidence.push_back(is_branch ? rounded.add("branches", branches) : rounded.add("channels", channels));
    f.rivals.push_back({fault::fixed_point_range, fact_kind::above_step});
    fact level(fact_kind::level_magnitudes, {{"of_branches", is_branch}, {"blob", s.blob}, {"factor", s.factor}});
    f.change.push_back(is_branch ? level.add("writer", weights_behind(lab.net, s.taking.name))
                                 : level.add("channel", s.taking.first));
    const auto finer =
        finest_precision(lab.policies, lab.plan.layers[static_cast<std::size_t>(&l - lab.net.layers.data())]);
    if (!finer || bench == nullptr) return;
    // Only what was tried is advised.
    const auto more = bench->simulated(bench->prepared(*finer), false);
    for (std::size_t o = 0; o < more.size(); ++o) {
      const double left =
          compare_values(view_of(bench->in_float()[o]).span(), view_of(more[o]).span()).relative_l2_error;
      if (!(left <= limit::explained_by_range)) return;
    }
    fact marks = more_bits_for({l.name}, bench->planned(), *finer);
    if (marks.kind() == fact_kind::mark_layers) marks.add("layer", l.name).add("bits", bits_text(*finer));
    f.change.push_back(marks.add("or", true));
  }
  /// The layer with weights whose values a branch has: behind it are only layers without.
  [[nodiscard]] static std::string weights_behind(const network& net, const std::string& branch) {
    std::string name = branch;
    for (;;) {
      const auto at =
          std::find_if(net.layers.begin(), net.layers.end(), [&](const layer& l) { return l.name == name; });
      if (at == net.layers.end() || is_mac_layer(*at) || at->inputs.size() != 1) return name;
      const auto writer = std::find_if(net.layers.begin(), net.layers.end(), [&](const layer& l) {
        return std::find(l.outputs.begin(), l.outputs.end(), at->inputs[0]) != l.outputs.end();
      });
      if (writer == net.layers.end() || std::holds_alternative<layers::input>(writer->params)) return name;
      name = writer->name;
    }
  }
  [[nodiscard]] finding begun(const std::string& name, const compared_row* r) const {
    finding f{fault::all_zero, name};
    f.summary = {fact_kind::zero_everywhere, {{"layer", name}}};
    if (r != nullptr && r->shown.result) {
      f.evidence.push_back({fact_kind::norm_in_reference, {{"norm", r->shown.result->l2_reference}}});
    }
    if (both_ != 0) f.evidence.push_back({fact_kind::zero_in_both, {{"count", both_}}});
    return f;
  }
  static void below_step(finding& f) {
    f.cause = fault::fixed_point_range;
    f.evidence.push_back(fact_kind::below_step);
    f.change.push_back({fact_kind::scale_weights, {{"layer", f.layer}, {"whole", true}, {"up", true}}});
  }
  void add(finding f, std::size_t position, bool as_simulated) {
    f.rivals.push_back({fault::suspect_layer, fact_kind::would_not_be_zero});
    f.next = fact_kind::was_it_written;
    if (f.change.empty()) f.change.push_back({fact_kind::dump_marked, {{"layer", f.layer}}});
    result_.push_back({.what = std::move(f), .position = position, .as_simulated = as_simulated});
  }

  const case_file& file_;
  const run_pair& runs_;
  std::size_t both_ = 0;  ///< layers that are zero in both runs
  std::vector<found> result_;
};

[[nodiscard]] inline std::vector<found> find_zero_layers(const case_file& file, const findings_so_far&) {
  return zero_layers(file).find();
}

}  // namespace detail

NNIESIM_END_NAMESPACE
