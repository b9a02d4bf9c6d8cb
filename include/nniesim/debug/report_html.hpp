// A report as one HTML file, for reading on a screen or on paper.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include <nniesim/debug/report_curves.hpp>
#include <nniesim/debug/report_elements.hpp>
#include <nniesim/debug/report_graph.hpp>
#include <nniesim/debug/report_histograms.hpp>
#include <nniesim/debug/report_page.hpp>
#include <nniesim/debug/report_plans.hpp>
#include <nniesim/debug/report_table.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::report_html {

inline void write_head(std::ostream& out, const report& r) {
  const std::string title = escape_html(r.title.empty() ? "Accuracy report" : std::string_view(r.title));
  out << "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
         "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'; "
         "script-src 'unsafe-inline'\">\n"
         "<meta name='color-scheme' content='light dark'>\n"
         "<meta name='viewport' content='width=device-width, initial-scale=1'>\n<title>"
      << title << "</title>\n<style>" << style << "</style>\n<noscript><style>" << style_without_script
      << "</style></noscript>\n</head>\n<body>\n<a class='skip' href='#verdict'>To the verdict</a>\n<header>\n<h1>"
      << title << "</h1>\n<dl class='about'>\n";
  for (const auto& [name, text] : report_about(r)) {
    const bool is_code = name == "Command";
    out << "<dt>" << name << "</dt><dd>" << (is_code ? "<code>" : "") << escape_html(text) << (is_code ? "</code>" : "")
        << "</dd>\n";
  }
  out << "</dl>\n</header>\n";
}

inline void write_navigation(std::ostream& out, const report& r) {
  const std::pair<std::string_view, bool> all[] = {
      {"graph", has_graph(r)},
      {"curves", !r.result.layers.empty()},
      {"layers", true},
      {"parts", std::any_of(r.result.layers.begin(), r.result.layers.end(), has_parts)},
      {"histograms", !r.histograms.empty()},
      {"search", !r.search.front.empty()},
      {"norms", !r.norms.empty()},
      {"post", !r.post_processing.empty()}};
  const std::string_view names[] = {"The network", "Along the network", "Layers", "Parts of the errors",
                                    "Histograms",  "16-bit layers",     "Norms",  "Post-processing"};
  out << "<nav aria-label='Sections'>\n";
  for (std::size_t i = 0; i < std::size(all); ++i) {
    if (all[i].second) out << "<a href='#" << all[i].first << "'>" << names[i] << "</a>\n";
  }
  out << "</nav>\n";
}

}  // namespace detail::report_html

/// A file that needs nothing else: no network, no fonts, no other files. The same report gives the same bytes. Of its
/// address the fragment `#sort=cosine` orders the table by a column (`#sort=-cosine`: falling), `#histogram-2` (or
/// `#histogram=2`) chooses the third histogram, `#search=conv` shows the rows with "conv" in a name; those with = are
/// joined by &. All but sorting, searching and choosing works without scripts. Throws shape_error or format_error,
/// before it writes anything, for a histogram whose counts do not fit its edges or whose edges are not finite and
/// increasing. Does not check the stream.
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
  write_graph(out, r);
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
