#include <nniesim/debug/input_check.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

TEST_CASE("what is said of the inputs of two runs", "[debug]") {
  draws random(41);
  const two_runs::experiment clean(two_runs::plain_network(random), random);
  clean.look([](const detail::case_file& file) {
    CHECK(file.inputs().findings.empty());
    CHECK(file.inputs().missing.empty());
    CHECK_FALSE(file.inputs().is_raw);
    CHECK_FALSE(file.inputs().are_exchanged);
  });
  two_runs::experiment raw = clean;
  for (two_runs::dump& d : raw.other) {
    for (float& v : d.values) v *= 4096;
  }
  raw.look([](const detail::case_file& file) {
    CHECK(file.inputs().is_raw);
    CHECK(file.inputs().findings.size() == 1);
  });
  two_runs::experiment alone = clean;
  std::erase_if(alone.other, [](const two_runs::dump& d) { return d.name == "data"; });
  alone.look([](const detail::case_file& file) { CHECK(file.inputs().missing == std::vector<std::string>{"data"}); });
}
