#include <nniesim/debug/report_markdown.hpp>

#include <string>

#include "catch.hpp"
#include "support/sample_report.hpp"

using namespace nniesim;

namespace report_markdown_test {

using namespace sample_report;

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

}  // namespace report_markdown_test
