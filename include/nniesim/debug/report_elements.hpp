// What the sections of a report's page have in common: headings, findings, numbers of layers, looks of curves.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/debug/finding_text.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/report.hpp>
#include <nniesim/debug/svg_plot.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::report_html {

/// A column of the layer table.
struct column {
  std::string_view key, head, tip;
  std::function<std::optional<double>(const layer_evidence&)> value;
  std::function<std::string(double)> text;
};

[[nodiscard]] inline std::vector<column> number_columns() {
  const auto of = [](double comparison::*field) {
    return [field](const layer_evidence& e) {
      return e.result ? std::optional<double>((*e.result).*field) : std::nullopt;
    };
  };
  const auto fixed = [](int decimals) { return [decimals](double v) { return fixed_text(v, decimals); }; };
  const auto general = [](int digits) { return [digits](double v) { return number_text(v, digits); }; };
  const auto percent = [](double v) { return percent_with_sign(v, 3); };
  return {
      {"l2_reference", "norm reference", "L2 norm in the reference", of(&comparison::l2_reference), general(6)},
      {"l2_other", "norm other", "L2 norm in the other run", of(&comparison::l2_other), general(6)},
      {"norm_error", "norm_error", "signed relative error of the norm", of(&comparison::norm_error), percent},
      {"cosine", "cosine", "of all errors up to this layer", of(&comparison::cosine), fixed(6)},
      {"isolated", "isolated cosine", "of the layer by itself, on the input that it had",
       [](const layer_evidence& e) { return e.isolated; }, fixed(6)},
      {"in_16bit", "16-bit cosine", "with all layers in 16 bits", [](const layer_evidence& e) { return e.in_16bit; },
       fixed(6)},
      {"weights_only", "weights only", "cosine with nothing but the weights encoded",
       [](const layer_evidence& e) { return e.weights_only; }, fixed(6)},
      {"activations_only", "activations only", "cosine with nothing but the layers' inputs encoded",
       [](const layer_evidence& e) { return e.activations_only; }, fixed(6)},
      {"floor", "× floor", "the error as a multiple of what the format makes unavoidable",
       [](const layer_evidence& e) { return e.floor_ratio; }, fixed(2)},
      {"snr", "SNR dB", "norm over norm of the difference", of(&comparison::snr_db), fixed(1)},
      {"max_abs", "max abs", "largest difference of an element", of(&comparison::max_abs), general(4)},
  };
}

/// In the form in which Number() of the script reads it.
[[nodiscard]] inline std::string data_value(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "Infinity" : "-Infinity";
  return shortest(v);
}

inline void write_list(std::ostream& out, const std::vector<std::string>& lines) {
  out << "<ul>\n";
  for (const std::string& line : lines) out << "<li>" << escape_html(line) << "</li>\n";
  out << "</ul>\n";
}

inline void write_lines(std::ostream& out, const std::vector<std::string>& lines) {
  out << "<pre>\n";
  for (const std::string& line : lines) out << escape_html(line) << '\n';
  out << "</pre>\n";
}

inline void write_finding(std::ostream& out, const finding& f, std::string_view kind) {
  out << "<article class='finding " << kind << (f.cause == fault::none ? " fine" : "") << "'>\n<h3>"
      << escape_html(to_string(f.cause));
  if (!f.layer.empty()) out << " in layer <code>" << escape_html(f.layer) << "</code>";
  out << "</h3>\n<p class='summary'>" << escape_html(words_of(f.summary)) << "</p>\n";
  for (const finding_section& s : sections_of(f)) {
    out << "<h4>" << s.title << "</h4>\n";
    switch (s.form) {
      case section_form::list: write_list(out, s.lines); break;
      case section_form::code: write_lines(out, s.lines); break;
      case section_form::sentence: out << "<p>" << escape_html(s.lines.front()) << "</p>\n"; break;
    }
  }
  out << "</article>\n";
}
inline void open_section(std::ostream& out, std::string_view id, std::string_view heading) {
  out << "<section id='" << id << "' aria-labelledby='" << id << "-heading'>\n<h2 id='" << id << "-heading'>" << heading
      << "</h2>\n";
}

/// A drawing that scrolls where it has no room to be read.
inline void write_plot(std::ostream& out, const svg_plot& plot) {
  out << "<div class='plot' tabindex='0' role='group' aria-label='drawing'>\n";
  plot.write(out);
  out << "</div>\n";
}

using shape = plot_style::shape;
inline constexpr plot_style accumulated_look{plot_styles::black, "", shape::circle};
inline constexpr plot_style isolated_look{plot_styles::blue, "6 4", shape::triangle};
inline constexpr plot_style in_16bit_look{plot_styles::green, "2 3", shape::square};
inline constexpr plot_style bad_look{plot_styles::vermillion, "none", shape::cross};
inline constexpr plot_style limit_look{plot_styles::vermillion, "10 3 2 3", shape::none};
inline constexpr plot_style float_look{plot_styles::black, "", shape::none};
inline constexpr plot_style quantized_look{plot_styles::vermillion, "6 3", shape::none};
inline constexpr plot_style compensated_look{plot_styles::blue, "2 2", shape::none};

}  // namespace detail::report_html

NNIESIM_END_NAMESPACE
