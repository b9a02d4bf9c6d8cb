// The network drawn as a graph, from its inputs down to its outputs: each layer coloured by its error, and a link to
// its histogram.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/debug/layered_layout.hpp>
#include <nniesim/debug/report_elements.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::report_html {

/// Networks of more layers, or whose edges pass more rows, are not drawn.
inline constexpr std::size_t most_drawn_layers = 3000, most_drawn_effort = 300'000;

/// relative_l2_error from which on a layer has the next colour.
inline constexpr double error_levels[] = {0.01, 0.03, 0.1, 0.3};
inline constexpr std::string_view error_level_names[] = {"below 1 %", "1 to 3 %", "3 to 10 %", "10 to 30 %",
                                                         "30 % or more"};

/// 0 .. 4; NaN is the worst.
[[nodiscard]] inline std::size_t error_level(double relative_l2_error) {
  const auto reaches = [&](double level) { return !(relative_l2_error < level); };
  return static_cast<std::size_t>(std::count_if(std::begin(error_levels), std::end(error_levels), reaches));
}

/// At most `columns` wide, of which an ideograph takes two; with "…" where something was cut off.
[[nodiscard]] inline std::string fitted(std::string_view text, std::size_t columns) {
  const auto wide = [](std::string_view c) { return std::size_t{c.size() > 2 ? 2U : 1U}; };
  std::size_t total = 0;
  for_each_character(text, [&](std::string_view c) { total += wide(c); });
  if (total <= columns) return std::string(text);
  std::string out;
  std::size_t used = 1;
  for_each_character(text, [&](std::string_view c) {
    used += wide(c);
    if (used <= columns) out += c;
  });
  return out + "…";
}

[[nodiscard]] inline bool has_graph(const report& r) {
  return std::any_of(r.network_layers.begin(), r.network_layers.end(),
                     [](const report_layer& l) { return !l.inputs.empty(); });
}

/// What is known of each layer of the network: of its outputs the worst.
class graph_evidence {
 public:
  explicit graph_evidence(const report& r) : report_(r) {
    for (std::size_t i = 0; i < r.result.layers.size(); ++i) rows_.emplace(r.result.layers[i].name, i);
    for (std::size_t i = 0; i < r.histograms.size(); ++i) histograms_.emplace(r.histograms[i].layer, i);
  }
  /// The place in the table, from 0.
  [[nodiscard]] std::optional<std::size_t> row(const report_layer& l) const {
    std::optional<std::size_t> worst;
    for (const std::string& name : l.outputs) {
      const auto at = rows_.find(name);
      if (at == rows_.end()) continue;
      if (!worst || badness(at->second) > badness(*worst)) worst = at->second;
    }
    return worst;
  }
  [[nodiscard]] const layer_evidence* of(const report_layer& l) const {
    const auto at = row(l);
    return at ? &report_.result.layers[*at] : nullptr;
  }
  /// The fragment of its histogram, else of its row; empty where it has neither.
  [[nodiscard]] std::string link(const report_layer& l) const {
    const auto at = row(l);
    if (!at) return {};
    const auto histogram = histograms_.find(report_.result.layers[*at].name);
    return histogram != histograms_.end() ? "#histogram-" + std::to_string(histogram->second)
                                          : "#layer-" + std::to_string(*at + 1);
  }

 private:
  [[nodiscard]] double badness(std::size_t row) const {
    const layer_evidence& e = report_.result.layers[row];
    if (!e.result) return -1;
    return (e.suspicious ? 100.0 : 0.0) + static_cast<double>(error_level(e.result->relative_l2_error));
  }

  const report& report_;
  std::map<std::string_view, std::size_t> rows_, histograms_;
};

/// "✗ 12.3 %": what stands in a layer's box; "–" where nothing was compared.
[[nodiscard]] inline std::string error_text(const layer_evidence* e) {
  if (e == nullptr || !e->result) return "–";
  const double error = e->result->relative_l2_error;
  return (e->suspicious ? "✗ " : "") + (std::isfinite(error) ? percent(error) : number_text(error));
}

/// The drawing, cut between rows into pieces that fit on a sheet of paper; on a screen they join.
class graph_drawing {
 public:
  explicit graph_drawing(const report& r) : report_(r), evidence_(r) {
    std::vector<layout_node> nodes;
    for (const report_layer& l : r.network_layers) nodes.push_back({l.inputs});
    layout_ = layered_layout(nodes, {.node_width = box_width, .lane_width = 10, .gap = 14});
  }

  void write(std::ostream& out) const {
    for (std::size_t first = 0; first < layout_.rows; first += rows_of_piece) {
      write_piece(out, first, std::min(layout_.rows, first + rows_of_piece));
    }
  }

 private:
  static constexpr double box_width = 196, box_height = 34, pitch = 50, margin = 8;
  static constexpr std::size_t rows_of_piece = 18, columns = 30;

  [[nodiscard]] static std::string coordinate(double v) { return fixed_text(v, 1); }
  [[nodiscard]] static double top_of(std::size_t row) {
    return static_cast<double>(row) * pitch + (pitch - box_height) / 2;
  }

  void write_piece(std::ostream& out, std::size_t first, std::size_t end) const {
    const std::string width = coordinate(layout_.width + 2 * margin);
    const std::string height = coordinate(static_cast<double>(end - first) * pitch);
    out << "<svg role='group' aria-label='Layers of the network, rows " << std::to_string(first + 1) << " to "
        << std::to_string(end) << " of " << std::to_string(layout_.rows) << "' width='" << width << "' height='"
        << height << "' viewBox='0 " << coordinate(static_cast<double>(first) * pitch) << ' ' << width << ' ' << height
        << "'>\n";
    std::string path;
    for (const layout_route& route : layout_.routes) path += path_of(route, first, end);
    if (!path.empty()) out << "<path class='edge' d='" << path << "'/>\n";
    for (std::size_t i = 0; i < report_.network_layers.size(); ++i) {
      if (layout_.row[i] >= first && layout_.row[i] < end) write_node(out, i);
    }
    out << "</svg>\n";
  }

  /// The parts of an edge that a piece of the drawing shows.
  [[nodiscard]] std::string path_of(const layout_route& route, std::size_t first, std::size_t end) const {
    std::string path;
    const std::size_t from = layout_.row[route.from], to = layout_.row[route.to];
    const std::size_t begin = std::max(from, first == 0 ? 0 : first - 1);
    for (std::size_t row = begin; row < std::min(to, end); ++row) {
      const std::string x = coordinate(route.x[row - from] + margin),
                        next = coordinate(route.x[row + 1 - from] + margin);
      const double top = top_of(row) + (row == from ? box_height : 0), bottom = top_of(row + 1);
      const std::string middle = coordinate((top_of(row) + box_height + bottom) / 2);
      if (path.empty()) path = "M" + x + ' ' + coordinate(top);
      path += "V" + coordinate(top_of(row) + box_height) + "C" + x + ' ' + middle + ' ' + next + ' ' + middle + ' ' +
              next + ' ' + coordinate(bottom);
    }
    return path;
  }

  void write_node(std::ostream& out, std::size_t i) const {
    const report_layer& l = report_.network_layers[i];
    const layer_evidence* e = evidence_.of(l);
    const std::string name = l.outputs.empty() ? std::string() : l.outputs.front();
    const std::string link = evidence_.link(l);
    const std::string x = coordinate(layout_.x[i] + margin), y = coordinate(top_of(layout_.row[i]) + 14),
                      below = coordinate(top_of(layout_.row[i]) + 27);
    out << (link.empty() ? "<g" : "<a href='" + link + "'") << " class='node "
        << (e == nullptr || !e->result ? "unknown" : "e" + std::to_string(error_level(e->result->relative_l2_error)))
        << (e != nullptr && e->suspicious ? " bad" : "") << "' data-row='";
    if (const auto row = evidence_.row(l)) out << std::to_string(*row + 1);
    out << "' aria-label='" << escape_html(description(l, name, e)) << "'>\n<title>"
        << escape_html(description(l, name, e)) << "</title><rect x='"
        << coordinate(layout_.x[i] + margin - box_width / 2) << "' y='" << coordinate(top_of(layout_.row[i]))
        << "' width='" << coordinate(box_width) << "' height='" << coordinate(box_height) << "' rx='4'/><text x='" << x
        << "' y='" << y << "' class='name'>" << escape_html(fitted(name, columns - 2)) << "</text><text x='" << x
        << "' y='" << below << "'>" << escape_html(fitted(l.type, columns - 14) + "  " + error_text(e)) << "</text>"
        << (link.empty() ? "</g>\n" : "</a>\n");
  }

  [[nodiscard]] static std::string description(const report_layer& l, const std::string& name,
                                               const layer_evidence* e) {
    std::string text = name + ", " + l.type;
    for (const std::string& size : l.shapes) text += ", " + size;
    if (e == nullptr || !e->result) return text + ", not compared";
    text += ", relative_l2_error " + number_text(e->result->relative_l2_error, 4) + ", cosine " +
            cosine_text(e->result->cosine);
    return text + (e->suspicious ? ", bad" : "");
  }

  const report& report_;
  graph_evidence evidence_;
  graph_layout layout_;
};

inline void write_graph(std::ostream& out, const report& r) {
  if (!has_graph(r)) return;
  open_section(out, "graph", "The network");
  std::vector<layout_node> nodes;
  for (const report_layer& l : r.network_layers) nodes.push_back({l.inputs});
  if (nodes.size() > most_drawn_layers || layout_effort(nodes) > most_drawn_effort) {
    out << "<p>Not drawn: it has " << std::to_string(nodes.size()) << " layers, and "
        << std::to_string(most_drawn_layers)
        << " are drawn at most, with fewer where many branches pass them.</p>\n</section>\n";
    return;
  }
  out << "<p>From the inputs, at the top, down to the outputs. A click on a layer leads to its histogram. In each box: "
         "type, relative_l2_error; ✗ and a thick frame mark layers that miss a threshold.</p>\n<ul class='levels'>\n";
  for (std::size_t i = 0; i < std::size(error_level_names); ++i) {
    out << "<li class='node e" << std::to_string(i) << "'>" << error_level_names[i] << "</li>\n";
  }
  out << "<li class='node unknown'>not compared</li>\n</ul>\n"
         "<div class='scroll graph' role='region' tabindex='0' aria-labelledby='graph-heading'>\n";
  graph_drawing(r).write(out);
  out << "</div>\n</section>\n";
}

}  // namespace detail::report_html

NNIESIM_END_NAMESPACE
