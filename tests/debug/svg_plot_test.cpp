#include <nniesim/debug/svg_plot.hpp>

#include <cmath>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/sample_report.hpp"

using namespace nniesim;

namespace svg_plot_test {

using namespace sample_report;

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

}  // namespace svg_plot_test
