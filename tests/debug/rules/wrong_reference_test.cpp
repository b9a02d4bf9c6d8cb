#include <nniesim/debug/rules/wrong_reference.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "debug/planted_faults.hpp"

using namespace nniesim;

namespace wrong_reference_test {

using namespace planted_faults;

namespace {

/// What the rule finds when the reference computes one network and the other run another one.
std::vector<detail::found> found(const std::function<void(network& reference, network& other)>& change) {
  const natural_networks::natural_network n = natural_networks::residual();
  const subject s(n, 1, 3);
  network reference_net = s.net, other_net = s.net;
  change(reference_net, other_net);
  const dumps reference = run_of(reference_net, float_plan(reference_net), nullptr, s.input());
  const dumps other = run_of(other_net, s.plan, &s.ranges, s.input());
  const tensor<float> input = s.input();
  const std::vector<tensor_view<const float>> inputs = {view_of(input)};
  const experiment_context lab{s.net, inputs, s.ranges, s.plan};
  const diagnose_options options;
  const auto a = as_layers(reference), b = as_layers(other);
  const detail::case_file file(a, b, options, &lab);
  return detail::find_wrong_reference(file, detail::findings_so_far(file));
}
std::size_t of_block3(const network& net) { return layer_index(net, "block3/b"); }

}  // namespace

TEST_CASE("rule: a reference that does not follow from its own inputs", "[debug]") {
  CHECK(found([](network&, network&) {}).empty());
  const auto one = found([](network& reference, network&) { lose_bias(reference, of_block3(reference)); });
  REQUIRE(one.size() == 1);
  CHECK(one[0].what.cause == fault::wrong_reference);
  CHECK(one[0].what.layer == "block3/b");
  const auto all = found([](network& reference, network&) { disturb_all(reference, 0.1F); });
  REQUIRE(all.size() == 1);
  CHECK(all[0].what.layer.empty());
  CHECK(all[0].also_accused.size() > 5);
}

TEST_CASE("rule: where both runs do what the network does not, the reference is not accused", "[debug]") {
  CHECK(found([](network& reference, network& other) {
          lose_bias(reference, of_block3(reference));
          lose_bias(other, of_block3(other));
        }).empty());
  CHECK(found([](network& reference, network& other) {
          disturb_all(reference, 0.1F);
          disturb_all(other, 0.1F);
        }).empty());
}

TEST_CASE("rule: a wrong layer of the other run is none of the reference's", "[debug]") {
  CHECK(found([](network&, network& other) { lose_bias(other, of_block3(other)); }).empty());
}

}  // namespace wrong_reference_test
