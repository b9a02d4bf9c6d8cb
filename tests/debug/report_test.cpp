#include <nniesim/debug/report_html.hpp>
#include <nniesim/debug/report_markdown.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/decimal_comma.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace report_test {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

std::string html(const report& r) {
  std::ostringstream out;
  write_html(out, r);
  return out.str();
}
std::string markdown(const report& r) {
  std::ostringstream out;
  write_markdown(out, r);
  return out.str();
}
std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

/// The values of the attributes that hold coordinates, of all SVG elements.
std::string coordinates(const std::string& page) {
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
void check_page(const std::string& page) {
  CHECK(page.starts_with("<!DOCTYPE html>"));
  CHECK(page.ends_with("</html>\n"));
  CHECK(coordinates(page).find_first_not_of("0123456789.- MLHVZhvtranslerotae()\n") == std::string::npos);
  CHECK(coordinates(page).find("nan") == std::string::npos);
  CHECK(count(page, "http:") + count(page, "https:") == 0);
  for (const char* tag : {"section", "table", "figure", "svg", "article", "tr", "g", "main", "ul", "pre"}) {
    CHECK(count(page, std::string("<") + tag + ">") + count(page, std::string("<") + tag + " ") ==
          count(page, std::string("</") + tag + ">"));
  }
}

comparison measured(double cosine, double norm_error) {
  comparison c;
  c.cosine = cosine;
  c.l2_reference = 120.5;
  c.l2_other = c.l2_reference * (1 + norm_error);
  c.norm_error = norm_error;
  c.snr_db = cosine < 1 ? -10 * std::log10(2 - 2 * cosine) : infinity;
  c.max_abs = 0.37;
  c.count = 1000;
  return c;
}

/// What a session on a small network may find, with awkward names.
report sample(std::size_t layers) {
  report r;
  r.title = "Accuracy of <feature & norm>";
  r.network = "examples/feature_norm/network/feature_norm.prototxt";
  r.picture = "pictures/03_comp0.png";
  r.mode = "compile_mode 0, all layers in 8 bits, against Caffe in float";
  r.versions = "nniesim 0.1.0, compiler 1.2.10";
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
  if (layers > 12) {
    r.result.layers[3].partner.clear();
    r.result.layers[3].result.reset();
    r.result.layers[5].name = "<script>alert('\"|&')</script>_a_very_long_name_of_a_layer\xff";
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
  v.summary = "8 bits are not enough for this layer's weights: in 16 bits every layer reaches 0.99.";
  v.evidence = {"its cosine is 0.870000, the layer before has 0.9972 | and with all layers in 16 bits 0.999995",
                "by itself, fed with the reference's input, it has 0.987"};
  v.against = {"the layer's error is only 3 times what the format itself makes unavoidable"};
  v.rivals = {{fault::activation_scale, "no input saturates"}, {fault::layer_mapping, "partners are of one shape"}};
  v.change = {"[compile_mode] 2", "layer { name: \"stage3_conv26_hp\" ``` }"};
  v.next = "Compile with compile_mode 2 and compare the last layer again.";
  r.result.also.push_back({fault::norm_gain,
                           "stage0_conv3",
                           "The norm is 3.1 % too large.",
                           {"cosine 0.9999"},
                           {},
                           {},
                           {"shift: 0.00024"},
                           ""});
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

}  // namespace

TEST_CASE("text for pages is escaped and valid UTF-8", "[debug]") {
  using namespace nniesim::detail;
  const std::string bad = "\xef\xbf\xbd";
  CHECK(escape_html("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;");
  CHECK(escape_html("é€😀") == "é€😀");
  CHECK(escape_html("\xff\xc3x\xe2\x82") == bad + bad + "x" + bad + bad);
  CHECK(escape_html("\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80") == bad + bad + bad + bad + bad + bad + bad + bad + bad);
  CHECK(escape_html(std::string_view("a\0\x1b\x7f\xc2\x85\tb\r\nc\rd", 13)) ==
        "a" + bad + bad + bad + bad + "\tb\nc\nd");
  CHECK(escape_markdown("a|b_c_ *x*\n<y> `z`") == "a\\|b_c\\_ \\*x\\* \\<y\\> \\`z\\`");
  CHECK(shortened("äöüß", 4) == "äöüß");
  CHECK(shortened("äöüßx", 4) == "äöü…");
  CHECK(number_text(0.1) == "0.1");
  CHECK(number_text(not_a_number) == "NaN");
  CHECK(fixed_text(-infinity, 2) == "-∞");
  CHECK(fixed_text(-0.0001, 2) == "0.00");
  CHECK(fixed_text(1e300, 2) == "1e+300");
  CHECK(percent_with_sign(0.031, 1) == "+3.1 %");
  CHECK(percent_with_sign(-infinity, 1) == "-∞");
}

TEST_CASE("axes have round ticks whatever they span", "[debug]") {
  const auto ticks = [](double low, double high) {
    std::string text;
    for (const plot_tick& t : detail::round_ticks(low, high, 5)) text += t.text + ' ';
    return text;
  };
  CHECK(ticks(0, 1) == "0.0 0.2 0.4 0.6 0.8 1.0 ");
  CHECK(ticks(-3, 12) == "0 5 10 ");
  CHECK(ticks(0.99912, 0.99987) == "0.9992 0.9994 0.9996 0.9998 ");
  CHECK(ticks(0, 4e-9) == "0 1e-09 2e-09 3e-09 4e-09 ");
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {0, 0}, {1, 1}, {5, -5}, {-1e300, 1e300}, {1e300, 1e300}, {0, 5e-324}, {1, 1 + 1e-15}}) {
    std::ostringstream out;
    svg_plot plot("p", {"x", low, high, {}}, {"y", low, high, {}});
    const std::vector<double> values = {low, not_a_number, high, infinity, -infinity, 1e308};
    plot.line(values, values, {plot_styles::black, "", plot_style::shape::cross}, "line");
    plot.note(high, low, {}, "note");
    plot.write(out);
    CHECK(coordinates(out.str()).find_first_not_of("0123456789.- MLHVZhvtranslerotae()\n") == std::string::npos);
  }
  CHECK_THROWS_WITH(svg_plot("p", {"x", 0, not_a_number, {}}, {}), contains("axis 'x' from 0 to nan"));
  svg_plot plot("p", {}, {});
  CHECK_THROWS_WITH(plot.outline(std::vector<double>{1, 2}, std::vector<double>{1, 2}, {}, ""),
                    contains("2 places for 2 values, expected 3"));
}

TEST_CASE("the page of a report says what was found", "[debug]") {
  const report r = sample(40);
  const std::string page = html(r);
  check_page(page);
  CHECK_THAT(page, contains("<title>Accuracy of &lt;feature &amp; norm&gt;</title>"));
  CHECK_THAT(page, contains("too few bits in layer <code>stage3_conv26</code>"));
  CHECK_THAT(page, contains("[compile_mode] 2\nlayer { name: &quot;stage3_conv26_hp&quot; ``` }\n</pre>"));
  CHECK(count(page, "<script>") == 1);
  CHECK_THAT(page, contains("&lt;script&gt;alert(&#39;&quot;|&amp;&#39;)&lt;/script&gt;"));
  CHECK(count(page, "<tr data-order=") == 40);
  CHECK(count(page, "▶ verdict ✗ bad</td>") == 1);
  CHECK_THAT(page, contains("<td data-v='NaN'>NaN</td>"));
  CHECK_THAT(page, contains("<td data-v='-Infinity'>-∞</td>"));
  CHECK_THAT(page, contains("<td data-v='Infinity'>∞</td>"));
  CHECK(count(page, "<option") == 3);
  CHECK_THAT(page, contains("<a href='#histogram=1' title='its histogram'>stage3_conv26</a>"));
  CHECK(count(page, "<a href='#histogram=") == 2);
  CHECK_THAT(page, contains("<td>42.0 %</td><td>8.0 %</td><td>0.0 %</td><td>11.0 %</td><td>39.0 %</td>"
                            "<td class='text'>9 of 64 carry 90 %: 17 (31.0 %), 3 (12.0 %)</td>"));
  CHECK_THAT(page, contains("<td>0.0 %</td><td>0.0 %</td><td>NaN</td>"));
  CHECK_THAT(page, contains(">weights only</button>"));
  CHECK(count(page, ">activations only</button>") == 0);  // nobody has it
  CHECK(count(page, "<svg") == 2 + 3 + 1 + 2);
  CHECK_THAT(page, contains("mean norm float 13."));
  CHECK(count(page, "▶ chosen") == 1);
  CHECK(page == html(r));
}

TEST_CASE("reports of no layer and of many are pages too", "[debug]") {
  const std::string empty = html({});
  check_page(empty);
  CHECK(count(empty, "<svg") == 0);
  CHECK_THAT(empty, contains("no fault"));
  CHECK_THAT(markdown({}), contains("## Verdict: no fault"));
  check_page(html(sample(1)));
  const std::string many = html(sample(400));
  check_page(many);
  CHECK(count(many, "<tr data-order=") == 400);
  CHECK(many.size() < 2'000'000);
}

TEST_CASE("no value breaks the drawings", "[debug]") {
  for (const double v : {not_a_number, infinity, -infinity, 1e308, -1e308, 5e-324, 0.0}) {
    report r = sample(3);
    for (layer_evidence& e : r.result.layers) {
      e.result = measured(v, v);
      e.isolated = e.in_16bit = e.floor_ratio = v;
      e.suspicious = true;
      e.parts = error_parts{v, v, v, v, v, v, v, 0, 0, 0, v, 0, 0};
      e.channels = e.most_channels = 2;
      e.worst_channels = {{0, v, v, v}};
    }
    r.thresholds = {v, v};
    r.search.goal = v;
    r.search.chosen = evaluated_plan{{"x"}, v, v};
    r.search.front = {{{}, v, v}, {{"x"}, 1, v}};
    r.norms = {{"c", {v, v}, {v}, {}, v, v}, {"d", {}, {}, {}, 0, 0}, {"e", {1, v}, {2}, {v}, 0, 0}};
    check_page(html(r));
    CHECK_FALSE(markdown(r).empty());
  }
}

TEST_CASE("histograms that are none are refused before anything is written", "[debug]") {
  const auto refused = [](layer_histogram h, const std::string& words) {
    report r;
    r.histograms = {std::move(h)};
    std::ostringstream out;
    CHECK_THROWS_WITH(write_html(out, r), contains(words));
    CHECK(out.str().empty());
  };
  refused({"a", {}, histogram_bins::linear}, "layer 'a' has 0 edges for 0 and 0 bins");
  refused({"a", {{0, 1}, {{1}, 0, 0}, {{1, 2}, 0, 0}}, histogram_bins::linear}, "2 edges for 1 and 2 bins");
  refused({"a", {{0, not_a_number}, {{1}, 0, 0}, {{1}, 0, 0}}, histogram_bins::linear}, "edges from 0 to nan");
  refused({"a", {{1, 0}, {{1}, 0, 0}, {{1}, 0, 0}}, histogram_bins::linear}, "edges from 1 to 0");
  refused({"a", {{-1, 0}, {{1}, 0, 0}, {{1}, 0, 0}}, histogram_bins::logarithmic}, "edges from -1 to 0");
  report r;
  r.histograms = {{"zeros", {{0, 1}, {{0}, 5, 1}, {{0}, 5, 0}}, histogram_bins::logarithmic},
                  {"huge", {{-1e308, 0, 1e308}, {{1, 1}, 0, 0}, {{1, 0}, 0, 0}}, histogram_bins::linear}};
  check_page(html(r));
  CHECK_THAT(html(r), contains("zeros: 5 in float, 5 quantized; NaN or infinite: 1 in float, 0 quantized"));
}

TEST_CASE("a report as Markdown fits into a ticket", "[debug]") {
  const std::string text = markdown(sample(40));
  CHECK_THAT(text, contains("## Verdict: too few bits in layer stage3_conv26\n"));
  CHECK_THAT(text, contains("0.9972 \\| and"));
  CHECK_THAT(text, contains("````\n[compile_mode] 2\nlayer { name: \"stage3_conv26_hp\" ``` }\n````\n"));
  CHECK_THAT(text, contains("## Also: norm error in layer stage0_conv3"));
  CHECK_THAT(text, contains("| 1 | stage0_conv0 | layer_0_output0 | 0.99"));
  CHECK_THAT(text, contains("| 27 | stage3_conv26 | layer_26_output0 | 0.86"));
  CHECK_THAT(text, contains("| NaN |"));
  CHECK(count(text, "\n| ") < 20);
  CHECK(text == markdown(sample(40)));
  CHECK_THAT(markdown(sample(400)), contains("more suspicious layers are left out"));
}

TEST_CASE("the stream's format and locale change nothing", "[debug]") {
  const report r = sample(400);
  std::string in_comma;
  {
    const decimal_comma locale;
    std::ostringstream out;
    out << std::hex << std::showbase;
    write_html(out, r);
    write_markdown(out, r);
    in_comma = out.str();
  }
  CHECK(in_comma == html(r) + markdown(r));
}

// For tests/examples/report_page.sh.
TEST_CASE("a page for the browser", "[.report_page]") {
  const char* path = std::getenv("NNIESIM_REPORT_PAGE");
  REQUIRE(path != nullptr);
  const char* layers = std::getenv("NNIESIM_REPORT_LAYERS");
  std::ofstream out(path, std::ios::binary);
  write_html(out, sample(layers == nullptr ? 40 : std::stoul(layers)));
  out.close();
  REQUIRE(out);
}

}  // namespace report_test
