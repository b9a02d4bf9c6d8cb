// A finding in words, part by part: what a terminal, a page and a ticket show of it, each in its own form.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/diagnosis.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How a section's lines are set.
enum class section_form {
  list,      ///< lines that stand for themselves
  code,      ///< lines to copy
  sentence,  ///< one line
};

/// One part of a finding in words.
struct finding_section {
  std::string_view key;                    ///< in a word
  std::string_view title;                  ///< as a heading
  section_form form = section_form::list;  ///< how the lines are set
  std::vector<std::string> lines{};        ///< one or more in what sections_of() gives
};

/// What a finding says beyond cause, layer and summary; without sections that have no lines.
[[nodiscard]] inline std::vector<finding_section> sections_of(const finding& f) {
  std::vector<finding_section> sections;
  const auto add = [&](finding_section s) {
    if (!s.lines.empty()) sections.push_back(std::move(s));
  };
  const auto words = [](const std::vector<fact>& facts) {
    std::vector<std::string> lines;
    for (const fact& x : facts) lines.push_back(words_of(x));
    return lines;
  };
  add({"evidence", "Evidence", section_form::list, words(f.evidence)});
  add({"against", "Against it", section_form::list, words(f.against)});
  add({"rivals", "Other explanations", section_form::list, rival_lines(f)});
  add({"change", "What to change", section_form::code, words(f.change)});
  if (!f.next.empty()) add({"next", "Next measurement", section_form::sentence, {words_of(f.next)}});
  return sections;
}

/// For a terminal: every control character of a name is shown as such.
[[nodiscard]] inline std::string finding_text(const finding& f) {
  using detail::printable;
  std::string text(to_string(f.cause));
  if (!f.layer.empty()) text += ": '" + printable(f.layer) + "'";
  text += "\n  " + printable(words_of(f.summary)) + "\n";
  for (const finding_section& s : sections_of(f)) {
    std::string title(s.key);
    title.resize(10, ' ');
    for (const std::string& line : s.lines) {
      text += "  " + title + " " + printable(line) + "\n";
      title.assign(10, ' ');
    }
  }
  return text;
}

/// The verdict and the further findings.
[[nodiscard]] inline std::string diagnosis_text(const diagnosis& d) {
  std::string text = finding_text(d.verdict);
  for (const finding& f : d.also) text += "\nalso " + finding_text(f);
  return text;
}

NNIESIM_END_NAMESPACE
