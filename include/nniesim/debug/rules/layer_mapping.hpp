// Step 4 of the procedure: names that stand for different blobs in the two runs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

class mapping_check {
 public:
  mapping_check(const case_file& file, const findings_so_far& so_far) : file_(file), runs_(file.runs()) {
    const bool input_differs = so_far.has(input_faults);
    for (const compared_row& r : runs_.rows()) {
      if (!r.other || r.is_input || (r.layer && so_far.accuses(*r.layer))) continue;
      // A layer that only the pattern of cosines makes suspect.
      if (file.lab() == nullptr && so_far.accuses(r, fault::inconclusive)) continue;
      // Other gains come from an input, or a layer, with other ones.
      if (r.relation == match_relation::affine && (input_differs || so_far.explain(r))) continue;
      // A layer by itself tells more than an affine that errors of few bits look like.
      const layer_trial* const trial = file.trial_of(r);
      if (r.relation == match_relation::affine && r.is_namesake && trial != nullptr && trial->is_as_planned()) continue;
      if (is_moved(r)) moved_.push_back(&r);
    }
    for (const auto& [l, o] : file.suspects().only_shown_wrongly) {
      if (so_far.accuses(l)) continue;  // the dump is damaged, or of another run
      shown_wrongly_.push_back(output_name(file.lab()->net.layers[l], o));
      const compared_row* const r = runs_.row_of(l, o);
      if (r != nullptr && runs_.is_gain(*r->shown.result)) factor_ = 1 + r->shown.result->norm_error;
    }
  }

  [[nodiscard]] std::vector<found> find() const {
    if (moved_.empty() && shown_wrongly_.empty()) return {};
    finding f{fault::layer_mapping, moved_.empty() ? shown_wrongly_.front() : moved_.front()->shown.name};
    for (std::size_t i = 0; i < moved_.size(); ++i) {
      if (i == limit::layers_told) {
        f.evidence.push_back({fact_kind::more_of_them, {{"count", moved_.size() - i}}});
        break;
      }
      const layer_evidence& e = moved_[i]->shown;
      f.evidence.push_back(
          {fact_kind::other_blob, {{"layer", e.name}, {"partner", e.partner}, {"relation", e.relation}}});
    }
    for (const std::string& name : shown_wrongly_) {
      f.evidence.push_back({fact_kind::dump_alone_wrong, {{"layer", name}}});
    }
    if (shown_wrongly_.empty() &&
        std::all_of(moved_.begin(), moved_.end(), [&](const auto* r) { return is_undecided(*r); })) {
      f.cause = fault::inconclusive;
      f.summary = {fact_kind::other_gains, {{"layer", f.layer}, {"spreads", false}}};
      f.rivals.push_back({fault::layer_mapping, fact_kind::folded_norm_looks_like_that});
      f.rivals.push_back({fault::suspect_layer, fact_kind::bias_looks_like_that});
      f.next = {fact_kind::compare_bias, {{"layer", f.layer}}};
      return {{.what = std::move(f)}};
    }
    const std::size_t count = moved_.size() + shown_wrongly_.size();
    f.summary = {fact_kind::other_blobs, {{"count", count}, {"layer", f.layer}}};
    if (shown_wrongly_.empty() && std::all_of(moved_.begin(), moved_.end(), is_other_layout)) {
      f.summary = {fact_kind::other_layout,
                   {{"count", count},
                    {"dump", moved_.front()->shown.partner},
                    {"layout", std::string(to_string(moved_.front()->relation))}}};
      f.change.push_back(layout_advice(*moved_.front()));
    } else if (moved_.empty() && shown_wrongly_.size() == 1 && factor_ != 1) {
      f.evidence.push_back({fact_kind::dump_is_times, {{"factor", factor_}}});
      f.change.push_back(std::fabs(factor_ / 4096 - 1) < limit::raw_words_of_layer ? fact_kind::divide_dump
                                                                                   : fact_kind::read_in_its_format);
    } else {
      f.change.push_back(advice(f.layer));
    }
    f.rivals.push_back({fault::suspect_layer, fact_kind::content_agrees});
    return {{.what = std::move(f)}};
  }

 private:
  /// Whether it is its namesake in all but the order of elements.
  [[nodiscard]] static bool is_other_layout(const compared_row* r) {
    switch (r->relation) {
      case match_relation::channels_last:
      case match_relation::channels_first:
      case match_relation::transposed:
      case match_relation::axes_reversed:
      case match_relation::rows_first:
      case match_relation::channels_padded:
      case match_relation::rows_padded: return r->is_namesake;
      default: return false;
    }
  }
  /// How such a dump is to be read.
  [[nodiscard]] fact layout_advice(const compared_row& r) const {
    const auto [n, c, h, w] = nchw_of(runs_.shape(r), runs_.reference_values(r).size());
    const std::size_t values = runs_.other_values(r).size();
    const std::vector<fact_field> fields = {
        {"dump", r.shown.partner}, {"layer", r.shown.name}, {"channels", c}, {"rows", h}, {"columns", w}};
    switch (r.relation) {
      case match_relation::channels_last: return {fact_kind::read_channels_last, fields};
      case match_relation::channels_first: return {fact_kind::read_channels_first, fields};
      case match_relation::transposed: return {fact_kind::transpose_dump, fields};
      case match_relation::axes_reversed: return {fact_kind::read_column_major, fields};
      case match_relation::rows_first: return {fact_kind::read_rows_first, fields};
      case match_relation::rows_padded: return fact(fact_kind::cut_row_padding, fields).add("of", values / (n * c * h));
      default: return fact(fact_kind::cut_channel_padding, fields).add("of", values / (n * h * w));
    }
  }
  /// Whether it corresponds by content in another way than by its name.
  [[nodiscard]] bool is_moved(const compared_row& r) const {
    const bool by_content = r.relation != match_relation::same && r.relation != match_relation::differs &&
                            r.relation != match_relation::unverifiable;
    const auto& pairs = runs_.matching().pairs;
    const auto m = std::find_if(pairs.begin(), pairs.end(),
                                [&](const layer_match& pair) { return pair.reference == r.reference; });
    return by_content || (m != pairs.end() && m->namesake);
  }
  /// A layer that has its partner's name and other gains and offsets, which have no cosine, where no layer behind it
  /// has one and no network tells.
  [[nodiscard]] bool is_undecided(const compared_row& r) const {
    if (file_.lab() != nullptr || r.relation != match_relation::affine || !r.is_namesake) return false;
    const auto& rows = runs_.rows();
    return std::none_of(rows.begin() + (&r - rows.data()), rows.end(),
                        [](const compared_row& behind) { return behind.shown.result.has_value(); });
  }
  [[nodiscard]] fact advice(const std::string& layer) const {
    const std::vector<fact_field> of = {{"layer", layer}};
    switch (moved_.empty() ? match_relation::differs : moved_.front()->relation) {
      case match_relation::channels_padded:
      case match_relation::rows_padded: return fact_kind::cut_padding;
      case match_relation::channels_last:
      case match_relation::channels_first:
      case match_relation::axes_reversed:
      case match_relation::rows_first:
      case match_relation::transposed: return {fact_kind::compare_permuted, of};
      case match_relation::affine: return {fact_kind::compare_folded, of};
      case match_relation::same: return {fact_kind::give_own_data, of};
      default: return fact(fact_kind::make_non_in_place, of).add("or", true);
    }
  }

  const case_file& file_;
  const run_pair& runs_;
  std::vector<const compared_row*> moved_;
  std::vector<std::string> shown_wrongly_;
  double factor_ = 1;  ///< of one dump that is wrong by nothing else
};

[[nodiscard]] inline std::vector<found> find_layer_mapping(const case_file& file, const findings_so_far& so_far) {
  if (file.inputs().are_exchanged) return {};  // and so is all that follows
  return mapping_check(file, so_far).find();
}

}  // namespace detail

NNIESIM_END_NAMESPACE
