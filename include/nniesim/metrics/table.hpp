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
  std::string name;                   ///< the layer's
  comparison result;                  ///< with the reference
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
  /// Without layers.
  explicit layer_table(layer_thresholds thresholds = {}) : thresholds_(thresholds) {}

  /// Appends a layer.
  void add(std::string name, const comparison& result, std::optional<double> floor_ratio = {}) {
    rows_.push_back({std::move(name), result, floor_ratio});
  }
  /// All layers, in their order.
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
  /// below says how to read it. Where lines would be wider than `width` (0: no limit), the least important columns are
  /// left out, then names lose their beginnings.
  void print(std::ostream& out, std::size_t width = 0) const {
    const std::vector<column> columns = columns_within(width);
    std::size_t needed = 3;
    for (const column& c : columns) needed += c.wide + 2;
    std::size_t names = 5;
    for (const layer_row& r : rows_) names = std::max(names, detail::printable(r.name).size());
    if (width != 0) names = std::min(names, std::max<std::size_t>(least_name, width - std::min(width, needed)));
    out << "   layer" << std::string(names - 5, ' ');
    for (const column& c : columns) out << "  " << detail::right_aligned(std::string(c.head), c.wide);
    out << '\n';
    const auto first = first_bad();
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const layer_row& r = rows_[i];
      const std::string name = end_of(detail::printable(r.name), names);
      out << (first == i  ? ">> "
              : is_bad(r) ? " ! "
                          : "   ")
          << name << std::string(names - std::min(names, name.size()), ' ');
      for (const column& c : columns) out << "  " << detail::right_aligned(c.text(r), c.wide);
      if (const comparison& c = r.result; c.bad_reference + c.bad_other != 0) {
        out << "  NaN or infinity: " << std::to_string(c.bad_reference) << " in the reference, "
            << std::to_string(c.bad_other) << " in the other";
      }
      out << '\n';
    }
    print_legend(out, first.has_value());
  }

  /// The columns of the published measurements first, then ours. Numbers with all their digits, "nan", "inf" and "-inf"
  /// among them; missing ones empty. A name that begins with = + - @, a tab or a carriage return has an apostrophe
  /// before it, so that no spreadsheet takes it for a formula; bytes that are not UTF-8 become U+FFFD.
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

  /// {"first_bad": name or null, "layers": [...]}; NaN and infinities, which JSON has not, are null, and bytes of names
  /// that are not UTF-8 become U+FFFD.
  void write_json(std::ostream& out) const {
    const auto first = first_bad();
    out << "{\"first_bad\": " << (first ? detail::json_quoted(rows_[*first].name) : "null") << ", \"layers\": [";
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const comparison& c = rows_[i].result;
      out << (i == 0 ? "\n" : ",\n") << "  {\"layer\": " << detail::json_quoted(rows_[i].name);
      const std::pair<std::string_view, double> numbers[] = {{"l2_reference", c.l2_reference},
                                                             {"l2_other", c.l2_other},
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
  struct column {
    std::string_view head;
    std::size_t wide;
    int importance;  // those of the least are left out first
    std::string (*text)(const layer_row&);
  };
  static constexpr std::size_t least_name = 12;

  [[nodiscard]] bool has_floor() const {
    return std::any_of(rows_.begin(), rows_.end(), [](const layer_row& r) { return r.floor_ratio.has_value(); });
  }

  [[nodiscard]] std::vector<column> columns_within(std::size_t width) const {
    using namespace detail;
    std::vector<column> columns = {
        {"l2_reference", 12, 2, [](const layer_row& r) { return general_number(r.result.l2_reference, 6); }},
        {"l2_other", 12, 1, [](const layer_row& r) { return general_number(r.result.l2_other, 6); }},
        {"norm_error", 10, 6, [](const layer_row& r) { return with_sign(fixed_number(r.result.norm_error, 5)); }},
        {"cosine", 9, 7, [](const layer_row& r) { return fixed_number(r.result.cosine, 6); }},
        {"relative_l2_error", 17, 4, [](const layer_row& r) { return fixed_number(r.result.relative_l2_error, 5); }},
        {"snr_db", 6, 3, [](const layer_row& r) { return fixed_number(r.result.snr_db, 2); }},
        {"max_abs", 10, 0, [](const layer_row& r) { return general_number(r.result.max_abs, 4); }}};
    if (has_floor()) {
      columns.push_back(
          {"x floor", 7, 5, [](const layer_row& r) { return r.floor_ratio ? fixed_number(*r.floor_ratio, 2) : "-"; }});
    }
    const auto too_wide = [&] {
      std::size_t needed = 3 + least_name;
      for (const column& c : columns) needed += c.wide + 2;
      return width != 0 && needed > width && columns.size() > 1;
    };
    while (too_wide()) {
      columns.erase(std::min_element(columns.begin(), columns.end(),
                                     [](const column& a, const column& b) { return a.importance < b.importance; }));
    }
    return columns;
  }

  /// The end of a name, which tells it from others, behind "..." where it is longer than `most` bytes.
  [[nodiscard]] static std::string end_of(std::string name, std::size_t most) {
    if (name.size() <= most) return name;
    std::size_t cut = name.size() - (most - 3);
    while (cut < name.size() && (static_cast<unsigned char>(name[cut]) & 0xc0U) == 0x80U) ++cut;  // within a character
    return "..." + name.substr(cut);
  }

  void print_legend(std::ostream& out, bool has_bad) const {
    out << "norm_error is the signed error of the norms, relative_l2_error the norm of the difference over the "
           "reference's";
    if (has_floor()) {
      out << ", x floor that\nerror as a multiple of what the format itself makes unavoidable (1 is as good as it "
             "gets)";
    }
    out << "; ";
    const std::string threshold = detail::general_number(thresholds_.cosine, 6);
    if (has_bad) out << ">> marks the first layer below cosine " << threshold << ".\n";
    else out << "every layer reaches cosine " << threshold << ".\n";
  }

  layer_thresholds thresholds_;
  std::vector<layer_row> rows_;
};

NNIESIM_END_NAMESPACE
