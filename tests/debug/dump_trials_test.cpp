#include <nniesim/debug/dump_trials.hpp>

#include <vector>

#include "catch.hpp"
#include "debug/planted_faults.hpp"

using namespace nniesim;

namespace dump_trials_test {

using namespace planted_faults;
using nniesim::detail::find_wrong_dump;
using nniesim::detail::run_pair;
using nniesim::detail::run_side;
using nniesim::detail::wrong_dump;

namespace {

std::optional<wrong_dump> found(const std::string& layer, run_side side, const std::function<void(dumps&)>& change,
                                bool follows = false) {
  const natural_networks::natural_network n = natural_networks::residual();
  const subject s(n, 0, 2);
  dumps reference = run_of(s.net, float_plan(s.net), nullptr, s.input());
  dumps other = run_of(s.net, s.plan, &s.ranges, s.input());
  dumps& changed = side == run_side::other ? other : reference;
  change(changed);
  const std::size_t l = layer_index(s.net, layer);
  if (follows) follow(changed, s.net, l, floats(named(changed, layer).values));
  const tensor<float> input = s.input();
  const std::vector<tensor_view<const float>> inputs = {view_of(input)};
  const experiment_context lab{s.net, inputs, s.ranges, s.plan};
  const diagnose_options options;
  const auto a = as_layers(reference), b = as_layers(other);
  const run_pair runs(a, b, options, &lab);
  return find_wrong_dump(runs, lab, l, 0, side);
}

void disturb(dumps& all, const std::string& name) {
  draws random(4);
  for (float& v : named(all, name).values) v = random.normal();
}

}  // namespace

TEST_CASE("a dump alone is wrong where its readers follow from what the layer gives", "[debug]") {
  for (const run_side side : {run_side::other, run_side::reference}) {
    const auto w = found("block2/relu", side, [](dumps& d) { disturb(d, "block2/relu"); });
    REQUIRE(w);
    CHECK(w->with_computed < 0.08);
    CHECK(w->with_shown > 0.3);
    CHECK_FALSE(w->is_input);
  }
}

TEST_CASE("a dump from before the layer is known by its content", "[debug]") {
  const auto w = found("block3/relu", run_side::reference,
                       [](dumps& d) { named(d, "block3/relu").values = named(d, "block3/sum").values; });
  REQUIRE(w);
  CHECK(w->is_input);
}

TEST_CASE("a layer that is wrong itself, with what follows, has no wrong dump", "[debug]") {
  CHECK_FALSE(found(
      "block2/relu", run_side::other, [](dumps& d) { disturb(d, "block2/relu"); }, true));
  // Nor has one that nobody reads.
  CHECK_FALSE(found("prob", run_side::other, [](dumps& d) { disturb(d, "prob"); }));
}

}  // namespace dump_trials_test
