#include "support/json_schema.hpp"

#include <fstream>
#include <string>

#include "catch.hpp"

namespace json_schema_test {

using json_schema::checker;
using json_schema::json;

TEST_CASE("a schema's types, members, lists and alternatives are checked", "[examples]") {
  const json schema = json::parse(R"({"type": "object", "required": ["a"], "additionalProperties": false,
    "properties": {"a": {"type": ["integer", "null"], "minimum": 0}, "b": {"type": "array", "items": {"$ref": "#/$defs/s"}},
                   "c": {"anyOf": [{"type": "null"}, {"enum": [1, 2]}]}, "d": {"const": "x"}},
    "$defs": {"s": {"type": "string"}}})");
  const checker c(schema);
  const auto problem = [&](const char* text) {
    const auto found = c.problems(json::parse(text));
    return found.empty() ? std::string() : found.front();
  };
  CHECK(problem(R"({"a": 1, "b": ["x"], "c": 2, "d": "x"})").empty());
  CHECK(problem(R"({"a": null, "c": null})").empty());
  CHECK(problem("{}") == "/a: is missing");
  CHECK(problem(R"({"a": 0.5})") == "/a: is 0.5, expected [\"integer\",\"null\"]");
  CHECK(problem(R"({"a": -1})") == "/a: is below 0");
  CHECK(problem(R"({"a": 1, "b": ["x", 1]})") == "/b/1: is 1, expected [\"string\"]");
  CHECK_FALSE(problem(R"({"a": 1, "c": 3})").empty());
  CHECK(problem(R"({"a": 1, "d": "y"})") == "/d: is \"y\", expected \"x\"");
  CHECK(problem(R"({"a": 1, "e": 1})") == "/e: is not in the schema");
  CHECK(problem("[]") == "/: is [], expected [\"object\"]");
}

TEST_CASE("a keyword that is not known is an error", "[examples]") {
  const json schema = json::parse(R"({"maximum": 3})");
  CHECK_THROWS_WITH(checker(schema).problems(1), "schema: keyword maximum is not known");
}

TEST_CASE("the tool's schema is JSON whose references lead somewhere", "[examples]") {
  std::ifstream in(std::string(NNIESIM_SOURCE_DIR) + "/examples/nnie_debug/schema.json");
  const json schema = json::parse(in);
  const auto problems = checker(schema).problems(json::object());
  CHECK_FALSE(problems.empty());
  std::size_t references = 0;
  const json flat = schema.flatten();
  for (const auto& [place, value] : flat.items()) {
    if (!place.ends_with("/$ref")) continue;
    ++references;
    INFO(value);
    CHECK(schema.contains(json::json_pointer(value.get<std::string>().substr(1))));
  }
  CHECK(references > 50);
}

}  // namespace json_schema_test
