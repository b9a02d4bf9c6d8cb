// A report as one HTML file, for reading on a screen or on paper.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/finding_text.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/report.hpp>
#include <nniesim/debug/report_page.hpp>
#include <nniesim/debug/svg_plot.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

namespace report_html {

[[nodiscard]] inline double mark_order(const layer_evidence& e) {
  return e.suspicious ? 0 : !e.result || e.partner.empty() ? 1 : 2;
}

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
      {"l2_float", "norm float", "L2 norm in the reference", of(&comparison::l2_reference), general(6)},
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

inline void write_head(std::ostream& out, const report& r) {
  const std::string title = escape_html(r.title.empty() ? "Accuracy report" : std::string_view(r.title));
  out << "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
         "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'; "
         "script-src 'unsafe-inline'\">\n"
         "<meta name='viewport' content='width=device-width, initial-scale=1'>\n<title>"
      << title << "</title>\n<style>" << style << "</style>\n</head>\n<body>\n<header>\n<h1>" << title
      << "</h1>\n<dl class='about'>\n";
  for (const auto& [name, text] : report_about(r)) {
    out << "<dt>" << name << "</dt><dd>" << escape_html(text) << "</dd>\n";
  }
  out << "</dl>\n</header>\n";
}

inline void open_section(std::ostream& out, std::string_view id, std::string_view heading) {
  out << "<section id='" << id << "' aria-labelledby='" << id << "-heading'>\n<h2 id='" << id << "-heading'>" << heading
      << "</h2>\n";
}

/// The fragment that shows a layer's histogram; empty where it has none.
[[nodiscard]] inline std::string histogram_link(const report& r, const std::string& layer) {
  const auto found = std::find_if(r.histograms.begin(), r.histograms.end(),
                                  [&](const layer_histogram& h) { return h.layer == layer; });
  return found == r.histograms.end() ? "" : "#histogram=" + std::to_string(found - r.histograms.begin());
}

inline void write_layers(std::ostream& out, const report& r) {
  open_section(out, "layers", "Layers");
  out << "<div class='scroll' role='region' tabindex='0' aria-labelledby='layers-heading'>\n<table>\n"
         "<caption>In order of execution; a click on a heading sorts. ✗ marks layers that miss a threshold (cosine "
      << number_text(r.thresholds.cosine);
  if (std::isfinite(r.thresholds.norm_error)) {
    out << ", norm_error " << number_text(100 * r.thresholds.norm_error) << " %";
  }
  out << ").</caption>\n<thead><tr>\n";
  const auto head = [&out](std::string_view key, std::string_view text, std::string_view tip, bool number) {
    out << "<th scope='col' aria-sort='none'" << (number ? key == "mark" ? " class='mark'" : "" : " class='text'")
        << "><button type='button' data-key='" << key << "' data-kind='" << (number ? "number" : "text") << "' title='"
        << escape_html(tip) << "'>" << text << "</button></th>\n";
  };
  head("order", "#", "order of execution", true);
  head("mark", "mark", "bad ones first", true);
  head("layer", "layer", "in the reference", false);
  const bool has_partners = std::any_of(r.result.layers.begin(), r.result.layers.end(), [](const layer_evidence& e) {
    return e.partner != e.name || !e.relation.empty();
  });
  if (has_partners) {
    head("partner", "partner", "in the other run", false);
    head("relation", "relation", "how the partners correspond, where not simply by the same content", false);
  }
  std::vector<column> columns = number_columns();
  std::erase_if(columns, [&](const column& c) {
    return std::none_of(r.result.layers.begin(), r.result.layers.end(),
                        [&](const layer_evidence& e) { return c.value(e).has_value(); });
  });
  for (const column& c : columns) head(c.key, c.head, c.tip, true);
  out << "</tr></thead>\n<tbody>\n";
  std::size_t order = 0;
  for (const layer_evidence& e : r.result.layers) {
    const bool here = !e.name.empty() && e.name == r.result.verdict.layer;
    const std::string number = std::to_string(++order);
    out << "<tr data-order='" << number << "' class='" << (e.suspicious ? "bad" : "") << (here ? " here" : "")
        << "'><td data-v='" << number << "'>" << number << "</td><td class='mark' data-v='"
        << number_text(mark_order(e)) << "'>" << report_mark(r, e) << "</td>";
    const auto text = [&out](std::string_view tag, const std::string& value, bool wide = false,
                             const std::string& link = {}) {
      out << '<' << tag << " class='text" << (wide ? " wide'" : "'") << (tag == "th" ? " scope='row'" : "");
      if (!value.empty()) out << " data-v='" << escape_html(value) << "'";
      out << '>';
      if (!link.empty()) out << "<a href='" << link << "' title='its histogram'>";
      out << escape_html(value) << (link.empty() ? "" : "</a>") << "</" << tag << '>';
    };
    text("th", e.name, false, histogram_link(r, e.name));
    if (has_partners) {
      text("td", e.partner, true);
      text("td", e.relation);
    }
    for (const column& c : columns) {
      const auto v = c.value(e);
      if (v) out << "<td data-v='" << data_value(*v) << "'>" << c.text(*v) << "</td>";
      else out << "<td>–</td>";
    }
    out << "</tr>\n";
  }
  out << "</tbody>\n</table>\n</div>\n</section>\n";
}

/// Whether a layer has an error to split; NaN is one.
[[nodiscard]] inline bool has_parts(const layer_evidence& e) { return e.parts && !(e.parts->l2_error == 0); }

/// Which channels carry a layer's error.
[[nodiscard]] inline std::string channels_text(const layer_evidence& e) {
  if (e.channels < 2 || e.most_channels == 0) return {};
  std::string text = std::to_string(e.most_channels) + " of " + std::to_string(e.channels) + " carry 90 %";
  for (std::size_t i = 0; i < e.worst_channels.size(); ++i) {
    const channel_error& c = e.worst_channels[i];
    text += (i == 0 ? ": " : ", ") + std::to_string(c.channel);
    text += std::isnan(c.share) ? " (NaN)" : " (" + fixed_text(100 * c.share, 1) + " %)";
  }
  return text;
}

inline void write_error_parts(std::ostream& out, const report& r) {
  if (std::none_of(r.result.layers.begin(), r.result.layers.end(), has_parts)) return;
  const bool by_itself = std::any_of(r.result.layers.begin(), r.result.layers.end(),
                                     [&](const layer_evidence& e) { return has_parts(e) && e.isolated; });
  open_section(out, "parts", "What the errors consist of");
  out << "<div class='scroll' role='region' tabindex='0' aria-labelledby='parts-heading'>\n<table>\n<caption>Shares of "
         "the squared error of each layer, "
      << (by_itself ? "by itself: against float on the input that it had" : "that of the layers before it included")
      << ".</caption>\n<thead><tr><th scope='col' class='text'>layer</th>";
  for (const char* name : {"gain", "offset", "saturation", "underflow", "rounding"}) {
    out << "<th scope='col'>" << name << "</th>";
  }
  out << "<th scope='col' class='text'>channels</th></tr></thead>\n<tbody>\n";
  for (const layer_evidence& e : r.result.layers) {
    if (!has_parts(e)) continue;
    out << "<tr" << (e.suspicious ? " class='bad'" : "") << "><th scope='row' class='text'>" << escape_html(e.name)
        << "</th>";
    const error_parts& p = *e.parts;
    for (const double share : {p.gain_share, p.offset_share, p.saturation_share, p.underflow_share, p.rounding_share}) {
      out << "<td>" << fixed_text(100 * share, 1) << (std::isfinite(share) ? " %" : "") << "</td>";
    }
    out << "<td class='text'>" << channels_text(e) << "</td></tr>\n";
  }
  out << "</tbody>\n</table>\n</div>\n</section>\n";
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

/// Where a cosine stands: the number of its nines, at most 6, so that 0.999 and 0.9999 can be told apart.
[[nodiscard]] inline double nines(double cosine) {
  return std::isnan(cosine) ? cosine : -std::log10(std::clamp(1 - cosine, 1e-6, 2.0));
}

/// The x axis of a plot along the network, with names where they have room.
[[nodiscard]] inline plot_axis layers_axis(const report& r) {
  const std::size_t n = r.result.layers.size();
  plot_axis axis{
      n <= 40 ? "" : "layer (# in the table)", 0.5, static_cast<double>(std::max<std::size_t>(1, n)) + 0.5, {}};
  if (n <= 40) {
    for (std::size_t i = 0; i < n; ++i) {
      axis.ticks.push_back({static_cast<double>(i + 1), shortened(r.result.layers[i].name, 20)});
    }
  }
  return axis;
}

/// f of each layer, NaN where it has none.
template <class F>
[[nodiscard]] std::vector<double> along_network(const report& r, F f) {
  std::vector<double> values;
  for (const layer_evidence& e : r.result.layers) {
    const std::optional<double> v = f(e);
    values.push_back(v.value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  return values;
}

inline void add_layer_hovers(svg_plot& plot, const report& r) {
  const std::vector<column> columns = number_columns();
  double at = 1;
  for (const layer_evidence& e : r.result.layers) {
    std::string words = number_text(at) + " " + e.name;
    for (const column& c : columns) {
      if (c.key != "norm_error" && c.key != "cosine" && c.key != "isolated" && c.key != "in_16bit") continue;
      if (const auto v = c.value(e)) words.append("\n").append(c.head).append(" ").append(c.text(*v));
    }
    if (const std::string mark = report_mark(r, e); !mark.empty()) words += "\n" + mark;
    plot.hover(at - 0.5, at + 0.5, words);
    ++at;
  }
}

/// Crosses at the suspicious layers; where they have no finite value to stand at, at an edge.
inline void add_bad_layers(svg_plot& plot, const report& r, const std::vector<double>& x, std::vector<double> y,
                           double bottom) {
  bool any = false;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const layer_evidence& e = r.result.layers[i];
    any = any || e.suspicious;
    if (!e.suspicious) y[i] = std::numeric_limits<double>::quiet_NaN();
    else y[i] = std::isnan(y[i]) ? bottom : std::clamp(y[i], -1e300, 1e300);
  }
  if (any) plot.line(x, y, bad_look, "bad layer (at an edge: no finite value)");
}

/// The places of the layers on the x axis.
[[nodiscard]] inline std::vector<double> layer_places(const report& r) {
  std::vector<double> x;
  for (std::size_t i = 0; i < r.result.layers.size(); ++i) x.push_back(static_cast<double>(i + 1));
  return x;
}

inline void write_cosines(std::ostream& out, const report& r) {
  const auto scaled = [](std::optional<double> c) { return c ? std::optional(nines(*c)) : c; };
  const std::vector<double> cosine = along_network(
      r, [&](const layer_evidence& e) { return e.result ? std::optional(nines(e.result->cosine)) : std::nullopt; });
  const std::vector<double> isolated = along_network(r, [&](const layer_evidence& e) { return scaled(e.isolated); });
  const std::vector<double> in_16bit = along_network(r, [&](const layer_evidence& e) { return scaled(e.in_16bit); });
  double low = std::min(1.0, nines(std::isnan(r.thresholds.cosine) ? 1 : r.thresholds.cosine));
  for (const auto* values : {&cosine, &isolated, &in_16bit}) {
    for (const double v : *values) low = v < low ? v : low;
  }
  plot_axis y{"cosine", nines(-1), 6.2, {}};
  for (const double edge : {nines(0), nines(0.5), nines(0.9)}) y.low = low >= edge ? edge : y.low;
  for (const double at : {-1.0, 0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 1.0}) {
    if (nines(at) >= y.low) y.ticks.push_back({nines(at), number_text(at)});
  }
  const auto any = [](const std::vector<double>& values) {
    return std::any_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  };
  const std::vector<double> x = layer_places(r);
  svg_plot plot("Cosine of each layer along the network", layers_axis(r), y, 1060, 280);
  plot.level(nines(r.thresholds.cosine), limit_look, "threshold " + number_text(r.thresholds.cosine));
  if (any(in_16bit)) plot.line(x, in_16bit, in_16bit_look, "all layers in 16 bits");
  if (any(isolated)) plot.line(x, isolated, isolated_look, "layer by itself");
  plot.line(x, cosine, accumulated_look, "accumulated");
  add_bad_layers(plot, r, x, cosine, y.low);
  add_layer_hovers(plot, r);
  out << "<figure>\n";
  plot.write(out);
  out << "<figcaption>Cosine with the reference, on a scale of its nines: each step is a tenth of the error. Rest the "
         "pointer on a layer for its values.</figcaption>\n</figure>\n";
}

inline void write_norm_errors(std::ostream& out, const report& r) {
  const std::vector<double> error = along_network(
      r, [](const layer_evidence& e) { return e.result ? std::optional(100 * e.result->norm_error) : std::nullopt; });
  const double limit = 100 * std::fabs(r.thresholds.norm_error);
  double least = 0, most = 0;
  for (const double v : error) {
    if (!std::isfinite(v)) continue;
    least = std::clamp(v, -100.0, least);
    most = std::clamp(v, most, 100.0);
  }
  if (limit <= 100) {
    least = std::min(least, -limit);
    most = std::max(most, limit);
  }
  const double room = (most - least) * 0.06;
  const std::vector<double> x = layer_places(r);
  svg_plot plot("Signed error of the norm of each layer along the network", layers_axis(r),
                {"norm_error, %", least - room, most + room, {}}, 1060, 200);
  plot.level(0, {"#555555", "1 3", shape::none}, "");
  if (limit <= 100) {
    plot.level(limit, limit_look, "threshold ±" + number_text(limit) + " %");
    plot.level(-limit, limit_look, "");
  }
  plot.line(x, error, accumulated_look, "norm_error");
  add_bad_layers(plot, r, x, error, least - room);
  add_layer_hovers(plot, r);
  out << "<figure>\n";
  plot.write(out);
  out << "<figcaption>(norm of the other run − norm of the reference) / norm of the reference; values beyond ±100 % "
         "stand at the edge.</figcaption>\n</figure>\n";
}

inline void write_curves(std::ostream& out, const report& r) {
  if (r.result.layers.empty()) return;
  open_section(out, "curves", "Along the network");
  write_cosines(out, r);
  write_norm_errors(out, r);
  out << "</section>\n";
}

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

inline void write_histogram(std::ostream& out, const layer_histogram& h) {
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
  out << "<figure>\n";
  plot.write(out);
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
  out << "<p class='choose'><label for='layer-choice'>Layer </label><select id='layer-choice' autocomplete='off'>\n";
  const auto of_verdict = std::find_if(r.histograms.begin(), r.histograms.end(),
                                       [&](const layer_histogram& h) { return h.layer == r.result.verdict.layer; });
  for (auto h = r.histograms.begin(); h != r.histograms.end(); ++h) {
    out << "<option" << (h == of_verdict ? " selected" : "") << '>' << escape_html(h->layer) << "</option>\n";
  }
  out << "</select></p>\n";
  for (const layer_histogram& h : r.histograms) write_histogram(out, h);
  out << "</section>\n";
}

[[nodiscard]] inline std::string joined(const std::vector<std::string>& names, std::string_view nothing) {
  std::string text;
  for (const std::string& n : names) text += (text.empty() ? "" : ", ") + n;
  return text.empty() ? std::string(nothing) : text;
}

/// The finite values' range with some room, within what an axis takes; 0 .. 1 where there are none.
[[nodiscard]] inline std::pair<double, double> range_of(const std::vector<double>& values) {
  double low = 1e300, high = -1e300;
  for (const double v : values) {
    if (std::isfinite(v)) low = std::clamp(v, -1e299, low);
    if (std::isfinite(v)) high = std::clamp(v, high, 1e299);
  }
  if (low > high) return {0, 1};
  return {low - (high - low) * 0.06, high + (high - low) * 0.06};
}

inline void write_search(std::ostream& out, const report& r) {
  const report_search& s = r.search;
  if (s.front.empty()) return;
  open_section(out, "search", "Layers to raise to 16 bits");
  std::vector<double> costs, scores, levels = {s.goal};
  for (const evaluated_plan& p : s.front) {
    costs.push_back(p.cost);
    scores.push_back(p.score);
    levels.push_back(p.score);
  }
  std::vector<double> all_costs = costs;
  if (s.chosen) {
    all_costs.push_back(s.chosen->cost);
    levels.push_back(s.chosen->score);
  }
  const auto [left, right] = range_of(all_costs);
  const auto [bottom, top] = range_of(levels);
  svg_plot plot("Score over time of the best plans", {"time, where all layers in 8 bits take 1", left, right, {}},
                {"score", bottom, top, {}}, 900, 280);
  plot.level(s.goal, limit_look, "goal " + number_text(s.goal));
  plot.line(costs, scores, accumulated_look, "no plan is both faster and better");
  if (s.chosen) plot.note(s.chosen->cost, s.chosen->score, {plot_styles::blue, "", shape::diamond}, "chosen");
  out << "<figure>\n";
  const auto describe = [](const evaluated_plan& p) {
    return "time " + number_text(p.cost) + ", score " + number_text(p.score) + "\n" + joined(p.layers, "no layer");
  };
  for (const evaluated_plan& p : s.front) plot.hover_point(p.cost, p.score, describe(p));
  plot.write(out);
  out << "<figcaption>Score: " << escape_html(s.score.empty() ? "larger is better" : std::string_view(s.score))
      << ".</figcaption>\n</figure>\n<div class='scroll' role='region' tabindex='0' aria-labelledby='search-heading'>\n"
         "<table>\n<caption>The plans of the plot, the fastest first.</caption>\n<thead><tr><th scope='col'>time</th>"
         "<th scope='col'>score</th><th scope='col' class='mark'>goal</th><th scope='col' class='text'>layers in 16 "
         "bits</th></tr></thead>\n<tbody>\n";
  for (const evaluated_plan& p : s.front) {
    const bool chosen = s.chosen && p.layers == s.chosen->layers;
    out << "<tr" << (chosen ? " class='here'" : "") << "><td>" << fixed_text(p.cost, 4) << "</td><td>"
        << number_text(p.score, 7) << "</td><td class='mark'>" << (p.score >= s.goal ? "reached" : "")
        << (chosen ? " ▶ chosen" : "") << "</td><td class='text'>" << escape_html(joined(p.layers, "none"))
        << "</td></tr>\n";
  }
  out << "</tbody>\n</table>\n</div>\n</section>\n";
}

/// The finite values' distribution as the corners of its steps: how many per cent are at most x. Empty for none.
[[nodiscard]] inline std::pair<std::vector<double>, std::vector<double>> distribution(std::vector<double> values,
                                                                                      double low, double high) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  std::sort(values.begin(), values.end());
  std::pair<std::vector<double>, std::vector<double>> corners;
  if (values.empty()) return corners;
  const auto add = [&](double x, std::size_t count) {
    corners.first.push_back(x);
    corners.second.push_back(100 * static_cast<double>(count) / static_cast<double>(values.size()));
  };
  add(low, 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    add(values[i], i);
    add(values[i], i + 1);
  }
  add(high, values.size());
  return corners;
}

[[nodiscard]] inline double finite_mean(const std::vector<double>& values) {
  double sum = 0, count = 0;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    sum += v;
    ++count;
  }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

inline void write_norms(std::ostream& out, const report& r) {
  if (r.norms.empty()) return;
  open_section(out, "norms", "Norms before and after compensation");
  out << "<div class='small'>\n";
  for (const norm_distribution& d : r.norms) {
    const std::pair<std::string_view, const std::vector<double>*> sets[] = {
        {"float", &d.float_norms}, {"quantized", &d.quantized}, {"compensated", &d.compensated}};
    const plot_style looks[] = {float_look, quantized_look, compensated_look};
    std::vector<double> all;
    for (const auto& [name, values] : sets) all.insert(all.end(), values->begin(), values->end());
    const auto [low, high] = range_of(all);
    svg_plot plot("Norms of " + d.chain + ": float, quantized and compensated", {"L2 norm", low, high, {}},
                  {"pictures up to it, %", 0, 100, {}}, 420, 200);
    for (std::size_t i = 0; i < std::size(sets); ++i) {
      const auto [x, y] = distribution(*sets[i].second, low, high);
      if (!x.empty()) plot.line(x, y, looks[i], sets[i].first);
    }
    out << "<figure>\n";
    plot.write(out);
    out << "<figcaption><code>" << escape_html(d.chain) << "</code>: constant " << number_text(d.old_constant) << " → "
        << number_text(d.new_constant) << "; mean norm";
    const double reference = finite_mean(d.float_norms);
    for (const auto& [name, values] : sets) {
      if (values->empty()) continue;
      const double mean = finite_mean(*values);
      out << (name == "float" ? " " : ", ") << name << ' ' << number_text(mean, 5);
      if (name != "float") out << " (" << percent_with_sign((mean - reference) / reference, 2) << ")";
      const auto bad = std::count_if(values->begin(), values->end(), [](double v) { return !std::isfinite(v); });
      if (bad != 0) out << " without " << std::to_string(bad) << " NaN or infinite";
    }
    out << "</figcaption>\n</figure>\n";
  }
  out << "</div>\n</section>\n";
}

inline void write_navigation(std::ostream& out, const report& r) {
  const std::pair<std::string_view, bool> all[] = {
      {"curves", !r.result.layers.empty()},
      {"layers", true},
      {"parts", std::any_of(r.result.layers.begin(), r.result.layers.end(), has_parts)},
      {"histograms", !r.histograms.empty()},
      {"search", !r.search.front.empty()},
      {"norms", !r.norms.empty()},
      {"post", !r.post_processing.empty()}};
  const std::string_view names[] = {"Along the network", "Layers", "Parts of the errors", "Histograms",
                                    "16-bit layers",     "Norms",  "Post-processing"};
  out << "<nav aria-label='Sections'>\n";
  for (std::size_t i = 0; i < std::size(all); ++i) {
    if (all[i].second) out << "<a href='#" << all[i].first << "'>" << names[i] << "</a>\n";
  }
  out << "</nav>\n";
}

}  // namespace report_html

}  // namespace detail

/// A file that needs nothing else: no network, no fonts, no other files. The same report gives the same bytes. Of its
/// address the fragment #sort=cosine orders the table by a column (#sort=-cosine: falling), #histogram=2 chooses the
/// third histogram, and both are joined by &. Throws shape_error or format_error, before it writes anything, for a
/// histogram whose counts do not fit its edges or whose edges are not finite and increasing. Does not check the stream.
inline void write_html(std::ostream& out, const report& r) {
  using namespace detail::report_html;
  for (const layer_histogram& h : r.histograms) check_histogram(h);
  write_head(out, r);
  out << "<main>\n";
  open_section(out, "verdict", "Verdict");
  write_finding(out, r.result.verdict, "verdict");
  if (!r.result.also.empty()) out << "<h3>Further findings</h3>\n";
  for (const finding& f : r.result.also) write_finding(out, f, "further");
  out << "</section>\n";
  write_navigation(out, r);
  write_curves(out, r);
  write_layers(out, r);
  write_error_parts(out, r);
  write_histograms(out, r);
  write_search(out, r);
  write_norms(out, r);
  if (!r.post_processing.empty()) {
    open_section(out, "post", "Post-processing");
    write_lines(out, r.post_processing);
    out << "</section>\n";
  }
  out << "</main>\n<script>" << script << "</script>\n</body>\n</html>\n";
}

NNIESIM_END_NAMESPACE
