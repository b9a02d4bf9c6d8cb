// A plot as an inline SVG: axes with round ticks, lines, outlines of histograms, points, a legend. Nothing in it
// depends on colour alone, and no value, NaN and infinities included, gives a broken drawing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/debug/markup.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How a series looks: its dashes and markers tell it apart on paper and without colour.
struct plot_style {
  /// Markers.
  enum class shape { none, circle, square, triangle, diamond, cross };
  std::string_view colour = "#000000";  ///< of line and markers, as CSS has it
  std::string_view dashes{};            ///< as stroke-dasharray; empty: solid; "none": no line between the markers
  shape marker = shape::none;           ///< at the points
};

/// Colours that can be told apart with every kind of colour blindness (Okabe and Ito). A page may have others for a
/// dark background by setting the properties.
namespace plot_styles {
inline constexpr std::string_view black = "var(--plot-black,#000000)",  ///< for series
    blue = "var(--plot-blue,#0072b2)",                                  ///< for series
    vermillion = "var(--plot-vermillion,#d55e00)",                      ///< for series
    green = "var(--plot-green,#009e73)",                                ///< for series
    grey = "var(--plot-grey,#595959)",                                  ///< for axes
    grid = "var(--plot-grid,#cccccc)",                                  ///< for the lines of the grid
    background = "var(--page,#ffffff)";                                 ///< the page's, inside markers
}  // namespace plot_styles

/// A mark on an axis.
struct plot_tick {
  double at = 0;       ///< in the axis' values
  std::string text{};  ///< beside the mark
};

/// Values low .. high, both finite and within +-1e300; where they are equal or in the wrong order, a range around them
/// is taken instead.
struct plot_axis {
  std::string label{};             ///< what the values are; may be empty
  double low = 0;                  ///< where it begins: left or at the bottom
  double high = 1;                 ///< where it ends: right or at the top
  std::vector<plot_tick> ticks{};  ///< none: round numbers
};

namespace detail {

/// Round numbers within low .. high, about `count` of them: multiples of 1, 2 or 5 times a power of ten.
[[nodiscard]] inline std::vector<plot_tick> round_ticks(double low, double high, double count) {
  const double rough = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double step = power * (rough <= power ? 1 : rough <= 2 * power ? 2 : rough <= 5 * power ? 5 : 10);
  std::vector<plot_tick> ticks;
  if (!(step > 0) || !std::isfinite(step)) return ticks;
  const int decimals = static_cast<int>(std::clamp(-std::floor(std::log10(step) + 1e-9), 0.0, 12.0));
  const bool plain = step >= 1e-6 && std::max(std::fabs(low), std::fabs(high)) < 1e7;
  const double first = std::ceil(low / step - 1e-9) + 0.0;  // never -0
  for (double i = first; i * step <= high + step * 1e-9 && ticks.size() < 100; ++i) {
    ticks.push_back({i * step, plain ? fixed_text(i * step, decimals) : number_text(i * step, 9)});
  }
  return ticks;
}

/// Powers of ten from 10^low to 10^high, by their exponents.
[[nodiscard]] inline std::vector<plot_tick> decade_ticks(double low, double high) {
  std::vector<plot_tick> ticks;
  const double step = std::max(1.0, std::ceil((high - low) / 8));
  for (double e = std::ceil(low - 1e-9) + 0.0; e <= high + 1e-9 && ticks.size() < 100; e += step) {
    ticks.push_back({e, std::fabs(e) <= 3 ? number_text(std::pow(10.0, e)) : "1e" + number_text(e)});
  }
  return ticks;
}

}  // namespace detail

/// Draws in the order of the calls. Finite values outside the axes are drawn at their edge.
class svg_plot {
 public:
  /// `label` is read out in place of the picture. Width and height are those of the area within the axes, in pixels
  /// where the page has room for them. Throws format_error for axes that are not finite.
  svg_plot(std::string label, plot_axis x, plot_axis y, double width = 840, double height = 240)
      : label_(std::move(label)), x_(std::move(x)), y_(std::move(y)), width_(width), height_(height) {
    prepare(x_, width_ / 90);
    prepare(y_, height_ / 40);
  }

  /// Joins the points by a line that is interrupted wherever one is not finite. Equally many x and y.
  void line(std::span<const double> x, std::span<const double> y, const plot_style& style, std::string_view legend) {
    check_sizes(x.size(), y.size(), 0);
    std::string path;
    bool joined = false;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const bool drawn = std::isfinite(x[i]) && std::isfinite(y[i]);
      if (drawn) path += std::string(joined ? "L" : "M") + px(x[i]) + ' ' + py(y[i]);
      joined = drawn;
    }
    if (style.dashes != "none") add_path(path, style);
    // Of many markers on a line only some, and those that no line reaches.
    const std::size_t every = style.dashes == "none" ? 1 : x.size() / 60 + 1;
    const auto gap = [&](std::size_t i) { return i >= y.size() || !std::isfinite(y[i]) || !std::isfinite(x[i]); };
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (i % every == 0 || (gap(i - 1) && gap(i + 1))) marker(x[i], y[i], style, x.size() > 100 ? 3 : 4);
    }
    add_legend(legend, style);
  }

  /// The outline of a histogram: one edge more than heights.
  void outline(std::span<const double> edges, std::span<const double> heights, const plot_style& style,
               std::string_view legend) {
    check_sizes(edges.size(), heights.size(), 1);
    std::string path = edges.empty() ? "" : "M" + px(edges[0]) + ' ' + py(y_.low);
    for (std::size_t i = 0; i < heights.size(); ++i) {
      path += "V" + py(heights[i]) + "H" + px(edges[i + 1]);
    }
    if (!heights.empty()) add_path(path + "V" + py(y_.low), style);
    add_legend(legend, style);
  }

  /// A level across the plot, such as a threshold.
  void level(double y, const plot_style& style, std::string_view legend) {
    if (!std::isfinite(y)) return;
    add_path("M0 " + py(y) + "H" + coordinate(width_), style);
    add_legend(legend, style);
  }

  /// One marker with words beside it; not drawn where not finite.
  void note(double x, double y, const plot_style& style, std::string_view words) {
    marker(x, y, style, 8);
    if (!std::isfinite(x) || !std::isfinite(y)) return;
    const bool left = place(x, x_, width_) > width_ / 2;
    const bool low = place(y, y_, height_) < 20;
    body_ += "<text x='" + coordinate(place(x, x_, width_) + (left ? -13 : 13)) + "' y='" +
             coordinate(height_ - place(y, y_, height_) + (low ? -10 : 18)) + "' text-anchor='" +
             (left ? "end" : "start") + "'>" + escaped(words) + "</text>\n";
  }

  /// Words that appear over the strip from x low to high; none where one of them is not finite.
  void hover(double low, double high, std::string_view words) {
    if (!std::isfinite(low) || !std::isfinite(high)) return;
    const double from = place(low, x_, width_);
    hovers_ += "<rect x='" + coordinate(from) + "' y='0' width='" + coordinate(place(high, x_, width_) - from) +
               "' height='" + coordinate(height_) + "'><title>" + escaped(words) + "</title></rect>\n";
  }
  /// Words that appear around the point; none where it is not finite.
  void hover_point(double x, double y, std::string_view words) {
    if (!std::isfinite(x) || !std::isfinite(y)) return;
    hovers_ += "<circle cx='" + px(x) + "' cy='" + py(y) + "' r='9'><title>" + escaped(words) + "</title></circle>\n";
  }

  /// Writes the plot as one svg element. Does not check the stream.
  void write(std::ostream& out) const {
    std::size_t longest = 0;
    double widest = 0;  // text of an x tick, where it stands upright
    for (const plot_tick& t : x_.ticks) {
      longest = std::max(longest, detail::count_characters(t.text));
      widest = std::max(widest, static_cast<double>(detail::count_characters(t.text)) * letter + 8);
    }
    const bool slanted = !x_.ticks.empty() && widest > width_ / static_cast<double>(x_.ticks.size());
    const double below = slanted ? 20 + static_cast<double>(longest) * letter * 0.8 : 24;
    const double above = 14 + 20 * static_cast<double>(rows_of_legend_);
    const double total_width = left_margin + width_ + right_margin;
    const double total_height = above + height_ + below + (x_.label.empty() ? 2 : 20);
    out << "<svg role='img' aria-label='" << escaped(label_) << "' viewBox='0 0 " << coordinate(total_width) << ' '
        << coordinate(total_height) << "' style='max-width:" << coordinate(total_width)
        << "px;min-width:" << coordinate(std::min(total_width, std::max(300.0, 0.85 * total_width)))
        << "px' font-family='sans-serif' font-size='12' fill='currentColor'>\n"
        << legend_ << "<g transform='translate(" << coordinate(left_margin) << ' ' << coordinate(above) << ")'>\n";
    write_ticks(out, slanted);
    out << "<text text-anchor='middle' x='" << coordinate(width_ / 2) << "' y='" << coordinate(height_ + below + 12)
        << "'>" << escaped(x_.label) << "</text>\n<text text-anchor='middle' transform='translate(-66 "
        << coordinate(height_ / 2) << ") rotate(-90)'>" << escaped(y_.label) << "</text>\n"
        << body_ << "<rect x='0' y='0' width='" << coordinate(width_) << "' height='" << coordinate(height_)
        << "' fill='none' stroke='" << plot_styles::grey << "'/>\n<g fill='none' pointer-events='all'>\n"
        << hovers_ << "</g></g></svg>\n";
  }

 private:
  static constexpr double left_margin = 84, right_margin = 24;
  static constexpr double letter = 6.7;  ///< width of a character of 12 pixels, on average and rather too much

  [[nodiscard]] static std::string escaped(std::string_view text) { return detail::escape_html(text); }
  [[nodiscard]] static std::string coordinate(double v) { return detail::fixed_text(v, 1); }
  static void check_sizes(std::size_t x, std::size_t y, std::size_t more) {
    detail::require<shape_error>(x == y + more || (x == 0 && y == 0), "svg_plot: ", x, " places for ", y,
                                 " values, expected ", y + more);
  }
  static void prepare(plot_axis& a, double ticks) {
    constexpr double most = 1e300;
    detail::require<format_error>(std::fabs(a.low) <= most && std::fabs(a.high) <= most, "svg_plot: axis '", a.label,
                                  "' from ", a.low, " to ", a.high, ", expected numbers within +-1e300");
    // Nearer together than this, ticks would fall on the same double.
    const double least = std::max(std::max(std::fabs(a.low), std::fabs(a.high)) * 1e-12, 1e-300);
    if (!(a.high - a.low > least)) {
      const double middle = a.low / 2 + a.high / 2;
      const double around = middle == 0 ? 1 : std::fabs(middle) * 0.1;
      a.low = middle - around;
      a.high = middle + around;
    }
    if (a.ticks.empty()) a.ticks = detail::round_ticks(a.low, a.high, std::max(2.0, ticks));
  }

  /// Pixels from the axis' beginning, for a finite value.
  [[nodiscard]] static double place(double v, const plot_axis& a, double pixels) {
    return std::clamp((v - a.low) / (a.high - a.low), 0.0, 1.0) * pixels;
  }
  [[nodiscard]] std::string px(double x) const { return coordinate(place(x, x_, width_)); }
  [[nodiscard]] std::string py(double y) const { return coordinate(height_ - place(y, y_, height_)); }

  [[nodiscard]] static std::string stroke(const plot_style& s) {
    std::string text = " fill='none' stroke-width='1.8' stroke='" + std::string(s.colour) + "'";
    if (!s.dashes.empty()) text += " stroke-dasharray='" + std::string(s.dashes) + "'";
    return text;
  }
  void add_path(const std::string& path, const plot_style& style) {
    if (!path.empty()) body_ += "<path d='" + path + "'" + stroke(style) + "/>\n";
  }
  void marker(double x, double y, const plot_style& style, double size) {
    if (!std::isfinite(x) || !std::isfinite(y)) return;
    body_ += marker_at(place(x, x_, width_), height_ - place(y, y_, height_), style, size);
  }
  [[nodiscard]] static std::string marker_at(double x, double y, const plot_style& style, double r) {
    using shape = plot_style::shape;
    const auto at = [&](double dx, double dy) { return coordinate(x + dx * r) + ' ' + coordinate(y + dy * r); };
    std::string path;
    switch (style.marker) {
      case shape::none: return {};
      case shape::circle:
        return "<circle cx='" + coordinate(x) + "' cy='" + coordinate(y) + "' r='" + coordinate(r * 0.85) + "' fill='" +
               std::string(plot_styles::background) + "' stroke-width='1.5' stroke='" + std::string(style.colour) +
               "'/>\n";
      case shape::square: path = at(-0.8, -0.8) + 'L' + at(0.8, -0.8) + 'L' + at(0.8, 0.8) + 'L' + at(-0.8, 0.8); break;
      case shape::triangle: path = at(-1, 0.8) + 'L' + at(1, 0.8) + 'L' + at(0, -1); break;
      case shape::diamond: path = at(0, -1.2) + 'L' + at(1.2, 0) + 'L' + at(0, 1.2) + 'L' + at(-1.2, 0); break;
      case shape::cross:
        return "<path d='M" + at(-1, -1) + 'L' + at(1, 1) + 'M' + at(-1, 1) + 'L' + at(1, -1) +
               "' fill='none' stroke-width='2.4' stroke='" + std::string(style.colour) + "'/>\n";
    }
    return "<path d='M" + path + "Z' fill='" + std::string(plot_styles::background) + "' stroke-width='1.5' stroke='" +
           std::string(style.colour) + "'/>\n";
  }

  void write_ticks(std::ostream& out, bool slanted) const {
    for (const plot_tick& t : x_.ticks) {
      const std::string x = px(t.at);
      out << "<path d='M" << x << ' ' << coordinate(height_) << "v5' stroke='" << plot_styles::grey << "'/><text ";
      if (slanted) {
        out << "text-anchor='end' transform='translate(" << coordinate(place(t.at, x_, width_) + 4) << ' '
            << coordinate(height_ + 14) << ") rotate(-60)'>";
      } else {
        out << "text-anchor='middle' x='" << x << "' y='" << coordinate(height_ + 18) << "'>";
      }
      out << escaped(t.text) << "</text>\n";
    }
    for (const plot_tick& t : y_.ticks) {
      out << "<path d='M-5 " << py(t.at) << "H" << coordinate(width_) << "' stroke='" << plot_styles::grid
          << "' stroke-width='0.7'/><text text-anchor='end' x='-8' y='"
          << coordinate(height_ - place(t.at, y_, height_) + 4) << "'>" << escaped(t.text) << "</text>\n";
    }
  }

  void add_legend(std::string_view words, const plot_style& style) {
    if (words.empty()) return;
    const double needed = 44 + static_cast<double>(detail::count_characters(words)) * letter + 18;
    if (legend_x_ > 0 && legend_x_ + needed > width_ + left_margin) {
      legend_x_ = 0;
      ++rows_of_legend_;
    }
    rows_of_legend_ = std::max<std::size_t>(rows_of_legend_, 1);
    const double x = 12 + legend_x_;
    const double y = 20 * static_cast<double>(rows_of_legend_) - 6;
    if (style.dashes != "none") {
      legend_ += "<path d='M" + coordinate(x) + ' ' + coordinate(y) + "h34'" + stroke(style) + "/>";
    }
    legend_ += marker_at(x + 17, y, style, 4);
    legend_ += "<text x='" + coordinate(x + 40) + "' y='" + coordinate(y + 4) + "'>" + escaped(words) + "</text>\n";
    legend_x_ += needed;
  }

  std::string label_;
  plot_axis x_, y_;
  double width_, height_;
  std::string body_, hovers_, legend_;
  double legend_x_ = 0;
  std::size_t rows_of_legend_ = 0;
};

NNIESIM_END_NAMESPACE
