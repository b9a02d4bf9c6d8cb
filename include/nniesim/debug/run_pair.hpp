// Two runs of one network side by side: their layers matched, brought into one order of elements and compared.
// Long: what is found of one row decides what is tried for the next.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/nearest_names.hpp>
#include <nniesim/debug/aligned_values.hpp>
#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/dump_reading.hpp>
#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/debug/in_place_chains.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/match_layers.hpp>
#include <nniesim/debug/size_mismatch.hpp>
#include <nniesim/metrics/format_error.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Layers whose values are read once, as long as they fit in 1 GiB together.
class cached_layers {
 public:
  explicit cached_layers(std::span<const named_values> layers) : layers_(layers) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      cached_.push_back({layers[i].name, layers[i].shape, {}});
      if (layers[i].values) cached_[i].values = [this, i] { return *values(i); };
    }
  }
  cached_layers(const cached_layers&) = delete;
  cached_layers& operator=(const cached_layers&) = delete;

  [[nodiscard]] std::span<const named_values> all() const noexcept { return cached_; }

 private:
  using floats = std::shared_ptr<const std::vector<float>>;

  [[nodiscard]] floats values(std::size_t i) {
    if (const auto found = kept_.find(i); found != kept_.end()) return found->second;
    auto v = std::make_shared<const std::vector<float>>(layers_[i].values());
    held_ += v->size();
    while (held_ > most_cached_floats && !kept_.empty()) {
      held_ -= kept_.begin()->second->size();
      kept_.erase(kept_.begin());
    }
    kept_[i] = v;
    return v;
  }

  std::span<const named_values> layers_;
  std::vector<named_values> cached_;
  std::map<std::size_t, floats> kept_;
  std::size_t held_ = 0;
};

enum class run_side { reference, other };

/// A layer of the reference, and what the other run shows of it.
struct compared_row {
  layer_evidence shown;
  std::size_t reference;               ///< index in the list
  std::optional<std::size_t> other{};  ///< index in the list
  match_relation relation = match_relation::same;
  std::optional<std::size_t> layer{};  ///< of the network, where it is known
  std::size_t output = 0;              ///< of that layer
  bool is_namesake = false;            ///< whether both have the same name, but for marks
  bool is_input = false;
  bool other_is_zero = false, reference_is_zero = false;
  bool is_inexact = false;  ///< one of its dumps was read without sign, as floats, which costs digits
};

/// The rows of two runs, the network's inputs first; and the other run's blobs by the network's.
class run_pair {
 public:
  run_pair(std::span<const named_values> reference, std::span<const named_values> other,
           const diagnose_options& options, const experiment_context* lab)
      : cached_reference_(reference),
        cached_other_(other),
        dumps_(read_as_meant(cached_reference_.all(), cached_other_.all())),
        reference_(dumps_.reference),
        other_(dumps_.other),
        o_(options),
        lab_(lab) {
    require<format_error>(!reference.empty() && !other.empty(), "diagnose: ", reference.size(), " and ", other.size(),
                          " layers, expected some in both runs");
    for (const double limit : {o_.data_cosine, o_.layer_cosine, o_.last_cosine, o_.dip_cosine, o_.norm_error}) {
      require<format_error>(std::isfinite(limit), "diagnose: a limit of ", limit, ", expected finite ones");
    }
    match();
    if (lab_ != nullptr) name_layers();
    if (lab_ != nullptr) take_board_input();
    if (lab_ != nullptr) pair_outputs_by_size();
    if (lab_ != nullptr) find_last_writers();
    for (compared_row& r : rows_) compare_row(r);
    find_inputs();
    sort_rows();
    if (lab_ != nullptr) find_sources();
    find_size_mismatches();
  }

  [[nodiscard]] std::vector<compared_row>& rows() noexcept { return rows_; }
  [[nodiscard]] const std::vector<compared_row>& rows() const noexcept { return rows_; }
  [[nodiscard]] const layer_matching& matching() const noexcept { return matching_; }
  [[nodiscard]] const diagnose_options& limits() const noexcept { return o_; }
  [[nodiscard]] std::size_t compared() const noexcept { return compared_; }
  /// Dumps that are read otherwise than they were given.
  [[nodiscard]] const std::vector<dump_reading>& readings() const noexcept { return dumps_.readings; }
  /// Layers whose namesake has another size, in the order of the rows.
  [[nodiscard]] const std::vector<size_mismatch>& size_mismatches() const noexcept { return size_mismatches_; }
  [[nodiscard]] const std::string& name_of(const dump_reading& r) const {
    return r.of_reference ? reference_[r.index].name : other_[r.index].name;
  }
  /// The in-place layers behind an output whose values the other run shows in its place; none where it shows its own.
  [[nodiscard]] std::span<const std::size_t> shown_through(std::size_t blob, run_side side = run_side::other) const {
    const auto& through = side == run_side::other ? through_ : reference_through_;
    const auto found = through.find(blob);
    return found == through.end() ? std::span<const std::size_t>() : std::span<const std::size_t>(found->second);
  }
  /// Whether nothing says which layer is the network's input, so that the first was taken.
  [[nodiscard]] bool input_is_guessed() const noexcept { return input_is_guessed_; }
  [[nodiscard]] const std::string& reference_name(std::size_t i) const { return reference_[i].name; }
  [[nodiscard]] std::vector<float> reference_values(const compared_row& r) const {
    return reference_[r.reference].values();
  }
  [[nodiscard]] std::vector<float> other_values(const compared_row& r) const { return other_[*r.other].values(); }
  /// Of the other run's list.
  [[nodiscard]] const std::string& other_name(std::size_t i) const { return other_[i].name; }
  [[nodiscard]] std::vector<float> other_values(std::size_t i) const { return other_[i].values(); }
  [[nodiscard]] const tensor_shape& shape(const compared_row& r) const { return reference_[r.reference].shape; }

  /// A row by the network's layer, or by that which the other run shows in its place (shown_through); nullptr where the
  /// reference does not have it.
  [[nodiscard]] compared_row* row_of(std::size_t layer, std::size_t output = 0) {
    auto found = row_of_.find({layer, output});
    if (found == row_of_.end() && lab_ != nullptr && layer < lab_->net.layers.size()) {
      const std::vector<std::size_t>& outputs = lab_->net.layers[layer].outputs;
      const auto through = output < outputs.size() ? shown_through(outputs[output]) : std::span<const std::size_t>();
      if (!through.empty()) found = row_of_.find({through.back(), 0});
    }
    return found == row_of_.end() ? nullptr : &rows_[found->second];
  }
  [[nodiscard]] const compared_row* row_of(std::size_t layer, std::size_t output = 0) const {
    return const_cast<run_pair*>(this)->row_of(layer, output);
  }

  /// What limits of cosines are applied to: of few values their agreement(), where the error is not one of scale.
  [[nodiscard]] double likeness(const comparison& c) const { return is_gain(c) ? c.cosine : agreement(c); }
  [[nodiscard]] bool is_bad(const comparison& c) const { return !(likeness(c) >= o_.layer_cosine); }
  /// An error that is mostly one of scale.
  [[nodiscard]] bool is_gain(const comparison& c) const {
    return c.cosine >= o_.layer_cosine && std::fabs(c.norm_error) >= o_.norm_error && c.norm_error != 0 &&
           std::fabs(c.norm_error) >= limit::gain_share * c.relative_l2_error;
  }
  /// The layers whose values say something, without inputs.
  [[nodiscard]] std::vector<const compared_row*> judged_rows() const {
    std::vector<const compared_row*> result;
    for (const compared_row& r : rows_) {
      const bool counts = r.shown.result && !r.is_input && !r.is_inexact;
      if (counts && r.shown.result->bad_reference + r.shown.result->bad_other == 0) {
        result.push_back(&r);
      }
    }
    return result;
  }

  /// How the other run shows a blob; nothing where it does not.
  [[nodiscard]] std::optional<match_relation> shown_as(std::size_t blob) const {
    const auto found = source_.find(blob);
    return found == source_.end() ? std::nullopt : std::optional(found->second.relation);
  }
  /// The other run's values of a blob, in the network's order of elements; those of a network's input that it does not
  /// show are what it was fed with. Nothing where there are none, or their file cannot be read.
  [[nodiscard]] std::optional<tensor<float>> other_value(std::size_t blob) const {
    const tensor_shape& shape = lab_->net.blobs[blob].shape;
    std::vector<float> x;
    if (const auto found = source_.find(blob); found != source_.end()) {
      const auto [index, relation] = found->second;
      if (is_inexact(false, index)) return std::nullopt;
      try {
        x = other_[index].values();
      } catch (const error&) {
        return std::nullopt;
      }
      const bool moves = relation != match_relation::relu_behind && relation != match_relation::fused_relu &&
                         relation != match_relation::affine && relation != match_relation::prelu_behind &&
                         relation != match_relation::fused_prelu;
      if (moves && (x.size() != shape.size() || relation != match_relation::same)) {
        x = align(relation, std::vector<float>(shape.size(), 1.0F), shape, std::move(x)).other;
      }
    } else if (const auto fed = fed_.find(blob); fed != fed_.end()) {
      const auto values = fed->second.span();
      x.assign(values.begin(), values.end());
    }
    if (x.size() != shape.size()) return std::nullopt;
    tensor<float> result = make_tensor<float>(shape);
    std::copy(x.begin(), x.end(), result.begin());
    return result;
  }
  /// What a side shows of a blob, in the network's order of elements; nothing where it does not.
  [[nodiscard]] std::optional<tensor<float>> value(std::size_t blob, run_side side) const {
    return side == run_side::other ? other_value(blob) : reference_value(blob);
  }
  /// The reference's values of a blob, in the network's order of elements; nothing where it does not show them.
  [[nodiscard]] std::optional<tensor<float>> reference_value(std::size_t blob) const {
    for (const compared_row& r : rows_) {
      if (!r.layer || lab_->net.layers[*r.layer].outputs[r.output] != blob) continue;
      const tensor_shape &given = shape(r), &own = lab_->net.blobs[blob].shape;
      if (given.rank() > 1 && nchw_of(given, given.size()) != nchw_of(own, own.size())) return std::nullopt;
      if (is_inexact(true, r.reference)) return std::nullopt;
      std::vector<float> y;
      try {
        y = reference_values(r);
      } catch (const error&) {
        return std::nullopt;
      }
      if (y.size() != own.size()) return std::nullopt;
      tensor<float> result = make_tensor<float>(lab_->net.blobs[blob].shape);
      std::copy(y.begin(), y.end(), result.begin());
      return result;
    }
    return std::nullopt;
  }
  /// A row's values as they are compared: those of both in one order; empty where there is nothing to compare.
  [[nodiscard]] aligned_values compared_values(const compared_row& r) const {
    if (!r.other) return {};
    return align(r.relation, reference_[r.reference].values(), reference_[r.reference].shape,
                 other_[*r.other].values());
  }
  /// What the error of a row that was compared consists of.
  [[nodiscard]] split_errors errors_of(const compared_row& r) const {
    const aligned_values v = compared_values(r);
    return split(v.reference, v.other, shape(r));
  }
  /// Without a network: the last of the layers whose order is known; nullptr where none is.
  [[nodiscard]] const compared_row* last_row() const {
    const auto last = std::find_if(rows_.rbegin(), rows_.rend(), [&](const compared_row& r) { return is_ordered(r); });
    return last == rows_.rend() ? nullptr : &*last;
  }
  [[nodiscard]] bool is_ordered(const compared_row& r) const { return r.reference < o_.ordered; }

  /// Takes back the guess that some rows are inputs: they are judged like the other ones, where the list has them.
  void guess_no_inputs(const std::set<std::size_t>& references) {
    for (compared_row& r : rows_) r.is_input = r.is_input && !references.contains(r.reference);
    std::stable_sort(rows_.begin(), rows_.end(), [](const compared_row& x, const compared_row& y) {
      return std::pair(!x.is_input, x.reference) < std::pair(!y.is_input, y.reference);
    });
  }

  /// An input that the other run was fed with as it stands, though its content is the reference's in another layout:
  /// from now on it is compared, and handed to the layers, without a permutation.
  void take_as_it_is(std::size_t reference) {
    for (compared_row& r : rows_) {
      if (r.reference != reference || !r.other) continue;
      r.relation = match_relation::same;
      if (r.layer) {
        const auto found = source_.find(lab_->net.layers[*r.layer].outputs[r.output]);
        if (found != source_.end()) found->second.relation = match_relation::same;
      }
    }
  }

 private:
  void match() {
    matching_ = layer_matcher(reference_, other_, 0).run();  // what it reads again is kept here
    std::vector<const layer_match*> partner(reference_.size());
    for (const layer_match& m : matching_.pairs) partner[m.reference] = &m;
    for (std::size_t i = 0; i < reference_.size(); ++i) {
      compared_row r{{}, i};
      r.shown.name = reference_[i].name;
      if (const layer_match* m = partner[i]) {
        r.other = m->other;
        r.relation = r.shown.how = m->relation;
        r.is_namesake = m->names != name_agreement::none;
        r.shown.partner = other_[m->other].name;
        const bool plain = m->relation == match_relation::same || m->relation == match_relation::unverifiable;
        if (!plain || m->names == name_agreement::none) r.shown.relation = m->reason;
      } else {
        for (const unmatched_layer& u : matching_.only_reference) {
          if (u.index == i) r.shown.relation = u.reason;
        }
      }
      rows_.push_back(std::move(r));
    }
  }
  /// Which layers of the network the rows are: by name, or else by name but for marks.
  void name_layers() {
    std::map<std::string, std::pair<std::size_t, std::size_t>> by_name, by_match;
    std::set<std::string> names;
    for (const compared_row& r : rows_) names.insert(layer_key(r.shown.name));
    for (std::size_t l = 0; l < lab_->net.layers.size(); ++l) {
      const layer& x = lab_->net.layers[l];
      // Of a reference that is not folded the last of the merged layers shows what the folded one gives.
      if (!x.merged.empty() && names.contains(layer_key(x.merged.back()))) {
        by_name.try_emplace(layer_key(x.merged.back()), l, 0);
        continue;
      }
      for (std::size_t o = 0; o < x.outputs.size(); ++o) {
        by_name.try_emplace(layer_key(output_name(x, o)), l, o);
        by_match.try_emplace(match_key(output_name(x, o)), l, o);
      }
    }
    const auto find = [&](const std::string& name) -> std::optional<layer_output> {
      auto found = by_name.find(layer_key(name));
      if (found == by_name.end()) {
        found = by_match.find(match_key(name));
        if (found == by_match.end()) return std::nullopt;
      }
      return layer_output{found->second.first, found->second.second};
    };
    std::set<layer_output> taken;
    for (compared_row& r : rows_) {
      const std::optional<layer_output> at = find(r.shown.name);
      if (!at) continue;
      r.layer = at->layer;
      r.output = at->output;
      taken.insert(*at);
    }
    // Of a reference with names of its own the partners tell.
    for (compared_row& r : rows_) {
      if (r.layer || !r.other || r.relation == match_relation::differs) continue;
      const std::optional<layer_output> at = find(other_[*r.other].name);
      if (!at || !taken.insert(*at).second) continue;
      r.layer = at->layer;
      r.output = at->output;
    }
  }

  // ---- layers that work in place ----

  /// A blob holds what its last writer gave: pairs dumps of the first writer's name with that writer, where its result,
  /// from what the run shows as its inputs, or else from the network's, is what the dump holds.
  /// Long: one search, whose steps share the chain that is looked at.
  void find_last_writers() {
    const std::vector<in_place_chain> chains = in_place_chains(lab_->net);
    if (chains.empty()) return;
    std::optional<network_runner> in_float;
    const auto blob_in_float = [&](std::size_t blob) -> std::optional<tensor<float>> {
      if (!in_float) {
        if (lab_->inputs.empty()) return std::nullopt;
        in_float.emplace(lab_->net, float_plan(lab_->net), runner_options{.keep_all = true, .threads = lab_->threads});
        in_float->run(lab_->inputs);
      }
      return in_float->value(blob);
    };
    // What a run shows of a blob: of the chains that are done, the last writer's dump.
    std::array<std::map<std::size_t, std::size_t>, 2> dump_of_blob;
    for (const std::size_t side : {0U, 1U}) {
      const std::span<const named_values> list = side == 0 ? reference_ : other_;
      for (std::size_t l = 0; l < lab_->net.layers.size(); ++l) {
        if (const auto dump = dump_of(list, lab_->net.layers[l]))
          dump_of_blob[side][lab_->net.layers[l].outputs[0]] = *dump;
      }
    }
    for (const in_place_chain& c : chains) {
      std::array<std::optional<std::size_t>, 2> shown{};  // index of the writer, 0 the first
      for (const std::size_t side : {0U, 1U}) {
        const std::span<const named_values> list = side == 0 ? reference_ : other_;
        const auto dump = dump_of(list, lab_->net.layers[c.first]);
        if (!dump || is_inexact(side == 0, *dump)) continue;
        std::vector<float> values;
        try {
          values = list[*dump].values();
        } catch (const error&) {
          continue;
        }
        std::vector<tensor<float>> inputs;
        for (const std::size_t b : lab_->net.layers[c.first].inputs) {
          std::optional<tensor<float>> x;
          if (const auto at = dump_of_blob[side].find(b); at != dump_of_blob[side].end()) {
            try {
              const std::vector<float> v = list[at->second].values();
              if (v.size() == lab_->net.blobs[b].shape.size()) {
                x = make_tensor<float>(lab_->net.blobs[b].shape);
                std::copy(v.begin(), v.end(), x->begin());
              }
            } catch (const error&) {
            }
          }
          if (!x) x = blob_in_float(b);
          if (!x) break;
          inputs.push_back(std::move(*x));
        }
        if (inputs.size() != lab_->net.layers[c.first].inputs.size()) continue;
        std::vector<bool> has_own = {true};
        for (const std::size_t l : c.writers) has_own.push_back(dump_of(list, lab_->net.layers[l]).has_value());
        shown[side] = writer_shown(run_chain(*lab_, c, std::move(inputs)), values, has_own);
      }
      bool is_moved = false;
      // Where one run is not clear about it, as a faulty layer is not, both are taken to be written alike, and where
      // neither is, by blobs; as far as the network's blobs have one name.
      const std::array<bool, 2> is_clear = {shown[0].has_value(), shown[1].has_value()};
      for (const std::size_t side : {0U, 1U}) {
        if (!shown[side] && c.is_declared) shown[side] = shown[1 - side].value_or(c.writers.size());
        const std::span<const named_values> list = side == 0 ? reference_ : other_;
        const auto dump = dump_of(list, lab_->net.layers[c.first]);
        if (!shown[side] || *shown[side] == 0 || !dump) continue;
        const std::size_t writer = c.writers[*shown[side] - 1];
        const bool has_own = dump_of(list, lab_->net.layers[writer]).has_value();
        if (has_own && !is_clear[side]) continue;
        is_moved = true;
        const std::size_t first_blob = lab_->net.layers[c.first].outputs[0];
        dump_of_blob[side].erase(first_blob);
        if (!has_own) dump_of_blob[side][lab_->net.layers[writer].outputs[0]] = *dump;
        if (has_own) leave_alone(side == 0, *dump, writer);
        if (side == 0) {
          reference_through_[first_blob].assign(c.writers.begin(),
                                                c.writers.begin() + static_cast<std::ptrdiff_t>(*shown[0]));
        }
        if (side == 1) {
          through_[first_blob].assign(c.writers.begin(), c.writers.begin() + static_cast<std::ptrdiff_t>(*shown[1]));
          if (!has_own) other_writer_[*dump] = writer;
          continue;
        }
        for (compared_row& r : rows_) {
          if (r.reference != *dump || r.layer != c.first) continue;
          r.layer = has_own ? std::nullopt : std::optional(writer);
        }
      }
      if (c.is_declared || is_moved) pair_last_writer(c);
    }
  }

  /// A dump that holds what a later writer gave, which has a dump of its own: it says nothing of the layer in its name.
  void leave_alone(bool of_reference, std::size_t dump, std::size_t writer) {
    if (!of_reference) left_alone_.insert(dump);
    for (compared_row& r : rows_) {
      if (!r.other || !is_plain(r.relation) || (of_reference ? r.reference : *r.other) != dump) continue;
      unmatched_layer u;
      u.reason = message("the ", of_reference ? "reference's" : "other run's", " dump holds what '",
                         lab_->net.layers[writer].name, "' wrote last");
      u.is_explained = true;
      u.index = *r.other;
      matching_.only_other.push_back(u);
      u.index = r.reference;
      matching_.only_reference.push_back(u);
      std::erase_if(matching_.pairs, [&](const layer_match& m) { return m.reference == r.reference; });
      r.other.reset();
      r.shown.partner.clear();
      r.shown.relation = u.reason;
    }
  }
  /// Pairs the rows of a chain with what the other run shows of the same writer.
  void pair_last_writer(const in_place_chain& c) {
    std::vector<std::size_t> all = {c.first};
    all.insert(all.end(), c.writers.begin(), c.writers.end());
    for (compared_row& r : rows_) {
      if (!r.layer || std::find(all.begin(), all.end(), *r.layer) == all.end()) continue;
      std::optional<std::size_t> partner;
      for (const auto& [dump, writer] : other_writer_) {
        if (writer == *r.layer) partner = dump;
      }
      if (!partner) {
        partner = dump_of(other_, lab_->net.layers[*r.layer]);
        const bool is_anothers = partner && (other_writer_.contains(*partner) || left_alone_.contains(*partner));
        if (is_anothers) partner.reset();
      }
      if (!partner || (r.other && *r.other == *partner && is_plain(r.relation))) continue;
      if (other_[*partner].shape.size() != reference_[r.reference].shape.size()) continue;
      take_partner(r, *partner, message("both hold what '", lab_->net.layers[*r.layer].name, "' wrote last"));
    }
  }
  [[nodiscard]] static bool is_plain(match_relation r) noexcept {
    return r == match_relation::same || r == match_relation::differs || r == match_relation::unverifiable;
  }
  /// Gives a row another partner than the matcher did; rows that had it have none then.
  void take_partner(compared_row& r, std::size_t partner, std::string why) {
    for (compared_row& x : rows_) {
      if (&x == &r || x.other != partner) continue;
      x.other.reset();
      x.shown.partner.clear();
      x.shown.relation = message("'", other_[partner].name, "' corresponds to '", r.shown.name, "'");
      unmatched_layer u;
      u.index = x.reference;
      u.reason = x.shown.relation;
      u.is_explained = true;
      matching_.only_reference.push_back(std::move(u));
    }
    r.other = partner;
    r.relation = r.shown.how = match_relation::same;
    r.is_namesake = match_key(r.shown.name) == match_key(other_[partner].name);
    r.shown.partner = other_[partner].name;
    r.shown.relation = std::move(why);
    std::erase_if(matching_.only_reference, [&](const unmatched_layer& x) { return x.index == r.reference; });
    std::erase_if(matching_.only_other, [&](const unmatched_layer& x) { return x.index == partner; });
    std::erase_if(matching_.pairs,
                  [&](const layer_match& m) { return m.reference == r.reference || m.other == partner; });
    layer_match m;
    m.reference = r.reference;
    m.other = partner;
    m.names = r.is_namesake ? name_agreement::same : name_agreement::none;
    m.reason = r.shown.relation;
    for (std::size_t i = 0; i < other_.size() && !r.is_namesake; ++i) {
      if (match_key(other_[i].name) == match_key(r.shown.name)) m.namesake = i;
    }
    matching_.pairs.push_back(std::move(m));
  }
  [[nodiscard]] bool is_inexact(bool of_reference, std::size_t index) const {
    return std::any_of(dumps_.readings.begin(), dumps_.readings.end(), [&](const dump_reading& d) {
      return d.of_reference == of_reference && d.index == index && d.manner != dump_manner::item_of_batch;
    });
  }

  // ---- sizes ----

  [[nodiscard]] std::optional<size_mismatch> mismatch(std::size_t row, std::size_t other) const {
    auto m = find_size_mismatch(reference_[rows_[row].reference], other_[other]);
    if (m) {
      m->row = row;
      m->other = other;
    }
    return m;
  }
  void find_size_mismatches() {
    std::map<std::string, std::size_t> by_name;
    for (std::size_t i = 0; i < other_.size(); ++i) by_name.emplace(match_key(other_[i].name), i);
    std::set<std::size_t> taken;  // of the other's
    for (const compared_row& r : rows_) {
      if (r.other) taken.insert(*r.other);
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const auto found = by_name.find(match_key(rows_[i].shown.name));
      if (rows_[i].other || found == by_name.end() || taken.contains(found->second)) continue;
      if (const auto m = mismatch(i, found->second)) {
        size_mismatches_.push_back(*m);
        taken.insert(found->second);
      }
    }
    // Names that are nobody's: maps of which the common part agrees.
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const bool has_namesake = by_name.contains(match_key(rows_[i].shown.name));
      if (rows_[i].other || has_namesake) continue;
      std::optional<size_mismatch> best;
      for (std::size_t x = 0; x < other_.size(); ++x) {
        if (taken.contains(x) || other_[x].shape.rank() < 3 || shape(rows_[i]).rank() < 3) continue;
        const auto m = mismatch(i, x);
        if (!m || !(m->common >= limit::certain_threshold) || (best && best->common >= m->common)) continue;
        best = m;
      }
      if (!best) continue;
      size_mismatches_.push_back(*best);
      taken.insert(best->other);
      if (lab_ == nullptr || rows_[i].layer) continue;
      for (std::size_t l = 0; l < lab_->net.layers.size(); ++l) {
        const bool is_his = match_key(lab_->net.layers[l].name) == match_key(other_[best->other].name);
        if (is_his && !row_of_.contains({l, 0})) rows_[i].layer = l;
      }
    }
    std::sort(size_mismatches_.begin(), size_mismatches_.end(), [&](const size_mismatch& a, const size_mismatch& b) {
      constexpr std::size_t last = std::numeric_limits<std::size_t>::max();
      return std::pair(rows_[a.row].layer.value_or(last), a.row) < std::pair(rows_[b.row].layer.value_or(last), b.row);
    });
  }
  /// Layer 0 of a board's dumps is the data layer: that of one input that has no partner by name or content.
  void take_board_input() {
    compared_row* input = nullptr;
    for (compared_row& r : rows_) {
      if (!r.layer || !std::holds_alternative<layers::input>(lab_->net.layers[*r.layer].params)) continue;
      if (input != nullptr) return;
      input = &r;
    }
    if (input == nullptr || input->other) return;
    for (const unmatched_layer& u : matching_.only_other) {
      const std::string& name = other_[u.index].name;
      if (match_key(name.substr(name.rfind('/') + 1)) != match_key("seg0_layer0") || u.is_unreadable) continue;
      if (other_[u.index].values().size() != shape(*input).size()) continue;
      input->other = u.index;
      input->relation = input->shown.how = match_relation::same;
      input->shown.partner = name;
      input->shown.relation = "layer 0 of a board's dumps is the data layer";
      std::erase_if(matching_.only_reference, [&](const unmatched_layer& x) { return x.index == input->reference; });
      return;
    }
  }
  /// Where nothing has a partner, as a board's names and an output with a fault give none: an output of the network is
  /// the other run's layer of its size, if each is the only one of that size.
  void pair_outputs_by_size() {
    if (std::any_of(rows_.begin(), rows_.end(), [](const compared_row& r) { return r.other && !r.is_input; })) return;
    std::set<layer_output> outputs;
    for (const auto& [l, o] : network_outputs(lab_->net)) outputs.insert({l, o});
    std::map<std::size_t, std::vector<compared_row*>> rows;  // by size
    for (compared_row& r : rows_) {
      if (!r.other && r.layer && outputs.contains({*r.layer, r.output})) rows[shape(r).size()].push_back(&r);
    }
    std::map<std::size_t, std::vector<std::size_t>> others;
    for (const unmatched_layer& u : matching_.only_other) {
      if (!u.is_unreadable) others[other_[u.index].values().size()].push_back(u.index);
    }
    for (const auto& [size, of_size] : rows) {
      const auto found = others.find(size);
      if (of_size.size() != 1 || found == others.end() || found->second.size() != 1) continue;
      compared_row& r = *of_size.front();
      r.other = found->second.front();
      r.relation = r.shown.how = match_relation::differs;
      r.shown.partner = other_[*r.other].name;
      r.shown.relation = message("the only output of ", size, " values in both");
      std::erase_if(matching_.only_reference, [&](const unmatched_layer& x) { return x.index == r.reference; });
      std::erase_if(matching_.only_other, [&](const unmatched_layer& x) { return x.index == *r.other; });
    }
  }
  void compare_row(compared_row& r) {
    if (!r.other) return;
    aligned_values v =
        align(r.relation, reference_[r.reference].values(), reference_[r.reference].shape, other_[*r.other].values());
    if (v.reference.empty()) return;
    ++compared_;
    r.is_inexact = is_inexact(true, r.reference) || is_inexact(false, *r.other);
    r.reference_is_zero = is_zero(v.reference);
    r.other_is_zero = is_zero(v.other);
    r.shown.result = compare_values(v.reference, v.other);
    const comparison& c = *r.shown.result;
    if (c.bad_reference + c.bad_other == 0) {
      const auto view = [](const std::vector<float>& x) { return tensor_view<const float>(x, {x.size()}); };
      const bool is_planned = r.layer && lab_->plan.layers[*r.layer].encodes();  // else 8 bits are the measure
      r.shown.floor_ratio =
          is_planned ? lab_->policies[lab_->plan.layers[*r.layer]].floor_ratio(view(v.reference), view(v.other))
                     : telling_floor_ratio<gfpq8>(view(v.reference), view(v.other));
    }
    r.shown.suspicious = is_bad(c) || is_gain(c) || r.is_inexact;
  }
  void find_inputs() {
    for (const std::string& name : o_.data_layers) {
      const auto found =
          std::find_if(rows_.begin(), rows_.end(), [&](const compared_row& r) { return r.shown.name == name; });
      if (found == rows_.end()) {
        std::vector<std::string_view> names;
        for (const compared_row& r : rows_) names.push_back(r.shown.name);
        throw format_error(message("diagnose: no layer ", excerpt(name),
                                   " in the reference, expected the names of its ", "inputs",
                                   nearest_names(name, names)));
      }
      found->is_input = true;
    }
    if (!o_.data_layers.empty()) return;
    if (lab_ != nullptr) {
      for (compared_row& r : rows_) {
        r.is_input = r.layer && std::holds_alternative<layers::input>(lab_->net.layers[*r.layer].params);
      }
      return;
    }
    // What inputs are called; the less certain names only where none of the others is there.
    const auto is_called = [](const std::string& name) {
      return name == "data" || name == "input" || name == "image" || name == "img";
    };
    const auto may_be_called = [](const std::string& name) {
      return name.starts_with("data_") || name.starts_with("input_") || name.ends_with("_data");
    };
    const auto mark = [&](const auto& fits) {
      bool any = false;
      for (compared_row& r : rows_) {
        std::string name = r.shown.name;
        for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        r.is_input = fits(name);
        any = any || r.is_input;
      }
      return any;
    };
    if (mark(is_called)) return;
    input_is_guessed_ = true;
    (void)mark(may_be_called);
    // What stands behind a layer that is none is none either.
    bool is_behind = false;
    for (compared_row& r : rows_) {
      is_behind = is_behind || (is_ordered(r) && !r.is_input);
      r.is_input = r.is_input && !is_behind;
    }
    const bool any = std::any_of(rows_.begin(), rows_.end(), [](const compared_row& r) { return r.is_input; });
    if (!any && o_.ordered != 0) rows_.front().is_input = true;
  }

  /// The inputs first, all in the network's order where that is known.
  void sort_rows() {
    constexpr std::size_t last = std::numeric_limits<std::size_t>::max();
    const auto place = [&](const compared_row& r) { return std::pair(!r.is_input, r.layer.value_or(last)); };
    std::stable_sort(rows_.begin(), rows_.end(),
                     [&](const compared_row& x, const compared_row& y) { return place(x) < place(y); });
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (rows_[i].layer) row_of_.try_emplace(layer_output{*rows_[i].layer, rows_[i].output}, i);
    }
  }

  void find_sources() {
    std::map<std::string, std::size_t> by_name;
    for (std::size_t i = 0; i < other_.size(); ++i) by_name.emplace(match_key(other_[i].name), i);
    std::vector<bool> is_paired(other_.size());
    for (const compared_row& r : rows_) {
      if (r.other && r.layer) is_paired[*r.other] = true;
    }
    std::size_t input = 0;
    for (std::size_t l = 0; l < lab_->net.layers.size(); ++l) {
      const layer& x = lab_->net.layers[l];
      for (std::size_t o = 0; o < x.outputs.size(); ++o) {
        if (!shown_through(x.outputs[o]).empty()) continue;  // what has its name is what a layer behind it wrote
        const compared_row* const r = row_of(l, o);
        const auto found = by_name.find(match_key(output_name(x, o)));
        // An input is what it was given as, whatever the content.
        const bool is_input = r != nullptr && r->is_input && found != by_name.end();
        if (r != nullptr && r->other && (r->is_namesake || !is_input)) {
          source_[x.outputs[o]] = {*r->other, r->relation};
        } else if (found != by_name.end() && (is_input || !is_paired[found->second])) {
          source_[x.outputs[o]] = {found->second, match_relation::same};
        }
      }
      if (std::holds_alternative<layers::input>(x.params) && input < lab_->inputs.size()) {
        fed_.emplace(x.outputs[0], lab_->inputs[input++]);
      }
    }
  }

  struct source {
    std::size_t index;  ///< in the other's list
    match_relation relation;
  };

  cached_layers cached_reference_, cached_other_;
  read_dumps dumps_;
  std::span<const named_values> reference_, other_;
  const diagnose_options& o_;
  const experiment_context* lab_;
  layer_matching matching_;
  std::vector<compared_row> rows_;
  std::map<layer_output, std::size_t> row_of_;
  std::map<std::size_t, source> source_;                     ///< of a blob
  std::map<std::size_t, tensor_view<const float>> fed_;      ///< of an input's blob
  std::map<std::size_t, std::vector<std::size_t>> through_;  ///< of a blob: the writers behind it that the other shows
  std::map<std::size_t, std::vector<std::size_t>> reference_through_;  ///< the same of the reference
  std::map<std::size_t, std::size_t> other_writer_;  ///< of the other's dumps that show a layer behind theirs
  std::set<std::size_t> left_alone_;                 ///< of the other's dumps, whose values another one has, too
  std::vector<size_mismatch> size_mismatches_;
  std::size_t compared_ = 0;
  bool input_is_guessed_ = false;
};

/// How many layers miss the limit, the first and the last of them all.
[[nodiscard]] inline fact layers_miss_limit(std::size_t bad, std::size_t of, double limit, const compared_row& first,
                                            const compared_row& last) {
  std::vector<fact_field> fields = {{"count", bad}, {"of", of}, {"limit", limit}, {"layer", first.shown.name}};
  for (const auto& [row, cosine, error] :
       {std::tuple(&first, "first_cosine", "first_error"), std::tuple(&last, "last_cosine", "last_error")}) {
    const comparison& c = *row->shown.result;
    if (has_few_values(c.count)) fields.push_back({error, c.relative_l2_error});
    else fields.push_back({cosine, c.cosine});
  }
  return {fact_kind::layers_miss_limit, std::move(fields)};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
