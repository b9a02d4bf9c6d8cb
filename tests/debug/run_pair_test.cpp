// Which dumps of two runs are compared with which: layers that work in place, other sizes, names of their own.
#include <nniesim/debug/run_pair.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <nniesim/network/calibrate.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace run_pair_test {

using namespace test_networks;

namespace {

using floats = std::vector<float>;
using detail::compared_row;
using detail::run_pair;

struct dump {
  std::string name;
  tensor_shape shape;
  floats values;
};
using dumps = std::vector<dump>;

std::vector<named_values> as_layers(const dumps& all) {
  std::vector<named_values> result;
  for (const dump& d : all) result.push_back({d.name, d.shape, [&d] { return d.values; }});
  return result;
}

/// A network whose layers behind a convolution work in place, and two runs of it.
struct in_place_runs {
  network net;
  std::vector<tensor<float>> inputs;
  activation_ranges ranges;
  precision_plan plan;
  std::vector<tensor_view<const float>> views{};
  dumps reference, other;

  explicit in_place_runs(const std::vector<layer_params>& behind, int seed = 3) {
    draws random(static_cast<unsigned>(seed));
    network_builder b;
    std::size_t x = b.input({1, 3, 12, 12});
    x = b.add("conv1",
              layers::convolution{{.pad = {1, 1}}, random.tensor({8, 3, 3, 3}, 0.3F), random_floats(random, 8)}, {x});
    for (std::size_t i = 0; i < behind.size(); ++i) {
      x = b.add("behind" + std::to_string(i), behind[i], {x});
      b.net.blobs[x].name = "conv1";
    }
    x = b.add("conv2", layers::convolution{{.pad = {1, 1}}, random.tensor({6, 8, 3, 3}, 0.2F), {}}, {x});
    net = b.net;
    plan = plan_of(net, compile_mode::all_8bit);
    inputs.push_back(make_tensor<float>({1, 3, 12, 12}));
    for (float& v : inputs[0]) v = random.normal();
    views.push_back(view_of(inputs[0]));
    calibrator c(net, plan);
    c.add(views);
    ranges = c.ranges();
    reference = dumps_of(net, float_plan(net));
    other = dumps_of(net, plan);
  }
  [[nodiscard]] dumps dumps_of(const network& n, const precision_plan& p) const {
    network_runner r(n, p, {.keep_all = true});
    if (!p.is_float) r.use(ranges);
    r.run(views);
    dumps result;
    for (const named_values& l : layers_of(r)) result.push_back({l.name, l.shape, l.values()});
    return result;
  }
  /// As a program that dumps blobs by name leaves it: the first writer's name, the last one's values.
  static void dump_blobs(dumps& d, std::size_t behind) {
    d[1].values = d[1 + behind].values;
    d.erase(d.begin() + 2, d.begin() + 2 + static_cast<std::ptrdiff_t>(behind));
  }
};

void check_pairs(const in_place_runs& e, bool expects_trial_of_pair) {
  const std::vector<named_values> r = as_layers(e.reference), x = as_layers(e.other);
  const diagnose_options options;
  const experiment_context lab{.net = e.net, .inputs = e.views, .ranges = e.ranges, .plan = e.plan};
  const run_pair runs(r, x, options, &lab);
  const std::size_t last = e.net.layers.size() - 2;
  const compared_row* const row = runs.row_of(last);
  REQUIRE(row != nullptr);
  REQUIRE(row->shown.result.has_value());
  CHECK(row->shown.result->cosine > 0.99);
  CHECK(std::fabs(row->shown.result->norm_error) < 0.02);
  // What the second convolution reads is what the last writer gave.
  const auto read = runs.other_value(e.net.layers[last].outputs[0]);
  REQUIRE(read.has_value());
  CHECK(runs.shown_through(e.net.layers[1].outputs[0]).empty() != expects_trial_of_pair);
  // And the first writer is not said to have given it.
  if (const auto first = runs.other_value(e.net.layers[1].outputs[0])) {
    network_runner in_float(e.net, float_plan(e.net), {.keep_all = true});
    in_float.run(e.views);
    in_float.visit(e.net.layers[1].outputs[0], [&](auto v) {
      floats y;
      for (const auto f : v.span()) y.push_back(static_cast<float>(f));
      CHECK(detail::compare_values(y, view_of(*first).span()).cosine > 0.99);
    });
  }
}

}  // namespace

TEST_CASE("a blob that is written in place is the last writer's, in either run", "[debug]") {
  draws random(9);
  const floats slope = [&] {
    floats s(8);
    for (float& v : s) v = 0.1F + 0.5F * static_cast<float>(random.between(0, 1));
    return s;
  }();
  const floats mean(8, 0.3F), variance(8, 2.0F);
  tensor<float> factor = make_tensor<float>({8});
  for (std::size_t i = 0; i < 8; ++i) factor.data()[i] = i % 2 == 0 ? 1.7F : -0.6F;
  const std::vector<std::vector<layer_params>> kinds = {
      {layers::prelu{slope}},
      {layers::batch_norm{{.mean = mean, .variance = variance}}},
      {layers::scale{{}, factor, floats(8, 0.25F)}},
      {layers::batch_norm{{.mean = mean, .variance = variance}}, layers::scale{{}, factor, floats(8, 0.25F)},
       layers::prelu{slope}},
      {relu_params{0.1F}},
      {activation_params{activation_function::sigmoid}},
  };
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    CAPTURE(k);
    const std::size_t behind = kinds[k].size();
    in_place_runs both(kinds[k]);
    check_pairs(both, false);  // every layer has a dump of its own
    in_place_runs reference = both;
    in_place_runs::dump_blobs(reference.reference, behind);
    check_pairs(reference, false);
    in_place_runs other = both;
    in_place_runs::dump_blobs(other.other, behind);
    check_pairs(other, true);
    in_place_runs::dump_blobs(both.reference, behind);
    in_place_runs::dump_blobs(both.other, behind);
    check_pairs(both, true);
  }
}

TEST_CASE("a dump that repeats what a later layer wrote says nothing of the first", "[debug]") {
  in_place_runs e({layers::prelu{floats(8, 0.3F)}});
  for (const bool of_reference : {false, true}) {
    CAPTURE(of_reference);
    in_place_runs x = e;
    dumps& d = of_reference ? x.reference : x.other;
    d[1].values = d[2].values;
    const std::vector<named_values> r = as_layers(x.reference), o = as_layers(x.other);
    const diagnose_options options;
    const experiment_context lab{.net = x.net, .inputs = x.views, .ranges = x.ranges, .plan = x.plan};
    const run_pair runs(r, o, options, &lab);
    REQUIRE(runs.row_of(2) != nullptr);
    CHECK(runs.row_of(2)->shown.partner == "behind0");
    CHECK(runs.row_of(2)->shown.result->cosine > 0.99);
    for (const compared_row& row : runs.rows()) {
      if (row.shown.result) CHECK(row.shown.result->cosine > 0.99);
    }
  }
}

TEST_CASE("a layer of another size is told with what both have", "[debug]") {
  draws random(4);
  const auto noise = [&](std::size_t n) {
    floats v(n);
    for (float& f : v) f = random.normal();
    return v;
  };
  const floats data = noise(3 * 9 * 9), large = noise(2 * 5 * 5);
  floats small;
  for (std::size_t c = 0; c < 2; ++c) {
    for (std::size_t y = 0; y < 4; ++y) {
      for (std::size_t x = 0; x < 4; ++x) small.push_back(large[(c * 5 + y) * 5 + x]);
    }
  }
  const dumps r = {{"data", {1, 3, 9, 9}, data}, {"pool", {1, 2, 4, 4}, small}, {"fc", {1, 10}, noise(10)}};
  dumps o = {{"data", {1, 3, 9, 9}, data}, {"pool", {2, 5, 5}, large}, {"fc", {1, 10}, r[2].values}};
  const std::vector<named_values> a = as_layers(r), b = as_layers(o);
  const diagnose_options options;
  const run_pair runs(a, b, options, nullptr);
  REQUIRE(runs.size_mismatches().size() == 1);
  const detail::size_mismatch& m = runs.size_mismatches()[0];
  CHECK(runs.rows()[m.row].shown.name == "pool");
  CHECK(runs.other_name(m.other) == "pool");
  CHECK(m.in_reference == std::array<std::size_t, 4>{1, 2, 4, 4});
  CHECK(m.in_other == std::array<std::size_t, 4>{1, 2, 5, 5});
  CHECK(m.common.value() > 0.9999);
  CHECK(runs.compared() == 2);
  // Without the names the common part tells.
  dumps unnamed = o;
  unnamed[1].name = "another";
  const std::vector<named_values> c = as_layers(unnamed);
  const run_pair by_content(a, c, options, nullptr);
  REQUIRE(by_content.size_mismatches().size() == 1);
  CHECK(by_content.other_name(by_content.size_mismatches()[0].other) == "another");
  unnamed[1].values = noise(50);
  const std::vector<named_values> d = as_layers(unnamed);
  CHECK(run_pair(a, d, options, nullptr).size_mismatches().empty());
}

TEST_CASE("a reference with names of its own has the places of its partners", "[debug]") {
  in_place_runs e({relu_params{}});
  for (dump& d : e.reference) d.name = "net." + d.name + ".out";
  const std::vector<named_values> r = as_layers(e.reference), x = as_layers(e.other);
  const diagnose_options options;
  const experiment_context lab{.net = e.net, .inputs = e.views, .ranges = e.ranges, .plan = e.plan};
  const run_pair runs(r, x, options, &lab);
  for (std::size_t l = 1; l < e.net.layers.size(); ++l) {
    CAPTURE(e.net.layers[l].name);
    REQUIRE(runs.row_of(l) != nullptr);
    CHECK(runs.row_of(l)->shown.partner == e.net.layers[l].name);
  }
}

TEST_CASE("values without sign are compared with it, and judged by nobody", "[debug]") {
  in_place_runs e({relu_params{}});
  for (float& v : e.other[1].values) v = v < 0 ? v + 1048576.0F : v;
  const std::vector<named_values> r = as_layers(e.reference), x = as_layers(e.other);
  const diagnose_options options;
  const experiment_context lab{.net = e.net, .inputs = e.views, .ranges = e.ranges, .plan = e.plan};
  const run_pair runs(r, x, options, &lab);
  REQUIRE(runs.readings().size() == 1);
  CHECK(runs.name_of(runs.readings()[0]) == "conv1");
  CHECK(runs.row_of(1)->is_inexact);
  CHECK(runs.row_of(1)->shown.result->cosine > 0.98);
  CHECK_FALSE(runs.other_value(e.net.layers[1].outputs[0]).has_value());
  for (const compared_row* row : runs.judged_rows()) CHECK(row->shown.name != "conv1");
}

}  // namespace run_pair_test
