// The table of a network's layers in execution order, with the first bad one marked; as text, CSV and JSON.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/csv_text.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/json_text.hpp>
#include <nniesim/core/number_text.hpp>
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
      out << (first == i ? ">> " : is_bad(r) ? " ! " : "   ") << name << std::string(width - name.size(), ' ');
      const auto column = [&out](std::size_t wide, const std::string& number) {
        out << "  " << detail::right_aligned(number, wide);
      };
      column(12, detail::general_number(c.l2_reference, 6));
      column(12, detail::general_number(c.l2_other, 6));
      column(10, detail::with_sign(detail::fixed_number(c.norm_error, 5)));
      column(9, detail::fixed_number(c.cosine, 6));
      column(17, detail::fixed_number(c.relative_l2_error, 5));
      column(6, detail::fixed_number(c.snr_db, 2));
      column(10, detail::general_number(c.max_abs, 4));
      if (has_floor) column(7, r.floor_ratio ? detail::fixed_number(*r.floor_ratio, 2) : "-");
      if (c.bad_reference + c.bad_other != 0) {
        out << "  NaN or infinity: " << std::to_string(c.bad_reference) << " in the reference, "
            << std::to_string(c.bad_other) << " in the other";
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
    const std::string threshold = detail::general_number(thresholds_.cosine, 6);
    if (first) out << ">> marks the first layer below cosine " << threshold << ".\n";
    else out << "every layer reaches cosine " << threshold << ".\n";
  }

  /// The columns of the published measurements first, then ours. Numbers with all their digits, "nan", "inf" and "-inf"
  /// among them; missing ones empty. A name that begins with = + - @, a tab or a carriage return has an apostrophe
  /// before it, so that no spreadsheet takes it for a formula; bytes that are no UTF-8 are U+FFFD.
  void write_csv(std::ostream& out) const {
    out << "layer,l2_float,l2_quantized,norm_error,cosine,relative_l2_error,snr_db,max_abs,mean_abs,floor_"
           "ratio,bad\n";
    for (const layer_row& r : rows_) {
      const comparison& c = r.result;
      out << detail::csv_cell(r.name);
      for (const double v :
           {c.l2_reference, c.l2_other, c.norm_error, c.cosine, c.relative_l2_error, c.snr_db, c.max_abs, c.mean_abs}) {
        out << ',' << detail::shortest(v);
      }
      out << ',' << (r.floor_ratio ? detail::shortest(*r.floor_ratio) : "") << ',' << (is_bad(r) ? '1' : '0') << '\n';
    }
  }

  /// {"first_bad": name or null, "layers": [...]}; NaN and infinities, which JSON has not, are null,
  /// and bytes of names that are no UTF-8 are U+FFFD.
  void write_json(std::ostream& out) const {
    const auto first = first_bad();
    out << "{\"first_bad\": " << (first ? detail::json_quoted(rows_[*first].name) : "null") << ", \"layers\": [";
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const comparison& c = rows_[i].result;
      out << (i == 0 ? "\n" : ",\n") << "  {\"layer\": " << detail::json_quoted(rows_[i].name);
      const std::pair<std::string_view, double> numbers[] = {{"l2_float", c.l2_reference},
                                                             {"l2_quantized", c.l2_other},
                                                             {"norm_error", c.norm_error},
                                                             {"cosine", c.cosine},
                                                             {"relative_l2_error", c.relative_l2_error},
                                                             {"snr_db", c.snr_db},
                                                             {"max_abs", c.max_abs},
                                                             {"mean_abs", c.mean_abs}};
      for (const auto& [key, value] : numbers) out << ", \"" << key << "\": " << detail::json_number(value);
      out << ", \"floor_ratio\": " << (rows_[i].floor_ratio ? detail::json_number(*rows_[i].floor_ratio) : "null")
          << ", \"bad_elements\": " << std::to_string(c.bad_reference + c.bad_other)
          << ", \"bad\": " << (is_bad(rows_[i]) ? "true" : "false") << "}";
    }
    out << "\n]}\n";
  }

 private:
  layer_thresholds thresholds_;
  std::vector<layer_row> rows_;
};

NNIESIM_END_NAMESPACE
