// A user's policy through calibration, table and diagnosis: its own bits and ranges, nothing of the accelerator's.
#include <nniesim/debug/diagnose.hpp>

#include <string>
#include <vector>

#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/compare_network.hpp>

#include "catch.hpp"
#include "support/networks.hpp"
#include "support/own_policy.hpp"

using namespace nniesim;

namespace own_policy_test {

using namespace test_networks;

namespace {

constexpr layer_precision own = layer_precision::of<own_policy::w4a12>();

const policy_set& policies() {
  static const policy_set set = policy_set::of<own_policy::w4a12, w16a16>();
  return set;
}

/// Six convolutions, every second depthwise, with a ReLU behind each.
network deep(draws& random) {
  network_builder b;
  std::size_t x = b.input({1, 8, 9, 9});
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    const std::size_t groups = i % 2 == 0 ? 1 : 8;
    layers::convolution conv{
        {.pad = {1, 1}, .groups = groups}, random.tensor({8, 8 / groups, 3, 3}, groups == 1 ? 0.2F : 0.5F), {}};
    x = b.add("relu" + n, relu_params{}, {b.add("conv" + n, conv, {x})});
  }
  return b.net;
}

struct experiment {
  network net;
  tensor<float> picture;
  activation_ranges ranges;
  network_runner reference;

  explicit experiment(draws& random)
      : net(deep(random)), picture(random.tensor({1, 8, 9, 9})), reference(net, float_plan(net), {.keep_all = true}) {
    calibrator c(net, plan_of(net, own), range_rule::quantized, {}, policies());
    c.add(picture);
    ranges = c.ranges();
    reference.run(picture);
  }
  [[nodiscard]] network_runner run(const precision_plan& plan, const activation_ranges& with) const {
    network_runner r(net, plan, {.keep_all = true, .policies = policies()});
    r.use(with);
    r.run(picture);
    return r;
  }
  [[nodiscard]] diagnosis diagnosed(const network_runner& other, const precision_plan& plan) const {
    const experiment_context lab{
        .net = net, .inputs = {view_of(picture)}, .ranges = ranges, .plan = plan, .policies = policies()};
    return diagnose(layers_of(reference), layers_of(other), {}, &lab);
  }
};

std::string text_of(const finding& f) {
  std::string text = detail::message(to_string(f.cause), " '", f.layer, "': ", f.summary, '\n');
  for (const auto* list : {&f.evidence, &f.change}) {
    for (const std::string line : *list) text += "  " + line + '\n';
  }
  return text;
}

}  // namespace

TEST_CASE("precisions are finer or coarser by their bits", "[debug]") {
  CHECK(is_finer(layer_precision::w16a16, layer_precision::w8a8));
  CHECK(is_finer(layer_precision::w16a16, own));
  CHECK_FALSE(is_finer(own, layer_precision::w8a8));  // fewer bits of weights, more of activations
  CHECK_FALSE(is_finer(layer_precision::w8a8, own));
  CHECK(bits_text(layer_precision::w16a16) == "16 bits");
  CHECK(bits_text(own) == "4-bit weights and 12-bit activations");
  CHECK(finest_precision(policies(), own) == layer_precision::w16a16);
  CHECK_FALSE(finest_precision(policies(), layer_precision::w16a16));
  CHECK_FALSE(finest_precision(policies(), layer_precision::float32));
  CHECK(other_precisions(policies(), layer_precision::w16a16) == std::vector{own});
  CHECK(other_precisions({}, layer_precision::w8a8) == std::vector{layer_precision::w16a16});
}

TEST_CASE("one's own policy: calibration, table, and a network that lacks bits", "[debug]") {
  draws random(61);
  const experiment e(random);
  CHECK(e.ranges.precision == "w4a12");
  CHECK(e.ranges.blobs.size() == 6);  // the input and all ReLUs but the last
  const precision_plan plan = plan_of(e.net, own);
  const network_runner other = e.run(plan, e.ranges);
  const auto compared = compare_accumulated(e.reference, other);
  const layer_table table = table_of(e.net, compared);
  CHECK(table.rows().size() == e.net.layers.size());
  CHECK(compared.back().result.cosine > 0.5);
  CHECK(compared.back().result.cosine < 0.99);
  const diagnosis d = e.diagnosed(other, plan);
  INFO(text_of(d.verdict));
  CHECK(d.verdict.cause == fault::precision);
  CHECK_THAT(text_of(d.verdict), contains("4-bit weights and 12-bit activations are not enough"));
  CHECK_THAT(text_of(d.verdict), contains("16 bits"));
  CHECK_FALSE(contains("_hp").match(text_of(d.verdict)));
  CHECK_FALSE(contains("compile_mode").match(text_of(d.verdict)));
}

TEST_CASE("one's own policy: a layer with fewer bits than planned, and a range that does not fit", "[debug]") {
  draws random(62);
  const experiment e(random);
  const precision_plan fine = plan_of(e.net, layer_precision::w16a16);
  precision_plan real = fine;
  const std::size_t l = layer_index(e.net, "conv2");
  real.layers[l] = own;
  diagnosis d = e.diagnosed(e.run(real, e.ranges), fine);
  INFO(text_of(d.verdict));
  CHECK(d.verdict.cause == fault::bits_not_as_planned);
  CHECK(d.verdict.layer == "conv2");
  CHECK(d.verdict.summary.text("planned_bits") == "16 bits");
  CHECK(d.verdict.summary.text("bits") == "4-bit weights and 12-bit activations");

  activation_ranges narrow = e.ranges;
  shift_range(narrow, e.net, "conv2", 0, -4);
  const precision_plan plan = plan_of(e.net, own);
  d = e.diagnosed(e.run(plan, narrow), plan);
  INFO(text_of(d.verdict));
  bool is_found = d.verdict.cause == fault::activation_scale && d.verdict.layer == "conv2";
  for (const finding& f : d.also) is_found = is_found || (f.cause == fault::activation_scale && f.layer == "conv2");
  CHECK(is_found);
}

TEST_CASE("ranges that are given for the planned format alone end no diagnosis", "[debug]") {
  draws random(63);
  experiment e(random);
  for (auto& [name, range] : e.ranges.blobs) {
    range = {.in_8bit = gfpq8::scale_of_max(range.largest)};
  }
  e.ranges.rule = range_rule::given;
  const precision_plan plan = plan_of(e.net, layer_precision::w8a8);
  network_runner other(e.net, plan, {.keep_all = true});
  other.use(e.ranges);
  other.run(e.picture);
  layer& changed = e.net.layers[layer_index(e.net, "conv3")];
  for (float& v : std::get<layers::convolution>(changed.params).weights) v *= 1.5F;
  network_runner reference(e.net, float_plan(e.net), {.keep_all = true});
  reference.run(e.picture);
  const experiment_context lab{.net = e.net, .inputs = {view_of(e.picture)}, .ranges = e.ranges, .plan = plan};
  const diagnosis d = diagnose(layers_of(reference), layers_of(other), {}, &lab);
  CHECK(d.verdict.cause == fault::other_weights);
  CHECK(d.verdict.layer == "conv3");
}

}  // namespace own_policy_test
