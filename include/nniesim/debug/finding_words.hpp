// The words of facts, in one table: what terminals, pages, tickets and JSON show of a finding is made here.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/fact.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// One kind of fact: its name in JSON, and its sentence. In that stand {field} and {field:form} for a field,
/// {field?a|b} for a where a flag holds or a count is 1, else b, and [...] for what is said only where the fact has all
/// fields that it names. Forms: percent, sign (of a share, in percent, with sign and two decimals), cosine (five
/// decimals), g4 (four digits; so any other), each (all of a list, seven digits), parts (of the fact error_parts),
/// names
/// ('a', 'b'), marked ('a_hp', 'b_hp'), hp (a_hp b_hp); without, as it is.
struct fact_form {
  fact_kind kind;
  std::string_view name;
  std::string_view sentence;
};

// clang-format off
inline constexpr auto fact_forms = [] {
  using enum fact_kind;
  return std::to_array<fact_form>({
      {words, "words", "[{text}]"},
      {layers_compared, "layers_compared",
       "{count} of {of} layers were compared[; the lowest cosine is {cosine:cosine} ('{layer}')]"},
      {layers_miss_limit, "layers_miss_limit",
       "{count} of {of} layers miss cosine {limit}, the first is '{layer}' ([{first_cosine:cosine}][a relative error "
       "of {first_error:percent}]), the last layer has [{last_cosine:cosine}][a relative error of "
       "{last_error:percent}]"},
      {layers_tried, "layers_tried",
       "{count} of {of} layers could be tried and are not at fault; each by itself for the input that it had has at "
       "least cosine {cosine:cosine}"},
      {simulated_and_seen, "simulated_and_seen",
       "simulated as planned '{layer}' has cosine {simulated:cosine}, seen it has {seen:cosine}; with all layers in "
       "{more_bits} the lowest cosine is {in_more_bits:cosine}"},
      {few_values, "few_values",
       "'{layer}' has {count} values, whose cosine ({cosine:cosine}) says little; their relative error is "
       "{relative_error:percent}: {reference:g4} in the reference, {other:g4} in the other run[; the largest is "
       "value {largest_of_reference} and value {largest_of_other}]"},
      {layer_by_itself, "layer_by_itself",
       "fed with the input that it had, the layer in float gives cosine {cosine:cosine} with what the run shows[ of "
       "output {output}], norm_error {norm_error:sign}"},
      {layer_errors, "layer_errors",
       "its error is {seen:percent} of the norm; the simulation has {calibrated:percent} with the calibrated range, "
       "{own_range:percent} with the data's own[, {in_more_bits:percent} in {more_bits}]"},
      {error_parts, "error_parts",
       "the square of that error is: {gain:parts}[; {most_channels} of {channels} channels carry 90 % of it]"},
      {other_bits, "other_bits",
       "'{layer}' is {from_planned:percent} away from its simulation in {planned_bits} and {from_other:percent} from "
       "that in {other_bits}"},
      {norm_off, "norm_off", "'{layer}': norm off by {norm_error:sign} with cosine {cosine:cosine}"},
      {norm_off_by_itself, "norm_off_by_itself", "'{layer}' by itself: norm off by {norm_error:sign}"},
      {more_of_them, "more_of_them", "and {count} more"},
      {not_a_number_values, "not_a_number_values",
       "{count} of {of} values are NaN or infinity; the reference has none"},
      {at_fixed_point_limit, "at_fixed_point_limit", "{count} of {of} values are at its limit of 2^19"},
      {ablation, "ablation",
       "with only the weights encoded the lowest cosine is {weights_only:cosine}, with only the activations "
       "{activations_only:cosine}"},
      {shown_bits, "shown_bits", "the run shows what the simulation of {bits} gives; {more_bits} would be enough"},
      {range_explains, "range_explains",
       "a scale z {levels_text} from the data's own explains the output: {left:percent} are left"},
      {outside_range, "outside_range",
       "{above:percent} of those values lie above that range, {below:percent} below it"},
      {channels_outside, "channels_outside", "{count} of {of} channels {saturate?saturate|vanish}: {channels}"},
      {input_cut, "input_cut",
       "{share:percent} of its values lie above the largest code: scales are rounded down, and a picture's white is "
       "in many places"},
      {level_more, "level_more",
       "with a range of one level more, for it and what follows, the error of '{layer}' falls from {error:percent} "
       "to {error_then:percent}"},
      {weight_ranges_left, "weight_ranges_left",
       "with these ranges of its weights the layer gives what is shown but for {left:percent}"},
      {own_range_leaves, "own_range_leaves", "the range that the data ask for leaves {left:percent}"},
      {best_range_leaves, "best_range_leaves", "the range that explains most leaves {left:percent}"},
      {bits_leave, "bits_leave", "with a range that fits, the same bits leave {left:percent}"},
      {planned_bits_away, "planned_bits_away",
       "the run is {away:percent} away from the simulation of the planned bits"},
      {cfg_line, "cfg_line", "[{or?or, {where}: |}]~[{key}~] {value}"},
      {means_file, "means_file", "{file}: a text file with one line for each channel: {means:each}"},
      {set_cfg, "set_cfg",
       "[{or?or |}]{key} {value}[ in place of {old}][, and the weights of '{layer}' times {weights_times:g6}][: the "
       "largest value then loses {lost:percent} in place of {lost_now:percent}][: {why}]"},
      {mark_layers, "mark_layers",
       "[{or?or |}][give '{layer}' {bits}: ]compile_mode {compile_mode} and the {one?name|names} {layers:marked}[: "
       "in {more_bits} it is stored as {stored:g6}]"},
      {marks_found, "marks_found",
       "compile_mode {compile_mode} and these names, for {target} {score} in {time} times the time of 8 bits: "
       "{layers:hp}"},
      {mark_searched, "mark_searched",
       "{has_marks?_hp on more layers: those|compile_mode 2, with _hp on the layers} that 'nnie-debug search' names"},
      {more_bits_up_to, "more_bits_up_to",
       "[{else?else |}]{bits} for {one?'|the layers up to '}{layer}'{one?|, those that pay}[: {command}]"},
      {policy_for, "policy_for", "[{or?or |}]policy {policy}[ in place of {old}] for {layers:names}"},
      {scale_weights, "scale_weights",
       "scale {whole?what '{layer}' gives|the weights of '{layer}'} {up?up|down} by a power of two, and {whole?what "
       "follows|those behind it} {up?down|up}[, {why}]"},
      {set_shift, "set_shift", "layer '{layer}': power_param ~{ shift: {value} ~}"},
      {recalibrate, "recalibrate",
       "calibrate again[ with pictures like this one: the calibrated range of '{layer}' does not fit][: the range of "
       "'{far_too_large}', which '{reader}' reads, is far too large]"},
      {recompile, "recompile",
       "compile again with pictures like this one in image_list: '{layer}' was compiled with another range than "
       "calibration gives here"},
      {recompile_weights, "recompile_weights", "compile again from the caffemodel that the reference was made with"},
      {dump_again, "dump_again", "dump '{layer}' again[{how}]"},
      {report_to_vendor, "report_to_vendor", "report it to the vendor: nnie-debug bundle --layer '{layer}' ..."},
  });
}();
// clang-format on
static_assert(
    [] {
      std::size_t i = 0;
      return std::all_of(fact_forms.begin(), fact_forms.end(),
                         [&](const fact_form& f) { return f.kind == static_cast<fact_kind>(i++); });
    }(),
    "the rows stand in the order of the kinds");

[[nodiscard]] constexpr const fact_form& form_of(fact_kind kind) { return fact_forms[static_cast<std::size_t>(kind)]; }

/// The first `most` of a list, and how many more there are.
template <class List, class F>
[[nodiscard]] std::string listed(const List& list, std::size_t most, const F& text) {
  std::string result;
  for (std::size_t i = 0; i < std::min(list.size(), most); ++i) result += (i == 0 ? "" : ", ") + text(list[i]);
  return list.size() > most ? concat(result, " and ", list.size() - most, " more") : result;
}

[[nodiscard]] inline std::string in_form(double v, std::string_view form) {
  if (form == "percent") return percent(v);
  if (form == "sign") return percent_with_sign(v, 2);
  if (form == "cosine") return cosine_text(v);
  if (form.starts_with('g')) return number_text(v, form[1] - '0');
  return concat(v);
}
[[nodiscard]] inline std::string in_form(const fact_value& value, std::string_view form) {
  return std::visit(
      [&]<class T>(const T& v) -> std::string {
        if constexpr (std::is_same_v<T, double>) {
          return in_form(v, form);
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
          std::string text;
          if (form == "each") {
            for (const double x : v) text += concat(text.empty() ? "" : " ", number_text(x, 7));
            return text;
          }
          for (std::size_t i = 0; i < std::min(v.size(), limit::values_told); ++i) {
            text += (i == 0 ? "" : ", ") + in_form(v[i], form);
          }
          return v.size() > limit::values_told ? text + " ..." : text;
        } else if constexpr (std::is_same_v<T, std::vector<std::size_t>>) {
          return listed(v, limit::channels_told, [](std::size_t n) { return concat(n); });
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          if (form == "hp") {
            std::string text;
            for (const std::string& n : v) text += concat(text.empty() ? "" : " ", n, "_hp");
            return text;
          }
          return listed(v, v.size(), [&](const std::string& n) {
            return form == "marked" ? concat("'", n, "_hp'") : form == "names" ? concat("'", n, "'") : n;
          });
        } else if constexpr (std::is_same_v<T, bool>) {
          return v ? "yes" : "no";
        } else {
          return concat(v);
        }
      },
      value);
}

/// Puts a fact's fields into a form's sentence.
class sentence {
 public:
  explicit sentence(const fact& f) : fact_(f) {}

  [[nodiscard]] std::string of(std::string_view form) {
    std::string text;
    for (std::size_t i = 0; i < form.size();) {
      const char c = form[i];
      if (c == '~') {
        text += form[i + 1];
        i += 2;
      } else if (c == '{' || c == '[') {
        const std::size_t end = end_of(form, i);
        const std::string_view inside = form.substr(i + 1, end - i - 1);
        if (c == '{') {
          text += field(inside);
        } else {
          sentence part(fact_);
          const std::string said = part.of(inside);
          if (!part.is_incomplete_) text += said;
        }
        i = end + 1;
      } else {
        text += c;
        ++i;
      }
    }
    return text;
  }
  /// Whether a field was asked for that the fact does not have.
  [[nodiscard]] bool is_incomplete() const noexcept { return is_incomplete_; }

 private:
  /// The bracket that belongs to the one at `begin`.
  [[nodiscard]] static std::size_t end_of(std::string_view form, std::size_t begin) {
    const char open = form[begin], close = open == '{' ? '}' : ']';
    std::size_t depth = 0;
    for (std::size_t i = begin; i < form.size(); ++i) {
      if (form[i] == '~') ++i;
      else if (form[i] == open) ++depth;
      else if (form[i] == close && --depth == 0) return i;
    }
    throw error(concat("fact: no end of a bracket in the form ", excerpt(form)));
  }
  /// The shares that count, of a square that they make up together.
  [[nodiscard]] std::string parts() const {
    std::string text;
    for (const auto& [name, said] :
         {std::pair("gain", "gain"), std::pair("offset", "offset"), std::pair("saturation", "saturation"),
          std::pair("underflow", "underflow to zero"), std::pair("rounding", "rounding and the rest")}) {
      const double share = fact_.number(name);
      if (share >= limit::told_share)
        text += concat(text.empty() ? "" : ", ", said, " ", number_text(100 * share, 3), " %");
    }
    return text;
  }
  [[nodiscard]] std::string field(std::string_view inside) {
    if (inside == "gain:parts") return parts();
    const std::size_t mark = inside.find_first_of(":?");
    const fact_value* const value = fact_.find(inside.substr(0, mark));
    if (value == nullptr) {
      is_incomplete_ = true;
      return "?";
    }
    if (mark == std::string_view::npos || inside[mark] == ':') {
      return in_form(*value, mark == std::string_view::npos ? std::string_view() : inside.substr(mark + 1));
    }
    const std::string_view choices = inside.substr(mark + 1);
    std::size_t middle = 0;
    for (int depth = 0; choices[middle] != '|' || depth != 0; ++middle) {
      depth += choices[middle] == '{' ? 1 : choices[middle] == '}' ? -1 : 0;
    }
    const auto* const flag = std::get_if<bool>(value);
    const auto* const count = std::get_if<std::size_t>(value);
    const bool is_first = flag != nullptr ? *flag : count != nullptr && *count == 1;
    return of(is_first ? choices.substr(0, middle) : choices.substr(middle + 1));
  }

  const fact& fact_;
  bool is_incomplete_ = false;
};

}  // namespace detail

/// The kind's name in JSON.
[[nodiscard]] inline std::string_view to_string(fact_kind kind) { return detail::form_of(kind).name; }

[[nodiscard]] inline std::string words_of(const fact& f) {
  return detail::sentence(f).of(detail::form_of(f.kind()).sentence);
}

NNIESIM_END_NAMESPACE
