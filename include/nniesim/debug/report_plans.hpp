// Two sections of a report's page: plans of a search for layers to raise to 16 bits, norms before and after.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/report_elements.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::report_html {

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
  write_plot(out, plot);
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
    write_plot(out, plot);
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

}  // namespace detail::report_html

NNIESIM_END_NAMESPACE
