#include <nniesim/debug/rules/saturated_input.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <nniesim/debug/diagnose.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace saturated_input_test {

namespace {

/// A drawing on white paper: most bytes are 255.
struct paper {
  network net;
  tensor<float> input;
  activation_ranges ranges;
  precision_plan plan;
  known_preprocessing how;
  std::vector<two_runs::dump> reference, other;

  paper(draws& random, double scale, compile_mode mode = compile_mode::all_8bit)
      : plan(), how{cfg_norm_type::scale, channel_order::rgb, scale, {}} {
    test_networks::network_builder b;
    std::size_t x = b.input({1, 1, 16, 16});
    // Weights of one sign, so that a level that is lost is lost in all outputs alike.
    tensor<float> w = random.tensor({4, 1, 3, 3}, 0.3F);
    for (float& v : w) v = std::fabs(v);
    x = b.add("conv1", layers::convolution{{}, w, {}}, {x});
    b.add("score", layers::fully_connected{1, random.tensor({20, 784}, 0.05F), {}}, {x});
    net = b.net;
    plan = plan_of(net, mode);
    input = make_tensor<float>({1, 1, 16, 16});
    for (std::size_t i = 0; i < input.size(); ++i) {
      const bool is_ink = i % 16 == 5 || i / 16 == 9;
      input.data()[i] = static_cast<float>((is_ink ? 20 : 255) * scale);
    }
    calibrator c(net, plan);
    c.add(view_of(input));
    ranges = c.ranges();
    network_runner in_float(net, float_plan(net), {.keep_all = true}), quantized(net, plan, {.keep_all = true});
    quantized.use(ranges);
    in_float.run(view_of(input));
    quantized.run(view_of(input));
    reference = two_runs::dumps_of(in_float);
    other = two_runs::dumps_of(quantized);
  }
  template <class F>
  auto look(const F& f, bool knows_cfg = true) const {
    const std::vector<tensor_view<const float>> inputs = {view_of(input)};
    experiment_context lab{.net = net, .inputs = inputs, .ranges = ranges, .plan = plan};
    if (knows_cfg) lab.preprocessing = {how};
    const auto r = two_runs::layers_as(reference), x = two_runs::layers_as(other);
    const diagnose_options options;
    const detail::case_file file(r, x, options, &lab);
    return f(file);
  }
  [[nodiscard]] std::vector<detail::found> found(bool knows_cfg = true) const {
    return look(
        [](const detail::case_file& file) { return detail::find_saturated_input(file, detail::findings_so_far(file)); },
        knows_cfg);
  }
  [[nodiscard]] diagnosis diagnosed() const {
    return look([](const detail::case_file& file) { return diagnose(file); });
  }
};

}  // namespace

TEST_CASE("rule: white that the first range cuts is named, with a scale that does not", "[debug]") {
  draws random(91);
  // 255 / 256 = 0.9961 is stored as 2^(-1/16) = 0.9576.
  const paper p(random, 1.0 / 256);
  const auto found = p.found();
  REQUIRE(found.size() == 1);
  const finding& f = found[0].what;
  CHECK(f.cause == fault::activation_scale);
  CHECK(f.layer == "conv1");
  CHECK(found[0].position == 1U);
  CHECK(f.summary.number("largest") == approx(255.0 / 256));
  CHECK(f.summary.number("stored") == approx(std::exp2(-1.0 / 16)));
  CHECK(f.summary.number("white") == approx(256 * std::exp2(-1.0 / 16)));
  REQUIRE(f.change.size() == 2);
  CHECK(f.change[0].text("key") == "data_scale");
  CHECK(f.change[0].text("old") == "0.00390625");
  CHECK(f.change[0].number("lost") < 0.01);
  CHECK(f.change[1].get<std::vector<std::string>>("layers") == std::vector<std::string>{"conv1"});
  CHECK(find_fact(f.evidence, fact_kind::input_cut) != nullptr);
  CHECK(find_fact(f.evidence, fact_kind::level_more) != nullptr);
  // The verdict, in place of too few bits or norms that are off; and no advice of 16 bits for all.
  const diagnosis d = p.diagnosed();
  CHECK(d.verdict.cause == fault::activation_scale);
  CHECK(d.verdict.layer == "conv1");
  CHECK(d.also.empty());
  // The scale that is advised does away with it.
  const auto fits = p.look([&](const detail::case_file& file) {
    const auto s = detail::input_saturation(file).find(file.runs().judged_rows());
    REQUIRE(s.has_value());
    return detail::find_fitting_scale(*s, 1.0 / 256, file.lab()->policies[layer_precision::w8a8]);
  });
  REQUIRE(fits.has_value());
  CHECK(fits->lost < 0.01);
  CHECK(std::round(fits->scale * 4096) == approx(fits->scale * 4096));
  CHECK(paper(random, fits->scale).found().empty());
}

TEST_CASE("rule: without the cfg the remedy is a factor", "[debug]") {
  draws random(92);
  const paper p(random, 1.0 / 256);
  const auto found = p.found(false);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.summary.find("white") == nullptr);
  CHECK(find_fact(found[0].what.change, fact_kind::set_cfg) == nullptr);
}

TEST_CASE("rule: a range that ends at a code, few white pixels, and 16 bits are no fault", "[debug]") {
  draws random(93);
  CHECK(paper(random, 1.0 / 255 + 1e-6).found().empty());  // 1.0002 is stored as 1
  CHECK(paper(random, 1.0 / 256, compile_mode::all_16bit).found().empty());
  paper dark(random, 1.0 / 256);
  for (std::size_t i = 1; i < dark.input.size(); ++i) dark.input.data()[i] = 0.2F;
  CHECK(dark.found().empty());
}

}  // namespace saturated_input_test
