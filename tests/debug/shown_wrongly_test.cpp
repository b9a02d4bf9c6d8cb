#include <nniesim/debug/shown_wrongly.hpp>

#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace shown_wrongly_test {

using two_runs::experiment;
using two_runs::plain_network;

TEST_CASE("a dump that is wrong by itself is told from a layer that is", "[debug]") {
  draws random(1);
  const experiment clean(plain_network(random), random);
  clean.look([](const detail::case_file& file) {
    CHECK(file.suspects().only_shown_wrongly.empty());
    CHECK(file.suspects().off.empty());
  });
  // What reads it agrees with the reference: the dump alone.
  experiment e = clean;
  for (float& v : e.shown("relu2")) v = random.normal();
  e.look([](const detail::case_file& file) {
    CHECK(file.is_only_shown_wrongly(4, 0));
    CHECK(file.suspects().off.empty());
  });
  // What reads it is wrong, too: the layer.
  e = clean;
  network other = e.net;
  auto& conv = std::get<layers::convolution>(other.layers[3].params);
  for (float& v : conv.weights) v = random.normal();
  e.run(other);
  e.look([](const detail::case_file& file) {
    CHECK(file.suspects().only_shown_wrongly.empty());
    REQUIRE_FALSE(file.suspects().off.empty());  // those behind it get values that their ranges are not for
    CHECK(file.suspects().off[0]->layer == 3);
  });
}

}  // namespace shown_wrongly_test
