// A report with all that one can hold, with awkward names and values, and what every page of it must be.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <nniesim/debug/report_html.hpp>
#include <nniesim/debug/report_markdown.hpp>

#include "catch.hpp"
#include "support/random.hpp"

namespace sample_report {

using namespace nniesim;

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

inline std::string html(const report& r) {
  std::ostringstream out;
  write_html(out, r);
  return out.str();
}
inline std::string markdown(const report& r) {
  std::ostringstream out;
  write_markdown(out, r);
  return out.str();
}
inline std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

/// The values of the attributes that hold coordinates, of all SVG elements.
inline std::string coordinates(const std::string& page) {
  std::string all;
  for (const char* name :
       {" d='", " x='", " y='", " cx='", " cy='", " r='", "width='", "height='", "viewBox='", "transform='"}) {
    for (std::size_t at = page.find(name); at != std::string::npos; at = page.find(name, at + 1)) {
      const std::size_t begin = at + std::string(name).size();
      all += page.substr(begin, page.find('\'', begin) - begin) + '\n';
    }
  }
  return all;
}
inline void check_page(const std::string& page) {
  CHECK(page.starts_with("<!DOCTYPE html>"));
  CHECK(page.ends_with("</html>\n"));
  CHECK(coordinates(page).find_first_not_of("0123456789.- MLHVCZhvtranslerotae()\n") == std::string::npos);
  CHECK(coordinates(page).find("nan") == std::string::npos);
  CHECK(count(page, "http:") + count(page, "https:") == 0);
  for (const char* tag : {"section", "table", "figure", "svg", "article", "tr", "g", "main", "ul", "pre"}) {
    CHECK(count(page, std::string("<") + tag + ">") + count(page, std::string("<") + tag + " ") ==
          count(page, std::string("</") + tag + ">"));
  }
}

inline comparison measured(double cosine, double norm_error) {
  comparison c;
  c.cosine = cosine;
  c.l2_reference = 120.5;
  c.l2_other = c.l2_reference * (1 + norm_error);
  c.norm_error = norm_error;
  c.relative_l2_error = std::sqrt(2 - 2 * cosine);
  c.snr_db = cosine < 1 ? -10 * std::log10(2 - 2 * cosine) : infinity;
  c.max_abs = 0.37;
  c.count = 1000;
  return c;
}

/// Every eighth layer begins two branches, the second past seven layers; the last reads both.
inline void add_network(report& r) {
  for (std::size_t i = 0; i < r.result.layers.size(); ++i) {
    report_layer l{i % 8 == 7 ? "Eltwise" : "Convolution", {r.result.layers[i].name}, {"1x64x24x24"}, {}};
    if (i != 0) l.inputs.push_back(i - 1);
    if (i % 8 == 7) l.inputs.push_back(i - 7);
    if (i % 8 == 3) l.inputs = {i - 2};
    r.network_layers.push_back(l);
  }
}

/// What a session on a small network may find, with awkward names.
inline report sample(std::size_t layers) {
  report r;
  r.title = "Accuracy of <feature & norm>";
  r.network = "examples/feature_norm/network/feature_norm.prototxt";
  r.picture = "pictures/03_comp0.png";
  r.mode = "compile_mode 0, all layers in 8 bits, against Caffe in float";
  r.versions = "nniesim 0.1.0, compiler 1.2.10";
  r.date = "2026-11-30T12:00:00Z";
  r.command = "nnie-debug diagnose --cfg 'net & co.cfg'";
  draws random(7);
  double cosine = 0.99999;
  for (std::size_t i = 0; i < layers; ++i) {
    layer_evidence e;
    e.name = "stage" + std::to_string(i / 8) + "_conv" + std::to_string(i) + (i % 8 == 7 ? "/relu" : "");
    e.partner = "layer_" + std::to_string(i) + "_output0";
    if (i % 8 == 7) e.relation = "after the in-place ReLU";
    if (i % 5 == 4) cosine -= 0.0005;
    if (layers > 20 && i == layers * 2 / 3) cosine = 0.87;
    e.result = measured(cosine - 1e-5 * static_cast<double>(random.between(0, 9)), i % 9 == 3 ? 0.031 : -0.004);
    e.floor_ratio = 1 + static_cast<double>(i % 7);
    e.isolated = 1 - (1 - cosine) / 10;
    e.in_16bit = 0.999995;
    e.suspicious = e.result->cosine < 0.99;
    r.result.layers.push_back(e);
  }
  add_network(r);
  if (layers > 12) {
    r.result.layers[3].partner.clear();
    r.result.layers[3].result.reset();
    r.result.layers[5].name = "<script>alert('\"|&')</script>_a_very_long_name_of_a_layer\xff";
    r.network_layers[5].outputs = {r.result.layers[5].name};
    r.network_layers[5].type = "<script>'\"</script>";
    r.network_layers[5].shapes = {"</svg><script>1x\"'"};
    r.result.layers[9].result = measured(not_a_number, not_a_number);
    r.result.layers[9].result->bad_other = 3;
    r.result.layers[9].suspicious = true;
    r.result.layers[11].result = measured(0, infinity);
    r.result.layers[11].result->snr_db = -infinity;
    r.result.layers[11].suspicious = true;
    r.result.verdict.layer = r.result.layers[layers * 2 / 3].name;
  }
  finding& v = r.result.verdict;
  v.cause = fault::precision;
  v.summary = fact::text_of("8 bits are not enough for this layer's weights: in 16 bits every layer reaches 0.99.");
  v.evidence = {
      fact::text_of("its cosine is 0.870000, the layer before has 0.9972 | and with all layers in 16 bits 0.999995"),
      fact::text_of("by itself, fed with the reference's input, it has 0.987")};
  v.against = {fact::text_of("the layer's error is only 3 times what the format itself makes unavoidable")};
  v.rivals = {{fault::activation_scale, fact::text_of("no input saturates")},
              {fault::layer_mapping, fact::text_of("partners are of one shape")}};
  v.change = {fact::text_of("[compile_mode] 2"), fact::text_of("layer { name: \"stage3_conv26_hp\" ``` }")};
  v.next = fact::text_of("Compile with compile_mode 2 and compare the last layer again.");
  r.result.also.push_back({fault::norm_gain,
                           "stage0_conv3",
                           fact::text_of("The norm is 3.1 % too large."),
                           {fact::text_of("cosine 0.9999")},
                           {},
                           {},
                           {fact::text_of("shift: 0.00024")},
                           {}});
  r.thresholds.norm_error = 0.02;
  if (layers > 12) {
    layer_evidence& bad = r.result.layers[layers * 2 / 3];
    bad.parts = error_parts{
        .gain_share = 0.42, .offset_share = 0.08, .underflow_share = 0.11, .rounding_share = 0.39, .l2_error = 3};
    bad.channels = 64;
    bad.most_channels = 9;
    bad.worst_channels = {{17, 0.31, 0.9, 0.1}, {3, 0.12, 0.95, -0.1}};
    bad.weights_only = 0.9912;
    r.result.layers[2].parts = error_parts{.saturation_share = not_a_number, .l2_error = not_a_number};
    r.result.layers[4].parts = error_parts{};  // no error: nothing to split
  }
  const tensor<float> signed_values = random.tensor({20000});
  tensor<float> reference = signed_values, quantized = signed_values;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    reference.data()[i] = std::max(0.0F, signed_values.data()[i] * signed_values.data()[i] * signed_values.data()[i]);
    quantized.data()[i] = std::floor(reference.data()[i] * 8) / 8;
  }
  r.histograms = {{"stage0_conv3", histograms(reference, quantized, 1000), histogram_bins::linear},
                  {v.layer, histograms(reference, quantized, 64), histogram_bins::linear},
                  {"in magnitudes", histograms(reference, quantized, 48, histogram_bins::logarithmic),
                   histogram_bins::logarithmic}};
  const evaluated_plan chosen{{"stage3_conv26", "stage0_conv0"}, 1.09, 0.9911};
  r.search.score = "the smallest cosine of the outputs over 8 pictures";
  r.search.goal = 0.99;
  r.search.front = {{{}, 1, 0.871},
                    {{"stage3_conv26"}, 1.04, 0.962},
                    chosen,
                    {{"stage0_conv0", "stage1_conv9", "stage3_conv26", "stage3_conv27"}, 1.31, 0.9972}};
  r.search.chosen = chosen;
  for (const char* chain : {"norm_a", "norm_b"}) {
    norm_distribution d{chain, {}, {}, {}, 1e-12, 2.44e-4};
    for (int i = 0; i < 300; ++i) {
      const double norm = 13 + static_cast<double>(random.normal());
      d.float_norms.push_back(norm);
      d.quantized.push_back(norm * 0.93);
      d.compensated.push_back(norm * 0.998);
    }
    r.norms.push_back(d);
  }
  r.post_processing = {"boxes in float: 12, quantized: 12, with IoU >= 0.9: 11", "<none> is lost"};
  return r;
}

}  // namespace sample_report
