#include <nniesim/debug/hp_names.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace hp_names_test {

namespace {

using names = std::vector<std::string>;

std::string marked(std::string_view text, const names& which) { return hp_prototxt(text, which).prototxt; }

}  // namespace

TEST_CASE("the mark is written into the name and nothing else changes", "[debug]") {
  CHECK(marked(R"(layer { name: "a" type: "ReLU" bottom: "a" top: "a" })", {"a"}) ==
        R"(layer { name: "a_hp" type: "ReLU" bottom: "a" top: "a" })");
  CHECK(marked("\xef\xbb\xbflayer{name:'a'}\r\n\tlayers < name : \"b\" >", {"a", "b"}) ==
        "\xef\xbb\xbflayer{name:'a_hp'}\r\n\tlayers < name : \"b_hp\" >");
  // Comments, strings in parts, escapes, lists; names of other things.
  CHECK(marked("name: \"a\" layer { name # \"x\":\n : # 'y'\n 'a' # \"z\"\n \"b\" param { name: \"ab\" } } # end",
               {"ab"}) ==
        "name: \"a\" layer { name # \"x\":\n : # 'y'\n 'a' # \"z\"\n \"b_hp\" param { name: \"ab\" } } # end");
  CHECK(marked(R"(layer { name: "q\"\\" } layer { name: ["\141b"] })", {"q\"\\", "ab"}) ==
        R"(layer { name: "q\"\\_hp" } layer { name: ["\141b_hp"] })");
  // A layer for training and one for testing have the same name.
  CHECK(marked(R"(layer { name: "a" include { phase: TRAIN } } layer { name: "a" })", {"a", "a"}) ==
        R"(layer { name: "a_hp" include { phase: TRAIN } } layer { name: "a_hp" })");
  CHECK(marked(R"(layer { name: "a")"
               "}",
               {}) == R"(layer { name: "a"})");
}

TEST_CASE("marks that cannot be written are told", "[debug]") {
  const std::string text = R"(layer { name: "a" } layer { name: "a_hp" } layer { name: "b_cpu" })";
  CHECK_THROWS_WITH(marked(text, {"c"}), contains("got no layer 'c' to mark"));
  CHECK_THROWS_WITH(marked(text, {"aa"}), contains("; nearest: 'a'"));
  CHECK_THROWS_WITH(marked(text, {"a"}), contains("there is a layer 'a_hp' already"));
  CHECK_THROWS_WITH(marked("layer {", {"c"}), contains("got the file's end"));
  const hp_files files = hp_prototxt(text, names{"b_cpu", "a_hp"});
  CHECK(files.prototxt == text);
  REQUIRE(files.unchanged.size() == 2);
  CHECK(files.unchanged[0].layer == "a_hp");
  CHECK_THAT(files.unchanged[0].reason, contains("marked already"));
  CHECK_THAT(files.unchanged[1].reason, contains("CPU"));
}

TEST_CASE("ranges follow the names", "[debug]") {
  const activation_range r{.in_8bit = gfpq8::scale(-100)};
  activation_ranges ranges{{{"a", r}, {"b_cpu", r}, {"c", r}, {"c:1", r}, {"c1", r}}, 7};
  const activation_ranges marked = marked_ranges(ranges, names{"c", "b_cpu", "none"});
  CHECK(marked.pictures == 7);
  CHECK(marked.blobs ==
        std::map<std::string, activation_range>{{"a", r}, {"b_cpu", r}, {"c_hp", r}, {"c_hp:1", r}, {"c1", r}});
}

}  // namespace hp_names_test
