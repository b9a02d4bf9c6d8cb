#include <nniesim/debug/evaluation_summary.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <nniesim/debug/evaluation_html.hpp>
#include <nniesim/debug/evaluation_json.hpp>
#include <nniesim/debug/evaluation_text.hpp>
#include <nniesim/kernels/thread_pool.hpp>

#include "catch.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace evaluation_summary_test {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Eight pictures, of which 6 is bad and 3 has NaN in the output.
evaluation_header eight(bool has_chains) {
  evaluation_header h;
  h.network = "<net> & \xff";
  h.about = "compile_mode 0\n<remark>";
  h.pictures = 8;
  h.layers = {"data", "prob"};
  h.outputs = {1};
  if (has_chains) h.chains = {{"norm", 1, 1.0, 1.5, std::array{1.25, 1.75}}};
  h.decisions = {"top_k"};
  h.ranges = {"data"};
  h.has_labels = true;
  h.has_compensated = has_chains;
  h.training = has_chains ? 2 : 0;  // pictures 3 and 7
  return h;
}

evaluation_record record_of(const evaluation_header& h, std::size_t i) {
  evaluation_record e;
  e.picture = i;
  e.name = "p" + std::to_string(i) + "<b>";
  if (i == 6) {
    e.problem = "cut \"off\"";
    return e;
  }
  const auto x = static_cast<double>(i);
  e.compensated = {10};
  e.layers = {{1, 0, 2, 2}, {1 - x / 100, x / 10, 10, 10 + (i == 2 ? -4 : x / 10)}};
  if (i == 3) e.layers[1] = {nan, nan, nan, nan};
  if (!h.chains.empty()) e.chains = {{{100, 110 + x, 0, 0, 100 - x / 100}}};
  e.decisions = {{i < 5, true}};
  e.label = {i != 4, i != 0, i > 1, true};
  if (i == 4) e.label = {};
  e.largest = {static_cast<float>(i == 5 ? 7.5 : x)};
  return e;
}

evaluation_records records_of(const scratch_folder& folder, bool has_chains) {
  const evaluation_header h = eight(has_chains);
  evaluation_writer w(folder / "s", h);
  for (const std::size_t i : {7U, 2U, 6U, 0U, 3U, 1U, 5U}) w.append(record_of(h, i));  // 4 is missing
  return evaluation_records(folder / "s");
}

}  // namespace

TEST_CASE("a summary has each layer's numbers, its worst pictures, shares and what is bad or missing", "[debug]") {
  const scratch_folder folder;
  evaluation_records r = records_of(folder, true);
  const evaluation_summary s = summarize(r, {.worst_pictures = 3});
  CHECK(s.evaluated == 6);
  CHECK(s.bad == 1);
  CHECK(s.missing == 1);
  REQUIRE(s.layers.size() == 2);
  const evaluated_layer& prob = s.layers[1];
  CHECK(prob.is_output);
  CHECK_FALSE(s.layers[0].is_output);
  CHECK(prob.cosine.summary.count == 5);
  CHECK(prob.cosine.summary.not_finite == 1);
  CHECK(prob.cosine.summary.mean.value == Approx(1 - 15.0 / 500));  // pictures 0, 1, 2, 5, 7
  CHECK(prob.cosine.worst_picture == "p7<b>");
  CHECK(prob.norm_error.summary.worst.value == Approx(-0.4));
  CHECK(prob.norm_error.worst_picture == "p2<b>");
  CHECK(prob.relative_l2_error.summary.worst.value == 0.7);
  REQUIRE(s.worst.size() == 3);
  CHECK(s.worst[0].name == "p3<b>");  // what is no number is worst
  CHECK(s.worst[1].name == "p7<b>");
  CHECK(s.worst[2].name == "p5<b>");
  CHECK(s.decisions.at(0).quantized.count == 4);
  CHECK(s.decisions[0].quantized.of == 6);
  CHECK(s.decisions[0].compensated.count == 6);
  CHECK(s.labels.out_of_range == 0);
  CHECK(s.labels.in_float.count == 5);
  CHECK(s.labels.quantized.count == 4);
  REQUIRE(s.norms.size() == 2);
  CHECK(s.norms[1].name == "prob");
  CHECK(s.norms[1].in_float.count == 4);
  CHECK(s.norms[1].removed == 1);
  CHECK(s.norms[0].in_float.count == 4);  // 0, 1, 2, 5
  CHECK(s.norms[0].before.mean.value == Approx(0.12));
  CHECK(s.norms[0].after.mean.value == Approx(-0.0002));
  CHECK(s.norms[0].removed == Approx(1 - 0.0002 / 0.12));
  CHECK(s.norms[0].edges.size() == 41);
  double sum = 0;
  for (const double share : s.norms[0].shares[1]) sum += share;
  CHECK(sum == Approx(1));
  const activation_ranges ranges = ranges_of(r);
  CHECK(ranges.rule == range_rule::floating);
  CHECK(ranges.pictures == 6);
  CHECK(ranges.blobs.at("data").largest == 7.5F);
  CHECK(ranges.blobs.at("data").had_zeros);
}

TEST_CASE("the worst pictures are the summary's for any number of them", "[debug]") {
  const scratch_folder folder;
  evaluation_records r = records_of(folder, false);
  for (const std::size_t count : {0U, 1U, 2U, 4U, 6U, 9U}) {
    const std::vector<evaluated_picture> expected = summarize(r, {.worst_pictures = count}).worst;
    const std::vector<evaluated_picture> worst = worst_pictures(r, count);
    REQUIRE(worst.size() == std::min<std::size_t>(count, 6));
    REQUIRE(expected.size() == worst.size());
    for (std::size_t i = 0; i < worst.size(); ++i) {
      CHECK(worst[i].picture == std::array{3U, 7U, 5U, 2U, 1U, 0U}[i]);  // NaN first
      CHECK(worst[i].picture == expected[i].picture);
      CHECK(worst[i].name == expected[i].name);
      CHECK(worst[i].output == "prob");
    }
  }
}

TEST_CASE("without norm chains the outputs' norms are told", "[debug]") {
  const scratch_folder folder;
  evaluation_records r = records_of(folder, false);
  const evaluation_summary s = summarize(r);
  REQUIRE(s.norms.size() == 1);
  CHECK(s.norms[0].name == "prob");
  CHECK_FALSE(s.norms[0].chain);
  CHECK(s.norms[0].in_float.count == 5);
  CHECK(s.norms[0].left_out == 1);
  CHECK(s.norms[0].before.worst.value == Approx(-0.4));
}

TEST_CASE("text, JSON, CSV and page have the summary, whatever is in names", "[debug]") {
  const scratch_folder folder;
  for (const bool has_chains : {true, false}) {
    evaluation_records r = records_of(folder, has_chains);
    thread_pool two(2);
    const evaluation_summary s = summarize(r, {.threads = two.handle()});
    std::ostringstream text, json, csv, page, again;
    print_evaluation(text, s);
    write_evaluation_json(json, s);
    write_evaluation_json(again, summarize(r));
    write_evaluation_csv(csv, s);
    write_evaluation_html(page, s);
    CHECK(json.str() == again.str());
    CHECK_THAT(text.str(), contains("8 pictures listed: 6 evaluated, 1 bad, 1 not done"));
    CHECK_THAT(text.str(), contains("BAD p6<b>: cut \"off\""));
    CHECK_THAT(text.str(), contains("NaN or infinities in 1 picture(s)"));
    CHECK_THAT(text.str(), contains("\\xff"));
    const auto j = nlohmann::json::parse(json.str());
    CHECK(j["bad_pictures"][0]["problem"] == "cut \"off\"");
    CHECK(j["layers"][1]["cosine"]["worst_picture"] == "p7<b>");
    CHECK(j["layers"][1]["cosine"]["p99"]["value"] == 1.0);
    CHECK(j["worst_pictures"][0]["cosine"].is_null());
    CHECK(j["norms"][0].contains("removed") == has_chains);
    CHECK(j["labels"]["float"]["count"] == 5);
    CHECK_THAT(csv.str(), contains("layer,metric,count"));
    CHECK_THAT(csv.str(), contains("prob,norm_error,5,1,"));
    CHECK_THAT(page.str(), contains("&lt;net&gt; &amp;"));
    CHECK(page.str().find("<b>") == std::string::npos);
    CHECK(page.str().find('\xff') == std::string::npos);
    CHECK_THAT(page.str(), contains("<svg"));
  }
}

TEST_CASE("no picture, or none that was evaluated, is a summary without numbers", "[debug]") {
  const scratch_folder folder;
  const evaluation_header h = eight(true);
  evaluation_writer w(folder / "s", h);
  for (int round = 0; round < 2; ++round) {
    evaluation_records r(folder / "s");
    const evaluation_summary s = summarize(r);
    CHECK(s.evaluated == 0);
    CHECK(s.layers[1].cosine.summary.count == 0);
    std::ostringstream text, json, csv, page;
    print_evaluation(text, s);
    write_evaluation_json(json, s);
    write_evaluation_csv(csv, s);
    write_evaluation_html(page, s);
    CHECK(nlohmann::json::parse(json.str())["evaluated"] == 0);
    CHECK_THROWS_WITH(ranges_of(r), contains("has no picture that was evaluated"));
    w.append(record_of(h, 6));
  }
}

}  // namespace evaluation_summary_test
