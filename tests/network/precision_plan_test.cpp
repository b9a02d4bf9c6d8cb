#include <nniesim/network/precision_plan.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/other_policies.hpp"

using namespace nniesim;

namespace precision_plan_test {

using namespace other_policies;

namespace {

using layer_precisions = std::vector<layer_precision>;
constexpr layer_precision f = layer_precision::float32, narrow = layer_precision::w8a8, wide = layer_precision::w16a16;

/// ReLUs of these names, the second on the CPU.
network net_of(const std::vector<std::string>& names) {
  network net{"net", {}, {}};
  for (const std::string& name : names) net.layers.push_back({name, "ReLU", "here:1:1", {}, {}, relu_params{}});
  net.layers.at(1).on_cpu = true;
  return net;
}

}  // namespace

TEST_CASE("a compile mode gives each layer its width, and the CPU's its floats", "[network]") {
  const network net = net_of({"a", "b", "c"});
  CHECK(plan_of(net, compile_mode::all_8bit) == precision_plan{false, {narrow, f, narrow}});
  CHECK(plan_of(net, compile_mode::all_16bit) == precision_plan{false, {wide, f, wide}});
  const network marked = net_of({"a", "b_hp", "c_hp"});
  CHECK(plan_of(marked, compile_mode::mixed) == precision_plan{false, {narrow, f, wide}});
  CHECK_THROWS_WITH(plan_of(marked, compile_mode::all_8bit), contains("'b_hp' is marked _hp"));
  CHECK_THROWS_AS(plan_of(marked, compile_mode::all_16bit), format_error);
}

TEST_CASE("one policy for all is a float plan where it writes floats", "[network]") {
  const network net = net_of({"a_hp", "b", "c"});
  CHECK(float_plan(net) == precision_plan{true, {f, f, f}});
  CHECK(plan_of(net, f) == float_plan(net));
  CHECK(plan_of(net, wide) == precision_plan{false, {wide, f, wide}});
  const layer_precision own = layer_precision::of<in_float>();
  CHECK(plan_of(net, own) == precision_plan{true, {own, f, own}});
  CHECK(plan_of(network{"empty", {}, {}}, narrow) == precision_plan{false, {}});
}

TEST_CASE("a plan has the name of the one policy that encodes", "[network]") {
  CHECK(plan_name({true, {f, f}}) == "float32");
  CHECK(plan_name({false, {}}) == "float32");
  CHECK(plan_name({false, {f, narrow, f, narrow}}) == "w8a8");
  CHECK(plan_name({false, {narrow, wide, narrow}}) == "mixed");
  CHECK(plan_name({true, {layer_precision::of<in_float>()}}) == "in_float");
}

}  // namespace precision_plan_test
