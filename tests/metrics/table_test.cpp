#include <nniesim/metrics/table.hpp>

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>

#include "catch.hpp"

using namespace nniesim;

namespace table_test {

namespace {

layer_table example() {
  layer_table table;
  const tensor<float> r = {1.0F, 2.0F, 3.0F};
  table.add("good", compare(r, r), 1.0);
  table.add("bad, \"quoted\"", compare(r, tensor<float>{3.0F, 2.0F, 1.0F}));
  table.add("nan", compare(r, tensor<float>{1.0F, 2.0F, std::numeric_limits<float>::quiet_NaN()}));
  return table;
}

}  // namespace

TEST_CASE("the first bad layer is the first in order below a threshold, NaN counts as bad") {
  const layer_table table = example();
  CHECK(table.first_bad() == 1U);
  CHECK(table.is_bad(table.rows()[2]));
  CHECK_FALSE(layer_table().first_bad().has_value());
  layer_table strict({.cosine = 0.9, .norm_error = 0.01});
  strict.add("gain", compare(tensor<float>{1.0F}, tensor<float>{1.1F}));
  CHECK(strict.first_bad() == 0U);
}

TEST_CASE("the text keeps the order, marks what is bad and says how to read it") {
  std::ostringstream out;
  example().print(out);
  const std::string text = out.str();
  CHECK_THAT(text, contains("   good") && contains(">> bad") && contains(" ! nan") &&
                       contains("NaN or infinity: 0 in the reference, 1 in the other"));
  CHECK(text.find("good") < text.find(">> bad"));
  CHECK_THAT(text, contains("signed error of the norms"));
  CHECK_THAT(text, contains("x floor\n") && contains("     1.00\n") && contains("        -\n"));
  layer_table without_floor;
  without_floor.add("other", compare(tensor<float>{1.0F}, tensor<float>{1.1F}));
  out.str("");
  without_floor.print(out);
  CHECK_THAT(out.str(), contains("max_abs\n") && !contains("x floor"));
}

TEST_CASE("a table fits a width: without its least important columns, then without names' beginnings") {
  layer_table table;
  table.add("stage1_block2_卷积层_conv", compare(tensor<float>{1.0F, 2.0F}, tensor<float>{1.0F, 2.5F}));
  const auto lines_within = [&](std::size_t width) {
    std::ostringstream out;
    table.print(out, width);
    std::istringstream lines(out.str());
    std::pair<std::string, std::string> two;
    std::getline(lines, two.first);
    std::getline(lines, two.second);
    CHECK((width == 0 || std::max(two.first.size(), two.second.size()) <= width));
    return two;
  };
  CHECK_THAT(lines_within(0).first, contains("l2_reference") && contains("max_abs"));
  CHECK_THAT(lines_within(200).second, contains("stage1_block2_"));
  const auto [head, row] = lines_within(80);
  CHECK_THAT(head, contains("relative_l2_error  snr_db") && !contains("max_abs") && !contains("l2_other"));
  CHECK_THAT(row, contains("层_conv") && !contains("stage1"));
  CHECK_THAT(lines_within(40).first, contains("norm_error     cosine") && !contains("relative_l2_error"));
  CHECK_THAT(lines_within(30).first, contains("cosine"));
}

TEST_CASE("CSV quotes names and keeps all digits") {
  std::ostringstream out;
  example().write_csv(out);
  std::istringstream lines(out.str());
  std::string line;
  std::getline(lines, line);
  CHECK(line.starts_with("layer,l2_float,l2_quantized,norm_error,cosine,relative_l2_error,"));
  std::getline(lines, line);
  CHECK(line.starts_with("good,3.7416573867739413,3.7416573867739413,0,1,"));
  std::getline(lines, line);
  CHECK(line.starts_with("\"bad, \"\"quoted\"\"\","));
}

TEST_CASE("JSON escapes names and has null for what it cannot hold") {
  std::ostringstream out;
  example().write_json(out);
  const std::string json = out.str();
  CHECK_THAT(json, contains("\"first_bad\": \"bad, \\\"quoted\\\"\"") && contains("\"snr_db\": null") &&
                       contains("\"bad_elements\": 1") && contains("\"l2_reference\": ") &&
                       contains("\"l2_other\": ") && contains("\"bad\": false"));
  CHECK(json.find("nan,") == std::string::npos);
  CHECK(json.find(": inf") == std::string::npos);
  CHECK(std::count(json.begin(), json.end(), '{') == std::count(json.begin(), json.end(), '}'));
}

TEST_CASE("a table of layers with any names is text, CSV and JSON for others to read") {
  const tensor<float> r = {1.0F, 2.0F};
  layer_table table;
  for (const std::string& name : {std::string("=HYPERLINK(\"x\")"), std::string("\xd6\xd0"), std::string("a\x1b[2J\nb"),
                                  std::string("nul\0", 4)}) {
    table.add(name, compare(r, r));
  }
  std::ostringstream text, csv, json;
  table.print(text);
  table.write_csv(csv);
  table.write_json(json);
  CHECK_THAT(text.str(), contains(R"(a\x1b[2J\x0ab )") && contains(R"(\xd6\xd0 )"));
  CHECK_THAT(csv.str(), contains("\n\"'=HYPERLINK(\"\"x\"\")\","));
  CHECK_THAT(json.str(), contains(R"("a\u001b[2J\u000ab")") && contains("\"\xef\xbf\xbd\xef\xbf\xbd\"") &&
                             contains(R"("nul\u0000")"));
  CHECK(detail::is_utf8(csv.str() + json.str() + text.str()));
}

}  // namespace table_test
