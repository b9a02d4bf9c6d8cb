// The table of a network's layers in execution order, with the first bad one marked; as text, CSV and JSON.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/metrics/compare.hpp>

NNIESIM_BEGIN_NAMESPACE

/// One layer.
struct layer_row {
  std::string name;
  comparison result;
  std::optional<double> floor_ratio;  ///< error as a multiple of the format's unavoidable one, where it was computed
};

/// What a layer must reach to count as good.
struct layer_thresholds {
  double cosine = 0.99;                                         ///< at least; the vendor's value
  double norm_error = std::numeric_limits<double>::infinity();  ///< of either sign at most; the vendor has none
};

/// Layers in the order in which they were added, which is the order of execution.
class layer_table {
 public:
  explicit layer_table(layer_thresholds thresholds = {}) : thresholds_(thresholds) {}

  void add(std::string name, const comparison& result, std::optional<double> floor_ratio = {}) {
    rows_.push_back({std::move(name), result, floor_ratio});
  }
  [[nodiscard]] const std::vector<layer_row>& rows() const noexcept { return rows_; }

  /// Whether a layer misses a threshold; one whose metrics are NaN misses all.
  [[nodiscard]] bool is_bad(const layer_row& row) const noexcept {
    return !(row.result.cosine >= thresholds_.cosine && std::fabs(row.result.norm_error) <= thresholds_.norm_error);
  }
  /// Index of the first bad layer.
  [[nodiscard]] std::optional<std::size_t> first_bad() const noexcept {
    const auto at = std::find_if(rows_.begin(), rows_.end(), [this](const layer_row& r) { return is_bad(r); });
    if (at == rows_.end()) return std::nullopt;
    return static_cast<std::size_t>(at - rows_.begin());
  }

  /// Aligned text, floor ratios where there are any: `>>` marks the first bad layer, `!` the other bad ones; a sentence
  /// below says how to read it.
  void print(std::ostream& out) const {
    std::size_t width = 5;
    for (const layer_row& r : rows_) width = std::max(width, detail::printable(r.name).size());
    const bool has_floor =
        std::any_of(rows_.begin(), rows_.end(), [](const layer_row& r) { return r.floor_ratio.has_value(); });
    const std::string pad(width - 5, ' ');
    out << "   layer" << pad
        << "  l2_reference      l2_other  norm_error     cosine  relative_l2_error  snr_db     max_abs"
        << (has_floor ? "  x floor\n" : "\n");
    const auto first = first_bad();
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const layer_row& r = rows_[i];
      const comparison& c = r.result;
      const std::string name = detail::printable(r.name);
      out << (first == i  ? ">> "
              : is_bad(r) ? " ! "
                          : "   ")
          << name << std::string(width - name.size(), ' ') << text("  %12.6g", c.l2_reference)
          << text("  %12.6g", c.l2_other) << text("  %+10.5f", c.norm_error) << text("  %9.6f", c.cosine)
          << text("  %17.5f", c.relative_l2_error) << text("  %6.2f", c.snr_db) << text("  %10.4g", c.max_abs)
          << (r.floor_ratio ? text("  %7.2f", *r.floor_ratio)
              : has_floor   ? "        -"
                            : "");
      if (c.bad_reference + c.bad_other != 0) {
        out << "  NaN or infinity: " << c.bad_reference << " in the reference, " << c.bad_other << " in the other";
      }
      out << '\n';
    }
    out << "norm_error is the signed error of the norms, relative_l2_error the norm of the difference over the "
           "reference's";
    if (has_floor) {
      out << ", x floor that\nerror as a multiple of what the format itself makes unavoidable (1 is as good as it "
             "gets)";
    }
    out << "; ";
    if (first) out << ">> marks the first layer below cosine " << thresholds_.cosine << ".\n";
    else out << "every layer reaches cosine " << thresholds_.cosine << ".\n";
  }

  /// The columns of the published measurements first, then ours. Numbers with all their digits; missing ones empty.
  void write_csv(std::ostream& out) const {
    out << "layer,l2_float,l2_quantized,norm_error,cosine,relative_l2_error,snr_db,max_abs,mean_abs,floor_"
           "ratio,bad\n";
    for (const layer_row& r : rows_) {
      std::string name = r.name;
      if (name.find_first_of(",\"\n\r") != std::string::npos) {
        std::string quoted = "\"";
        for (const char ch : name) quoted += ch == '"' ? std::string("\"\"") : std::string(1, ch);
        name = quoted + "\"";
      }
      const comparison& c = r.result;
      out << name;
      for (const double v :
           {c.l2_reference, c.l2_other, c.norm_error, c.cosine, c.relative_l2_error, c.snr_db, c.max_abs, c.mean_abs}) {
        out << ',' << text("%.17g", v);
      }
      out << ',' << (r.floor_ratio ? text("%.17g", *r.floor_ratio) : "") << ',' << (is_bad(r) ? 1 : 0) << '\n';
    }
  }

  /// {"first_bad": name or null, "layers": [...]}; NaN and infinities, which JSON has not, are null.
  void write_json(std::ostream& out) const {
    const auto first = first_bad();
    out << "{\"first_bad\": " << (first ? quoted(rows_[*first].name) : "null") << ", \"layers\": [";
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const comparison& c = rows_[i].result;
      out << (i == 0 ? "\n" : ",\n") << "  {\"layer\": " << quoted(rows_[i].name);
      const std::pair<std::string_view, double> numbers[] = {{"l2_float", c.l2_reference},
                                                             {"l2_quantized", c.l2_other},
                                                             {"norm_error", c.norm_error},
                                                             {"cosine", c.cosine},
                                                             {"relative_l2_error", c.relative_l2_error},
                                                             {"snr_db", c.snr_db},
                                                             {"max_abs", c.max_abs},
                                                             {"mean_abs", c.mean_abs}};
      for (const auto& [key, value] : numbers) out << ", \"" << key << "\": " << number(value);
      out << ", \"floor_ratio\": " << (rows_[i].floor_ratio ? number(*rows_[i].floor_ratio) : "null")
          << ", \"bad_elements\": " << c.bad_reference + c.bad_other
          << ", \"bad\": " << (is_bad(rows_[i]) ? "true" : "false") << "}";
    }
    out << "\n]}\n";
  }

 private:
  [[nodiscard]] static std::string text(const char* format, double v) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, format, v);
    return buffer;
  }
  [[nodiscard]] static std::string number(double v) { return std::isfinite(v) ? text("%.17g", v) : "null"; }
  [[nodiscard]] static std::string quoted(std::string_view s) {
    std::string out = "\"";
    for (const char ch : s) {
      const auto code = static_cast<unsigned char>(ch);
      if (ch == '"' || ch == '\\') {
        out += '\\';
        out += ch;
      } else if (code < 0x20) {
        char buffer[8];
        std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(code));
        out += buffer;
      } else {
        out += ch;
      }
    }
    return out + "\"";
  }

  layer_thresholds thresholds_;
  std::vector<layer_row> rows_;
};

NNIESIM_END_NAMESPACE
