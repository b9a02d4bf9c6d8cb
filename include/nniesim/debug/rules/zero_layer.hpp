// Layers that should not be zero everywhere.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/rules/rule.hpp>

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
    // Without the network the first row counts, the others may follow from it; with it the first that has no trial.
    for (const compared_row& r : runs_.rows()) {
      if (!r.other_is_zero || r.reference_is_zero || file_.trial_of(r) != nullptr) continue;
      finding f = begun(r.shown.name, &r);
      const std::vector<float> y = runs_.reference_values(r);
      if (std::all_of(y.begin(), y.end(), [](float v) { return std::fabs(v) < limit::step_q20_12; })) {
        below_step(f);
      } else if (r.layer && !r.is_input) {
        f.against.push_back("its inputs are not among the dumps: whether the zeros begin here is not known");
      }
      add(std::move(f), file_.position_of(r), false);
      break;
    }
    return std::move(result_);
  }

 private:
  void of_trial(const layer_trial& t) {
    const laboratory& lab = *file_.lab();
    const layer& l = lab.net.layers[t.layer];
    finding f = begun(output_name(l, t.output), runs_.row_of(t.layer, t.output));
    f.evidence.push_back("in float the layer gives values other than zero from the input that it had");
    const bool as_simulated = t.from_planned == 0;
    if (!as_simulated) {
      f.evidence.push_back("the simulation does not give zeros");
    } else if (const layer_bench bench(runs_, lab, t.layer);
               bench.ranges() != 0 &&
               !is_zero(view_of(bench.simulated(bench.prepared(bench.planned()), false)[t.output]).span())) {
      f.evidence.push_back("the simulation gives zeros too: all its input underflows");
      f.change.push_back(concat("calibrate again: the range of '", l.name, "' is far too large"));
    } else {
      f.evidence.push_back("the simulation gives zeros too");
      below_step(f);
    }
    add(std::move(f), t.layer, as_simulated);
  }
  [[nodiscard]] finding begun(const std::string& name, const compared_row* r) const {
    finding f{fault::all_zero, name};
    f.summary = concat("'", name, "' is zero everywhere");
    if (r != nullptr && r->shown.result) {
      f.evidence.push_back(concat("its norm in the reference is ", number_text(r->shown.result->l2_reference, 4)));
    }
    if (both_ != 0) f.evidence.push_back(concat(both_, " layers are zero in both runs, which is no fault"));
    return f;
  }
  static void below_step(finding& f) {
    f.cause = fault::fixed_point_range;
    f.evidence.push_back("its values are less than 1/4096, the step of Q20.12");
    f.change.push_back(concat("scale what '", f.layer, "' gives up by a power of two, and what follows down"));
  }
  void add(finding f, std::size_t position, bool as_simulated) {
    f.rivals.push_back({fault::suspect_layer, "wrong arithmetic would not give zero everywhere"});
    f.next = "see whether the layer was written at all: a buffer that nobody fills is zero as well";
    if (f.change.empty()) f.change.push_back(concat("dump '", f.layer, "' again, with the mark _report on its name"));
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
