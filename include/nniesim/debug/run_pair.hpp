// Two runs of one network side by side: their layers matched, brought into one order of elements and compared.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/error_parts.hpp>
#include <nniesim/debug/laboratory.hpp>
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
      if (x.size() % d[0] == 0) back = without_padding(x, d[0], y.size() / d[0], x.size() / d[0]);
      break;
    case match_relation::rows_padded:
      if (x.size() % (y.size() / d[3]) == 0) {
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

/// Notes what a layer's error consists of, and which channels carry it.
inline void split(layer_evidence& e, std::span<const float> r, std::span<const float> x, const tensor_shape& shape) {
  const tensor_shape known = shape.size() == r.size() && shape.rank() != 0 ? shape : tensor_shape{r.size()};
  const tensor_view<const float> reference(r, known), other(x, known);
  e.parts = split_error(reference, other);
  const channel_error_list all = channel_errors(reference, other);
  e.channels = all.channels.size();
  e.most_channels = all.most;
  const std::size_t shown = std::min(all.channels.size(), layer_evidence::most_worst_channels);
  e.worst_channels.assign(all.channels.begin(), all.channels.begin() + static_cast<std::ptrdiff_t>(shown));
}

/// A layer of the reference, and what the other run shows of it.
struct layer_row {
  layer_evidence shown;
  std::size_t reference;               ///< index in the list
  std::optional<std::size_t> other{};  ///< index in the list
  match_relation relation = match_relation::same;
  bool is_input = false;
  bool other_is_zero = false, reference_is_zero = false;
};

/// The rows of two runs, the network's inputs first; and the other run's blobs by the network's.
class run_pair {
 public:
  using row = layer_row;

  run_pair(std::span<const named_values> reference, std::span<const named_values> other,
           const diagnose_options& options, const laboratory* lab)
      : reference_(reference), other_(other), o_(options), lab_(lab) {
    require<format_error>(!reference.empty() && !other.empty(), "diagnose: ", reference.size(), " and ", other.size(),
                          " layers, expected some in both runs");
    match();
    find_inputs();
    if (lab_ != nullptr) find_sources();
  }

  [[nodiscard]] std::vector<row>& rows() noexcept { return rows_; }
  [[nodiscard]] const std::vector<row>& rows() const noexcept { return rows_; }
  [[nodiscard]] const layer_matching& matching() const noexcept { return matching_; }
  [[nodiscard]] std::size_t compared() const noexcept { return compared_; }
  /// Whether nothing says which layer is the network's input, so that the first was taken.
  [[nodiscard]] bool input_is_guessed() const noexcept { return input_is_guessed_; }
  [[nodiscard]] std::vector<float> reference_values(const row& r) const { return reference_[r.reference].values(); }
  [[nodiscard]] std::vector<float> other_values(const row& r) const { return other_[*r.other].values(); }
  [[nodiscard]] const tensor_shape& shape(const row& r) const { return reference_[r.reference].shape; }

  [[nodiscard]] std::optional<std::size_t> layer_named(std::string_view name) const {
    if (lab_ == nullptr) return std::nullopt;
    const std::string key = layer_key(name);
    for (std::size_t l = 0; l < lab_->net.layers.size(); ++l) {
      if (layer_key(lab_->net.layers[l].name) == key) return l;
    }
    return std::nullopt;
  }
  [[nodiscard]] const row* row_named(std::string_view name) const {
    const std::string key = layer_key(name);
    for (const row& r : rows_) {
      if (layer_key(r.shown.name) == key) return &r;
    }
    return nullptr;
  }

  [[nodiscard]] bool is_bad(const comparison& c) const { return !(c.cosine >= o_.layer_cosine); }
  /// An error that is mostly one of scale.
  [[nodiscard]] bool is_gain(const comparison& c) const {
    return c.cosine >= o_.layer_cosine && std::fabs(c.relative_l2) >= o_.norm_error &&
           std::fabs(c.relative_l2) >= 0.5 * c.relative_difference;
  }
  /// The layers whose values say something, without inputs.
  [[nodiscard]] std::vector<const row*> judged_rows() const {
    std::vector<const row*> result;
    for (const row& r : rows_) {
      if (r.shown.result && !r.is_input && r.shown.result->bad_reference + r.shown.result->bad_other == 0) {
        result.push_back(&r);
      }
    }
    return result;
  }

  /// The other run's values of a blob, in the network's order of elements.
  [[nodiscard]] std::optional<tensor<float>> other_value(std::size_t blob) const {
    std::optional<tensor<float>> result;
    if (const auto found = source_.find(blob); found != source_.end()) {
      const auto [index, relation] = found->second;
      std::vector<float> x = other_[index].values();
      const tensor_shape& shape = lab_->net.blobs[blob].shape;
      const bool moves = relation != match_relation::relu_behind && relation != match_relation::fused_relu &&
                         relation != match_relation::affine;
      if (moves && (x.size() != shape.size() || relation != match_relation::same)) {
        x = align(relation, std::vector<float>(shape.size(), 1.0F), shape, std::move(x)).other;
      }
      if (x.size() == shape.size()) {
        result = make_tensor<float>(shape);
        std::copy(x.begin(), x.end(), result->begin());
      }
    }
    return result;
  }
  [[nodiscard]] std::optional<std::vector<tensor<float>>> other_inputs(std::size_t layer_index) const {
    std::vector<tensor<float>> inputs;
    for (const std::size_t b : lab_->net.layers[layer_index].inputs) {
      auto x = other_value(b);
      if (!x) return std::nullopt;
      inputs.push_back(std::move(*x));
    }
    return inputs;
  }

 private:
  void match() {
    matching_ = match_layers(reference_, other_);
    std::vector<const layer_match*> partner(reference_.size());
    for (const layer_match& m : matching_.pairs) partner[m.reference] = &m;
    for (std::size_t i = 0; i < reference_.size(); ++i) {
      row r{{}, i};
      r.shown.name = reference_[i].name;
      if (const layer_match* m = partner[i]) {
        r.other = m->other;
        r.relation = m->relation;
        r.shown.partner = other_[m->other].name;
        const bool plain = m->relation == match_relation::same || m->relation == match_relation::unverifiable;
        if (!plain || m->names == name_agreement::none) r.shown.relation = m->reason;
        compare_row(r);
      } else {
        for (const unmatched_layer& u : matching_.only_reference) {
          if (u.index == i) r.shown.relation = u.reason;
        }
      }
      rows_.push_back(std::move(r));
    }
  }
  void compare_row(row& r) {
    aligned_values v =
        align(r.relation, reference_[r.reference].values(), reference_[r.reference].shape, other_[*r.other].values());
    if (v.reference.empty()) return;
    ++compared_;
    const auto zero = [](const std::vector<float>& x) {
      return std::all_of(x.begin(), x.end(), [](float f) { return f == 0.0F; });
    };
    r.reference_is_zero = zero(v.reference);
    r.other_is_zero = zero(v.other);
    r.shown.result = compare_values(v.reference, v.other);
    const comparison& c = *r.shown.result;
    if (c.bad_reference + c.bad_other == 0) {
      const bool in_16bit = lab_ != nullptr && plan_bits(r.shown.name) == 16;
      const auto view = [](const std::vector<float>& x) { return tensor_view<const float>(x, {x.size()}); };
      r.shown.floor_ratio = in_16bit ? floor_ratio<gfpq16>(view(v.reference), view(v.other))
                                     : floor_ratio<gfpq8>(view(v.reference), view(v.other));
    }
    r.shown.suspicious = is_bad(c);
    if (lab_ == nullptr) split(r.shown, v.reference, v.other, shape(r));
  }
  [[nodiscard]] int plan_bits(std::string_view name) const {
    const std::optional<std::size_t> l = layer_named(name);
    return l && lab_->plan.layers[*l] == layer_precision::w16a16 ? 16 : 8;
  }
  void find_inputs() {
    const auto lower = [](std::string text) {
      for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      return text;
    };
    for (row& r : rows_) {
      if (!o_.data_layers.empty()) {
        r.is_input = std::find(o_.data_layers.begin(), o_.data_layers.end(), r.shown.name) != o_.data_layers.end();
      } else if (lab_ != nullptr) {
        const auto l = layer_named(r.shown.name);
        r.is_input = l && std::holds_alternative<layers::input>(lab_->net.layers[*l].params);
      } else {
        const std::string name = lower(r.shown.name);
        r.is_input = name == "data" || name == "input" || name == "image" || name.starts_with("data_") ||
                     name.starts_with("input_") || name.ends_with("_data") || name == "img";
      }
    }
    for (const std::string& name : o_.data_layers) {
      const bool is_here = std::any_of(rows_.begin(), rows_.end(), [&](const row& r) { return r.shown.name == name; });
      require<format_error>(is_here, "diagnose: no layer ", excerpt(name),
                            " in the reference, expected the names of its inputs");
    }
    if (std::none_of(rows_.begin(), rows_.end(), [](const row& r) { return r.is_input; })) {
      rows_.front().is_input = true;
      input_is_guessed_ = true;
    }
    std::stable_partition(rows_.begin(), rows_.end(), [](const row& r) { return r.is_input; });
  }

  void find_sources() {
    std::map<std::string, std::size_t> by_name;
    for (std::size_t i = 0; i < other_.size(); ++i) by_name.emplace(match_key(other_[i].name), i);
    for (const layer& l : lab_->net.layers) {
      for (std::size_t o = 0; o < l.outputs.size(); ++o) {
        const std::string name = o == 0 ? l.name : concat(l.name, ":", o);
        if (const row* r = row_named(name); r != nullptr && r->other) {
          source_[l.outputs[o]] = {*r->other, r->relation};
        } else if (const auto found = by_name.find(match_key(name)); found != by_name.end()) {
          source_[l.outputs[o]] = {found->second, match_relation::same};
        }
      }
    }
  }

  struct source {
    std::size_t index;  ///< in the other's list
    match_relation relation;
  };

  std::span<const named_values> reference_, other_;
  const diagnose_options& o_;
  const laboratory* lab_;
  layer_matching matching_;
  std::vector<row> rows_;
  std::map<std::size_t, source> source_;  ///< of a blob
  std::size_t compared_ = 0;
  bool input_is_guessed_ = false;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
