#include <nniesim/debug/report_html.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/sample_report.hpp"

using namespace nniesim;

namespace report_html_test {

using namespace sample_report;

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
  CHECK_THAT(page, contains("<a href='#histogram-1' title='its histogram'>stage3_conv26</a>"));
  CHECK(count(page, "<a href='#histogram-") == 4);  // of the table and of the drawing
  CHECK_THAT(page, contains("<td>42.0 %</td><td>8.0 %</td><td>0.0 %</td><td>11.0 %</td><td>39.0 %</td>"
                            "<td class='text'>9 of 64 carry 90 %: 17 (31.0 %), 3 (12.0 %)</td>"));
  CHECK_THAT(page, contains("<td>0.0 %</td><td>0.0 %</td><td>NaN</td>"));
  CHECK_THAT(page, contains(">weights only</button>"));
  CHECK(count(page, ">activations only</button>") == 0);  // nobody has it
  CHECK(count(page, "<svg") == 2 + 3 + 1 + 2 + 2);        // the network in two pieces
  CHECK_THAT(page, contains("<dt>Date</dt><dd>2026-11-30T12:00:00Z</dd>"));
  CHECK_THAT(page, contains("<code>nnie-debug diagnose --cfg &#39;net &amp; co.cfg&#39;</code>"));
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

}  // namespace report_html_test
