// Steps 3, 4 and 6 of the procedure from cosines alone, where no network is at hand: the vendor's table.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/layer_verdict.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/run_pair.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

class cosine_pattern {
 public:
  explicit cosine_pattern(const run_pair& runs) : runs_(runs), o_(runs.limits()) { find_jump(); }

  /// Of runs of which some layer misses the limit.
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
    if (first_bad_row == rows.begin() && !has_input()) {
      finding f{fault::inconclusive, first_bad.shown.name};
      f.summary =
          concat("from '", first_bad.shown.name, "' on the runs differ, and their inputs could not be compared");
      f.evidence.push_back(counts);
      f.rivals.push_back({fault::preprocessing, "another picture or preprocessing looks like that"});
      f.rivals.push_back({fault::suspect_layer, "and so does a first layer that computes something else"});
      f.next = "dump the data layer of both runs";
      return f;
    }
    if (last >= o_.layer_cosine && lowest >= o_.dip_cosine && !is_sharp) return std::nullopt;
    if (last >= o_.layer_cosine && !recovers) {
      finding f{fault::inconclusive, first_bad.shown.name};
      f.summary = concat(bad, " layers are bad, though the last one is right");
      f.evidence.push_back(counts);
      f.against.push_back("of several outputs the last says nothing of the others");
      f.rivals.push_back({fault::layer_mapping, "a dump that is wrong by itself has good ones behind it"});
      f.next = concat("compile with compile_mode 1: it is quantization if all layers reach ", o_.layer_cosine, " then");
      return f;
    }
    if (last >= o_.layer_cosine) {
      finding f{lowest < o_.dip_cosine ? fault::layer_mapping : fault::inconclusive, dip->shown.name};
      f.summary = concat("'", dip->shown.name, "' dips to ", agreement_text(*dip->shown.result),
                         ", but all behind it is right");
      f.evidence.push_back(counts);
      f.evidence.push_back("what is computed from it agrees, so that the dump rather than the layer is wrong");
      f.against.push_back("a later layer may hide the error: a ReLU, a pooling, or a branch that matters little");
      f.rivals.push_back({fault::suspect_layer, "its error would reach the last layer"});
      f.change.push_back(
          concat("make '", dip->shown.name, "' and the layer behind it non-in-place, then compare again"));
      f.next = "look up in cnn_net_tree.dot what the compiler made of that layer";
      return f;
    }
    if (is_sharp && error_of(last) < limit::recovered_share * error_of(runs_.likeness(*jump.shown.result))) {
      finding f{fault::inconclusive, jump.shown.name};
      f.summary = concat("'", f.layer, "' dips to ", agreement_text(*jump.shown.result), ", and what follows ",
                         "recovers in part");
      f.evidence.push_back(counts);
      f.rivals.push_back({fault::suspect_layer, "its error would reach the last layer"});
      f.rivals.push_back({fault::layer_mapping, "behind a dump that is wrong by itself all would be right"});
      f.rivals.push_back({fault::precision, "it would fall layer by layer"});
      f.next =
          concat("compile with compile_mode 1: where '", f.layer, "' stays as it is, its dump or the layer is wrong; ",
                 "give the network to the diagnosis to decide it at once");
      return f;
    }
    if (is_sharp) {
      const compared_row* const affine = affine_before(jump_row_);
      finding f{fault::inconclusive, (affine != nullptr ? *affine : jump).shown.name};
      f.summary =
          affine == nullptr
              ? concat("similarity drops sharply at '", f.layer, "'")
              : concat("'", f.layer, "' has another gain and offset in every channel, and what follows is wrong");
      f.evidence.push_back(counts);
      f.evidence.push_back(concat("the error rises by ", percent(worst_jump_), " of the norm at '", jump.shown.name,
                                  "', to ", percent(total), " at most"));
      f.against.push_back(affine == nullptr ? "from cosines alone a layer that needs 16 bits looks the same"
                                            : "a BatchNorm or Scale that is folded into it looks the same by itself");
      f.rivals.push_back({fault::precision, "it would fall layer by layer"});
      f.next = affine == nullptr
                   ? concat("compile with compile_mode 1: if the layer recovers, mark it '", f.layer,
                            "_hp'; give the network to the diagnosis to decide it at once")
                   : concat("compare the bias of '", f.layer, "', and of a BatchNorm or Scale behind it, in both");
      f.rivals.push_back({fault::suspect_layer,
                          "the reference, the weights, the range and the bits of that layer were not "
                          "tried: that takes the network"});
      return f;
    }
    if (first >= o_.layer_cosine && last < o_.last_cosine) {
      finding f{fault::precision, first_bad.shown.name};
      f.summary = "similarity falls layer by layer: quantization error";
      f.evidence.push_back(counts);
      f.against.push_back("not confirmed: no run in 16 bits was seen");
      f.rivals.push_back({fault::suspect_layer, "no single layer brings most of the error"});
      f.change.push_back("if it is not compile_mode 1 already: compile_mode 1, or 2 with _hp on the first layers");
      f.next = concat("compile with compile_mode 1: it is quantization if all layers reach ", o_.layer_cosine, " then");
      return f;
    }
    finding f{fault::inconclusive, first_bad.shown.name};
    f.summary = first < o_.layer_cosine
                    ? concat("the first layer already has ", agreement_text(*rows.front()->shown.result),
                             " although the input is right")
                : has_few_values(rows.back()->shown.result->count)
                    ? concat("the last layer has ", agreement_text(*rows.back()->shown.result),
                             ", between those that cosines of ", o_.last_cosine, " and ", o_.layer_cosine, " mean")
                    : concat("the last layer's cosine ", cosine_text(last), " lies between ", o_.last_cosine, " and ",
                             o_.layer_cosine);
    f.evidence.push_back(counts);
    f.against.push_back("quantization error is the nearest case of the procedure");
    f.next = concat("compile with compile_mode 1: it is quantization if all layers reach ", o_.layer_cosine, " then");
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
    f.summary = concat(bad, " layers are bad, but in which order the layers are executed is not known");
    f.evidence.push_back(concat(bad, " of ", rows.size(), " layers miss cosine ", o_.layer_cosine, ", the worst is '",
                                worst.shown.name, "' (", short_agreement_text(*worst.shown.result), ")"));
    f.next = "give the network to the diagnosis, or put the compiler's cnn_net_tree.dot into one of the folders";
    return f;
  }

  const run_pair& runs_;
  const diagnose_options& o_;
  std::size_t jump_row_ = 0;
  double worst_jump_ = 0;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
