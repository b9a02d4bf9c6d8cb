// The histograms of a report's page.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/report_elements.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::report_html {

inline void check_histogram(const layer_histogram& h) {
  const std::vector<double>& edges = h.counts.edges;
  const std::size_t bins = h.counts.reference.bins.size();
  require<shape_error>(bins != 0 && h.counts.other.bins.size() == bins && edges.size() == bins + 1,
                       "report: the histogram of layer '", printable(h.layer), "' has ", edges.size(), " edges for ",
                       bins, " and ", h.counts.other.bins.size(),
                       " bins, expected equally many bins and one edge more");
  bool good = std::isfinite(edges.front()) && std::isfinite(edges.back());
  for (std::size_t i = 0; i < bins; ++i) good = good && edges[i] <= edges[i + 1];
  good = good && (h.kind == histogram_bins::linear || edges.front() >= 0);
  require<format_error>(good, "report: the histogram of layer '", printable(h.layer), "' has edges from ",
                        edges.front(), " to ", edges.back(),
                        ", expected finite ones that increase, not negative if logarithmic");
}

/// Counts of neighbours joined so that at most 128 remain to be drawn; by their decimal logarithm, 0 as -0.3.
[[nodiscard]] inline std::vector<double> drawn_counts(const std::vector<std::size_t>& bins, std::size_t join) {
  std::vector<double> heights;
  for (std::size_t i = 0; i < bins.size(); i += join) {
    double sum = 0;
    for (std::size_t k = i; k < std::min(bins.size(), i + join); ++k) sum += static_cast<double>(bins[k]);
    heights.push_back(sum > 0 ? std::log10(sum) : -0.3);
  }
  return heights;
}

inline void write_histogram(std::ostream& out, const layer_histogram& h, std::size_t number) {
  const std::size_t bins = h.counts.reference.bins.size();
  const std::size_t join = (bins + 127) / 128;
  const bool log = h.kind == histogram_bins::logarithmic && h.counts.edges.front() > 0;
  std::vector<double> edges;
  for (std::size_t i = 0; i < bins + join; i += join) {
    const double edge = h.counts.edges[std::min(i, bins)];
    edges.push_back(log ? std::log10(edge) : std::clamp(edge, -1e300, 1e300));
  }
  const std::vector<double> reference = drawn_counts(h.counts.reference.bins, join);
  const std::vector<double> other = drawn_counts(h.counts.other.bins, join);
  double top = 1;
  for (const auto* heights : {&reference, &other})
    top = std::max(top, *std::max_element(heights->begin(), heights->end()));
  plot_axis x{log ? "magnitude" : "value", edges.front(), edges.back(), {}};
  if (log) x.ticks = decade_ticks(x.low, x.high);
  svg_plot plot("Histogram of layer " + h.layer + ", float against quantized", x,
                {"elements", -0.3, top + 0.1, decade_ticks(0, top)}, 900, 260);
  plot.outline(edges, reference, float_look, "float");
  plot.outline(edges, other, quantized_look, "quantized");
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
    const auto count = [](double height) {
      return number_text(height < 0 ? 0 : std::round(std::pow(10.0, height)), 9);
    };
    const auto edge = [&](std::size_t k) { return number_text(h.counts.edges[std::min(k * join, bins)], 4); };
    plot.hover(edges[i], edges[i + 1],
               edge(i) + " … " + edge(i + 1) + "\nfloat " + count(reference[i]) + "\nquantized " + count(other[i]));
  }
  out << "<figure id='histogram-" << std::to_string(number) << "' tabindex='-1'>\n";
  write_plot(out, plot);
  out << "<figcaption><code>" << escape_html(h.layer) << "</code>";
  const auto beside = [&](std::string_view what, std::size_t in_float, std::size_t in_other) {
    if (in_float + in_other != 0)
      out << "; " << what << ": " << std::to_string(in_float) << " in float, " << std::to_string(in_other)
          << " quantized";
  };
  beside("zeros", h.counts.reference.zeros, h.counts.other.zeros);
  beside("NaN or infinite", h.counts.reference.not_finite, h.counts.other.not_finite);
  out << "</figcaption>\n</figure>\n";
}

inline void write_histograms(std::ostream& out, const report& r) {
  if (r.histograms.empty()) return;
  open_section(out, "histograms", "Histograms");
  out << "<p class='choose' hidden><label for='layer-choice'>Layer </label><select id='layer-choice' "
         "autocomplete='off'>\n";
  const auto of_verdict = std::find_if(r.histograms.begin(), r.histograms.end(),
                                       [&](const layer_histogram& h) { return h.layer == r.result.verdict.layer; });
  for (auto h = r.histograms.begin(); h != r.histograms.end(); ++h) {
    out << "<option" << (h == of_verdict ? " selected" : "") << '>' << escape_html(h->layer) << "</option>\n";
  }
  out << "</select></p>\n";
  for (std::size_t i = 0; i < r.histograms.size(); ++i) write_histogram(out, r.histograms[i], i);
  out << "</section>\n";
}

}  // namespace detail::report_html

NNIESIM_END_NAMESPACE
