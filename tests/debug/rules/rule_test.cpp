// How rules are applied: their order, what they need and give way to, and causality between layers.
#include <nniesim/debug/rules/rule.hpp>

#include <string>
#include <string_view>
#include <vector>

#include <nniesim/debug/rules/all.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace rule_test {

using detail::case_file;
using detail::findings_so_far;
using detail::found;
using detail::rule;
using detail::rule_needs;

namespace {

found at(std::size_t layer, fault cause, bool as_simulated = false) {
  return {.what = {cause, "layer " + std::to_string(layer)}, .position = layer, .as_simulated = as_simulated};
}
std::vector<found> finds_input(const case_file&, const findings_so_far&) { return {{.what = {fault::preprocessing}}}; }
std::vector<found> finds_last(const case_file&, const findings_so_far&) {
  return {{.what = {fault::inconclusive}, .is_last = true}};
}
std::vector<found> finds_5_and_3(const case_file&, const findings_so_far&) {
  return {at(5, fault::suspect_layer), at(3, fault::all_zero, true)};
}
std::vector<found> finds_1(const case_file&, const findings_so_far&) { return {at(1, fault::activation_scale)}; }
std::vector<found> finds_precision(const case_file&, const findings_so_far&) { return {{.what = {fault::precision}}}; }

/// Causes and layers that these rules find in a clean run.
std::vector<std::string> applied(const std::vector<rule>& rules, bool with_lab = true) {
  draws random(1);
  const two_runs::experiment e(two_runs::plain_network(random), random);
  return e.look(
      [&](const case_file& file) {
        std::vector<std::string> result;
        for (const finding& f : detail::apply(rules, file)) {
          result.push_back(std::string(to_string(f.cause)) + (f.layer.empty() ? "" : " " + f.layer));
        }
        return result;
      },
      with_lab);
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("rules find in their order, but neighbours of layers in that of the layers", "[debug]") {
  const rule precision{.name = "p", .find = finds_precision};
  const rule later{.name = "later", .is_of_layers = true, .find = finds_5_and_3};
  const rule first{.name = "first", .is_of_layers = true, .find = finds_1};
  CHECK(applied({precision, later, first}) ==
        texts{"too few bits", "activation scale layer 1", "suspect layer layer 5"});  // layer 3 follows from layer 1
  CHECK(applied({first, precision, later}) ==
        texts{"activation scale layer 1", "too few bits", "suspect layer layer 5"});
  CHECK(applied({later}) == texts{"all-zero layer layer 3", "suspect layer layer 5"});
}

TEST_CASE("what does as the simulation does follows from the input and from layers it depends on", "[debug]") {
  const rule input{.name = "input", .find = finds_input};
  const rule zero{.name = "zero", .is_of_layers = true, .find = [](const case_file&, const findings_so_far&) {
                    return std::vector<found>{at(3, fault::all_zero, true), at(4, fault::suspect_layer)};
                  }};
  CHECK(applied({input, zero}) == texts{"preprocessing", "suspect layer layer 4"});
  // Without the network all depends on what comes before.
  const rule all{.name = "all", .is_of_layers = true, .find = [](const case_file&, const findings_so_far&) {
                   return std::vector<found>{at(900, fault::not_a_number), at(901, fault::all_zero, true)};
                 }};
  CHECK(applied({all}, false) == texts{"NaN or infinity layer 900"});
}

TEST_CASE("a rule is left out without what it needs, where it gives way, and where nothing else can be told",
          "[debug]") {
  rule precision{.name = "p", .needs = rule_needs::experiment_context, .find = finds_precision};
  CHECK(applied({precision}).size() == 1);
  CHECK(applied({precision}, false).empty());
  precision.needs = rule_needs::no_experiment_context;
  CHECK(applied({precision}).empty());
  CHECK(applied({precision}, false).size() == 1);
  precision = {.name = "p", .gives_way_to = detail::input_faults, .find = finds_precision};
  CHECK(applied({{.name = "input", .find = finds_input}, precision}) == texts{"preprocessing"});
  CHECK(applied({{.name = "last", .find = finds_last}, precision}) == texts{"inconclusive"});
}

TEST_CASE("what explains a row and whom findings accuse", "[debug]") {
  draws random(2);
  const two_runs::experiment e(two_runs::plain_network(random), random);
  e.look([](const case_file& file) {
    findings_so_far so_far(file);
    CHECK(so_far.empty());
    found f = at(3, fault::activation_scale);
    f.also_accused = {6};
    so_far.add(f, 0);
    const auto row = [&](std::size_t layer) { return *file.runs().row_of(layer); };
    CHECK_FALSE(so_far.explain(row(2)));
    CHECK(so_far.explain(row(3)));
    CHECK(so_far.explain(row(7)));
    CHECK(so_far.accuses(3));
    CHECK(so_far.accuses(6));
    CHECK_FALSE(so_far.accuses(4));
    CHECK(so_far.has(fault::activation_scale));
    CHECK_FALSE(so_far.has(fault::precision));
  });
}

TEST_CASE("sets of faults", "[debug]") {
  using detail::faults;
  STATIC_REQUIRE(faults{fault::none, fault::precision}.contains(fault::precision));
  STATIC_REQUIRE_FALSE(faults{fault::none}.contains(fault::precision));
  STATIC_REQUIRE((faults{fault::none} | faults{fault::precision}).contains(fault::none));
  STATIC_REQUIRE(faults::all().contains(fault::inconclusive));
  STATIC_REQUIRE_FALSE(faults{}.contains(fault::none));
}

TEST_CASE("every rule of the diagnosis has a name of its own and something to find with", "[debug]") {
  for (std::size_t i = 0; i < detail::all_rules.size(); ++i) {
    INFO(detail::all_rules[i].name);
    CHECK(detail::all_rules[i].find != nullptr);
    for (std::size_t k = 0; k < i; ++k) CHECK(detail::all_rules[i].name != detail::all_rules[k].name);
  }
  CHECK(detail::all_rules.back().gives_way_to.contains(fault::inconclusive));
}

}  // namespace rule_test
