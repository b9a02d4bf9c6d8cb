#include <nniesim/io/json_reader.hpp>

#include <string>
#include <string_view>

#include "catch.hpp"

using namespace nniesim;

namespace json_reader_test {

namespace {

nlohmann::json parsed(std::string_view text, const json_limits& limits = {}) {
  return detail::parse_json(text, "c.json", limits);
}

}  // namespace

TEST_CASE("JSON is read, and what is none is refused with its byte", "[io]") {
  const nlohmann::json j = parsed(R"({"a": [1, -2.5, "x\"]", null], "b": {"a": true}})");
  CHECK(j["a"].size() == 4);
  CHECK(j["a"][1] == -2.5);
  CHECK(j["a"][2] == "x\"]");
  CHECK(j["b"]["a"] == true);
  CHECK_THROWS_WITH(parsed("]]]"), contains("c.json: byte 1: expected JSON"));
  CHECK_THROWS_WITH(parsed("[1, 2"), contains("c.json: byte 6: expected JSON"));
  CHECK_THROWS_WITH(parsed("[1] 2"), contains("c.json: byte 5: expected JSON"));
  // A text that ends within an escape, bytes that are no UTF-8, a number beyond all doubles.
  for (const std::string bad : {"", "\"\\", "\"\xd6\xd0\"", "[1e999]", "{1: 2}", "[NaN]", "[1,]"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parsed(bad), parse_error);
  }
}

TEST_CASE("depth, values and size of JSON are bounded before it is parsed", "[io]") {
  CHECK_THROWS_WITH(parsed(std::string(60'000'000, '[')),
                    contains("c.json: byte 8: got brackets within brackets 9 deep, expected at most 8"));
  CHECK_THROWS_WITH(parsed("[" + std::string(3'000'000, ',')), contains("got more than 1000000 values, the limit"));
  std::string lists = "[";
  for (int i = 0; i < 1'000'000; ++i) lists += "[]";
  CHECK_THROWS_WITH(parsed(lists), contains("got more than 1000000 values"));
  CHECK_THROWS_WITH(parsed(std::string((std::size_t{64} << 20U) + 1, ' ')), contains("the limit is 67108864"));

  // Up to the limits themselves; brackets that are closed, and those within texts, count no more.
  const json_limits small{10, 2, 4};
  CHECK(parsed("[1,2,3]", small).size() == 3);
  CHECK(parsed("[[],[],9]", {10, 2, 6}).size() == 3);
  CHECK(parsed("[\"[[[[,,\"]", small).size() == 1);
  CHECK(parsed(R"(["\"[[[["])", {20, 2, 4}).size() == 1);
  CHECK_THROWS_WITH(parsed("[1,2,3]   1", small), contains("11 bytes, the limit is 10"));
  CHECK_THROWS_WITH(parsed("[[[]]]", small), contains("byte 2: got brackets within brackets 3 deep"));
  CHECK_THROWS_WITH(parsed("[1,2,3,4]", small), contains("byte 6: got more than 4 values"));
}

TEST_CASE("a member of JSON stands once in an object, and may stand in others", "[io]") {
  CHECK(parsed(R"({"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]})")["b"][1]["a"] == 3);
  CHECK_THROWS_WITH(parsed(R"({"a": 1, "b": {}, "a": 1})"), contains("c.json: got the member 'a' twice in one object"));
  CHECK_THROWS_WITH(parsed(R"([{"x": {"b": [{}], "\u0062": 1}}])"), contains("got the member 'b' twice"));
}

TEST_CASE("messages about JSON are short and show no control character", "[io]") {
  const std::string large(1'000'000, 'a');
  for (const std::string& text :
       {"\"" + large, large, "{\"" + large + "\":1,\"" + large + "\":1}", "\"\x1b[2J" + large}) {
    std::string message;
    try {
      (void)parsed(text);
    } catch (const parse_error& e) {
      message = e.what();
    }
    CHECK(message.starts_with("c.json: "));
    CHECK(message.size() < 500);
    CHECK(message.find('\x1b') == std::string::npos);
  }
}

}  // namespace json_reader_test
