// A diagnosis as JSON: every fact with its words, its kind and its fields, every layer with its numbers.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/json_text.hpp>
#include <nniesim/core/number_text.hpp>
#include <nniesim/debug/diagnosis.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Members of an object, or elements of an array, one behind the other.
class json_list {
 public:
  /// A member: `value` is JSON.
  json_list& add(std::string_view name, std::string_view value) { return add(message(json_quoted(name), ":", value)); }
  /// An element.
  json_list& add(std::string_view value) {
    if (!text_.empty()) text_ += ',';
    text_ += value;
    return *this;
  }
  [[nodiscard]] std::string object() const { return "{" + text_ + "}"; }
  [[nodiscard]] std::string array() const { return "[" + text_ + "]"; }

 private:
  std::string text_;
};

template <class List, class F>
[[nodiscard]] std::string json_array(const List& list, const F& value) {
  json_list all;
  for (const auto& x : list) all.add(value(x));
  return all.array();
}

[[nodiscard]] inline std::string json_of(const fact_value& value) {
  return std::visit(
      []<class T>(const T& v) -> std::string {
        if constexpr (std::is_same_v<T, bool>) return v ? "true" : "false";
        else if constexpr (std::is_same_v<T, std::size_t>) return std::to_string(v);
        else if constexpr (std::is_same_v<T, double>) return json_number(v);
        else if constexpr (std::is_same_v<T, std::string>) return json_quoted(v);
        else return json_array(v, [](const auto& x) { return json_of(fact_value(x)); });
      },
      value);
}

[[nodiscard]] inline std::string json_number(const std::optional<double>& v) { return v ? json_number(*v) : "null"; }

}  // namespace detail

/// {"kind": ..., "words": ..., and the fact's fields by their names}. Numbers that JSON has not (NaN) are null.
[[nodiscard]] inline std::string fact_json(const fact& f) {
  detail::json_list members;
  members.add("kind", detail::json_quoted(to_string(f.kind()))).add("words", detail::json_quoted(words_of(f)));
  if (f.kind() == fact_kind::words) return members.object();  // it has nothing else
  for (const fact_field& field : f.fields()) members.add(field.name, detail::json_of(field.value));
  return members.object();
}

/// A finding: cause and layer; summary, next, evidence, against and change as text and, under "summary_fact",
/// "next_fact", "evidence_facts", "against_facts" and "change_facts", as facts; rivals with their cause.
[[nodiscard]] inline std::string finding_json(const finding& f) {
  using detail::json_quoted;
  detail::json_list members;
  members.add("cause", json_quoted(to_string(f.cause)))
      .add("layer", json_quoted(f.layer))
      .add("summary", json_quoted(words_of(f.summary)))
      .add("summary_fact", fact_json(f.summary));
  for (const auto& [name, facts] :
       {std::pair("evidence", &f.evidence), std::pair("against", &f.against), std::pair("change", &f.change)}) {
    members.add(name, detail::json_array(*facts, [](const fact& x) { return json_quoted(words_of(x)); }));
    members.add(detail::message(name, "_facts"), detail::json_array(*facts, fact_json));
  }
  members.add("rivals", detail::json_array(f.rivals, [](const rival_explanation& r) {
                return detail::json_list()
                    .add("cause", json_quoted(to_string(r.cause)))
                    .add("why_not", json_quoted(words_of(r.why_not)))
                    .add("why_not_fact", fact_json(r.why_not))
                    .object();
              }));
  return members.add("next", json_quoted(words_of(f.next))).add("next_fact", fact_json(f.next)).object();
}

/// What the diagnosis saw of a layer; null where it is not known.
[[nodiscard]] inline std::string layer_json(const layer_evidence& l) {
  using detail::json_number;
  using detail::json_quoted;
  const auto of = [&](double comparison::*field) {
    return l.result ? json_number((*l.result).*field) : std::string("null");
  };
  detail::json_list members;
  members.add("layer", json_quoted(l.name))
      .add("partner", json_quoted(l.partner))
      .add("relation", json_quoted(l.relation))
      .add("bad", l.suspicious ? "true" : "false")
      .add("cosine", of(&comparison::cosine))
      .add("norm_error", of(&comparison::norm_error))
      .add("relative_l2_error", of(&comparison::relative_l2_error))
      .add("floor_ratio", json_number(l.floor_ratio))
      .add("isolated_cosine", json_number(l.isolated))
      .add("cosine_in_16_bits", json_number(l.in_16bit))
      .add("cosine_weights_only", json_number(l.weights_only))
      .add("cosine_activations_only", json_number(l.activations_only));
  if (!l.parts) return members.object();
  const error_parts& p = *l.parts;
  detail::json_list parts;
  parts.add("by_itself", l.isolated ? "true" : "false");
  for (const auto& [name, value] :
       {std::pair("gain_share", p.gain_share), std::pair("offset_share", p.offset_share),
        std::pair("saturation_share", p.saturation_share), std::pair("underflow_share", p.underflow_share),
        std::pair("rounding_share", p.rounding_share), std::pair("gain", p.gain), std::pair("offset", p.offset)}) {
    parts.add(name, detail::json_number(value));
  }
  for (const auto& [name, value] :
       {std::pair("saturated", p.saturated), std::pair("underflowed", p.underflowed), std::pair("channels", l.channels),
        std::pair("channels_with_90_percent", l.most_channels)}) {
    parts.add(name, std::to_string(value));
  }
  parts.add("worst_channels", detail::json_array(l.worst_channels, [](const channel_error& c) {
              return detail::json_list()
                  .add("channel", std::to_string(c.channel))
                  .add("share", detail::json_number(c.share))
                  .object();
            }));
  return members.add("error_parts", parts.object()).object();
}

/// {"verdict": ..., "also": [...], "compared": how many of the layers, "layers": [...]}, on one line.
[[nodiscard]] inline std::string diagnosis_json(const diagnosis& d) {
  return detail::json_list()
      .add("verdict", finding_json(d.verdict))
      .add("also", detail::json_array(d.also, finding_json))
      .add("compared", std::to_string(d.compared))
      .add("layers", detail::json_array(d.layers, layer_json))
      .object();
}

NNIESIM_END_NAMESPACE
