#include <nniesim/debug/finding_json.hpp>

#include <cmath>
#include <limits>
#include <string>

#include <nniesim/debug/diagnose.hpp>
#include <nniesim/io/json_reader.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace finding_json_test {

namespace {

using json = nlohmann::json;

json parsed(const std::string& text) { return detail::parse_json(text, "what finding_json wrote"); }

}  // namespace

TEST_CASE("facts are JSON with their kind, words and fields", "[debug]") {
  const json j = parsed(fact_json({fact_kind::channels_outside,
                                   {{"count", std::size_t{2}},
                                    {"of", std::size_t{8}},
                                    {"saturate", true},
                                    {"channels", std::vector<std::size_t>{1, 5}}}}));
  CHECK(j == json{{"kind", "channels_outside"},
                  {"words", "2 of 8 channels saturate: 1, 5"},
                  {"count", 2},
                  {"of", 8},
                  {"saturate", true},
                  {"channels", {1, 5}}});
  // What JSON has not is null; text of any kind is escaped.
  const json odd = parsed(fact_json({fact_kind::norm_off,
                                     {{"layer", "a\"\\\n\x01\xff"},
                                      {"norm_error", std::numeric_limits<double>::quiet_NaN()},
                                      {"cosine", -std::numeric_limits<double>::infinity()},
                                      {"values", std::vector<double>{0.1, std::nan("")}}}}));
  CHECK(odd["norm_error"].is_null());
  CHECK(odd["cosine"].is_null());
  CHECK(odd["layer"] == "a\"\\\n\x01\xEF\xBF\xBD");
  CHECK(odd["values"][0] == 0.1);
  CHECK(odd["values"][1].is_null());
}

TEST_CASE("a finding is JSON, as words and as facts", "[debug]") {
  finding f{fault::norm_gain, "fc"};
  f.summary = {fact_kind::more_of_them, {{"count", std::size_t{3}}}};
  f.evidence.push_back({fact_kind::norm_off, {{"layer", "fc"}, {"norm_error", 0.1}, {"cosine", 0.999}}});
  f.against.push_back(fact::text_of("one picture"));
  f.rivals.push_back({fault::precision, {fact_kind::bits_leave, {{"left", 0.5}}}});
  f.change.push_back({fact_kind::set_shift, {{"layer", "norm"}, {"value", "0.5"}}});
  f.next = fact_kind::recompile_weights;
  const json j = parsed(finding_json(f));
  CHECK(j["cause"] == "norm error");
  CHECK(j["layer"] == "fc");
  CHECK(j["summary"] == "and 3 more");
  CHECK(j["summary_fact"]["count"] == 3);
  CHECK(j["evidence"] == json{"'fc': norm off by +10.00 % with cosine 0.99900"});
  CHECK(j["evidence_facts"][0]["kind"] == "norm_off");
  CHECK(j["evidence_facts"][0]["norm_error"] == 0.1);
  CHECK(j["against"] == json{"one picture"});
  CHECK(j["against_facts"][0] == json{{"kind", "words"}, {"words", "one picture"}});
  CHECK(j["rivals"][0]["cause"] == "too few bits");
  CHECK(j["rivals"][0]["why_not"] == "with a range that fits, the same bits leave 50 %");
  CHECK(j["rivals"][0]["why_not_fact"]["left"] == 0.5);
  CHECK(j["change"] == json{"layer 'norm': power_param { shift: 0.5 }"});
  CHECK(j["change_facts"][0]["value"] == "0.5");
  CHECK(j["next_fact"]["kind"] == "recompile_weights");
  CHECK(parsed(finding_json(finding()))["cause"] == "no fault");
}

TEST_CASE("a diagnosis is JSON with all its layers", "[debug]") {
  draws random(5);
  two_runs::experiment e(two_runs::plain_network(random), random);
  std::erase_if(e.other, [](const two_runs::dump& d) { return d.name == "conv2"; });
  e.shown("conv3")[7] = std::numeric_limits<float>::quiet_NaN();
  const diagnosis d = e.look([](const detail::case_file& file) { return diagnose(file); });
  const json j = parsed(diagnosis_json(d));
  CHECK(j["verdict"]["cause"] == "NaN or infinity");
  CHECK(j["verdict"]["layer"] == "conv3");
  CHECK(j["verdict"]["evidence_facts"][0]["count"] == 1);
  CHECK(j["also"].size() == d.also.size());
  CHECK(j["compared"] == d.compared);
  REQUIRE(j["layers"].size() == 8);
  CHECK(j["layers"][0]["layer"] == "data");
  CHECK(j["layers"][0]["cosine"] == 1.0);
  const auto row = [&](const std::string& name) {
    for (const json& l : j["layers"]) {
      if (l["layer"] == name) return l;
    }
    return json();
  };
  CHECK(row("conv2")["partner"] == "");
  CHECK(row("conv2")["cosine"].is_null());
  CHECK(row("conv3")["cosine"].is_null());
  CHECK(row("conv3")["bad"] == true);
  const json parts = row("conv1")["error_parts"];
  CHECK(parts["by_itself"] == true);
  CHECK(parts["channels"] == 4);
  CHECK(parts["worst_channels"][0].contains("share"));
}

}  // namespace finding_json_test
