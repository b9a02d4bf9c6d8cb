// The tables of a report's page: every layer with its numbers, and what its error consists of.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/report_elements.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::report_html {

[[nodiscard]] inline double mark_order(const layer_evidence& e) {
  return e.suspicious ? 0 : !e.result || e.partner.empty() ? 1 : 2;
}

/// The layers' table while it is written: which columns it has, and what a row says.
class layer_rows {
 public:
  explicit layer_rows(const report& r) : report_(r), columns_(number_columns()) {
    const std::vector<layer_evidence>& layers = r.result.layers;
    has_partners_ = std::any_of(layers.begin(), layers.end(),
                                [](const layer_evidence& e) { return e.partner != e.name || !e.relation.empty(); });
    std::erase_if(columns_, [&](const column& c) {
      return std::none_of(layers.begin(), layers.end(),
                          [&](const layer_evidence& e) { return c.value(e).has_value(); });
    });
    for (const report_layer& l : r.network_layers) {
      for (std::size_t i = 0; i < l.outputs.size(); ++i) {
        described_.emplace(l.outputs[i], std::pair(l.type, i < l.shapes.size() ? l.shapes[i] : std::string()));
      }
      has_types_ = has_types_ || !l.type.empty();
    }
    for (std::size_t i = 0; i < r.histograms.size(); ++i) {
      links_.emplace(r.histograms[i].layer, "#histogram-" + std::to_string(i));
    }
  }

  void write_heads(std::ostream& out) const {
    write_head_cell(out, "order", "#", "order of execution", " data-kind='number'", "");
    write_head_cell(out, "mark", "mark", "bad ones first", " data-kind='number'", " class='mark'");
    const auto text = [&](std::string_view key, std::string_view words, std::string_view tip) {
      write_head_cell(out, key, words, tip, " data-kind='text'", " class='text'");
    };
    text("layer", "layer", "in the reference");
    if (has_types_) text("type", "type", "of the layer, as the network's file calls it");
    if (!described_.empty()) text("shape", "shape", "of the layer's output");
    if (has_partners_) {
      text("partner", "partner", "in the other run");
      text("relation", "relation", "how the partners correspond, where not simply by the same content");
    }
    for (const column& c : columns_) write_head_cell(out, c.key, c.head, c.tip, " data-kind='number'", "");
  }

  void write_row(std::ostream& out, const layer_evidence& e, const std::string& number) const {
    const bool here = !e.name.empty() && e.name == report_.result.verdict.layer;
    out << "<tr data-order='" << number << "' id='layer-" << number << "' class='" << (e.suspicious ? "bad" : "")
        << (here ? " here" : "") << "'><td data-v='" << number << "'>" << number << "</td><td class='mark' data-v='"
        << number_text(mark_order(e)) << "'>" << report_mark(report_, e) << "</td>";
    const auto link = links_.find(e.name);
    write_text(out, "th", " class='text' scope='row'", e.name, link == links_.end() ? "" : link->second);
    const auto at = described_.find(e.name);
    if (has_types_) write_text(out, "td", " class='text'", at == described_.end() ? "" : at->second.first);
    if (!described_.empty()) write_text(out, "td", " class='text'", at == described_.end() ? "" : at->second.second);
    if (has_partners_) {
      write_text(out, "td", " class='text wide'", e.partner);
      write_text(out, "td", " class='text'", e.relation);
    }
    for (const column& c : columns_) {
      const auto v = c.value(e);
      if (v) out << "<td data-v='" << data_value(*v) << "'>" << c.text(*v) << "</td>";
      else out << "<td>–</td>";
    }
    out << "</tr>\n";
  }

 private:
  static void write_head_cell(std::ostream& out, std::string_view key, std::string_view words, std::string_view tip,
                              std::string_view kind, std::string_view kind_of_cell) {
    out << "<th scope='col' aria-sort='none'" << kind_of_cell << "><button type='button' data-key='" << key << "'"
        << kind << " title='" << escape_html(tip) << "'>" << words << "</button></th>\n";
  }
  static void write_text(std::ostream& out, std::string_view tag, std::string_view attributes, const std::string& value,
                         const std::string& link = {}) {
    out << '<' << tag << attributes;
    if (!value.empty()) out << " data-v='" << escape_html(value) << "'";
    out << '>';
    if (!link.empty()) out << "<a href='" << link << "' title='its histogram'>";
    out << escape_html(value) << (link.empty() ? "" : "</a>") << "</" << tag << '>';
  }

  const report& report_;
  std::vector<column> columns_;
  bool has_partners_ = false, has_types_ = false;
  std::map<std::string_view, std::pair<std::string, std::string>> described_;  // type and shape of each output
  std::map<std::string_view, std::string> links_;
};

inline void write_layers(std::ostream& out, const report& r) {
  open_section(out, "layers", "Layers");
  out << "<p class='choose' hidden><label>Search <input type='search' id='layer-search' autocomplete='off' "
         "placeholder='name or type'></label> <label><input type='checkbox' id='layer-bad' autocomplete='off'> bad "
         "ones "
         "only</label> <output id='layer-found' for='layer-search layer-bad'></output></p>\n"
         "<div class='scroll' role='region' tabindex='0' aria-labelledby='layers-heading'>\n<table>\n"
         "<caption>In order of execution; a click on a heading sorts. ✗ marks layers that miss a threshold (cosine "
      << number_text(r.thresholds.cosine);
  if (std::isfinite(r.thresholds.norm_error)) {
    out << ", norm_error " << number_text(100 * r.thresholds.norm_error) << " %";
  }
  out << ").</caption>\n<thead><tr>\n";
  const layer_rows rows(r);
  rows.write_heads(out);
  out << "</tr></thead>\n<tbody>\n";
  std::size_t order = 0;
  for (const layer_evidence& e : r.result.layers) rows.write_row(out, e, std::to_string(++order));
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

}  // namespace detail::report_html

NNIESIM_END_NAMESPACE
