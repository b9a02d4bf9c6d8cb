// Dumps that are not what they are taken for: read without sign, of several pictures, damaged. The file is named, and
// how it is to be read.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline std::string_view run_text(bool of_reference) noexcept {
  return of_reference ? "the reference" : "the other run";
}

/// Values without sign cost digits, so that they are told before what is found with them.
[[nodiscard]] inline std::vector<found> find_lost_signs(const case_file& file, const findings_so_far&) {
  const run_pair& runs = file.runs();
  std::vector<found> all;
  for (const bool of_reference : {false, true}) {
    finding f{fault::dump_reading};
    std::size_t count = 0;
    bool are_words = false;
    for (const dump_reading& r : runs.readings()) {
      if (r.of_reference != of_reference || r.manner == dump_manner::item_of_batch) continue;
      if (++count == 1) {
        f.layer = runs.name_of(r);
        are_words = r.manner == dump_manner::words_without_sign;
      }
      if (count > limit::layers_told) continue;
      f.evidence.push_back(
          concat("'", runs.name_of(r), "': ", r.values, " values are ",
                 r.manner == dump_manner::without_sign
                     ? "2^19 and more, which Q20.12 does not have; less 2^20 they are its negative ones"
                     : "2^31 and more; less 2^32, and divided by 4096, they are negative Q20.12"));
    }
    if (count == 0) continue;
    if (count > limit::layers_told) f.evidence.push_back(concat("and ", count - limit::layers_told, " more"));
    f.summary = concat(count == 1 ? concat("the dump '", f.layer, "'") : concat(count, " dumps"), " of ",
                       run_text(of_reference), count == 1 ? " was" : " were", " read without sign");
    f.change.push_back(concat("read the words of these dumps as signed 32-bit integers (int32), then divide by 4096",
                              are_words ? ", which was left out, too" : ""));
    f.rivals.push_back(
        {fault::suspect_layer, "read with its sign it is compared; large values came from reading alone"});
    f.next = "read them again, then compare again: what is small was lost in the large values";
    all.push_back({.what = std::move(f)});
  }
  return all;
}

/// Dumps of several pictures, of which one was compared; and dumps that cannot be read.
[[nodiscard]] inline std::vector<found> find_other_readings(const case_file& file, const findings_so_far&) {
  const run_pair& runs = file.runs();
  std::vector<found> all;
  const dump_reading* batch = nullptr;
  std::size_t count = 0;
  for (const dump_reading& r : runs.readings()) {
    if (r.manner != dump_manner::item_of_batch) continue;
    if (++count == 1) batch = &r;
  }
  if (batch != nullptr) {
    finding f{fault::dump_reading, runs.name_of(*batch)};
    f.summary =
        concat("the dumps of ", run_text(batch->of_reference), " hold ", batch->items, " pictures, of which number ",
               batch->item, " (from 0) is that of ", run_text(!batch->of_reference));
    f.evidence.push_back(concat(count, " of its dumps have ", batch->items, " times the values; of all ", batch->items,
                                " pictures that one agrees best in all layers together"));
    f.change.push_back(concat("compare with picture ", batch->item, " of each of these dumps, as was done here"));
    f.rivals.push_back({fault::other_picture, "the right one is among them"});
    all.push_back({.what = std::move(f)});
  }
  const auto add_unreadable = [&](const std::vector<unmatched_layer>& list, bool of_reference) {
    finding f{fault::dump_reading};
    std::size_t unreadable = 0;
    for (const unmatched_layer& u : list) {
      if (!u.is_damaged) continue;
      const std::string& name = of_reference ? runs.reference_name(u.index) : runs.other_name(u.index);
      if (++unreadable == 1) f.layer = name;
      if (unreadable <= limit::layers_told) f.evidence.push_back(concat("'", name, "' ", u.reason));
    }
    if (unreadable == 0) return;
    f.summary =
        concat(unreadable == 1 ? concat("the dump '", f.layer, "'") : concat(unreadable, " dumps"), " of ",
               run_text(of_reference), " cannot be read: nothing is concluded about ", unreadable == 1 ? "it" : "them");
    f.change.push_back(unreadable == 1 ? fact(fact_kind::dump_again, {{"layer", f.layer}})
                                       : fact("dump these layers again"));
    f.rivals.push_back({fault::suspect_layer, "the file is damaged, whatever the layer gave"});
    f.next = "compare again with whole files";
    all.push_back({.what = std::move(f)});
  };
  add_unreadable(runs.matching().only_other, false);
  add_unreadable(runs.matching().only_reference, true);
  return all;
}

/// The part of a row's values that are others; nothing where it is none, or nearly all.
struct damaged_part {
  std::size_t begin = 0, end = 0, count = 0;
};
[[nodiscard]] inline std::optional<damaged_part> find_damage(std::span<const float> r, std::span<const float> x) {
  double squares = 0;
  for (const float v : r) squares += static_cast<double>(v) * static_cast<double>(v);
  const double most = limit::other_value * std::sqrt(squares / static_cast<double>(std::max<std::size_t>(r.size(), 1)));
  damaged_part part{r.size(), 0, r.size()};
  std::size_t others = 0;
  for (std::size_t i = 0; i < r.size(); ++i) {
    if (!(std::fabs(static_cast<double>(x[i]) - static_cast<double>(r[i])) > most)) continue;
    part.begin = std::min(part.begin, i);
    part.end = i + 1;
    ++others;
  }
  if (others < limit::few_values) return std::nullopt;
  const auto length = static_cast<double>(part.end - part.begin);
  if (static_cast<double>(others) < limit::damaged_density * length) return std::nullopt;
  return length <= limit::damaged_share * static_cast<double>(r.size()) ? std::optional(part) : std::nullopt;
}

/// Dumps that are not what was computed, because what reads them agrees with the reference all the same: a part of the
/// file is damaged, or several that follow from each other are of another run.
[[nodiscard]] inline std::vector<found> find_wrong_files(const case_file& file, const findings_so_far&) {
  const run_pair& runs = file.runs();
  std::vector<found> all;
  std::vector<const compared_row*> rows;
  if (file.lab() != nullptr) {
    for (const std::set<layer_output>& region : file.suspects().of_another_run) {
      const network& net = file.lab()->net;
      found f{.what = finding{fault::dump_reading, net.layers[region.begin()->layer].name}};
      f.position = region.begin()->layer;
      f.what.summary = concat("the dumps are of two runs: ", region.size(), " layers from '", f.what.layer,
                              "' on are of another picture or an older run");
      for (const auto& [l, o] : region) {
        f.also_accused.insert(l);
        if (f.what.evidence.size() == limit::layers_told) continue;
        const compared_row* const r = runs.row_of(l, o);
        f.what.evidence.push_back(concat("'", output_name(net.layers[l], o), "' (dump '", r->shown.partner,
                                         "'): cosine ", cosine_text(r->shown.result->cosine)));
      }
      f.what.evidence.push_back(
          "what reads them agrees with the reference and does not follow from what they show: a fault would go on");
      f.what.rivals.push_back({fault::suspect_layer, "no fault of a layer heals in the layers behind it"});
      f.what.rivals.push_back({fault::other_picture, "the layers before and behind are of the right one"});
      f.what.change.push_back("empty the folder of the dumps, run once, and compare again");
      all.push_back(std::move(f));
    }
    for (const auto& [l, o] : file.suspects().only_shown_wrongly) {
      const compared_row* const r = runs.row_of(l, o);
      const bool is_told =
          std::any_of(all.begin(), all.end(), [&, at = l](const found& f) { return f.also_accused.contains(at); });
      if (r != nullptr && !is_told) rows.push_back(r);
    }
  } else {
    // The last layers must be good, and everything before: then only the file can be wrong.
    std::size_t bad = 0;
    for (const compared_row& r : runs.rows()) bad += r.shown.result && runs.is_bad(*r.shown.result) ? 1U : 0U;
    if (bad > 1) return all;
    for (auto r = runs.rows().rbegin(); r != runs.rows().rend(); ++r) {
      if (!runs.is_ordered(*r) || !r->shown.result || r->is_inexact) continue;
      const bool is_bad = runs.is_bad(*r->shown.result);
      if (is_bad && (&*r == runs.last_row() || r->is_input)) break;
      if (!is_bad) continue;
      rows.push_back(&*r);
      break;
    }
    if (!rows.empty()) {
      const compared_row* const last = runs.last_row();
      if (last == nullptr || !last->shown.result || runs.is_bad(*last->shown.result)) rows.clear();
    }
  }
  for (const compared_row* r : rows) {
    const aligned_values v = runs.compared_values(*r);
    if (v.reference.empty()) continue;
    const std::optional<damaged_part> part = find_damage(v.reference, v.other);
    if (!part) continue;
    found f{.what = finding{fault::dump_reading, r->shown.name}};
    f.position = file.position_of(*r);
    f.what.summary = concat("a part of the dump '", r->shown.partner, "' is damaged: values ", part->begin, " to ",
                            part->end - 1, " of ", part->count);
    f.what.evidence.push_back(concat("outside of them it agrees with the reference; within them nothing does"));
    f.what.evidence.push_back("what is behind it agrees with the reference: only the file is wrong");
    f.what.rivals.push_back({fault::suspect_layer, "what a layer gives wrongly is wrong in what reads it, too"});
    f.what.change.push_back(
        {fact_kind::dump_again, {{"layer", r->shown.partner}, {"how", ", and look at how that file was copied"}}});
    all.push_back(std::move(f));
  }
  return all;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
