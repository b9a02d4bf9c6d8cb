#include <nniesim/debug/decision_probe.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace decision_probe_test {

TEST_CASE("the post-processing is asked on what it reads of both runs", "[debug]") {
  draws random(4);
  const two_runs::experiment e(two_runs::plain_network(random), random);
  const auto ask = [&](const decision_question& q, bool with_lab = true) {
    return e.look([&](const detail::case_file& file) { return detail::ask_decision(file.runs(), file.lab(), q); },
                  with_lab);
  };
  decision_question q{.post = postprocess::top_k(2)};
  for (const bool with_lab : {true, false}) {
    const decision_facts d = ask(q, with_lab);
    CHECK(d.name == "top_k of 'fc'");  // the network's output, or the last layer
    CHECK(d.probe.trials == q.trials);
    CHECK_FALSE(d.board_differs());
  }
  q.board_decision = "7 1";
  q.read = [](const std::string& text, std::size_t size) {
    CHECK(size == 20);
    return "read: " + text;
  };
  CHECK(ask(q).board_decision == "read: 7 1");
  CHECK(ask(q).board_differs());
  q.outputs = {"nobody"};
  CHECK_THROWS_WITH(ask(q), contains("is not in the reference"));
}

TEST_CASE("an output has the shape of a sample, whatever a dump's name tells", "[debug]") {
  CHECK(detail::sample_shape(nullptr, "a", {}, 6) == tensor_shape{1, 6});
  CHECK(detail::sample_shape(nullptr, "a", {6}, 6) == tensor_shape{1, 6});
  CHECK(detail::sample_shape(nullptr, "a", {1, 2, 3}, 6) == tensor_shape{1, 1, 2, 3});
  CHECK(detail::sample_shape(nullptr, "a", {1, 6, 1, 1}, 6) == tensor_shape{1, 6, 1, 1});
}

}  // namespace decision_probe_test
