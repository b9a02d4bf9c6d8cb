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
#include <utility>
#include <vector>

#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

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
      f.evidence.push_back({fact_kind::sign_lost,
                            {{"layer", runs.name_of(r)},
                             {"count", r.values},
                             {"are_integers", r.manner == dump_manner::words_without_sign}}});
    }
    if (count == 0) continue;
    if (count > limit::layers_told) {
      f.evidence.push_back({fact_kind::more_of_them, {{"count", count - limit::layers_told}}});
    }
    f.summary = {fact_kind::read_without_sign, {{"count", count}, {"layer", f.layer}, {"of_reference", of_reference}}};
    f.change.push_back({fact_kind::read_as_signed, {{"are_integers", are_words}}});
    f.rivals.push_back({fault::suspect_layer, fact_kind::sign_explains_it});
    f.next = fact_kind::read_again;
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
    f.summary = {fact_kind::several_pictures,
                 {{"of_reference", batch->of_reference}, {"pictures", batch->items}, {"picture", batch->item}}};
    f.evidence.push_back({fact_kind::dumps_of_pictures, {{"count", count}, {"pictures", batch->items}}});
    f.change.push_back({fact_kind::compare_picture, {{"picture", batch->item}}});
    f.rivals.push_back({fault::other_picture, fact_kind::right_one_is_there});
    all.push_back({.what = std::move(f)});
  }
  const auto add_unreadable = [&](const std::vector<unmatched_layer>& list, bool of_reference) {
    finding f{fault::dump_reading};
    std::size_t unreadable = 0;
    for (const unmatched_layer& u : list) {
      if (!u.is_damaged) continue;
      const std::string& name = of_reference ? runs.reference_name(u.index) : runs.other_name(u.index);
      if (++unreadable == 1) f.layer = name;
      if (unreadable <= limit::layers_told) {
        f.evidence.push_back({fact_kind::unreadable, {{"layer", name}, {"reason", u.reason}}});
      }
    }
    if (unreadable == 0) return;
    f.summary = {fact_kind::dumps_unreadable,
                 {{"count", unreadable}, {"layer", f.layer}, {"of_reference", of_reference}}};
    f.change.push_back(unreadable == 1 ? fact(fact_kind::dump_again, {{"layer", f.layer}})
                                       : fact_kind::dump_these_again);
    f.rivals.push_back({fault::suspect_layer, fact_kind::file_is_damaged});
    f.next = fact_kind::compare_whole_files;
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
/// Long: what is known of each file decides what is said of it.
[[nodiscard]] inline std::vector<found> find_wrong_files(const case_file& file, const findings_so_far&) {
  const run_pair& runs = file.runs();
  std::vector<found> all;
  std::vector<const compared_row*> rows;
  if (file.lab() != nullptr) {
    for (const std::set<layer_output>& region : file.suspects().of_another_run) {
      const network& net = file.lab()->net;
      found f{.what = finding{fault::dump_reading, net.layers[region.begin()->layer].name}};
      f.position = region.begin()->layer;
      f.what.summary = {fact_kind::dumps_of_two_runs, {{"count", region.size()}, {"layer", f.what.layer}}};
      for (const auto& [l, o] : region) {
        f.also_accused.insert(l);
        if (f.what.evidence.size() == limit::layers_told) continue;
        const compared_row* const r = runs.row_of(l, o);
        f.what.evidence.push_back({fact_kind::cosine_of_dump,
                                   {{"layer", output_name(net.layers[l], o)},
                                    {"dump", r->shown.partner},
                                    {"cosine", r->shown.result->cosine}}});
      }
      f.what.evidence.push_back(fact_kind::would_go_on);
      f.what.rivals.push_back({fault::suspect_layer, fact_kind::does_not_heal});
      f.what.rivals.push_back({fault::other_picture, fact_kind::others_are_right});
      f.what.change.push_back(fact_kind::empty_dump_folder);
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
    f.what.summary = {
        fact_kind::part_damaged,
        {{"dump", r->shown.partner}, {"first", part->begin}, {"last", part->end - 1}, {"of", part->count}}};
    f.what.evidence.push_back(fact_kind::agrees_outside);
    f.what.evidence.push_back(fact_kind::file_alone_wrong);
    f.what.rivals.push_back({fault::suspect_layer, fact_kind::would_be_read});
    f.what.change.push_back({fact_kind::dump_and_copy, {{"layer", r->shown.partner}}});
    all.push_back(std::move(f));
  }
  return all;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
