#include <nniesim/io/calibration_file.hpp>

#include "catch.hpp"
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
