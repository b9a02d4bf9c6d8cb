// Inputs that differ by less than the limit, and are nevertheless why the outputs differ: judged by what they do to the
// layers behind them, not by their own cosine.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/input_findings.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/replay.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

class input_effect {
 public:
  explicit input_effect(const case_file& file) : lab_(*file.lab()), runs_(file.runs()) {
    for (const auto& [l, o] : network_outputs(lab_.net)) {
      const compared_row* const r = runs_.row_of(l, o);
      if (r == nullptr || !r->other || !r->shown.result) continue;
      const std::size_t blob = lab_.net.layers[l].outputs[o];
      const auto x = runs_.other_value(blob);
      const std::vector<float> y = runs_.reference_values(*r);
      if (!x || y.size() != x->size()) continue;
      shown_.push_back({r->shown.name, {blob}, std::vector<float>(x->begin(), x->end())});
      reference_.push_back({r->shown.name, {blob}, y});
    }
    for (const tensor_view<const float>& x : lab_.inputs) told_.emplace_back(x.span().begin(), x.span().end());
  }

  [[nodiscard]] std::vector<found> find() const {
    if (shown_.empty() || lab_.plan.is_float) return {};
    std::size_t index = 0;
    for (std::size_t l = 0; l < lab_.net.layers.size(); ++l) {
      if (!std::holds_alternative<layers::input>(lab_.net.layers[l].params)) continue;
      const compared_row* const r = runs_.row_of(l);
      if (r != nullptr && r->other && r->relation == match_relation::same && index < told_.size()) {
        if (auto f = judge(*r, index)) return {{.what = std::move(*f)}};
      }
      ++index;
    }
    return {};
  }

 private:
  [[nodiscard]] static double difference(std::span<const float> a, std::span<const float> b) {
    return compare_values(a, b).relative_l2_error;
  }
  [[nodiscard]] std::optional<finding> judge(const compared_row& r, std::size_t index) const {
    const std::vector<float>& told = told_[index];
    const std::vector<float> x = runs_.other_values(r), y = runs_.reference_values(r);
    if (x.size() != told.size() || y.size() != told.size()) return std::nullopt;
    const double of_other = difference(told, x), of_reference = difference(told, y);
    const input_side side = of_other >= of_reference ? input_side::other : input_side::reference;
    const std::vector<float>& odd = side == input_side::other ? x : y;
    if (!(std::max(of_other, of_reference) > limit::same_input)) return std::nullopt;
    std::vector<std::vector<float>> inputs = told_;
    inputs[index] = odd;
    // Whether that side was really fed with it: the simulation, or the float network, tells.
    const bool is_other = side == input_side::other;
    const precision_plan plan = is_other ? lab_.plan : float_plan(lab_.net);
    const activation_ranges* const ranges = is_other ? &lab_.ranges : nullptr;
    replayer own(lab_, is_other ? shown_ : reference_, !is_other);
    const double with_told = own.difference(told_, plan, ranges), with_odd = own.difference(inputs, plan, ranges);
    if (!(with_odd <= limit::replayed_share * with_told && with_odd <= limit::replayed)) return std::nullopt;
    // And what that does to the outputs, beside what bits do.
    replayer against(lab_, is_other ? reference_ : shown_, false);
    const double bits = is_other ? against.difference(told_, lab_.plan, &lab_.ranges)
                                 : replayer(lab_, shown_).difference(told_, lab_.plan, &lab_.ranges);
    const double seen = is_other ? against.difference(inputs, lab_.plan, &lab_.ranges) : with_told;
    if (!(seen >= limit::input_effect && seen >= limit::input_effect_over_bits * bits)) return std::nullopt;

    finding f{fault::preprocessing, r.shown.name};
    const auto scene = own.scene(index);
    const input_explanation e = scene ? explain_input(*scene, odd) : input_explanation();
    if (e.holds && !e.change.is_none()) {
      f = input_finding(r.shown.name, e, *scene, side);
    } else {
      f.summary = {fact_kind::input_differs_little, {{"of_reference", !is_other}}};
      f.next = fact_kind::feed_the_same;
    }
    fact apart(fact_kind::inputs_differ, {{"share", std::max(of_other, of_reference)}});
    if (r.shown.result) apart.add("cosine", r.shown.result->cosine);
    f.evidence.insert(f.evidence.begin(), apart);
    f.evidence.push_back(
        {fact_kind::fed_with_input, {{"in_float", !is_other}, {"left", with_odd}, {"left_by_cfg", with_told}}});
    f.evidence.push_back({fact_kind::outputs_away, {{"away", seen}, {"by_bits", bits}}});
    f.rivals.push_back({fault::precision, {fact_kind::right_input_leaves, {{"left", bits}}}});
    return f;
  }

  const experiment_context& lab_;
  const run_pair& runs_;
  std::vector<shown_values> shown_, reference_;  ///< outputs
  std::vector<std::vector<float>> told_;
};

[[nodiscard]] inline std::vector<found> find_input_effect(const case_file& file, const findings_so_far&) {
  return input_effect(file).find();
}

}  // namespace detail

NNIESIM_END_NAMESPACE
