// Two runs of one network side by side: their layers matched, brought into one order of elements and compared.
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
#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/error_parts.hpp>
#include <nniesim/debug/laboratory.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/match_layers.hpp>
#include <nniesim/metrics/format_error.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The other's values in the reference's order of elements, and the reference's as the relation asks; empty where the
/// relation gives no values to compare.
struct aligned_values {
  std::vector<float> reference, other;
};

[[nodiscard]] inline std::array<std::size_t, 4> nchw_of(const tensor_shape& shape, std::size_t count) {
  std::array<std::size_t, 4> dims{1, count, 1, 1};
  if (shape.rank() >= 1 && shape.rank() <= 4 && shape.size() == count) {
    dims = {1, 1, 1, 1};
    constexpr std::array<std::size_t, 5> first = {0, 1, 0, 1, 0};
    std::copy(shape.begin(), shape.end(), dims.begin() + static_cast<std::ptrdiff_t>(first[shape.rank()]));
  }
  return dims;
}

[[nodiscard]] inline aligned_values align(match_relation relation, std::vector<float> y, const tensor_shape& shape,
                                          std::vector<float> x) {
  const auto relu = [](std::vector<float>& v) {
    for (float& f : v) f = rectified(f);
  };
  const auto d = nchw_of(shape, y.size());
  std::optional<std::vector<float>> back;
  switch (relation) {
    case match_relation::same:
    case match_relation::differs:
    case match_relation::unverifiable: break;
    case match_relation::relu_behind: relu(x); break;
    case match_relation::fused_relu: relu(y); break;
    case match_relation::channels_last:
      if (x.size() == y.size()) x = permuted(x, {d[0], d[2], d[3], d[1]}, {0, 3, 1, 2});
      break;
    case match_relation::channels_first:
      if (x.size() == y.size()) x = permuted(x, {d[0], d[3], d[1], d[2]}, {0, 2, 3, 1});
      break;
    case match_relation::transposed:
      if (x.size() != y.size()) break;
      if (shape.rank() == 2) x = permuted(x, {d[1], d[0], 1, 1}, {1, 0, 2, 3});
      else x = permuted(x, {d[0], d[1], d[3], d[2]}, {0, 1, 3, 2});
      break;
    case match_relation::channels_padded:
      if (x.size() >= y.size() && x.size() % d[0] == 0) {
        back = without_padding(x, d[0], y.size() / d[0], x.size() / d[0]);
      }
      break;
    case match_relation::rows_padded:
      if (x.size() >= y.size() && x.size() % (y.size() / d[3]) == 0) {
        back = without_padding(x, y.size() / d[3], d[3], x.size() / (y.size() / d[3]));
      }
      break;
    case match_relation::affine: return {};
  }
  if (back) x = std::move(*back);
  if (x.size() != y.size()) return {};
  return {std::move(y), std::move(x)};
}

[[nodiscard]] inline comparison compare_values(std::span<const float> r, std::span<const float> x) {
  comparison_accumulator sums;
  sums.add(r, x);
  return sums.result();
}

[[nodiscard]] inline bool is_zero(std::span<const float> x) {
  return std::all_of(x.begin(), x.end(), [](float v) { return v == 0.0F; });
}

/// What a layer's error consists of, and which channels carry it.
struct split_errors {
  error_parts parts{};
  std::size_t channels = 0, most_channels = 0;  ///< all; those that carry 90 % of its square
  std::vector<channel_error> worst_channels{};
};

[[nodiscard]] inline split_errors split(std::span<const float> r, std::span<const float> x, const tensor_shape& shape) {
  const auto [n, c, h, w] = nchw_of(shape, r.size());
  const tensor_shape nchw{n, c, h, w};
  const tensor_view<const float> reference(r, nchw), other(x, nchw);
  const channel_error_list all = channel_errors(reference, other);
  split_errors s{split_error(reference, other), all.channels.size(), all.most};
  const std::size_t shown = std::min(all.channels.size(), layer_evidence::most_worst_channels);
  s.worst_channels.assign(all.channels.begin(), all.channels.begin() + static_cast<std::ptrdiff_t>(shown));
  return s;
}
inline void note(layer_evidence& e, const split_errors& s) {
  e.parts = s.parts;
  e.channels = s.channels;
  e.most_channels = s.most_channels;
  e.worst_channels = s.worst_channels;
}

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
};

/// The rows of two runs, the network's inputs first; and the other run's blobs by the network's.
class run_pair {
 public:
  run_pair(std::span<const named_values> reference, std::span<const named_values> other,
           const diagnose_options& options, const laboratory* lab)
      : cached_reference_(reference),
        cached_other_(other),
        reference_(cached_reference_.all()),
        other_(cached_other_.all()),
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
    for (compared_row& r : rows_) compare_row(r);
    find_inputs();
    sort_rows();
    if (lab_ != nullptr) find_sources();
  }

  [[nodiscard]] std::vector<compared_row>& rows() noexcept { return rows_; }
  [[nodiscard]] const std::vector<compared_row>& rows() const noexcept { return rows_; }
  [[nodiscard]] const layer_matching& matching() const noexcept { return matching_; }
  [[nodiscard]] const diagnose_options& limits() const noexcept { return o_; }
  [[nodiscard]] std::size_t compared() const noexcept { return compared_; }
  /// Whether nothing says which layer is the network's input, so that the first was taken.
  [[nodiscard]] bool input_is_guessed() const noexcept { return input_is_guessed_; }
  [[nodiscard]] const std::string& reference_name(std::size_t i) const { return reference_[i].name; }
  [[nodiscard]] std::vector<float> reference_values(const compared_row& r) const {
    return reference_[r.reference].values();
  }
  [[nodiscard]] std::vector<float> other_values(const compared_row& r) const { return other_[*r.other].values(); }
  [[nodiscard]] const tensor_shape& shape(const compared_row& r) const { return reference_[r.reference].shape; }

  /// A row by the network's layer; nullptr where the reference does not have it.
  [[nodiscard]] compared_row* row_of(std::size_t layer, std::size_t output = 0) {
    const auto found = row_of_.find({layer, output});
    return found == row_of_.end() ? nullptr : &rows_[found->second];
  }
  [[nodiscard]] const compared_row* row_of(std::size_t layer, std::size_t output = 0) const {
    return const_cast<run_pair*>(this)->row_of(layer, output);
  }

  [[nodiscard]] bool is_bad(const comparison& c) const { return !(c.cosine >= o_.layer_cosine); }
  /// An error that is mostly one of scale.
  [[nodiscard]] bool is_gain(const comparison& c) const {
    return c.cosine >= o_.layer_cosine && std::fabs(c.norm_error) >= o_.norm_error && c.norm_error != 0 &&
           std::fabs(c.norm_error) >= limit::gain_share * c.relative_l2_error;
  }
  /// The layers whose values say something, without inputs.
  [[nodiscard]] std::vector<const compared_row*> judged_rows() const {
    std::vector<const compared_row*> result;
    for (const compared_row& r : rows_) {
      if (r.shown.result && !r.is_input && r.shown.result->bad_reference + r.shown.result->bad_other == 0) {
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
      try {
        x = other_[index].values();
      } catch (const error&) {
        return std::nullopt;
      }
      const bool moves = relation != match_relation::relu_behind && relation != match_relation::fused_relu &&
                         relation != match_relation::affine;
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
    for (compared_row& r : rows_) {
      auto found = by_name.find(layer_key(r.shown.name));
      if (found == by_name.end()) {
        found = by_match.find(match_key(r.shown.name));
        if (found == by_match.end()) continue;
      }
      std::tie(r.layer, r.output) = found->second;
    }
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
  void compare_row(compared_row& r) {
    if (!r.other) return;
    aligned_values v =
        align(r.relation, reference_[r.reference].values(), reference_[r.reference].shape, other_[*r.other].values());
    if (v.reference.empty()) return;
    ++compared_;
    r.reference_is_zero = is_zero(v.reference);
    r.other_is_zero = is_zero(v.other);
    r.shown.result = compare_values(v.reference, v.other);
    const comparison& c = *r.shown.result;
    if (c.bad_reference + c.bad_other == 0) {
      const auto view = [](const std::vector<float>& x) { return tensor_view<const float>(x, {x.size()}); };
      const bool is_planned = r.layer && lab_->plan.layers[*r.layer].encodes();  // else 8 bits are the measure
      r.shown.floor_ratio =
          is_planned ? lab_->policies[lab_->plan.layers[*r.layer]].floor_ratio(view(v.reference), view(v.other))
                     : floor_ratio<gfpq8>(view(v.reference), view(v.other));
    }
    r.shown.suspicious = is_bad(c) || is_gain(c);
    note(r.shown, split(v.reference, v.other, shape(r)));
  }
  void find_inputs() {
    for (const std::string& name : o_.data_layers) {
      const auto found =
          std::find_if(rows_.begin(), rows_.end(), [&](const compared_row& r) { return r.shown.name == name; });
      if (found == rows_.end()) {
        std::vector<std::string_view> names;
        for (const compared_row& r : rows_) names.push_back(r.shown.name);
        throw format_error(concat("diagnose: no layer ", excerpt(name), " in the reference, expected the names of its ",
                                  "inputs", nearest_names(name, names)));
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
  std::span<const named_values> reference_, other_;
  const diagnose_options& o_;
  const laboratory* lab_;
  layer_matching matching_;
  std::vector<compared_row> rows_;
  std::map<layer_output, std::size_t> row_of_;
  std::map<std::size_t, source> source_;                 ///< of a blob
  std::map<std::size_t, tensor_view<const float>> fed_;  ///< of an input's blob
  std::size_t compared_ = 0;
  bool input_is_guessed_ = false;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
