// The curves of a report's page: cosines and errors of the norms along the network.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <nniesim/debug/report_elements.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::report_html {

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
  write_plot(out, plot);
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
  plot.level(0, {plot_styles::grey, "1 3", shape::none}, "");
  if (limit <= 100) {
    plot.level(limit, limit_look, "threshold ±" + number_text(limit) + " %");
    plot.level(-limit, limit_look, "");
  }
  plot.line(x, error, accumulated_look, "norm_error");
  add_bad_layers(plot, r, x, error, least - room);
  add_layer_hovers(plot, r);
  out << "<figure>\n";
  write_plot(out, plot);
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

}  // namespace detail::report_html

NNIESIM_END_NAMESPACE
