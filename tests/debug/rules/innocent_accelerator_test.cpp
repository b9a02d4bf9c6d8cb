#include <nniesim/debug/rules/innocent_accelerator.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace innocent_accelerator_test {

TEST_CASE("supplement: the accelerator is innocent where every layer is as simulated, and only there", "[debug]") {
  draws random(21);
  two_runs::experiment e(two_runs::plain_network(random), random);
  const auto rivals = [](const detail::case_file& file) {
    finding f;
    detail::add_innocence(file, f);
    return f.rivals;
  };
  REQUIRE(e.look(rivals).size() == 1);
  CHECK(e.look(rivals)[0].why_not == fact(fact_kind::as_simulated, {{"count", std::size_t{7}}}));
  CHECK(e.look(rivals, false).empty());
  // One that is not, or that could not be tried.
  two_runs::experiment wrong = e;
  for (float& v : wrong.shown("conv3")) v += random.normal();
  CHECK(wrong.look(rivals).empty());
  std::erase_if(e.other, [](const two_runs::dump& d) { return d.name == "conv2"; });
  CHECK(e.look(rivals).empty());
}

}  // namespace innocent_accelerator_test
