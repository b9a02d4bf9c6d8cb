#include <nniesim/debug/report_table.hpp>

#include <sstream>
#include <string>

#include "catch.hpp"
#include "support/sample_report.hpp"

using namespace nniesim;

namespace report_table_test {

using namespace sample_report;

namespace {

std::string layers_of(const report& r) {
  std::ostringstream out;
  detail::report_html::write_layers(out, r);
  return out.str();
}

}  // namespace

TEST_CASE("the table has each layer's type and shape, escaped, where they are known", "[debug]") {
  report r = sample(40);
  const std::string page = layers_of(r);
  CHECK_THAT(page, contains("<td class='text' data-v='Convolution'>Convolution</td>"
                            "<td class='text' data-v='1x64x24x24'>1x64x24x24</td>"));
  CHECK_THAT(page, contains("&lt;/svg&gt;&lt;script&gt;1x&quot;&#39;"));
  CHECK(count(page, "<script>") == 0);
  CHECK(count(page, "<tr data-order='27' id='layer-27' class='bad here'>") == 1);
  for (report_layer& l : r.network_layers) l.type.clear();
  CHECK(count(layers_of(r), "data-key='type'") == 0);  // of folders nothing but shapes is known
  CHECK(count(layers_of(r), "data-key='shape'") == 1);
  r.network_layers.clear();
  CHECK(count(layers_of(r), "data-key='shape'") == 0);
}

TEST_CASE("the search box is hidden until a script can use it", "[debug]") {
  CHECK_THAT(layers_of(sample(3)), contains("<p class='choose' hidden><label>Search <input type='search'"));
}

}  // namespace report_table_test
