#include <nniesim/debug/layer_verdict.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

TEST_CASE("what an error consists of, as numbers and in words", "[debug]") {
  detail::split_errors e;
  e.parts.gain_share = 0.75;
  e.parts.rounding_share = 0.25;
  e.channels = 4;
  e.most_channels = 1;
  const fact f = detail::error_parts_fact(e);
  CHECK(f.number("gain") == 0.75);
  CHECK(f.number("saturation") == 0);
  CHECK(words_of(f) ==
        "the square of that error is: gain 75 %, rounding and the rest 25 %; 1 of 4 channels carry 90 % of it");
  e.channels = 1;
  CHECK(words_of(detail::error_parts_fact(e)) == "the square of that error is: gain 75 %, rounding and the rest 25 %");
}

TEST_CASE("a layer whose blob was stored with a range far too small saturates", "[debug]") {
  draws random(31);
  two_runs::experiment e(two_runs::plain_network(random), random);
  activation_ranges wrong = e.ranges;
  test_networks::shift_range(wrong, e.net, "conv2", 0, -3);
  e.run(e.net, wrong);
  e.look([&](const detail::case_file& file) {
    const detail::layer_trial* const t = file.trial_of(3, 0);
    REQUIRE(t != nullptr);
    const detail::layer_verdict v = detail::layer_judge(file.runs(), *file.lab(), *t).judge();
    CHECK(v.what.cause == fault::activation_scale);
    CHECK(v.what.layer == "conv2");
    CHECK(v.blob.has_value());
    CHECK_FALSE(v.as_simulated);
    // The channels that saturate are named.
    const fact* const channels = find_fact(v.what.evidence, fact_kind::channels_outside);
    REQUIRE(channels != nullptr);
    CHECK(channels->count("of") == 4);
    CHECK(channels->get<bool>("saturate"));
    const fact* const range = find_fact(v.what.evidence, fact_kind::range_explains);
    REQUIRE(range != nullptr);
    CHECK(range->number("factor") == approx(0.125));
    CHECK(range->text("blob") == "relu1");
    CHECK(find_fact(v.what.change, fact_kind::recompile)->text("layer") == "relu1");
  });
}

TEST_CASE("more bits are advised for the layer that decides what another one reads", "[debug]") {
  // A layer that reads values of a blob of codes: its own mark would change nothing.
  draws random(32);
  test_networks::network_builder b;
  const std::size_t data = b.input({1, 4, 10, 10});
  const std::size_t x = b.add("conv1", layers::convolution{{}, random.tensor({4, 4, 3, 3}, 0.2F), {}}, {data});
  b.add("conv2", layers::convolution{{}, random.tensor({4, 4, 3, 3}, 0.2F), {}}, {x});
  // Of these values little but rounding is left: (x - x0)^3 about where they are.
  b.add("power", power_params{3, 1, 0}, {x});
  const two_runs::experiment e(b.net, random);
  e.look([&](const detail::case_file& file) {
    const detail::layer_trial* const t = file.trial_of(3, 0);
    REQUIRE(t != nullptr);
    detail::layer_trial bad = *t;
    const detail::layer_verdict v = detail::layer_judge(file.runs(), *file.lab(), bad).judge();
    CHECK(v.what.cause == fault::precision);
    REQUIRE(v.what.change.size() == 1);
    CHECK(v.what.change[0].get<std::vector<std::string>>("layers") == std::vector<std::string>{"conv2"});
    CHECK(v.what.change[0].count("compile_mode") == 2);
  });
}
