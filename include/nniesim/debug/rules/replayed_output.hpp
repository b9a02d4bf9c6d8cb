// The commonest situation: the network's input is not among the dumps, often nothing but an output is. The usual causes
// are replayed through the simulated network.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
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

class replayed_output {
 public:
  explicit replayed_output(const case_file& file) : lab_(*file.lab()), runs_(file.runs()) {}

  [[nodiscard]] std::vector<found> find() const {
    if (is_input_shown() || lab_.plan.is_float) return {};
    // The reference first: where it comes from a script of its own, that can be what is wrong.
    if (auto f = of_reference()) return {{.what = std::move(*f), .is_last = true}};
    const std::vector<shown_values> shown = shown_by_other();
    replayer r(lab_, shown);
    if (!r.can_run()) return {};
    const replay_result result = r.run();
    if (result.verdict == replay_verdict::as_planned) return {};
    if (result.verdict == replay_verdict::unexplained) return of_nothing(result, shown);
    return of_cause(result, r, shown);
  }

 private:
  [[nodiscard]] bool is_input_shown() const {
    const auto& rows = runs_.rows();
    return std::any_of(rows.begin(), rows.end(), [](const compared_row& r) { return r.is_input && r.other; });
  }
  /// Blobs that hold a row's values: its own, and that of an in-place layer behind it.
  [[nodiscard]] std::vector<std::size_t> blobs_of(const compared_row& r) const {
    const std::size_t own = lab_.net.layers[*r.layer].outputs[r.output];
    std::vector<std::size_t> blobs = {own};
    if (!r.is_namesake && r.relation == match_relation::differs) {
      // Paired by size: it may be what another layer of that size gives, as the one before a softmax.
      const std::size_t size = lab_.net.blobs[own].shape.size();
      for (std::size_t b = 0; b < lab_.net.blobs.size(); ++b) {
        if (b != own && lab_.net.blobs[b].shape.size() == size) blobs.push_back(b);
      }
      return blobs;
    }
    for (const layer& l : lab_.net.layers) {
      const bool reads = l.inputs.size() == 1 && l.inputs[0] == blobs.back() && l.outputs.size() == 1;
      if (reads && works_in_place(l)) blobs.push_back(l.outputs[0]);
    }
    return blobs;
  }
  /// Rows that no other shown row is upstream of.
  [[nodiscard]] std::vector<const compared_row*> first_rows() const {
    std::set<std::size_t> shown;
    for (const compared_row& r : runs_.rows()) {
      if (r.other && r.layer && !r.is_input) shown.insert(*r.layer);
    }
    std::vector<const compared_row*> first;
    for (const compared_row& r : runs_.rows()) {
      if (!r.other || !r.layer || r.is_input) continue;
      const std::set<std::size_t> sources = sources_of(lab_.net, *r.layer);
      const bool is_first =
          std::none_of(shown.begin(), shown.end(), [&](std::size_t l) { return l != *r.layer && sources.contains(l); });
      if (is_first) first.push_back(&r);
    }
    return first;
  }
  [[nodiscard]] std::vector<shown_values> shown_by_other() const {
    std::vector<shown_values> shown;
    const auto first = first_rows();
    for (const compared_row* r : first) {
      const auto blobs = blobs_of(*r);
      if (const auto x = runs_.other_value(blobs[0])) {
        const std::vector<float> values(x->begin(), x->end());
        // Zeros and what is no number have rules of their own.
        if (!is_zero(values) && is_finite(values)) shown.push_back({r->shown.name, blobs, values});
      }
    }
    if (!first.empty()) return shown;
    for (const unmatched_layer& u : runs_.matching().only_other) {
      if (u.is_unreadable) continue;
      shown_values s{runs_.other_name(u.index), {}, runs_.other_values(u.index)};
      if (is_zero(s.values) || !is_finite(s.values)) continue;
      for (const layer& l : lab_.net.layers) {
        if (std::holds_alternative<layers::input>(l.params)) continue;
        for (const std::size_t b : l.outputs) {
          if (lab_.net.blobs[b].shape.size() == s.values.size()) s.blobs.push_back(b);
        }
      }
      shown.push_back(std::move(s));
    }
    return shown;
  }
  [[nodiscard]] static bool is_finite(const std::vector<float>& v) {
    return std::all_of(v.begin(), v.end(), [](float f) { return std::isfinite(f); });
  }

  /// What the reference is, where it does not follow from the input that it is said to have had and one cause explains
  /// it.
  [[nodiscard]] std::optional<finding> of_reference() const {
    std::vector<shown_values> shown;
    for (const compared_row* r : first_rows()) {
      shown.push_back({r->shown.name, blobs_of(*r), runs_.reference_values(*r)});
      if (!is_finite(shown.back().values)) return std::nullopt;
    }
    replayer replay(lab_, std::move(shown), true);
    if (!replay.can_run() || replay.as_planned() <= limit::replayed_as_planned) return std::nullopt;
    const replay_result result = replay.run();
    if (result.verdict != replay_verdict::explained) return std::nullopt;
    const replayed_cause& c = result.causes.front();
    finding f{c.kind == replay_kind::picture ? fault::other_picture : fault::preprocessing,
              first_rows()[0]->shown.name};
    f.summary = {fact_kind::reference_not_as_cfg, {{"cause", c.text}}};
    add_differences(f, result, true);
    if (c.kind == replay_kind::input) {
      if (const auto s = replay.scene(0)) f.change = remedies(c.change, *s, input_side::reference);
    } else {
      f.change.push_back(fact_kind::refer_to_last_picture);
    }
    f.next = fact_kind::compare_again;
    return f;
  }

  [[nodiscard]] static fact other_cause(const replayed_cause& c) {
    return {fact_kind::other_cause_leaves, {{"cause", c.text}, {"left", c.difference}}};
  }
  static void add_differences(finding& f, const replay_result& result, bool in_float) {
    const replayed_cause& best = result.causes.front();
    f.evidence.push_back(
        {fact_kind::cause_leaves,
         {{"in_float", in_float}, {"left", best.difference}, {"cause", best.text}, {"as_planned", result.as_planned}}});
    const auto kind_of = [](const replayed_cause& c) {
      return std::tuple(c.kind, c.change.bytes, c.change.values, c.change.reversed);
    };
    std::set<decltype(kind_of(best))> told = {kind_of(best)};
    for (const replayed_cause& c : result.causes) {
      if (told.size() > limit::replayed_told) break;
      if (told.insert(kind_of(c)).second) f.evidence.push_back(other_cause(c));
    }
    f.evidence.push_back({fact_kind::causes_replayed, {{"count", result.causes.size()}}});
  }

  [[nodiscard]] std::vector<found> of_cause(const replay_result& result, const replayer& replay,
                                            const std::vector<shown_values>& shown) const {
    const replayed_cause& c = result.causes.front();
    // A run with more bits than planned is no fault.
    if (c.kind == replay_kind::in_float) return {};
    const bool is_finer = c.kind == replay_kind::mode && c.mode == layer_precision::w16a16;
    if (is_finer) return {};
    finding f{cause_of(c.kind), shown.front().name};
    const auto where = result.blobs.find(f.layer);
    if (where != result.blobs.end()) {
      const std::string name = range_names(lab_.net)[where->second];
      if (match_key(name) != match_key(f.layer)) {
        f.evidence.push_back({fact_kind::blob_by_size, {{"layer", f.layer}, {"blob", name}}});
      }
    }
    f.summary = {fact_kind::output_shows, {{"cause", c.text}}};
    add_differences(f, result, false);
    if (result.verdict == replay_verdict::ambiguous) {
      std::vector<std::string> also;
      for (const replayed_cause& o : result.causes) {
        if (&o == &c || o.difference * limit::replayed_share >= std::max(c.difference, limit::replayed_as_planned))
          continue;
        if (also.size() < limit::replayed_told) also.push_back(o.text);
      }
      if (!also.empty()) f.against.push_back({fact_kind::nearly_the_same, {{"causes", also}}});
      f.next = {fact_kind::dump_data_layer, {{"both", false}, {"apart", true}}};
    } else {
      f.next = fact_kind::compare_again;
    }
    f.rivals.push_back({fault::suspect_layer, fact_kind::simulation_gives_just_that});
    switch (c.kind) {
      case replay_kind::input:
        if (const auto s = replay.scene(0)) f.change = remedies(c.change, *s, input_side::other);
        break;
      case replay_kind::picture:
        f.change.push_back(
            {fact_kind::compare_right_picture,
             {{"picture", lab_.pictures.name ? lab_.pictures.name(c.picture) : std::string("another one")}}});
        break;
      case replay_kind::mode: f.change.push_back(fact_kind::recompile_in_mode); break;
      case replay_kind::ranges: f.change.push_back(fact_kind::recompile_with_all); break;
      default: break;
    }
    return {{.what = std::move(f), .is_last = true}};
  }
  [[nodiscard]] static fault cause_of(replay_kind k) {
    switch (k) {
      case replay_kind::input: return fault::preprocessing;
      case replay_kind::picture: return fault::other_picture;
      case replay_kind::mode: return fault::bits_not_as_planned;
      case replay_kind::ranges: return fault::activation_scale;
      default: return fault::inconclusive;
    }
  }

  /// Only where what is shown is worse than the plan makes it, so that there is something to explain.
  [[nodiscard]] std::vector<found> of_nothing(const replay_result& result,
                                              const std::vector<shown_values>& shown) const {
    const auto first = first_rows();
    const bool is_bad = first.empty() || std::any_of(first.begin(), first.end(), [&](const compared_row* r) {
                          return r->shown.result && runs_.is_bad(*r->shown.result);
                        });
    // With layers enough behind it the rules of layers tell more.
    const bool is_output_alone = runs_.compared() <= network_outputs(lab_.net).size();
    if (!is_bad || !is_output_alone || result.causes.empty()) return {};
    finding f{fault::inconclusive, shown.front().name};
    f.summary = {fact_kind::output_unexplained, {{"layer", f.layer}}};
    f.evidence.push_back(
        {fact_kind::simulation_is_away, {{"away", result.as_planned}, {"count", result.causes.size()}}});
    for (std::size_t i = 0; i < std::min(result.causes.size(), limit::replayed_told); ++i) {
      f.evidence.push_back(other_cause(result.causes[i]));
    }
    f.rivals.push_back({fault::preprocessing, fact_kind::no_preprocessing_gives_that});
    f.rivals.push_back({fault::other_picture, fact_kind::no_picture_gives_that});
    f.next = {fact_kind::dump_every_layer, {{"with_data", true}}};
    return {{.what = std::move(f), .is_last = true}};
  }

  const experiment_context& lab_;
  const run_pair& runs_;
};

[[nodiscard]] inline std::vector<found> find_replayed_output(const case_file& file, const findings_so_far&) {
  return replayed_output(file).find();
}

}  // namespace detail

NNIESIM_END_NAMESPACE
