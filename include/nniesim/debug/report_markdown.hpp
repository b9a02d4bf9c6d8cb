// A report as Markdown, for a ticket.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/finding_text.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/report.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::report_markdown {

/// Lines as they are, in a fence longer than any within.
inline void write_code(std::ostream& out, const std::vector<std::string>& lines) {
  std::string body;
  std::size_t longest = 2, run = 0;
  for (const std::string& line : lines) {
    for_each_character(line, [&](std::string_view c) {
      run = c == "`" ? run + 1 : 0;
      longest = std::max(longest, run);
      body += c;
    });
    run = 0;
    body += '\n';
  }
  const std::string fence(longest + 1, '`');
  out << fence << '\n' << body << fence << "\n\n";
}

inline void write_list(std::ostream& out, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) out << "- " << escape_markdown(line) << '\n';
  out << '\n';
}

inline void write_finding(std::ostream& out, const finding& f, std::string_view heading) {
  out << "## " << heading << ": " << to_string(f.cause);
  if (!f.layer.empty()) out << " in layer " << escape_markdown(f.layer);
  out << "\n\n";
  if (!f.summary.empty()) out << escape_markdown(words_of(f.summary)) << "\n\n";
  for (const finding_section& s : sections_of(f)) {
    out << "**" << s.title << (s.form == section_form::sentence ? ":** " : "**\n\n");
    switch (s.form) {
      case section_form::list: write_list(out, s.lines); break;
      case section_form::code: write_code(out, s.lines); break;
      case section_form::sentence: out << escape_markdown(s.lines.front()) << "\n\n"; break;
    }
  }
}

inline void write_layers(std::ostream& out, const report& r) {
  const std::vector<layer_evidence>& layers = r.result.layers;
  if (layers.empty()) return;
  constexpr std::size_t most = 20;  // of the suspicious ones: a ticket is read, not searched
  std::size_t left_out = 0, shown = 0;
  out << "## Layers: the first, the suspicious, the last\n\n"
         "| # | layer | partner | cosine | isolated | 16-bit | norm_error | x floor | mark |\n"
         "|--:|---|---|--:|--:|--:|--:|--:|---|\n";
  const auto cell = [](std::optional<double> v, int decimals) {
    return v ? fixed_text(*v, decimals) : std::string("-");
  };
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const layer_evidence& e = layers[i];
    const bool end = i == 0 || i + 1 == layers.size() || (!e.name.empty() && e.name == r.result.verdict.layer);
    if (!end && !e.suspicious) continue;
    if (!end && ++shown > most) {
      ++left_out;
      continue;
    }
    const auto of = [&](double comparison::*field) {
      return e.result ? std::optional<double>((*e.result).*field) : std::nullopt;
    };
    const auto error = of(&comparison::norm_error);
    out << "| " << std::to_string(i + 1) << " | " << escape_markdown(e.name) << " | " << escape_markdown(e.partner)
        << " | " << cell(of(&comparison::cosine), 6) << " | " << cell(e.isolated, 6) << " | " << cell(e.in_16bit, 6)
        << " | " << (error ? percent_with_sign(*error, 3) : "-") << " | " << cell(e.floor_ratio, 2) << " | "
        << report_mark(r, e) << " |\n";
  }
  out << '\n';
  if (left_out != 0) out << std::to_string(left_out) << " more suspicious layers are left out here.\n\n";
}

}  // namespace detail::report_markdown

/// The verdict, what to change, and the first, the suspicious and the last layers. Does not check the stream.
inline void write_markdown(std::ostream& out, const report& r) {
  using namespace detail;
  out << "# " << escape_markdown(r.title.empty() ? "Accuracy report" : std::string_view(r.title)) << "\n\n";
  const auto about = report_about(r);
  for (const auto& [name, text] : about) out << "- " << name << ": " << escape_markdown(text) << '\n';
  if (!about.empty()) out << '\n';
  report_markdown::write_finding(out, r.result.verdict, "Verdict");
  for (const finding& f : r.result.also) report_markdown::write_finding(out, f, "Also");
  report_markdown::write_layers(out, r);
}

NNIESIM_END_NAMESPACE
