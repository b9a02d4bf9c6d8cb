// Step 4 of the procedure: names that stand for different blobs in the two runs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
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
        f.evidence.push_back(concat("and ", moved_.size() - i, " more"));
        break;
      }
      const layer_evidence& e = moved_[i]->shown;
      f.evidence.push_back(concat("'", e.name, "' is '", e.partner, "': ", e.relation));
    }
    for (const std::string& name : shown_wrongly_) {
      f.evidence.push_back(concat("'", name, "' is not what its input makes of it, and what reads it agrees with the ",
                                  "reference and does not follow from what is shown"));
    }
    if (shown_wrongly_.empty() &&
        std::all_of(moved_.begin(), moved_.end(), [&](const auto* r) { return is_undecided(*r); })) {
      f.cause = fault::inconclusive;
      f.summary = concat("'", f.layer, "' has another gain and offset in every channel, and nothing behind it tells ",
                         "whether that is a fault");
      f.rivals.push_back({fault::layer_mapping, "a BatchNorm or Scale that is folded into it looks the same"});
      f.rivals.push_back({fault::suspect_layer, "and so does a wrong bias"});
      f.next = concat("compare the bias of '", f.layer, "' in both, or give the network to the diagnosis");
      return {{.what = std::move(f)}};
    }
    const std::size_t count = moved_.size() + shown_wrongly_.size();
    f.summary = count == 1 ? concat("under the name '", f.layer, "' the two runs show different blobs")
                           : concat("under ", count, " names the two runs show different blobs");
    if (shown_wrongly_.empty() && std::all_of(moved_.begin(), moved_.end(), is_other_layout)) {
      f.summary =
          concat(count == 1 ? concat("the dump '", moved_.front()->shown.partner, "' is") : concat(count, " dumps are"),
                 " written in another layout: ", to_string(moved_.front()->relation));
      f.change.push_back(layout_advice(*moved_.front()));
    } else if (moved_.empty() && shown_wrongly_.size() == 1 && factor_ != 1) {
      f.evidence.push_back(concat("its values are ", number_text(factor_, 4), " times the reference's"));
      f.change.push_back(std::fabs(factor_ / 4096 - 1) < limit::raw_words_of_layer
                             ? "divide that dump by 4096: it holds words of Q20.12 as integers"
                             : "read that dump in the format in which it was written");
    } else {
      f.change.push_back(concat("compare as paired in the table; or ", advice(f.layer)));
    }
    f.rivals.push_back({fault::suspect_layer, "what corresponds by content agrees but for the error in the table"});
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
  [[nodiscard]] std::string layout_advice(const compared_row& r) const {
    const std::string dump = concat("'", r.shown.partner, "'");
    const auto [n, c, h, w] = nchw_of(runs_.shape(r), runs_.reference_values(r).size());
    const std::size_t values = runs_.other_values(r).size();
    switch (r.relation) {
      case match_relation::channels_last:
        return concat("read ", dump, " as rows, columns, channels (", h, "x", w, "x", c, "), or compare '",
                      r.shown.name, "' with the permuted blob");
      case match_relation::channels_first:
        return concat("read ", dump, " as channels last of what the reference has, or compare '", r.shown.name,
                      "' with the permuted blob");
      case match_relation::transposed: return concat("transpose ", dump, ": its rows are the reference's columns");
      case match_relation::axes_reversed:
        return concat("read ", dump, " in column-major order (numpy: order='F'), as ", w, "x", h, "x", c);
      case match_relation::rows_first:
        return concat("read ", dump, " as rows, channels, columns (", h, "x", c, "x", w, ")");
      case match_relation::rows_padded:
        return concat("cut off the padding of ", dump, ": of each row of ", values / (n * c * h), " values the first ",
                      w, " count");
      default:
        return concat("cut off the padding of ", dump, ": of ", values / (n * h * w), " channels the first ", c,
                      " count");
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
  [[nodiscard]] std::string advice(const std::string& layer) const {
    switch (moved_.empty() ? match_relation::differs : moved_.front()->relation) {
      case match_relation::channels_padded:
      case match_relation::rows_padded: return "cut off the padding of the dumps";
      case match_relation::channels_last:
      case match_relation::channels_first:
      case match_relation::axes_reversed:
      case match_relation::rows_first:
      case match_relation::transposed: return concat("compare '", layer, "' with the permuted blob");
      case match_relation::affine: return concat("compare '", layer, "' with the BatchNorm or Scale behind it");
      case match_relation::same:
        return concat("where '", layer,
                      "' is an input, give each input its own data, else make it and the layer behind ",
                      "it non-in-place");
      default: return concat("make '", layer, "' and the layer behind it non-in-place");
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
