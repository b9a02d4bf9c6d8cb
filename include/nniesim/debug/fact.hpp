// What a finding is made of: facts, each of a kind, with its numbers and names by name. Words are made of them in
// finding_words.hpp alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The kinds of facts. What each has for fields, and how it reads, stands in finding_words.hpp; its name in JSON is the
/// one here. `words` is a text that was made elsewhere.
// clang-format off
enum class fact_kind {
  words,
  // layers and runs that were compared
  layers_compared, layers_miss_limit, layers_tried, simulated_and_seen, few_values, layer_by_itself, layer_errors,
  error_parts, other_bits, norm_off, norm_off_by_itself, more_of_them, not_a_number_values, at_fixed_point_limit,
  ablation, shown_bits,
  // ranges
  range_explains, outside_range, channels_outside, input_cut, level_more, weight_ranges_left, own_range_leaves,
  best_range_leaves, bits_leave, planned_bits_away,
  // changes to make
  cfg_line, means_file, set_cfg, mark_layers, marks_found, mark_searched, more_bits_up_to, policy_for, scale_weights,
  set_shift, recalibrate, recompile, recompile_weights, dump_again, report_to_vendor,
};
// clang-format on

/// What a field of a fact can hold.
using fact_value = std::variant<bool, std::size_t, double, std::string, std::vector<std::size_t>, std::vector<double>,
                                std::vector<std::string>>;

struct fact_field {
  std::string_view name;  ///< a literal
  fact_value value;
  [[nodiscard]] bool operator==(const fact_field&) const = default;
};

class fact;
/// The fact in words, as finding_words.hpp has them: a sentence without a full stop.
[[nodiscard]] inline std::string words_of(const fact& f);

class fact {
 public:
  fact() = default;
  fact(std::string text) : fields_{{"text", std::move(text)}} {}
  fact(const char* text) : fact(std::string(text)) {}
  fact(fact_kind kind, std::vector<fact_field> fields = {}) : kind_(kind), fields_(std::move(fields)) {}

  [[nodiscard]] fact_kind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::vector<fact_field>& fields() const noexcept { return fields_; }
  /// Whether it says nothing.
  [[nodiscard]] bool empty() const noexcept { return *this == fact(); }
  /// nullptr where the fact has no such field.
  [[nodiscard]] const fact_value* find(std::string_view name) const noexcept {
    const auto at = std::find_if(fields_.begin(), fields_.end(), [&](const fact_field& f) { return f.name == name; });
    return at == fields_.end() ? nullptr : &at->value;
  }
  /// A field of a type. Throws error where there is none.
  template <class T>
  [[nodiscard]] const T& get(std::string_view name) const {
    const fact_value* const v = find(name);
    const T* const value = v == nullptr ? nullptr : std::get_if<T>(v);
    detail::require<error>(value != nullptr, "fact: no field ", detail::excerpt(name), " of that type");
    return *value;
  }
  [[nodiscard]] double number(std::string_view name) const { return get<double>(name); }
  [[nodiscard]] std::size_t count(std::string_view name) const { return get<std::size_t>(name); }
  [[nodiscard]] const std::string& text(std::string_view name) const { return get<std::string>(name); }

  /// One more field.
  fact& add(std::string_view name, fact_value value) {
    fields_.push_back({name, std::move(value)});
    return *this;
  }

  /// words_of(): a fact stands where its sentence does.
  operator std::string() const { return words_of(*this); }
  friend std::ostream& operator<<(std::ostream& out, const fact& f) { return out << words_of(f); }
  [[nodiscard]] bool operator==(const fact&) const = default;

 private:
  fact_kind kind_ = fact_kind::words;
  std::vector<fact_field> fields_{};
};

/// The first of a kind in a list; nullptr where there is none.
[[nodiscard]] inline const fact* find_fact(const std::vector<fact>& list, fact_kind kind) noexcept {
  const auto at = std::find_if(list.begin(), list.end(), [&](const fact& f) { return f.kind() == kind; });
  return at == list.end() ? nullptr : &*at;
}

NNIESIM_END_NAMESPACE

// Whoever holds a fact can say it.
#include <nniesim/debug/finding_words.hpp>
