#include <nniesim/debug/report_histograms.hpp>

#include <sstream>
#include <string>
#include <utility>

#include "catch.hpp"
#include "support/sample_report.hpp"

using namespace nniesim;

namespace report_histograms_test {

using namespace sample_report;

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

TEST_CASE("every histogram can be linked to, that of the verdict's layer is the one chosen", "[debug]") {
  const report r = sample(40);
  std::ostringstream out;
  detail::report_html::write_histograms(out, r);
  for (const char* id : {"histogram-0", "histogram-1", "histogram-2"}) {
    CHECK(count(out.str(), std::string("<figure id='") + id + "' tabindex='-1'>") == 1);
  }
  CHECK_THAT(out.str(), contains("<option selected>stage3_conv26</option>"));
  CHECK(count(out.str(), "<figure hidden") + count(out.str(), "'-1' hidden") == 0);  // without scripts all are there
}

}  // namespace report_histograms_test
