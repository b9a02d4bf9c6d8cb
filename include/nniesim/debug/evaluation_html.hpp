// The summary of an evaluation as one HTML page, which needs no other file.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/evaluation_summary.hpp>
#include <nniesim/debug/evaluation_text.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/report_page.hpp>
#include <nniesim/debug/svg_plot.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::evaluation_html {

inline constexpr plot_style float_look{plot_styles::black, "", plot_style::shape::none};
inline constexpr plot_style quantized_look{plot_styles::vermillion, "6 3", plot_style::shape::none};
inline constexpr plot_style compensated_look{plot_styles::blue, "2 3", plot_style::shape::none};

inline void write_about(std::ostream& out, const evaluation_summary& s) {
  out << "<h1>Evaluation of " << escape_html(s.header.network) << "</h1>\n<dl class='about'>\n";
  const auto entry = [&](std::string_view what, const std::string& text) {
    out << "<dt>" << what << "</dt><dd>" << escape_html(text) << "</dd>\n";
  };
  for (std::string_view rest = s.header.about; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    entry("About", std::string(rest.substr(0, end)));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  entry("Pictures",
        message(s.header.pictures, " listed, ", s.evaluated, " evaluated, ", s.bad, " bad, ", s.missing, " not done"));
  for (const evaluated_decision& d : s.decisions) {
    entry("Decision", d.name + ", as in float: " + share_text(d.quantized) +
                          (s.header.has_compensated ? "; compensated " + share_text(d.compensated) : ""));
  }
  if (s.header.has_labels) {
    entry("Labels", "right in float: " + share_text(s.labels.in_float) +
                        "; quantized: " + share_text(s.labels.quantized) +
                        (s.header.has_compensated ? "; compensated: " + share_text(s.labels.compensated) : "") +
                        message("; out of range: ", s.labels.out_of_range));
  }
  out << "</dl>\n";
}

/// Mean and a percentile of a measurement along the network.
template <class Of>
void write_course(std::ostream& out, const evaluation_summary& s, const std::string& title, double scale, int tail,
                  Of of) {
  std::vector<double> place, mean, edge, worst;
  double low = 0, high = 0;
  bool any = false;
  for (std::size_t l = 0; l < s.layers.size(); ++l) {
    const sample_summary& m = of(s.layers[l]).summary;
    if (m.count == 0) continue;
    place.push_back(static_cast<double>(l));
    mean.push_back(scale * m.mean.value);
    edge.push_back(scale * percentile_of(m, tail).value);
    worst.push_back(scale * m.worst.value);
    for (const double v : {mean.back(), edge.back(), worst.back()}) {
      low = any ? std::min(low, v) : v;
      high = any ? std::max(high, v) : v;
      any = true;
    }
  }
  if (!any || !(std::fabs(low) < 1e299) || !(std::fabs(high) < 1e299)) return;
  svg_plot plot(title + " of each layer along the network",
                {"layer, in order of execution", 0, static_cast<double>(s.layers.size() - 1), {}},
                {title, low, high, {}}, 1060, 200);
  plot.line(place, mean, {plot_styles::black, "", plot_style::shape::circle}, "mean");
  plot.line(place, edge, {plot_styles::blue, "6 3", plot_style::shape::none}, message(tail, " % percentile"));
  plot.line(place, worst, {plot_styles::vermillion, "2 3", plot_style::shape::cross}, "worst picture");
  for (std::size_t i = 0; i < place.size(); ++i) {
    plot.hover(place[i] - 0.5, place[i] + 0.5, s.layers[static_cast<std::size_t>(place[i])].name);
  }
  out << "<figure>";
  plot.write(out);
  out << "</figure>\n";
}

inline void write_layers(std::ostream& out, const evaluation_summary& s) {
  out << "<h2 id='layers'>Layers</h2>\n";
  write_course(
      out, s, "cosine", 1, 5, [](const evaluated_layer& l) -> const auto& { return l.cosine; });
  write_course(
      out, s, "norm error, %", 100, 95, [](const evaluated_layer& l) -> const auto& { return l.norm_error; });
  write_course(
      out, s, "relative error, %", 100, 95,
      [](const evaluated_layer& l) -> const auto& { return l.relative_l2_error; });
  out << "<div class='scroll'><table><caption>mean [95 % interval], percentile and worst over the pictures, and the "
         "worst picture</caption><thead><tr><th class='text' scope='col'>layer</th>";
  for (const std::string_view title : {"cosine", "5 %", "worst", "picture", "norm error, %", "farthest", "picture",
                                       "relative error, %", "95 %", "worst", "picture"}) {
    out << "<th scope='col'>" << title << "</th>";
  }
  out << "</tr></thead><tbody>\n";
  const auto cells = [&](const evaluated_metric& m, int tail, auto number) {
    const sample_summary& v = m.summary;
    if (v.count == 0) {
      out << "<td>–</td>" << (tail == 0 ? "" : "<td>–</td>") << "<td>–</td><td>–</td>";
      return;
    }
    out << "<td>" << interval_text(v.mean, number) << "</td>";
    if (tail != 0) out << "<td>" << number(percentile_of(v, tail).value) << "</td>";
    out << "<td>" << number(v.worst.value) << "</td><td class='text'>" << escape_html(m.worst_picture) << "</td>";
  };
  for (const evaluated_layer& l : s.layers) {
    out << "<tr><th class='text' scope='row'>" << escape_html(l.name) << (l.is_output ? " (output)" : "") << "</th>";
    cells(l.cosine, 5, cosine_number);
    cells(l.norm_error, 0, signed_percent);
    cells(l.relative_l2_error, 95, plain_percent);
    out << "</tr>\n";
  }
  out << "</tbody></table></div>\n";
}

inline void write_norms(std::ostream& out, const evaluation_summary& s) {
  out << "<h2 id='norms'>Norms</h2>\n<div class='small'>\n";
  for (const evaluated_norms& n : s.norms) {
    if (n.edges.empty()) continue;
    double most = 0;
    for (const auto& shares : n.shares) most = std::max(most, *std::max_element(shares.begin(), shares.end()));
    svg_plot plot("Norms of " + n.name, {"L2 norm of " + n.name, n.edges.front(), n.edges.back(), {}},
                  {"share of the norms", 0, most, {}}, 420, 180);
    plot.outline(n.edges, n.shares[0], float_look, "float");
    plot.outline(n.edges, n.shares[1], quantized_look, "quantized");
    if (s.header.has_compensated) plot.outline(n.edges, n.shares[2], compensated_look, "compensated");
    out << "<figure>";
    plot.write(out);
    out << "<figcaption>" << escape_html(n.name) << ": mean error " << interval_text(n.before.mean, signed_percent)
        << " %";
    if (s.header.has_compensated) {
      out << ", compensated " << interval_text(n.after.mean, signed_percent) << " %";
      if (n.chain)
        out << "; constant " << constant_text(n.chain->constant) << " → " << constant_text(n.chain->compensated);
    }
    out << "</figcaption></figure>\n";
  }
  out << "</div>\n";
}

inline void write_pictures(std::ostream& out, const evaluation_summary& s) {
  out << "<h2 id='worst'>The worst pictures</h2>\n<table><thead><tr><th class='text' scope='col'>picture</th>"
         "<th class='text' scope='col'>output</th><th scope='col'>relative error, %</th><th scope='col'>norm error, "
         "%</th><th scope='col'>cosine</th></tr></thead><tbody>\n";
  for (const evaluated_picture& p : s.worst) {
    out << "<tr><th class='text' scope='row'>" << escape_html(p.name) << "</th><td class='text'>"
        << escape_html(p.output) << "</td><td>" << plain_percent(p.relative_l2_error) << "</td><td>"
        << signed_percent(p.norm_error) << "</td><td>" << cosine_number(p.cosine) << "</td></tr>\n";
  }
  out << "</tbody></table>\n";
  if (s.named_bad.empty()) return;
  out << "<h2 id='bad'>Pictures that could not be evaluated</h2>\n<ul>\n";
  for (const bad_picture& b : s.named_bad) {
    out << "<li>" << escape_html(b.name) << ": " << escape_html(b.problem) << "</li>\n";
  }
  if (s.bad > s.named_bad.size()) out << "<li>and " << s.bad - s.named_bad.size() << " more</li>\n";
  out << "</ul>\n";
}

}  // namespace detail::evaluation_html

/// The page. Whatever names hold, it is valid UTF-8 and nothing of them is markup.
inline void write_evaluation_html(std::ostream& out, const evaluation_summary& s) {
  namespace page = detail::evaluation_html;
  out << "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
      << "<meta name='viewport' content='width=device-width, initial-scale=1'><title>Evaluation of "
      << detail::escape_html(s.header.network) << "</title><style>" << detail::report_html::style
      << "</style></head><body>\n";
  page::write_about(out, s);
  if (s.evaluated != 0) {
    page::write_layers(out, s);
    page::write_norms(out, s);
  }
  page::write_pictures(out, s);
  out << "</body></html>\n";
}

NNIESIM_END_NAMESPACE
