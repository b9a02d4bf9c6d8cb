#include <nniesim/io/calibration_file.hpp>

#include "catch.hpp"
#include "support/decimal_comma.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace calibration_file_test {

namespace {

activation_ranges example() {
  activation_ranges r;
  r.pictures = 20;
  r.layers["conv1"] = {{gfpq8::scale(-150), gfpq16::scale(-1512)}, {gfpq8::scale(3), gfpq16::scale(0)}};
  r.layers["a \"quoted\" name/with\n"] = {{gfpq8::scale(-446), gfpq16::scale(-3959)}};
  return r;
}

}  // namespace

TEST_CASE("ranges come back from their file", "[io]") {
  const scratch_folder folder;
  const auto path = folder / "ranges.json";
  write_calibration(path, example());
  CHECK(read_calibration(path) == example());
  CHECK_THROWS_AS(read_calibration(folder / "none.json"), error);
}

TEST_CASE("any name comes back, and what is not UTF-8 stays apart", "[io]") {
  activation_ranges r = example();
  r.layers[std::string("nul\0esc\x1b\x7f", 9)] = {{gfpq8::scale(1), gfpq16::scale(1)}};
  r.layers["back\\slash \\xd6"] = {{gfpq8::scale(2), gfpq16::scale(2)}};
  CHECK_THAT(calibration_text(r), contains("nniesim calibration 1"));
  CHECK(parse_calibration(calibration_text(r), "c.json") == r);
  r.layers["\xd6\xd0"] = {{gfpq8::scale(3), gfpq16::scale(3)}};  // in GBK
  r.layers["\xd6\xd1"] = {{gfpq8::scale(4), gfpq16::scale(4)}};
  r.layers["\\xd6\\xd0"] = {{gfpq8::scale(5), gfpq16::scale(5)}};
  r.layers["\xef\xbf\xbd\xef\xbf\xbd"] = {{gfpq8::scale(6), gfpq16::scale(6)}};
  CHECK_THAT(calibration_text(r), contains("nniesim calibration 2"));
  CHECK(parse_calibration(calibration_text(r), "c.json") == r);
  draws random(5);
  for (int round = 0; round < 300; ++round) {
    activation_ranges some;
    for (int layer = 0; layer < 5; ++layer) {
      std::string name;
      for (std::size_t n = random.between(0, 6); n-- > 0;) name += static_cast<char>(random.between(0, 255));
      some.layers[name] = {{gfpq8::scale(round % 100), gfpq16::scale(layer)}};
    }
    REQUIRE(parse_calibration(calibration_text(some), "c.json") == some);
  }
}

TEST_CASE("calibrations are the same in every locale", "[io]") {
  activation_ranges r = example();
  r.pictures = 12345;
  const std::string expected = calibration_text(r);
  std::string text;
  activation_ranges again;
  {
    const decimal_comma locale;
    text = calibration_text(r);
    again = parse_calibration(text, "c.json");
  }
  CHECK(text == expected);
  CHECK(again == r);
}

TEST_CASE("what is wrong with a calibration file is said", "[io]") {
  const auto parse = [](std::string_view text) { return parse_calibration(text, "c.json"); };
  const std::string head = R"({"format": "nniesim calibration 1", "pictures": 1, "layers": )";
  CHECK_THROWS_WITH(parse("{\"format\": "), contains("c.json: byte 12"));
  CHECK_THROWS_WITH(parse("[]"), contains("no member 'format'"));
  CHECK_THROWS_WITH(parse(R"({"format": "other"})"), contains("got format \"other\""));
  CHECK_THROWS_WITH(parse(head + "[]}"), contains("layers that are no object"));
  CHECK_THROWS_WITH(parse(head + R"({"c": []}})"), contains("layer 'c'"));
  CHECK_THROWS_WITH(parse(head + R"({"c": [{"gfpq8": 1}]}})"), contains("no member 'gfpq16'"));
  CHECK_THROWS_WITH(parse(head + R"({"c": [{"gfpq8": 99999, "gfpq16": 1}]}})"),
                    contains("layer 'c': gfpq8 is 99999, expected a whole number from"));
  CHECK_THROWS_WITH(parse(head + R"({"c": [{"gfpq8": 1.5, "gfpq16": 1}]}})"), contains("gfpq8 is 1.5"));
  CHECK_THROWS_WITH(parse(R"({"format": "nniesim calibration 1", "pictures": -1})"), contains("pictures"));
  const std::string second = R"({"format": "nniesim calibration 2", "pictures": 1, "layers": )";
  const std::string range = R"([{"gfpq8": 1, "gfpq16": 1}])";
  for (const char* name : {R"(\\)", R"(\\x)", R"(\\xd)", R"(\\xdg)", R"(\\n)"}) {
    CHECK_THROWS_WITH(parse(second + "{\"" + name + "\": " + range + "}}"), contains("neither \\\\ nor \\xNN"));
  }
  CHECK_THROWS_WITH(parse(second + R"({"a": )" + range + R"(, "\\x61": )" + range + "}}"),
                    contains("stands there twice"));
}

TEST_CASE("a calibration file's depth and size are bounded before it is parsed", "[io]") {
  const auto parse = [](std::string_view text) { return parse_calibration(text, "c.json"); };
  const std::string head = R"({"format": "nniesim calibration 1", "pictures": 1, "layers": )";
  CHECK_THROWS_WITH(parse(std::string(60'000'000, '[')),
                    contains("c.json: byte 8: got brackets within brackets 9 deep, expected at most 8"));
  CHECK_THROWS_WITH(parse(head + R"({"c": )" + std::string(20, '{')), contains("9 deep"));
  CHECK_THROWS_WITH(parse("[" + std::string(3'000'000, ',')), contains("got more than 1000000 values, the limit"));
  std::string lists = "[";
  for (int i = 0; i < 1'000'000; ++i) lists += "[]";
  CHECK_THROWS_WITH(parse(lists), contains("got more than 1000000 values"));
  CHECK_THROWS_WITH(parse(std::string((std::size_t{64} << 20U) + 1, ' ')), contains("the limit is 67108864"));
  // Brackets within texts are no brackets.
  const std::string name = R"("[[[[[[[[[[[[\"{{{{{{{{{{{{\\")";
  CHECK(parse(head + "{" + name + R"(: [{"gfpq8": 1, "gfpq16": 1}]}})").layers.size() == 1);
  CHECK_THROWS_WITH(parse("]]]"), contains("c.json: byte 1: expected JSON"));
  CHECK_THROWS_WITH(parse("\"\\"), contains("expected JSON"));
  // A number beyond all doubles, and messages about large values: short ones of the library's.
  CHECK_THROWS_AS(parse(R"({"format": 1e999})"), parse_error);
  const auto length_of_message = [&](const std::string& text) {
    try {
      (void)parse(text);
    } catch (const parse_error& e) {
      return std::string(e.what()).size();
    }
    return std::size_t{0};
  };
  const std::string large(1'000'000, 'a');
  for (const std::string& text :
       {"{\"format\": \"" + large + "\"}", "\"" + large, large, head + "{\"" + large + "\": 1}}"}) {
    CHECK(length_of_message(text) > 0);
    CHECK(length_of_message(text) < 500);
  }
}

TEST_CASE("damaged calibration files are errors or ranges", "[io]") {
  draws random(1);
  const std::string whole = calibration_text(example());
  std::size_t errors = 0;
  for (int round = 0; round < 1000; ++round) {
    std::string text = whole;
    if (round % 4 == 0) text.resize(random.between(0, text.size()));
    for (std::size_t flips = random.between(1, 4); flips-- > 0 && !text.empty();) {
      text[random.between(0, text.size() - 1)] ^= static_cast<char>(1U << random.between(0, 7));
    }
    try {
      (void)parse_calibration(text, "c.json");
    } catch (const parse_error&) {
      ++errors;
    }
  }
  CHECK(errors > 500);
}

}  // namespace calibration_file_test
