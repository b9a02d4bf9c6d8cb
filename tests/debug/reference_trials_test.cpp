#include <nniesim/debug/reference_trials.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "debug/planted_faults.hpp"

using namespace nniesim;

namespace reference_trials_test {

using namespace planted_faults;
using nniesim::detail::reference_trials;
using nniesim::detail::run_pair;

namespace {

/// Trials of a reference that is made with another network or changed afterwards.
template <class F>
void with_trials(const network& reference_net, const std::function<void(dumps&)>& after, const F& f) {
  const natural_networks::natural_network n = natural_networks::cascade();
  const subject s(n, 0, 1);
  dumps reference = run_of(reference_net, float_plan(reference_net), nullptr, s.input());
  const dumps other = run_of(s.net, s.plan, &s.ranges, s.input());
  if (after) after(reference);
  const tensor<float> input = s.input();
  const std::vector<tensor_view<const float>> inputs = {view_of(input)};
  const experiment_context lab{s.net, inputs, s.ranges, s.plan};
  const diagnose_options options;
  const auto a = as_layers(reference), b = as_layers(other);
  run_pair runs(a, b, options, &lab);
  const reference_trials trials(runs, lab);
  f(trials, runs, lab);
}
network net_of_example() { return fold_batch_norm(natural_networks::cascade().net); }

}  // namespace

TEST_CASE("a right reference has no layer off", "[debug]") {
  with_trials(net_of_example(), {}, [](const reference_trials& t, const run_pair&, const experiment_context& lab) {
    CHECK(t.off().empty());
    CHECK(t.all().size() == lab.net.layers.size() - 1);
    CHECK_FALSE(t.is_another_model());
  });
}

TEST_CASE("a reference with one wrong layer names it and what is wrong", "[debug]") {
  network net = net_of_example();
  const std::size_t l = layer_index(net, "conv2");
  SECTION("a lost bias") {
    lose_bias(net, l);
    with_trials(net, {}, [&](const reference_trials& t, const run_pair&, const experiment_context&) {
      CHECK(t.off() == std::vector<std::size_t>{l});
      const finding f = t.explain(l);
      CHECK(f.cause == fault::wrong_reference);
      CHECK(f.layer == "conv2");
      CHECK(find_fact(f.evidence, fact_kind::lost_bias) != nullptr);
    });
  }
  SECTION("a dead channel") {
    kill_channel(net, l, 3);
    with_trials(net, {}, [&](const reference_trials& t, const run_pair&, const experiment_context&) {
      CHECK(t.off() == std::vector<std::size_t>{l});
      const finding f = t.explain(l);
      const fact* const channels = find_fact(f.evidence, fact_kind::one_value_in_channels);
      REQUIRE(channels != nullptr);
      CHECK(channels->get<std::vector<std::size_t>>("channels") == std::vector<std::size_t>{3});
    });
  }
}

TEST_CASE("a reference of another caffemodel is told as a whole", "[debug]") {
  network net = net_of_example();
  disturb_all(net, 0.05F);
  with_trials(net, {}, [](const reference_trials& t, const run_pair&, const experiment_context&) {
    CHECK(t.is_another_model());
    CHECK(t.explain_model().cause == fault::wrong_reference);
    CHECK(t.explain_model().layer.empty());
  });
}

TEST_CASE("dropout that was left in is seen in the values", "[debug]") {
  const network net = net_of_example();
  const std::size_t l = layer_index(net, "prelu4");
  with_trials(
      net,
      [&](dumps& reference) {
        floats v = named(reference, "prelu4").values;
        draws random(2);
        for (float& x : v) x = random.between(0, 3) == 0 ? 0 : x / 0.75F;
        follow(reference, net, l, v);
      },
      [&](const reference_trials& t, const run_pair&, const experiment_context&) {
        CHECK(t.off() == std::vector<std::size_t>{l});
        const finding f = t.explain(l);
        CHECK(f.summary.kind() == fact_kind::reference_has_dropout);
        CHECK(find_fact(f.evidence, fact_kind::values_dropped)->number("gain") == Approx(4.0 / 3));
      });
}

TEST_CASE("a reference that is written in place is compared with the last writer, and accuses nobody", "[debug]") {
  const network net = net_of_example();
  with_trials(
      net, [&](dumps& reference) { reference = by_blob(net, reference); },
      [&](const reference_trials& t, const run_pair& runs, const experiment_context&) {
        CHECK(t.off().empty());
        const auto* row = runs.row_of(layer_index(net, "prelu1"));
        REQUIRE(row != nullptr);
        CHECK(row->shown.name == "conv1");
        CHECK(row->shown.partner == "prelu1");
        CHECK(row->shown.result->cosine > 0.99);
      });
}

TEST_CASE("noise in a quarter of the values is no dropout", "[debug]") {
  draws random(1);
  std::vector<float> r(1000), x;
  for (float& v : r) v = random.normal();
  x = r;
  for (std::size_t i = 0; i < 250; ++i) x[i] = random.normal();
  CHECK_FALSE(nniesim::detail::fit_dropout(r, x).has_value());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 2 == 0 ? 0 : 2 * r[i];
  const auto fit = nniesim::detail::fit_dropout(r, x);
  REQUIRE(fit);
  CHECK(fit->share == Approx(0.5));
  CHECK(fit->gain == Approx(2));
}

}  // namespace reference_trials_test
