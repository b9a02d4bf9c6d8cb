#include <nniesim/debug/report_graph.hpp>

#include <sstream>
#include <string>
#include <utility>

#include "catch.hpp"
#include "support/sample_report.hpp"

using namespace nniesim;

namespace report_graph_test {

using namespace sample_report;

namespace {

std::string graph_of(const report& r) {
  std::ostringstream out;
  detail::report_html::write_graph(out, r);
  return out.str();
}

}  // namespace

TEST_CASE("the drawing has each layer once, with its error, and leads to its histogram or its row", "[debug]") {
  const report r = sample(40);
  const std::string page = graph_of(r);
  CHECK(count(page, "<rect ") == 40);
  CHECK(count(page, "<a href='#histogram-") == 2);
  CHECK(count(page, "<a href='#layer-") == 38);
  CHECK_THAT(page, contains("<a href='#histogram-1' class='node e4 bad' data-row='27' "
                            "aria-label='stage3_conv26, Convolution, 1x64x24x24, relative_l2_error 0.51"));
  CHECK_THAT(page, contains("class='node unknown' data-row='4' aria-label='stage0_conv3, Convolution, 1x64x24x24, "
                            "not compared'"));
  CHECK_THAT(page, contains("✗ NaN</text>"));
  CHECK_THAT(page, contains("&lt;script&gt;&#39;&quot;&lt;/script&gt;"));
  CHECK(count(page, "<script>") == 0);
  CHECK(page == graph_of(r));
}

TEST_CASE("networks of many layers are drawn in pieces for a sheet of paper each", "[debug]") {
  const report r = sample(400);
  const std::string page = graph_of(r);
  CHECK(count(page, "<rect ") == 400);
  CHECK(count(page, "<svg ") >= 18);
  CHECK(page.size() < 400'000);
}

TEST_CASE("what has no edges, or too many, is not drawn", "[debug]") {
  report r = sample(20);
  for (report_layer& l : r.network_layers) l.inputs.clear();
  CHECK(graph_of(r).empty());
  r.network_layers.assign(detail::report_html::most_drawn_layers + 1, {});
  r.network_layers[1].inputs = {0};
  CHECK_THAT(graph_of(r), contains("Not drawn: it has 3001 layers"));
  r.network_layers.resize(2000);
  for (std::size_t i = 1; i < 2000; ++i) r.network_layers[i].inputs = {0};
  CHECK_THAT(graph_of(r), contains("Not drawn: it has 2000 layers"));
}

TEST_CASE("of a layer's outputs the worst gives the colour", "[debug]") {
  report r;
  for (const auto& [name, cosine] : {std::pair("a", 1.0), std::pair("a:1", 0.9)}) {
    layer_evidence e;
    e.name = e.partner = name;
    e.result = measured(cosine, 0);
    r.result.layers.push_back(e);
  }
  r.network_layers = {{"Slice", {"a", "a:1", "a:2"}, {}, {}}, {"Concat", {"unknown"}, {}, {0}}};
  CHECK_THAT(graph_of(r), contains("<a href='#layer-2' class='node e4' data-row='2'"));
  CHECK_THAT(graph_of(r), contains("<g class='node unknown' data-row='' aria-label='unknown, Concat, not compared'>"));
}

TEST_CASE("levels of errors begin where they say", "[debug]") {
  using detail::report_html::error_level;
  CHECK(error_level(0) == 0);
  CHECK(error_level(0.00999) == 0);
  CHECK(error_level(0.01) == 1);
  CHECK(error_level(0.3) == 4);
  CHECK(error_level(not_a_number) == 4);
}

TEST_CASE("names are cut to the columns of a box", "[debug]") {
  using detail::report_html::fitted;
  CHECK(fitted("conv1", 5) == "conv1");
  CHECK(fitted("conv12", 5) == "conv…");
  CHECK(fitted("卷积层", 6) == "卷积层");
  CHECK(fitted("卷积层层", 6) == "卷积…");
}

}  // namespace report_graph_test
