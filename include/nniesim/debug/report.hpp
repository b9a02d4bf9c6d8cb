// What a debugging session found, for a report: report_html.hpp writes a page, report_markdown.hpp a ticket.
#pragma once

#include <cstddef>
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
  std::string layer{};                           ///< its name, as the diagnosis has it
  histogram_pair counts{};                       ///< `reference` is float, `other` quantized
  histogram_bins kind = histogram_bins::linear;  ///< how the bins are cut
};

/// What a search for layers to raise to 16 bits found. An empty front: there was no search.
struct report_search {
  std::string score{};                     ///< what the score is; larger is better
  double goal = 0;                         ///< NaN: none
  std::vector<evaluated_plan> front{};     ///< as search_result::front
  std::optional<evaluated_plan> chosen{};  ///< the plan to mark; none: none is marked
};

/// Norms of one Power / ReduceMean chain over many pictures.
struct norm_distribution {
  std::string chain{};                ///< the name of its product
  std::vector<double> float_norms{};  ///< in the float network, one for each sample
  std::vector<double> quantized{};    ///< with the old constant, one for each sample
  std::vector<double> compensated{};  ///< quantized, with the new constant; may be empty
  double old_constant = 0;            ///< as the network has it
  double new_constant = 0;            ///< as the compensation has it
};

/// A layer as the network has it: to be drawn, and for the table's types and shapes.
struct report_layer {
  std::string type{};                  ///< as the prototxt has it; empty where it is not known
  std::vector<std::string> outputs{};  ///< as the diagnosis names them: its layers' names
  std::vector<std::string> shapes{};   ///< of the outputs: "1x8x24x24"
  std::vector<std::size_t> inputs{};   ///< the layers that it reads, by their places in the list: earlier ones
};

/// All texts are UTF-8; what is not is shown as U+FFFD. Sections without data are left out.
struct report {
  std::string title{};                         ///< the heading; empty: "Accuracy report"
  std::string network{};                       ///< its name
  std::string picture{};                       ///< what the runs were fed with
  std::string mode{};                          ///< how the network was quantized or which runs are compared, in words
  std::string versions{};                      ///< of the programs, in words
  std::string date{};                          ///< in words
  std::string command{};                       ///< that made the report
  diagnosis result{};                          ///< verdict, findings and layers
  layer_thresholds thresholds{};               ///< those of `result`
  std::vector<report_layer> network_layers{};  ///< in an order of execution; without inputs nothing is drawn
  std::vector<layer_histogram> histograms{};   ///< in the order in which they are shown
  report_search search{};                      ///< for layers to raise to 16 bits
  std::vector<norm_distribution> norms{};      ///< one for each chain
  std::vector<std::string> post_processing{};  ///< lines of plain text
};

namespace detail {

/// What the report is about, by name; nothing of what is not given.
[[nodiscard]] inline std::vector<std::pair<std::string_view, std::string_view>> report_about(const report& r) {
  std::vector<std::pair<std::string_view, std::string_view>> about = {{"Network", r.network}, {"Picture", r.picture},
                                                                      {"Mode", r.mode},       {"Versions", r.versions},
                                                                      {"Date", r.date},       {"Command", r.command}};
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
