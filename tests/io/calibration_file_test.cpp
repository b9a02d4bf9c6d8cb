#include <nniesim/io/calibration_file.hpp>

#include <limits>
#include <map>
#include <string>

#include <nniesim/network/runner.hpp>

#include "catch.hpp"
#include "support/decimal_comma.hpp"
#include "support/networks.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace calibration_file_test {

using namespace test_networks;

namespace {

activation_ranges example() {
  activation_ranges r;
  r.pictures = 20;
  r.rule = range_rule::quantized;
  r.precision = "w8a8";
  r.blobs["conv1"] = {.in_8bit = gfpq8::scale(-150), .in_16bit = gfpq16::scale(-1512)};
  r.blobs["conv2"] = {.in_16bit = gfpq16::scale(0)};
  r.blobs["data"] = activation_range::of(0.1F);
  r.blobs["zeros"] = activation_range::of(0.0F);
  r.blobs["both"] = {.largest = 1e-40F, .had_zeros = true, .in_8bit = gfpq8::scale(3)};
  r.blobs["huge"] = activation_range::of(std::numeric_limits<float>::infinity());
  r.blobs["large"] = activation_range::of(std::numeric_limits<float>::max());
  r.blobs["nothing"] = {};
  r.blobs["a \"quoted\" name/with\n"] = activation_range::of(3.25F);
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
  r.blobs[std::string("nul\0esc\x1b\x7f", 9)] = activation_range::of(1.0F);
  r.blobs["back\\slash \\xd6"] = activation_range::of(2.0F);
  r.blobs["\xd6\xd0"] = activation_range::of(3.0F);  // in GBK
  r.blobs["\xd6\xd1"] = activation_range::of(4.0F);
  r.blobs["\\xd6\\xd0"] = activation_range::of(5.0F);
  r.blobs["\xef\xbf\xbd\xef\xbf\xbd"] = activation_range::of(6.0F);
  r.precision = "my \\ \xd6";
  CHECK(parse_calibration(calibration_text(r), "c.json") == r);
  draws random(5);
  for (int round = 0; round < 300; ++round) {
    activation_ranges some;
    for (int blob = 0; blob < 5; ++blob) {
      std::string name;
      for (std::size_t n = random.between(0, 6); n-- > 0;) name += static_cast<char>(random.between(0, 255));
      some.blobs[name] = activation_range::of(random.normal() * random.normal());
    }
    REQUIRE(parse_calibration(calibration_text(some), "c.json") == some);
  }
}

TEST_CASE("a file of ranges says what they are of", "[io]") {
  activation_ranges r;
  r.pictures = 2;
  r.rule = range_rule::given;
  r.blobs["a"] = activation_range::of(0.5F);
  r.blobs["b"].in_8bit = gfpq8::scale(-7);
  CHECK(calibration_text(r) == R"({
 "format": "nniesim ranges 1",
 "pictures": 2,
 "rule": "given",
 "precision": "",
 "blobs": {
  "a": {
   "largest": 0.5
  },
  "b": {
   "gfpq8": -7
  }
 }
}
)");
}

TEST_CASE("ranges of layers' inputs, as files had them, become ranges of blobs", "[io]") {
  draws random(2);
  network_builder b;
  const std::size_t data = b.input({1, 4, 6, 6});
  const std::size_t x = b.add("conv", layers::convolution{{.groups = 2}, random.tensor({4, 2, 1, 1}), {}}, {data});
  const std::size_t same = b.add("split", layers::identity{}, {x});
  b.add("sum", eltwise_params{}, {same, data});
  b.add("point", layers::convolution{{}, random.tensor({4, 4, 1, 1}), {}}, {x});
  const std::string text = R"({"format": "nniesim calibration 1", "pictures": 3, "layers": {
    "conv": [{"gfpq8": -10, "gfpq16": -100}, {"gfpq8": -20, "gfpq16": -90}],
    "sum": [{"gfpq8": -5, "gfpq16": -50}, {"gfpq8": -9, "gfpq16": -200}],
    "point": [{"gfpq8": -4, "gfpq16": -60}], "gone": [{"gfpq8": 0, "gfpq16": 0}]}})";
  std::string note;
  const activation_ranges ranges = parse_calibration(text, "old.json", b.net, &note);
  CHECK_THAT(note, contains("old.json: ranges of an earlier version"));
  CHECK(ranges.pictures == 3);
  CHECK(ranges.rule == range_rule::floating);
  const auto z = [](int in_8bit, int in_16bit) {
    return activation_range{.in_8bit = gfpq8::scale(in_8bit), .in_16bit = gfpq16::scale(in_16bit)};
  };
  CHECK(ranges.blobs == std::map<std::string, activation_range>{{"conv", z(-4, -50)}, {"data", z(-9, -90)}});
  network_runner runner(b.net, plan_of(b.net, compile_mode::all_16bit));
  CHECK_NOTHROW(runner.use(ranges));
  CHECK_THROWS_WITH(parse_calibration(text, "old.json"), contains("converted where the network is known"));
  note.clear();
  CHECK(parse_calibration(calibration_text(example()), "new.json", b.net, &note) == example());
  CHECK(note.empty());
  const std::string three = R"({"format": "nniesim calibration 2", "pictures": 1, "layers": {"sum": [)" +
                            std::string(R"({"gfpq8": 1, "gfpq16": 1}, {"gfpq8": 1, "gfpq16": 1}, )") +
                            R"({"gfpq8": 1, "gfpq16": 1}]}})";
  CHECK_THROWS_WITH(parse_calibration(three, "old.json", b.net), contains("layer 'sum': got 3 ranges"));
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
  const std::string format = R"({"format": "nniesim ranges 1", "pictures": 1, )";
  const std::string head = format + R"("rule": "floating", "precision": "", "blobs": )";
  CHECK_THROWS_WITH(parse("{\"format\": "), contains("c.json: byte 12"));
  CHECK_THROWS_WITH(parse("[]"), contains("no member 'format'"));
  CHECK_THROWS_WITH(parse(R"({"format": "other"})"), contains("got format \"other\""));
  CHECK_THROWS_WITH(parse(R"({"format": "nniesim ranges 1", "pictures": -1})"), contains("pictures"));
  CHECK_THROWS_WITH(parse(format + R"("rule": "mean"})"), contains("got rule \"mean\", expected \"quantized\""));
  CHECK_THROWS_WITH(parse(format + R"("rule": "given", "precision": 8})"), contains("got precision 8"));
  CHECK_THROWS_WITH(parse(head + "[]}"), contains("blobs that are not an object"));
  CHECK_THROWS_WITH(parse(head + R"({"c": []}})"), contains("blob 'c': got [], expected an object"));
  CHECK_THROWS_WITH(parse(head + R"({"c": {}}})"), contains("blob 'c': got no range"));
  CHECK_THROWS_WITH(parse(head + R"({"c": {"zeros": true}}})"), contains("blob 'c': got no range"));
  CHECK_THROWS_WITH(parse(head + R"({"c": {"least": 1}}})"), contains("blob 'c': got 'least', expected largest"));
  CHECK_THROWS_WITH(parse(head + R"({"c": {"gfpq8": 99999}}})"),
                    contains("blob 'c': gfpq8 is 99999, expected a whole number from"));
  CHECK_THROWS_WITH(parse(head + R"({"c": {"gfpq16": 1.5}}})"), contains("gfpq16 is 1.5"));
  for (const char* largest : {"-1", "1e39", "\"inf\"", "null", "true", "[1]"}) {
    CHECK_THROWS_WITH(parse(head + R"({"c": {"largest": )" + largest + "}}}"), contains("blob 'c': largest is "));
  }
  CHECK_THROWS_WITH(parse(head + R"({"c": {"largest": 1, "zeros": 1}}})"), contains("got zeros 1"));
  const std::string range = R"({"largest": 1})";
  for (const char* name : {R"(\\)", R"(\\x)", R"(\\xd)", R"(\\xdg)", R"(\\n)"}) {
    CHECK_THROWS_WITH(parse(head + "{\"" + name + "\": " + range + "}}"), contains("neither \\\\ nor \\xNN"));
  }
  CHECK_THROWS_WITH(parse(head + R"({"a": )" + range + R"(, "\\x61": )" + range + "}}"),
                    contains("stands there twice"));

  network_builder b;
  b.input({1, 2, 3, 3});
  const auto old = [&](std::string_view text) { return parse_calibration(text, "c.json", b.net); };
  const std::string old_head = R"({"format": "nniesim calibration 1", "pictures": 1, "layers": )";
  CHECK_THROWS_WITH(old(old_head + "[]}"), contains("layers that are not an object"));
  CHECK_THROWS_WITH(old(old_head + R"({"c": []}})"), contains("layer 'c'"));
  CHECK_THROWS_WITH(old(old_head + R"({"c": [{"gfpq8": 1}]}})"), contains("no member 'gfpq16'"));
  CHECK_THROWS_WITH(old(R"({"format": "nniesim calibration 2", "pictures": 1, "layers": {"\\x": [1]}})"),
                    contains("neither"));
}

TEST_CASE("a calibration file is bounded before it is parsed, and its messages are short", "[io]") {
  const auto parse = [](std::string_view text) { return parse_calibration(text, "c.json"); };
  const std::string head =
      R"({"format": "nniesim ranges 1", "pictures": 1, "rule": "given", "precision": "", "blobs": )";
  CHECK_THROWS_WITH(parse(head + R"({"c": )" + std::string(20, '{')), contains("9 deep"));
  // Brackets within names are no brackets.
  const std::string name = R"("[[[[[[[[[[[[\"{{{{{{{{{{{{\\\\")";
  CHECK(parse(head + "{" + name + R"(: {"gfpq8": 1, "gfpq16": 1}}})").blobs.size() == 1);
  const std::string large(1'000'000, 'a');
  for (const std::string& text : {"{\"format\": \"" + large + "\"}", head + "{\"" + large + "\": 1}}"}) {
    std::size_t length = 0;
    try {
      (void)parse(text);
    } catch (const parse_error& e) {
      length = std::string(e.what()).size();
    }
    CHECK(length > 0);
    CHECK(length < 500);
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
