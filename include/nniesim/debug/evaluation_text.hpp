// The summary of an evaluation for people on a terminal, for other programs (JSON) and for spreadsheets (CSV).
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/csv_text.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/json_text.hpp>
#include <nniesim/core/number_text.hpp>
#include <nniesim/debug/evaluation_summary.hpp>
#include <nniesim/debug/markup.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Place of a percentile among sample_percentiles.
[[nodiscard]] constexpr std::size_t percentile_place(int percent) noexcept {
  std::size_t i = 0;
  while (sample_percentiles[i] != percent) ++i;
  return i;
}

[[nodiscard]] inline const sample_estimate& percentile_of(const sample_summary& s, int percent) {
  return s.percentiles[percentile_place(percent)];
}

/// "0.12345 [0.12, 0.13]".
template <class F>
[[nodiscard]] std::string interval_text(const sample_estimate& e, F number) {
  return message(number(e.value), " [", number(e.low), ", ", number(e.high), "]");
}

/// As prototxts have it: they are floats.
[[nodiscard]] inline std::string constant_text(double v) { return shortest(static_cast<float>(v)); }
[[nodiscard]] inline std::string signed_percent(double v) { return with_sign(fixed_number(100 * v, 3)); }
[[nodiscard]] inline std::string plain_percent(double v) { return fixed_number(100 * v, 3); }
[[nodiscard]] inline std::string cosine_number(double v) { return fixed_number(v, 6); }

[[nodiscard]] inline std::string share_text(const evaluated_share& s) {
  if (s.of == 0) return "none to judge by";
  return message(s.count, " of ", s.of, ", ", interval_text(s.share, plain_percent), " %");
}

inline void print_counts(std::ostream& out, const evaluation_summary& s) {
  out << "network '" << printable(s.header.network) << "'\n";
  for (std::string_view rest = s.header.about; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    out << printable(rest.substr(0, end)) << '\n';
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  out << s.header.pictures << " pictures listed";
  if (s.header.shard.count > 1) out << ", shard " << s.header.shard.index << '/' << s.header.shard.count;
  out << ": " << s.evaluated << " evaluated, " << s.bad << " bad, " << s.missing << " not done\n";
  for (const bad_picture& b : s.named_bad) out << "BAD " << printable(b.name) << ": " << printable(b.problem) << '\n';
  if (s.bad > s.named_bad.size()) out << "BAD ... and " << s.bad - s.named_bad.size() << " more\n";
}

inline void print_layers(std::ostream& out, const evaluation_summary& s) {
  struct column {
    std::string_view title;
    std::size_t width;
  };
  static constexpr std::array<column, 9> columns = {{{"layer", 28},
                                                     {"cosine, mean [95 %]", 30},
                                                     {"5 %", 10},
                                                     {"worst", 10},
                                                     {"norm error %, mean [95 %]", 28},
                                                     {"farthest", 10},
                                                     {"relative error %, mean [95 %]", 30},
                                                     {"95 %", 9},
                                                     {"worst", 9}}};
  const auto row = [&](const std::array<std::string, 9>& cells) {
    std::string line =
        cells[0] + std::string(cells[0].size() < columns[0].width ? columns[0].width - cells[0].size() : 1, ' ');
    for (std::size_t i = 1; i < cells.size(); ++i) line += right_aligned(cells[i], columns[i].width);
    out << line << '\n';
  };
  std::array<std::string, 9> titles;
  for (std::size_t i = 0; i < titles.size(); ++i) titles[i] = columns[i].title;
  row(titles);
  for (const evaluated_layer& l : s.layers) {
    const sample_summary &c = l.cosine.summary, &n = l.norm_error.summary, &r = l.relative_l2_error.summary;
    std::array<std::string, 9> cells = {printable(l.name) + (l.is_output ? " (output)" : ""),
                                        interval_text(c.mean, cosine_number),
                                        cosine_number(percentile_of(c, 5).value),
                                        cosine_number(c.worst.value),
                                        interval_text(n.mean, signed_percent),
                                        signed_percent(n.worst.value),
                                        interval_text(r.mean, plain_percent),
                                        plain_percent(percentile_of(r, 95).value),
                                        plain_percent(r.worst.value)};
    for (std::size_t i = 1; i < cells.size(); ++i) {
      if ((i < 4 ? c : i < 6 ? n : r).count == 0) cells[i] = "-";
    }
    row(cells);
    if (c.not_finite != 0) out << "  NaN or infinities in " << c.not_finite << " picture(s)\n";
  }
}

inline void print_norms(std::ostream& out, const evaluation_summary& s) {
  for (const evaluated_norms& n : s.norms) {
    out << printable(n.name) << ", " << n.in_float.count << " norms";
    if (n.left_out != 0) out << ", " << n.left_out << " left out";
    if (n.chain && s.header.has_compensated) {
      out << ", constant " << constant_text(n.chain->constant) << " -> " << constant_text(n.chain->compensated);
      if (n.chain->interval) {
        out << " [95 %: " << general_number((*n.chain->interval)[0], 7) << ", "
            << general_number((*n.chain->interval)[1], 7) << ']';
      }
    }
    out << '\n';
    if (n.in_float.count == 0) continue;
    const auto line = [&](std::string_view name, const sample_summary& v) {
      out << "  " << name << std::string(14 - name.size(), ' ');
      for (const int p : {1, 25, 50, 75, 99}) {
        out << right_aligned(general_number(percentile_of(v, p).value, 6), 12);
      }
      out << "   mean " << interval_text(v.mean, [](double x) { return general_number(x, 6); }) << '\n';
    };
    line("float", n.in_float);
    line("quantized", n.quantized);
    if (s.header.has_compensated) line("compensated", n.compensated);
    out << "  mean error " << interval_text(n.before.mean, signed_percent) << " %";
    if (s.header.has_compensated) {
      out << " -> " << interval_text(n.after.mean, signed_percent) << " %; removed " << fixed_number(100 * n.removed, 1)
          << " % of it, " << fixed_number(100 * n.removed_abs, 1) << " % of the mean magnitude";
    }
    out << '\n';
  }
}

inline void print_decisions(std::ostream& out, const evaluation_summary& s) {
  for (const evaluated_decision& d : s.decisions) {
    out << printable(d.name) << ": decided as in float: " << share_text(d.quantized);
    if (s.header.has_compensated) out << "; compensated " << share_text(d.compensated);
    out << '\n';
  }
  if (!s.header.has_labels) return;
  out << "labels: right in float " << share_text(s.labels.in_float) << "; quantized " << share_text(s.labels.quantized);
  if (s.header.has_compensated) out << "; compensated " << share_text(s.labels.compensated);
  out << '\n';
  if (s.labels.out_of_range == 0) return;
  out << "labels out of range: " << s.labels.out_of_range << ':';
  for (const std::string& name : s.labels.named) out << ' ' << printable(name);
  out << (s.labels.out_of_range > s.labels.named.size() ? " ...\n" : "\n");
}

}  // namespace detail

/// Tables of text. Names are shown so that no terminal acts on them.
inline void print_evaluation(std::ostream& out, const evaluation_summary& s) {
  detail::print_counts(out, s);
  if (s.evaluated == 0) return;
  out << "\nEvery layer, all before it quantized; mean and worst over the pictures:\n";
  detail::print_layers(out, s);
  out << "\nNorms" << (s.header.training != 0 ? ", of pictures that the constants were not solved on" : "")
      << ":            1 %        25 %        50 %        75 %        99 %\n";
  detail::print_norms(out, s);
  if (!s.decisions.empty() || s.header.has_labels) out << '\n';
  detail::print_decisions(out, s);
  out << "\nThe worst pictures, by the relative error of an output:\n";
  for (const evaluated_picture& p : s.worst) {
    out << "  " << detail::printable(p.name) << ": " << detail::printable(p.output) << ", relative error "
        << detail::plain_percent(p.relative_l2_error) << " %, norm error " << detail::signed_percent(p.norm_error)
        << " %, cosine " << detail::cosine_number(p.cosine) << '\n';
  }
  out << "(in brackets: 95 % intervals by resampling the pictures, always the same for the same pictures)\n";
}

/// A row for each layer and measurement, and for each distribution of norms: number of pictures, mean, percentiles and
/// worst with the ends of their intervals, and the worst picture.
inline void write_evaluation_csv(std::ostream& out, const evaluation_summary& s) {
  out << "layer,metric,count,not_finite,mean,mean_low,mean_high";
  for (const int p : sample_percentiles) out << ",p" << p << ",p" << p << "_low,p" << p << "_high";
  out << ",worst,worst_low,worst_high,worst_picture\n";
  const auto row = [&](const std::string& name, std::string_view metric, const sample_summary& v,
                       const std::string& worst) {
    out << detail::csv_cell(name) << ',' << metric << ',' << std::to_string(v.count) << ','
        << std::to_string(v.not_finite);
    const auto put = [&](const sample_estimate& e) {
      for (const double x : {e.value, e.low, e.high}) out << ',' << (v.count == 0 ? "" : detail::shortest(x));
    };
    put(v.mean);
    for (const sample_estimate& e : v.percentiles) put(e);
    put(v.worst);
    out << ',' << detail::csv_cell(worst) << '\n';
  };
  for (const evaluated_layer& l : s.layers) {
    row(l.name, "cosine", l.cosine.summary, l.cosine.worst_picture);
    row(l.name, "norm_error", l.norm_error.summary, l.norm_error.worst_picture);
    row(l.name, "relative_l2_error", l.relative_l2_error.summary, l.relative_l2_error.worst_picture);
  }
  for (const evaluated_norms& n : s.norms) {
    row(n.name, "norm_float", n.in_float, "");
    row(n.name, "norm_quantized", n.quantized, "");
    if (s.header.has_compensated) row(n.name, "norm_compensated", n.compensated, "");
  }
}

NNIESIM_END_NAMESPACE
