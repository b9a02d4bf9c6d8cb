// Step 3 of the procedure, in the experiment context: small errors of many layers that add up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/precision_runs.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Rows that are to be explained: those of which the dump alone is wrong, or that a fault further up explains, are not.
[[nodiscard]] inline std::vector<const compared_row*> unexplained_rows(const case_file& file,
                                                                       const findings_so_far& so_far) {
  auto rows = file.runs().judged_rows();
  std::erase_if(rows, [&](const compared_row* r) { return file.is_only_shown_wrongly(*r) || so_far.explain(*r); });
  return rows;
}

/// What few values are, of the rows that have few and miss the limit.
inline void add_few_values(const run_pair& runs, const std::vector<const compared_row*>& rows, finding& f) {
  std::size_t told = 0;
  for (const compared_row* r : rows) {
    const comparison& c = *r->shown.result;
    if (!has_few_values(c.count) || !runs.is_bad(c) || told == limit::few_outputs_told) continue;
    const aligned_values v = runs.compared_values(*r);
    f.evidence.push_back(few_values_fact(r->shown.name, c, v.reference, v.other));
    ++told;
  }
}

class precision_check {
 public:
  precision_check(const case_file& file, const findings_so_far& so_far)
      : file_(file), lab_(*file.lab()), runs_(file.runs()), rows_(unexplained_rows(file, so_far)) {
    for (const layer& l : lab_.net.layers) {
      if (!std::holds_alternative<layers::input>(l.params)) all_ += l.outputs.size();
    }
    for (const layer_trial& t : file_.trials()) {
      const bool is_left_out = file_.is_only_shown_wrongly(t.layer, t.output) || so_far.accuses(t.layer);
      if (!t.is_input_finite || t.result.bad_other != 0 || is_left_out) continue;
      ++judged_;
      worst_local_ = std::min(worst_local_, runs_.likeness(t.result));
    }
  }

  [[nodiscard]] std::vector<found> find() const {
    const auto is_bad = [&](const compared_row* r) { return runs_.is_bad(*r->shown.result); };
    const auto first = std::find_if(rows_.begin(), rows_.end(), is_bad);
    if (first == rows_.end()) return {};
    const auto bad = static_cast<std::size_t>(std::count_if(rows_.begin(), rows_.end(), is_bad));
    return {{.what = judge(**first, bad)}};
  }

 private:
  [[nodiscard]] finding judge(const compared_row& first_bad, std::size_t bad) const {
    const precision_runs& p = file_.precisions();
    const double goal = file_.options().layer_cosine;
    const std::string planned_bits = p.coarse.size() == 1 ? *p.coarse.begin() : "the planned bits";
    const std::string more_bits = p.fine.size() == 1 ? *p.fine.begin() : "the most bits that can be had";
    finding f{fault::precision, first_bad.shown.name};
    f.evidence.push_back(layers_miss_limit(bad, rows_.size(), goal, first_bad, *rows_.back()));
    add_few_values(runs_, rows_, f);
    if (judged_ != 0) {
      f.evidence.push_back({fact_kind::layers_tried, {{"count", judged_}, {"of", all_}, {"cosine", worst_local_}}});
    }
    // The first that the planned bits do not explain, if any.
    const auto simulated = [&](const compared_row& r) {
      return r.layer ? agreement(p.planned.at({*r.layer, r.output})) : 1;
    };
    const auto worse = std::find_if(rows_.begin(), rows_.end(), [&](const compared_row* r) {
      return runs_.is_bad(*r->shown.result) &&
             error_of(runs_.likeness(*r->shown.result)) > limit::worse_than_simulated * error_of(simulated(*r));
    });
    const compared_row& told = worse != rows_.end() ? **worse : first_bad;
    f.evidence.push_back({fact_kind::simulated_and_seen,
                          {{"layer", told.shown.name},
                           {"simulated", simulated(told)},
                           {"seen", runs_.likeness(*told.shown.result)},
                           {"more_bits", more_bits},
                           {"in_more_bits", p.worst_in_most_bits}}});
    const std::vector<std::string>& missing = file_.inputs().missing;
    if (worse != rows_.end()) {
      f.cause = fault::inconclusive;
      f.layer = told.shown.name;
      f.summary = {fact_kind::worse_than_planned, {{"layer", told.shown.name}}};
      f.rivals.push_back({fault::precision, fact_kind::bits_lose_less});
      f.next = {fact_kind::dump_every_layer,
                {{"count", all_ - std::min(all_, judged_)}, {"of", all_}, {"with_data", false}}};
    } else if (!missing.empty() && judged_ != all_) {
      f.cause = fault::inconclusive;
      f.summary = {fact_kind::input_not_known, {{"count", bad}}};
      f.rivals.push_back({fault::preprocessing, {fact_kind::input_not_compared, {{"layer", missing.front()}}}});
      f.next = {fact_kind::dump_data_layer, {{"layer", missing.front()}, {"both", false}}};
    } else if (!p.coarse.empty() && p.worst_in_most_bits >= goal) {
      f.summary = {fact_kind::bits_not_enough, {{"bits", planned_bits}}};
      if (judged_ == all_) f.rivals.push_back({fault::suspect_layer, fact_kind::no_layer_at_fault});
      advise(f, more_bits);
    } else {
      f.cause = fault::inconclusive;
      f.summary = {fact_kind::lose_together, {{"bits", more_bits}, {"already", p.coarse.empty()}}};
      f.against.push_back(fact_kind::not_cured_by_bits);
      f.next = fact_kind::disturb_inputs;
    }
    return f;
  }

  void advise(finding& f, const std::string& more_bits) const {
    if (!file_.precisions().are_marks) {
      f.change.push_back({fact_kind::more_layers_in, {{"bits", more_bits}}});
      f.next = fact_kind::raise_one_by_one;
      return;
    }
    const bool has_marks =
        std::find(lab_.plan.layers.begin(), lab_.plan.layers.end(), layer_precision::w16a16) != lab_.plan.layers.end();
    f.change.push_back({fact_kind::mark_searched, {{"has_marks", has_marks}, {"command", search_command()}}});
    f.change.push_back({fact_kind::set_cfg,
                        {{"or", true},
                         {"key", "compile_mode"},
                         {"value", std::size_t{1}},
                         {"why", "all 16 bits, at half the speed"}}});
    f.next = {fact_kind::search, {{"command", search_command()}}};
  }
  /// What asks for the layers to mark by what is judged here: the network's outputs that miss the limit, or, where all
  /// of them reach it, the layers in between.
  [[nodiscard]] std::string search_command() const {
    const network& net = lab_.net;
    const std::vector<layer_output> outputs = network_outputs(net);
    std::vector<std::string> bad;
    std::size_t bad_outputs = 0;
    for (const compared_row* r : rows_) {
      const bool is_output =
          r->layer && std::find(outputs.begin(), outputs.end(), layer_output{*r->layer, r->output}) != outputs.end();
      if (!is_output || !runs_.is_bad(*r->shown.result)) continue;
      ++bad_outputs;
      const std::string& name = net.layers[*r->layer].name;
      if (std::find(bad.begin(), bad.end(), name) == bad.end()) bad.push_back(name);
    }
    std::string command = message("nnie-debug search --target ", bad.empty() ? "worst-layer-cosine" : "output-cosine");
    if (bad_outputs != outputs.size()) {
      for (const std::string& name : bad) command += message(" --layer '", name, "'");
    }
    return message(command, " --goal ", number_text(file_.options().layer_cosine));
  }

  const case_file& file_;
  const experiment_context& lab_;
  const run_pair& runs_;
  std::vector<const compared_row*> rows_;
  std::size_t all_ = 0, judged_ = 0;  ///< outputs of layers that compute; those tried by themselves and not at fault
  double worst_local_ = 1;
};

[[nodiscard]] inline std::vector<found> find_precision(const case_file& file, const findings_so_far& so_far) {
  return precision_check(file, so_far).find();
}

}  // namespace detail

NNIESIM_END_NAMESPACE
