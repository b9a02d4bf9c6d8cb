// Steps 3, 4 and 6 of the procedure from cosines alone, where no network is at hand: the vendor's table.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/layer_verdict.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/run_pair.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

class cosine_pattern {
 public:
  explicit cosine_pattern(const run_pair& runs) : runs_(runs), o_(runs.limits()) { find_jump(); }

  /// Of runs of which some layer misses the limit.
  /// Long: patterns that exclude each other, the surest first.
  [[nodiscard]] std::optional<finding> judge() const {
    const auto all = runs_.judged_rows();
    std::vector<const compared_row*> rows;
    for (const compared_row* r : all) {
      if (runs_.is_ordered(*r)) rows.push_back(r);
    }
    const auto is_bad = [&](const compared_row* r) { return runs_.is_bad(*r->shown.result); };
    const auto bad = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is_bad));
    const auto first_bad_row = std::find_if(rows.begin(), rows.end(), is_bad);
    if (first_bad_row == rows.end()) return of_unknown_order(all, bad);
    const compared_row& first_bad = **first_bad_row;
    const double first = runs_.likeness(*rows.front()->shown.result);
    const double last = runs_.likeness(*rows.back()->shown.result);
    const compared_row* const dip = worst_of(rows);
    const double lowest = runs_.likeness(*dip->shown.result);
    const fact counts = layers_miss_limit(bad, all.size(), o_.layer_cosine, first_bad, *rows.back());
    const compared_row& jump = runs_.rows()[jump_row_];
    const double total = error_of(lowest);
    const bool is_sharp = worst_jump_ > limit::sharp_share * total && worst_jump_ > limit::sharp_error;
    const auto behind = std::find(rows.begin(), rows.end(), dip) + 1;
    const bool recovers = std::none_of(behind, rows.end(), is_bad);
    const auto begun = [&](fault cause, const compared_row& at) {
      finding f{cause, at.shown.name};
      f.evidence.push_back(counts);
      return f;
    };
    const fact in_16_bits(fact_kind::compile_in_16_bits, {{"limit", o_.layer_cosine}});
    if (first_bad_row == rows.begin() && !has_input()) {
      finding f = begun(fault::inconclusive, first_bad);
      f.summary = {fact_kind::inputs_not_compared, {{"layer", f.layer}}};
      f.rivals.push_back({fault::preprocessing, fact_kind::input_looks_like_that});
      f.rivals.push_back({fault::suspect_layer, fact_kind::first_layer_looks_like_that});
      f.next = {fact_kind::dump_data_layer, {{"both", true}}};
      return f;
    }
    if (last >= o_.layer_cosine && lowest >= o_.dip_cosine && !is_sharp) return std::nullopt;
    if (last >= o_.layer_cosine && !recovers) {
      finding f = begun(fault::inconclusive, first_bad);
      f.summary = {fact_kind::bad_though_last_right, {{"count", bad}}};
      f.against.push_back(fact_kind::last_is_not_all);
      f.rivals.push_back({fault::layer_mapping, fact_kind::good_behind_wrong_dump});
      f.next = in_16_bits;
      return f;
    }
    if (last >= o_.layer_cosine) {
      finding f = begun(lowest < o_.dip_cosine ? fault::layer_mapping : fault::inconclusive, *dip);
      f.summary = with_agreement({fact_kind::dips, {{"layer", f.layer}, {"recovers", true}}}, *dip->shown.result);
      f.evidence.push_back(fact_kind::readers_agree);
      f.against.push_back(fact_kind::may_be_hidden);
      f.rivals.push_back({fault::suspect_layer, fact_kind::would_reach_last});
      f.change.push_back({fact_kind::make_non_in_place, {{"layer", f.layer}}});
      f.next = fact_kind::look_up_in_tree;
      return f;
    }
    if (is_sharp && error_of(last) < limit::recovered_share * error_of(runs_.likeness(*jump.shown.result))) {
      finding f = begun(fault::inconclusive, jump);
      f.summary = with_agreement({fact_kind::dips, {{"layer", f.layer}, {"recovers", false}}}, *jump.shown.result);
      f.rivals.push_back({fault::suspect_layer, fact_kind::would_reach_last});
      f.rivals.push_back({fault::layer_mapping, fact_kind::good_behind_wrong_dump});
      f.rivals.push_back({fault::precision, fact_kind::falls_layer_by_layer});
      f.next = {fact_kind::see_in_16_bits, {{"layer", f.layer}}};
      return f;
    }
    if (is_sharp) {
      const compared_row* const affine = affine_before(jump_row_);
      finding f = begun(fault::inconclusive, affine != nullptr ? *affine : jump);
      if (affine != nullptr) {
        f.summary = {fact_kind::other_gains, {{"layer", f.layer}, {"spreads", true}}};
        f.against.push_back(fact_kind::folded_norm_looks_like_that);
        f.next = {fact_kind::compare_bias, {{"layer", f.layer}}};
      } else {
        f.summary = {fact_kind::drops_sharply, {{"layer", f.layer}}};
        f.against.push_back(fact_kind::few_bits_look_like_that);
        f.next = {fact_kind::see_in_16_bits, {{"layer", f.layer}}};
      }
      f.evidence.push_back(
          {fact_kind::error_rises, {{"rise", worst_jump_}, {"layer", jump.shown.name}, {"total", total}}});
      f.rivals.push_back({fault::precision, fact_kind::falls_layer_by_layer});
      f.rivals.push_back({fault::suspect_layer, fact_kind::takes_the_network});
      return f;
    }
    if (first >= o_.layer_cosine && last < o_.last_cosine) {
      finding f = begun(fault::precision, first_bad);
      f.summary = fact_kind::similarity_falls;
      f.against.push_back(fact_kind::not_seen_in_16_bits);
      f.rivals.push_back({fault::suspect_layer, fact_kind::no_single_layer});
      f.change.push_back(fact_kind::compile_mode_1_or_marks);
      f.next = in_16_bits;
      return f;
    }
    finding f = begun(fault::inconclusive, first_bad);
    f.summary =
        first < o_.layer_cosine
            ? with_agreement(fact_kind::first_layer_off, *rows.front()->shown.result)
            : with_agreement({fact_kind::last_layer_between, {{"from", o_.last_cosine}, {"to", o_.layer_cosine}}},
                             *rows.back()->shown.result);
    f.against.push_back(fact_kind::nearest_case);
    f.next = in_16_bits;
    return f;
  }

 private:
  /// Where the error enters, by the differences from row to row.
  void find_jump() {
    double worst_so_far = 0;
    for (std::size_t i = 0; i < runs_.rows().size(); ++i) {
      const compared_row& r = runs_.rows()[i];
      if (!r.shown.result || r.is_input || !runs_.is_ordered(r)) continue;
      const double e = error_of(runs_.likeness(*r.shown.result));
      if (e - worst_so_far > worst_jump_) {
        worst_jump_ = e - worst_so_far;
        jump_row_ = i;
      }
      worst_so_far = std::max(worst_so_far, std::isfinite(e) ? e : worst_so_far);
    }
  }
  /// A namesake of other gains and offsets, which has no cosine of its own, between a row and the one before it that
  /// has.
  [[nodiscard]] const compared_row* affine_before(std::size_t row) const {
    while (row-- > 0) {
      const compared_row& r = runs_.rows()[row];
      if (r.relation == match_relation::affine && r.is_namesake && !r.is_input) return &r;
      if (r.shown.result) return nullptr;
    }
    return nullptr;
  }
  [[nodiscard]] bool has_input() const {
    return std::any_of(runs_.rows().begin(), runs_.rows().end(),
                       [](const compared_row& r) { return r.is_input && r.shown.result; });
  }
  [[nodiscard]] const compared_row* worst_of(const std::vector<const compared_row*>& rows) const {
    return *std::min_element(rows.begin(), rows.end(), [this](const compared_row* a, const compared_row* b) {
      return error_of(runs_.likeness(*a->shown.result)) > error_of(runs_.likeness(*b->shown.result));
    });
  }
  [[nodiscard]] finding of_unknown_order(const std::vector<const compared_row*>& rows, std::size_t bad) const {
    const compared_row& worst = *worst_of(rows);
    finding f{fault::inconclusive, worst.shown.name};
    f.summary = {fact_kind::unknown_order, {{"count", bad}}};
    f.evidence.push_back(
        with_agreement({fact_kind::layers_miss_limit,
                        {{"count", bad}, {"of", rows.size()}, {"limit", o_.layer_cosine}, {"worst", worst.shown.name}}},
                       *worst.shown.result));
    f.next = fact_kind::give_network_or_tree;
    return f;
  }

  const run_pair& runs_;
  const diagnose_options& o_;
  std::size_t jump_row_ = 0;
  double worst_jump_ = 0;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
