// Norm distributions as a self-contained SVG: one panel per feature, three curves each.
#pragma once

#include <algorithm>
#include <iomanip>
#include <nniesim/io/output_file.hpp>
#include <string>
#include <vector>

namespace feature_norm {

struct norm_panel {
  std::string name;
  std::vector<double> reference, quantized, compensated;
};

/// Writes the panels side by side: share of pictures over norm, 24 bins from the smallest to the largest norm.
inline void write_svg(const std::string& path, const std::vector<norm_panel>& panels) {
  constexpr int width = 240, height = 170, gap = 30, bins = 24;
  nniesim::output_file file(path);
  std::ostream& out = file.stream();
  out << std::fixed << std::setprecision(1)
      << "<svg xmlns='http://www.w3.org/2000/svg' font-family='sans-serif' font-size='11' width='"
      << static_cast<int>(panels.size()) * (width + gap) + gap << "' height='" << height + 90 << "'>\n"
      << "<rect width='100%' height='100%' fill='white'/>\n";
  // Colours that a colour-blind reader can tell apart, and dashes for paper.
  const char* styles[] = {"stroke='#000000'", "stroke='#d55e00' stroke-dasharray='6 3'",
                          "stroke='#0072b2' stroke-dasharray='2 2'"};
  const char* names[] = {"float", "quantized", "quantized, compensated"};
  for (int i = 0; i < 3; ++i) {
    const int x = gap + 190 * i;
    out << "<line x1='" << x << "' y1='14' x2='" << x + 30 << "' y2='14' stroke-width='2' " << styles[i]
        << "/><text x='" << x + 36 << "' y='18'>" << names[i] << "</text>\n";
  }
  for (std::size_t p = 0; p < panels.size(); ++p) {
    const std::vector<double>* sets[] = {&panels[p].reference, &panels[p].quantized, &panels[p].compensated};
    double low = sets[0]->front(), high = low;
    for (const auto* set : sets) {
      low = std::min(low, *std::min_element(set->begin(), set->end()));
      high = std::max(high, *std::max_element(set->begin(), set->end()));
    }
    const double bin_width = std::max(1e-9, (high - low) / bins);
    std::vector<std::vector<double>> shares;
    double top = 0;
    for (const auto* set : sets) {
      auto& share = shares.emplace_back(bins);
      for (const double v : *set) {
        share[static_cast<std::size_t>(std::min(bins - 1.0, (v - low) / bin_width))] +=
            1.0 / static_cast<double>(set->size());
      }
      top = std::max(top, *std::max_element(share.begin(), share.end()));
    }
    const int left = gap + static_cast<int>(p) * (width + gap), bottom = 40 + height;
    out << "<rect x='" << left << "' y='40' width='" << width << "' height='" << height
        << "' fill='none' stroke='#999'/>\n"
        << "<text x='" << left << "' y='" << bottom + 16 << "'>" << low << "</text><text text-anchor='end' x='"
        << left + width << "' y='" << bottom + 16 << "'>" << high << "</text><text text-anchor='middle' x='"
        << left + width / 2 << "' y='" << bottom + 34 << "'>L2 norm of " << panels[p].name << "</text>\n";
    for (int i = 0; i < 3; ++i) {
      out << "<polyline fill='none' stroke-width='2' " << styles[i] << " points='";
      for (int b = 0; b < bins; ++b) {
        out << left + (b + 0.5) * width / bins << ','
            << bottom - shares[static_cast<std::size_t>(i)][static_cast<std::size_t>(b)] / top * (height - 10) << ' ';
      }
      out << "'/>\n";
    }
  }
  out << "</svg>\n";
  file.commit();
}

}  // namespace feature_norm
