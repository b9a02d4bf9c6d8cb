#include <nniesim/debug/fact.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace fact_test {

TEST_CASE("a fact's fields by name and type", "[debug]") {
  fact f(fact_kind::layers_compared, {{"count", std::size_t{3}}, {"of", std::size_t{4}}});
  CHECK(f.count("count") == 3);
  CHECK(words_of(f) == "3 of 4 layers were compared");
  f.add("cosine", 0.75).add("layer", "fc");
  CHECK(f.number("cosine") == 0.75);
  CHECK(f.text("layer") == "fc");
  CHECK(words_of(f) == "3 of 4 layers were compared; the lowest cosine is 0.75000 ('fc')");
  CHECK(f.find("none") == nullptr);
  CHECK_THROWS_WITH(f.number("none"), contains("no field 'none'"));
  CHECK_THROWS_AS(f.number("count"), error);  // a count is no number with digits
}

TEST_CASE("a text is a fact without numbers, and a fact stands where its sentence does", "[debug]") {
  const fact f = fact::text_of("the picture's bytes explain it");
  CHECK(f.kind() == fact_kind::words);
  const std::string text = f;
  CHECK(text == "the picture's bytes explain it");
  const std::vector<fact> list = {fact::text_of("a"), fact::text_of("b")};
  REQUIRE(list.size() == 2);
  CHECK(list[1] == fact::text_of("b"));
  CHECK_FALSE(list[0] == list[1]);
  CHECK(find_fact(list, fact_kind::words) == &list[0]);
  CHECK(find_fact(list, fact_kind::norm_off) == nullptr);
  CHECK(fact().empty());
  CHECK(words_of(fact()).empty());
  CHECK_FALSE(fact(fact_kind::recompile_weights).empty());
}

}  // namespace fact_test
