#include <nniesim/debug/rules/precision.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace precision_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("rule: rows that a fault further up explains are no want of bits", "[debug]") {
  draws random(8);
  experiment e(plain_network(random), random);
  for (float& v : e.shown("fc")) v = random.normal();
  e.look([](const detail::case_file& file) {
    detail::findings_so_far so_far(file);
    const std::size_t all = detail::unexplained_rows(file, so_far).size();
    CHECK(all == file.runs().judged_rows().size());
    CHECK(detail::find_precision(file, so_far).size() == 1);
    so_far.add({.what = {fault::suspect_layer, "fc"}, .position = 7}, 0);
    CHECK(detail::unexplained_rows(file, so_far).size() == all - 1);
    CHECK(detail::find_precision(file, so_far).empty());
  });
}

namespace {

/// data, a convolution, and outputs of 20 and of 2 values.
network two_headed(draws& random) {
  test_networks::network_builder b;
  std::size_t x = b.input({1, 4, 10, 10});
  x = b.add("conv1", layers::convolution{{}, random.tensor({4, 4, 3, 3}, 0.2F), {}}, {x});
  b.add("wide", layers::fully_connected{1, random.tensor({20, 256}, 0.1F), {}}, {x});
  b.add("narrow", layers::fully_connected{1, random.tensor({2, 256}, 0.1F), {}}, {x});
  return b.net;
}

std::vector<detail::found> precision_of(const experiment& e) {
  return e.look(
      [](const detail::case_file& file) { return detail::find_precision(file, detail::findings_so_far(file)); });
}

}  // namespace

TEST_CASE("rule: two logits are judged by their error and shown with their size", "[debug]") {
  draws random(9);
  experiment e(two_headed(random), random);
  CHECK(precision_of(e).empty());
  // A cosine that is good, and an error of a fifth which is not one of scale.
  const std::vector<float> r = {5.0F, 4.0F};
  for (auto* list : {&e.reference, &e.other}) {
    for (two_runs::dump& d : *list) {
      if (d.name == "narrow") d.values = r;
    }
  }
  CHECK(precision_of(e).empty());
  e.shown("narrow") = {4.5F, 4.9F};
  CHECK(5.0F * 4.5F + 4.0F * 4.9F > 0.98F * std::sqrt(41.0F * (4.5F * 4.5F + 4.9F * 4.9F)));
  const auto found = precision_of(e);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what.layer == "narrow");
  const fact* const few = find_fact(found[0].what.evidence, fact_kind::few_values);
  REQUIRE(few != nullptr);
  CHECK(few->text("layer") == "narrow");
  CHECK(few->get<std::vector<double>>("reference") == std::vector<double>{5, 4});
  CHECK(few->number("relative_error") == approx(std::sqrt(0.25 + 0.81) / std::sqrt(41.0)).epsilon(1e-6));
  CHECK(find_fact(found[0].what.evidence, fact_kind::layers_miss_limit)->count("count") == 1);
}

TEST_CASE("rule: the advised search measures what the verdict is about", "[debug]") {
  draws random(10);
  const network net = two_headed(random);
  // All but some layers agree exactly; these miss a limit that 16 bits reach.
  const auto next = [&](const std::vector<std::string>& bad) {
    experiment e(net, random);
    for (const two_runs::dump& d : e.reference) {
      if (std::find(bad.begin(), bad.end(), d.name) == bad.end()) e.shown(d.name) = d.values;
    }
    diagnose_options o;
    o.layer_cosine = 0.9999;
    return e.look(
        [](const detail::case_file& file) {
          const auto found = detail::find_precision(file, detail::findings_so_far(file));
          REQUIRE(found.size() == 1);
          return found[0].what;
        },
        true, o);
  };
  CHECK(next({"wide", "narrow"}).next.text("command") == "nnie-debug search --target output-cosine --goal 0.9999");
  CHECK(next({"wide"}).next.text("command") == "nnie-debug search --target output-cosine --layer 'wide' --goal 0.9999");
  CHECK(next({"conv1"}).next.text("command") == "nnie-debug search --target worst-layer-cosine --goal 0.9999");
}

TEST_CASE("rule: where all layers have 16 bits none are advised", "[debug]") {
  draws random(11);
  const experiment e(two_headed(random), random, compile_mode::all_16bit);
  diagnose_options o;
  o.layer_cosine = 0.9999999999;
  e.look(
      [](const detail::case_file& file) {
        const auto found = detail::find_precision(file, detail::findings_so_far(file));
        REQUIRE(found.size() == 1);
        const finding& f = found[0].what;
        CHECK(f.cause == fault::inconclusive);
        CHECK(f.change.empty());
        CHECK(f.next.kind() != fact_kind::search);
      },
      true, o);
}

}  // namespace precision_test
