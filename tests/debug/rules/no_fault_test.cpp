#include <nniesim/debug/rules/no_fault.hpp>

#include <limits>
#include <string>
#include <vector>

#include <nniesim/debug/diagnose.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace no_fault_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: no fault is said only where every output was compared", "[debug]") {
  draws random(12);
  experiment e(plain_network(random), random);
  const auto find = [](const detail::case_file& file) {
    return detail::find_no_fault(file, detail::findings_so_far(file));
  };
  auto found = e.look(find);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::none);
  std::erase_if(e.other, [](const two_runs::dump& d) { return d.name == "fc"; });
  found = e.look(find);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::inconclusive);
  CHECK(found[0].what.layer == "fc");
}

TEST_CASE("rule: a layer in between that was not compared: no fault is said of the others alone", "[debug]") {
  draws random(13);
  experiment e(plain_network(random), random);
  std::erase_if(e.other, [](const two_runs::dump& d) { return d.name == "conv2" || d.name == "relu2"; });
  e.look([](const detail::case_file& file) {
    const diagnosis d = diagnose(file);
    CHECK(d.verdict.cause == fault::none);
    CHECK(d.verdict.summary == fact(fact_kind::outputs_agree, {{"count", std::size_t{6}}, {"of", std::size_t{8}}}));
    CHECK(d.compared == 6);
    CHECK(d.layers.size() == 8);
    CHECK(d.verdict.evidence.at(0).count("count") == 6);
  });
  // Without the network the layer may be on no way to the output that was compared.
  e.look([](const detail::case_file& file) { CHECK(diagnose(file).verdict.cause == fault::inconclusive); }, false);
}

TEST_CASE("rule: few values that agree are shown, and which of them is the largest", "[debug]") {
  draws random(14);
  test_networks::network_builder b;
  b.add("score", layers::fully_connected{1, random.tensor({2, 400}, 0.1F), {}}, {b.input({1, 4, 10, 10})});
  experiment e(b.net, random);
  for (auto* list : {&e.reference, &e.other}) list->back().values = {5.0F, 4.9F};
  e.other.back().values = {4.9F, 5.0F};
  const auto found =
      e.look([](const detail::case_file& file) { return detail::find_no_fault(file, detail::findings_so_far(file)); });
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.cause == fault::none);
  CHECK(found[0].what.evidence.back().count("count") == 2);
  CHECK(found[0].what.evidence.back().count("largest_of_reference") == 0);
}

}  // namespace no_fault_test
