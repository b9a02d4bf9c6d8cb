// What a finding is made of: facts, each of a kind, with its numbers and names by name. Words are made of them in
// finding_words.hpp alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The kinds of facts. What each has for fields, and how it reads, stands in finding_words.hpp; its name in JSON is the
/// one here.
enum class fact_kind {
  words,  ///< a sentence that has no numbers of its own, or none that are told apart yet: `text`
  // ---- layers and runs that were compared ----
  layers_compared,       ///< and the lowest cosine of them
  layers_miss_limit,     ///< how many, the first and the last
  layers_tried,          ///< by themselves, and the lowest cosine
  simulated_and_seen,    ///< one layer's cosines, and the lowest in the most bits
  few_values,            ///< of an output of few values: their error, and the values
  layer_by_itself,       ///< on the input that it had: cosine and norm
  layer_errors,          ///< of the run and of simulations, relative L2
  error_parts,           ///< shares of the squared error
  other_bits,            ///< a layer's distances from two widths
  norm_off,              ///< a layer's norm and cosine
  norm_off_by_itself,    ///< a layer's norm on the input that it had
  more_of_them,          ///< how many were left out of a list
  not_a_number_values,   ///< how many values are NaN or infinity
  at_fixed_point_limit,  ///< how many values are at the limit of Q20.12
  ablation,              ///< lowest cosines with only weights, only activations encoded
  shown_bits,            ///< the run shows what some bits give; others would be enough
  // ---- ranges ----
  range_explains,      ///< a scale of the input, and what it leaves
  outside_range,       ///< shares of values above and below
  channels_outside,    ///< which channels saturate or vanish
  input_cut,           ///< share of an input's values above its largest code
  level_more,          ///< what one level more for an input does to a layer's error
  weight_ranges_left,  ///< what other ranges of the weights leave
  own_range_leaves,    ///< what the range that the data ask for leaves
  best_range_leaves,   ///< what the range that explains most leaves
  bits_leave,          ///< what the same bits leave with a range that fits
  planned_bits_away,   ///< how far the run is from the simulation of the planned bits
  // ---- changes to make ----
  cfg_line,           ///< a line of the cfg as it should be: `key` and `value`
  means_file,         ///< a text file of `means`, one for each channel
  set_cfg,            ///< a key of the cfg: `key`, `value`, perhaps `old` and what else goes with it
  mark_layers,        ///< names to mark _hp: `layers`, perhaps what that reaches
  marks_found,        ///< the same, with the score that they reach and the time that they take
  mark_searched,      ///< the same, for a search to find
  more_bits_up_to,    ///< bits for the layers up to one, for a search of its norm to find
  policy_for,         ///< a policy in place of another one for `layers`
  scale_weights,      ///< the weights of a layer times a factor, or a power of two up or down
  set_shift,          ///< a constant of a Power layer in the prototxt
  recalibrate,        ///< with other pictures: `layer` is whose range does not fit
  recompile,          ///< with the same pictures: `layer` is whose range differs
  recompile_weights,  ///< from the caffemodel of the reference
  dump_again,         ///< the dump of a layer
  report_to_vendor,   ///< a bundle of a layer
};

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
  fact(fact_kind kind, std::vector<fact_field> fields) : kind_(kind), fields_(std::move(fields)) {}

  [[nodiscard]] fact_kind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::vector<fact_field>& fields() const noexcept { return fields_; }
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
