// What a debugging session found, for a report: report_html.hpp writes a page, report_markdown.hpp a ticket.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/precision_search.hpp>
#include <nniesim/metrics/histogram.hpp>
#include <nniesim/metrics/table.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A layer's output in float and quantized.
struct layer_histogram {
  std::string layer{};
  histogram_pair counts{};
  histogram_bins kind = histogram_bins::linear;
};

/// What a search for layers to raise to 16 bits found. An empty front: there was no search.
struct report_search {
  std::string score{};                  ///< what the score is; larger is better
  double goal = 0;                      ///< NaN: none
  std::vector<evaluated_plan> front{};  ///< as search_result::front
  std::optional<evaluated_plan> chosen{};
};

/// Norms of one Power / ReduceMean chain over many pictures.
struct norm_distribution {
  std::string chain{};
  std::vector<double> float_norms{};
  std::vector<double> quantized{};
  std::vector<double> compensated{};  ///< quantized, with the new constant; may be empty
  double old_constant = 0;
  double new_constant = 0;
};

/// All texts are UTF-8; what is not is shown as U+FFFD. Sections without data are left out.
struct report {
  std::string title{};
  std::string network{};
  std::string picture{};
  std::string mode{};
  std::string versions{};
  diagnosis result{};
  layer_thresholds thresholds{};  ///< those of `result`
  std::vector<layer_histogram> histograms{};
  report_search search{};
  std::vector<norm_distribution> norms{};
  std::vector<std::string> post_processing{};  ///< lines of plain text
};

namespace detail {

/// What the report is about, by name; nothing of what is not given.
[[nodiscard]] inline std::vector<std::pair<std::string_view, std::string_view>> report_about(const report& r) {
  std::vector<std::pair<std::string_view, std::string_view>> about = {
      {"Network", r.network}, {"Picture", r.picture}, {"Mode", r.mode}, {"Versions", r.versions}};
  std::erase_if(about, [](const auto& line) { return line.second.empty(); });
  return about;
}

/// What a layer's row is marked with, the worst first.
[[nodiscard]] inline std::string report_mark(const report& r, const layer_evidence& e) {
  std::string mark = !e.name.empty() && e.name == r.result.verdict.layer ? "▶ verdict " : "";
  if (e.result && e.result->bad_reference + e.result->bad_other != 0) mark += "✗ NaN";
  else if (e.suspicious) mark += "✗ bad";
  else if (e.partner.empty()) mark += "– unmatched";
  else if (!e.result) mark += "– not compared";
  return mark;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
