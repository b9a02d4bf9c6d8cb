#include <nniesim/io/prototxt.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace prototxt_test {

namespace {

prototxt_message parsed(const std::string& text) { return parse_prototxt(text, "net"); }

/// The message of the parse_error that the action must throw.
template <class Action>
std::string problem_of(const Action& action) {
  try {
    action();
  } catch (const parse_error& e) {
    return e.what();
  }
  return "(no parse_error)";
}

std::string problem(const std::string& text, const prototxt_limits& limits = {}) {
  return problem_of([&] { (void)parse_prototxt(text, "net", limits); });
}

/// The tree in one spelling, with every number and string as it was understood.
std::string spelled(const prototxt_message& m) {
  std::string text;
  for (const prototxt_field& f : m.fields()) {
    text += f.name();
    if (f.kind() == prototxt_kind::message) {
      text += "{" + spelled(f.message()) + "}";
    } else if (f.kind() == prototxt_kind::string) {
      text += ":\"";
      for (const char c : f.text()) {
        const auto byte = static_cast<unsigned char>(c);
        text += {'\\', static_cast<char>('0' + (byte >> 6U)), static_cast<char>('0' + ((byte >> 3U) & 7U)),
                 static_cast<char>('0' + (byte & 7U))};
      }
      text += "\" ";
    } else {
      text += ":" + f.text() + " ";
    }
  }
  return text;
}

template <class T = int>
T integer(const std::string& value) {
  return parsed("v: " + value).one("v").integer<T>();
}

float real(const std::string& value) { return parsed("v: " + value).one("v").real(); }

std::string string(const std::string& value) { return parsed("v: " + value).one("v").string(); }

bool boolean(const std::string& value) { return parsed("v: " + value).one("v").boolean(); }

std::string shared_model(const std::string& name) {
  const std::string folder = NNIESIM_SHARED_DIR;
  const std::string path = folder + "/models/" + name;
  return !folder.empty() && std::filesystem::exists(path) ? path : "";
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.is_open());
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A small file that has every element of the syntax.
const std::string every_element =
    "\xef\xbb\xbf# a network\r\n"
    "name: \"net\" 'work'\r\n"
    "input_dim: [1, 3, 0x10, 010];\r\n"
    "layer { name: 'a\\n\\101\\x41\\u00e9\\\"' type: \"T\", top: \"x\" }\n"
    "layer: < p { f: -1.5e-3f g: .5 h: - inf i: true } dim: 0 >\n"
    "shape [ { dim: 1 }, < dim: 2 > ]\n"
    "empty: [] pool: MAX n: nan # the end";

}  // namespace

TEST_CASE("fields keep their order, names, kinds and places") {
  const auto net = parsed("name: \"n\"\nlayer {\n  count: 3\n  pool: MAX\n}\n");
  REQUIRE(net.fields().size() == 2);
  const prototxt_field& name = net.fields()[0];
  CHECK(name.name() == "name");
  CHECK(name.kind() == prototxt_kind::string);
  CHECK(name.string() == "n");
  const prototxt_field& layer = net.fields()[1];
  CHECK(layer.kind() == prototxt_kind::message);
  CHECK(layer.where().line == 2);
  CHECK(layer.where().column == 1);
  const prototxt_field& pool = layer.message().one("pool");
  CHECK(pool.kind() == prototxt_kind::identifier);
  CHECK(pool.identifier() == "MAX");
  CHECK(detail::message(pool.where()) == "net:4:3");
  CHECK(layer.message().one("count").kind() == prototxt_kind::number);
  CHECK(layer.message().one("count").text() == "3");
  CHECK(detail::message(layer.message().where()) == "net:2:1");
  CHECK(to_string(prototxt_kind::message) == "message");
}

TEST_CASE("all elements of the syntax are read") {
  CHECK(spelled(parsed(every_element)) ==
        "name:\"\\156\\145\\164\\167\\157\\162\\153\" input_dim:1 input_dim:3 input_dim:0x10 input_dim:010 "
        "layer{name:\"\\141\\012\\101\\101\\303\\251\\042\" type:\"\\124\" top:\"\\170\" }"
        "layer{p{f:-1.5e-3f g:.5 h:-inf i:true }dim:0 }shape{dim:1 }shape{dim:2 }pool:MAX n:nan ");
  CHECK(parsed("").fields().empty());
  CHECK(parsed(" \t\r\n# nothing").fields().empty());
  CHECK(parsed("\xef\xbb\xbf").fields().empty());
}

TEST_CASE("a message is opened with or without colon, by braces or angles") {
  for (const char* text : {"a{b:1}", "a:{b:1}", "a<b:1>", "a : < b : 1 >", "a\n{\nb:1\n}", "a #c\n: #c\n{ #}\n b:1}"}) {
    CHECK(spelled(parsed(text)) == "a{b:1 }");
  }
  CHECK(spelled(parsed("a{}b<>")) == "a{}b{}");
  CHECK(spelled(parsed("a{b:1}c:2")) == "a{b:1 }c:2 ");
}

TEST_CASE("separators after a field are optional, one each") {
  CHECK(spelled(parsed("a:1,b:2;c:3 d:4,")) == "a:1 b:2 c:3 d:4 ");
  CHECK(spelled(parsed("a{b:1;},c{},")) == "a{b:1 }c{}");
  CHECK(problem("a:1,,b:2") == "net:1:5: got ',', expected a field's name");
  CHECK(problem(";a:1") == "net:1:1: got ';', expected a field's name");
}

TEST_CASE("lists are fields of one name, each with its own place") {
  const auto net = parsed("d: [1,\n 2]");
  const auto all = net.all("d");
  REQUIRE(all.size() == 2);
  CHECK(detail::message(all[0]->where()) == "net:1:5");
  CHECK(detail::message(all[1]->where()) == "net:2:2");
  CHECK(spelled(parsed("s: ['a' \"b\", 'c']")) == "s:\"\\141\\142\" s:\"\\143\" ");
  CHECK(net.all("e").empty());
}

TEST_CASE("integers are decimal, hexadecimal or octal") {
  CHECK(integer("0") == 0);
  CHECK(integer("42") == 42);
  CHECK(integer("-42") == -42);
  CHECK(integer("- 42") == -42);
  CHECK(integer("- # why not\n 42") == -42);
  CHECK(integer("-0") == 0);
  CHECK(integer("0x1F") == 31);
  CHECK(integer("0Xff") == 255);
  CHECK(integer("-0x10") == -16);
  CHECK(integer("017") == 15);
  CHECK(integer<std::int8_t>("-128") == -128);
  CHECK(integer<std::uint8_t>("255") == 255);
  CHECK(integer<std::int64_t>("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(integer<std::int64_t>("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  CHECK(integer<std::uint64_t>("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("an integer that does not fit is refused with its range") {
  const auto refused = [](const std::string& value, auto low, auto high) {
    return problem_of([&] { (void)parsed("v: " + value).one("v").integer(low, high); });
  };
  CHECK(refused("0", 1, 255) == "net:1:1: v: got '0', expected an integer from 1 to 255");
  CHECK(refused("256", 1, 255) == "net:1:1: v: got '256', expected an integer from 1 to 255");
  CHECK(refused("-1", 0U, 9U) == "net:1:1: v: got '-1', expected an integer from 0 to 9");
  for (const char* value : {"1.0", "1e2", "5f", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
                            "99999999999999999999999", "0xffffffffffffffffff", "-inf", "true", "nan"}) {
    CHECK_THAT(refused(value, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()),
               contains(std::string("v: got '") + value +
                        "', expected an integer from -9223372036854775808 to 9223372036854775807"));
  }
  CHECK_THAT(refused("9223372036854775808", std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()),
             contains("an integer from 0 to 9223372036854775807"));
  CHECK_THAT(refused("'1'", 0, 9), contains("v: got the string '1', expected an integer"));
}

TEST_CASE("numbers become floats by way of double, as protobuf's do") {
  CHECK(real("9.999999747378752e-06") == 9.99999974737875163555e-06F);
  CHECK(real("1") == 1.0F);
  CHECK(real("1.") == 1.0F);
  CHECK(real(".5") == 0.5F);
  CHECK(real("0.5") == 0.5F);
  CHECK(real("-1.5e+3") == -1500.0F);
  CHECK(real("2E-1f") == 0.2F);
  CHECK(real("3F") == 3.0F);
  CHECK(real("0f") == 0.0F);
  CHECK(std::signbit(real("-0")));
  CHECK(real("1e-45") == std::numeric_limits<float>::denorm_min());
  // Just above the middle of two floats; the nearest double is the middle, whose even neighbour is below.
  CHECK(real("1.000000059604644775390625000001") == 1.0F);
  CHECK(real("18446744073709551616") == 0x1p64F);
}

TEST_CASE("infinity is a number only where it is allowed, nan nowhere") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const auto any = [](const std::string& v) { return parsed("v: " + v).one("v").real(-infinity, infinity); };
  CHECK(any("inf") == infinity);
  CHECK(any("-inf") == -infinity);
  CHECK(any("Infinity") == infinity);
  CHECK(any("- INF") == -infinity);
  for (const char* value : {"nan", "-nan", "NaN", "MAX", "'1'", "0x10", "010", "1e400", "1e-400"}) {
    CHECK_THAT(problem_of([&] { (void)any(value); }), contains("expected a number from -inf to inf"));
  }
  CHECK(problem_of([] { (void)real("inf"); }) ==
        "net:1:1: v: got 'inf', expected a number from -3.4028235e+38 to 3.4028235e+38");
  CHECK_THAT(problem_of([] { (void)real("3.5e38"); }), contains("got '3.5e38', expected a number from"));
  CHECK(problem_of([] { (void)parsed("\n a: 2").one("a").real(0, 1); }) ==
        "net:2:2: a: got '2', expected a number from 0 to 1");
}

TEST_CASE("every malformed number is refused where it begins") {
  for (const char* number : {"1.2.3", "1a", "0x", "0xg", "08", "01.5", "1e", "1e+", "1ff", "0x1.5", "1__", "1.5x", "..",
                             "-", "-.", "0x1e-5"}) {
    INFO(number);
    CHECK(problem("a: " + std::string(number)) == "net:1:4: got '" + std::string(number) + "', expected a number");
  }
  CHECK(problem("a: -infinite") == "net:1:4: got '-infinite', expected a number");
  CHECK(problem("a: - 'x'") == "net:1:4: got '-', expected a number");
  CHECK(problem("a: +1") == "net:1:4: got '+', expected a value of 'a'");
}

TEST_CASE("booleans are words or 0 and 1") {
  for (const char* value : {"true", "True", "t", "1", "0x1", "01"}) CHECK(boolean(value));
  for (const char* value : {"false", "False", "f", "0", "-0"}) CHECK_FALSE(boolean(value));
  for (const char* value : {"TRUE", "yes", "2", "-1", "1.0", "'true'", "inf"}) {
    CHECK_THAT(problem_of([&] { (void)boolean(value); }), contains(", expected true or false"));
  }
}

TEST_CASE("an enum's value is one of its names or its number") {
  const auto pool = [](const std::string& v) { return parsed("pool: " + v).one("pool").one_of({"MAX", "AVE", "S"}); };
  CHECK(pool("MAX") == 0);
  CHECK(pool("S") == 2);
  CHECK(pool("1") == 1);
  CHECK(problem_of([&] { (void)pool("MIN"); }) == "net:1:1: pool: got 'MIN', expected MAX, AVE or S");
  for (const char* value : {"3", "-1", "'MAX'", "max", "1.0"}) {
    CHECK_THAT(problem_of([&] { (void)pool(value); }), contains("expected MAX, AVE or S"));
  }
}

TEST_CASE("strings have escapes, both quotes, and join their neighbours") {
  CHECK(string("'a' 'b'\n# comment\n\"c\"") == "abc");
  CHECK(string("''") == "");
  CHECK(string("'say \"x\"'") == "say \"x\"");
  CHECK(string(R"("\a\b\f\n\r\t\v\\\'\"\?")") == "\a\b\f\n\r\t\v\\'\"?");
  CHECK(string(R"('\0')") == std::string(1, '\0'));
  CHECK(string(R"('\1018\377')") == "A8\xff");
  CHECK(string(R"('\x4G\X41b')") == "\x04GAb");
  CHECK(string(R"('\u0041\u00e9\u20ac\U0001F600')") == "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(string("'\xe5\x9b\xbe # no comment'") == "\xe5\x9b\xbe # no comment");
}

TEST_CASE("malformed strings are refused where the fault is") {
  CHECK(problem("a: 'x") == "net:1:4: got a string that does not end on its line");
  CHECK(problem("a: 'b' \"x\ny\"") == "net:1:8: got a string that does not end on its line");
  CHECK(problem("a: 'x\\") ==
        "net:1:6: got the escape '\\', expected \\ and one of a b f n r t v \\ ' \" ?, "
        "octal digits, x, u or U");
  CHECK_THAT(problem("a: 'x\\q'"), contains("net:1:6: got the escape '\\q', expected"));
  CHECK_THAT(problem("a: '\\\n'"), contains("net:1:5: got the escape '\\\\x0a', expected"));
  CHECK(problem("a: '\\400'") == "net:1:5: got an octal escape above \\377");
  CHECK(problem("a: '\\xg'") == "net:1:5: got \\x without hexadecimal digits");
  CHECK(problem("a: '\\u12'") == "net:1:5: got '\\u12', expected 4 hexadecimal digits of a Unicode character");
  CHECK(problem("a: '\\ud800'") == "net:1:5: got '\\ud800', expected 4 hexadecimal digits of a Unicode character");
  CHECK_THAT(problem("a: '\\U00110000'"), contains("expected 8 hexadecimal digits of a Unicode character"));
}

TEST_CASE("every other fault of the syntax is refused with what was got, what was expected and where") {
  CHECK(problem("a") == "net:1:2: got the file's end, expected ':' or '{' after 'a'");
  CHECK(problem("a 1") == "net:1:3: got '1', expected ':' or '{' after 'a'");
  CHECK(problem("a:") == "net:1:3: got the file's end, expected a value of 'a'");
  CHECK(problem("a: }") == "net:1:4: got '}', expected a value of 'a'");
  CHECK(problem("layer {\n  a: 1\n") == "net:3:1: got the file's end, expected '}' for 'layer' of line 1");
  CHECK(problem("a <\r\n b: 1 }") == "net:2:7: got '}', expected a field's name");
  CHECK(problem("a: 1 }") == "net:1:6: got '}', expected a field's name");
  CHECK(problem("\xef\xbb\xbf}") == "net:1:1: got '}', expected a field's name");
  CHECK(problem("12: 1") == "net:1:1: got '12', expected a field's name");
  CHECK(problem("[ext.x]: 1") == "net:1:1: got '[', expected a field's name");
  CHECK(problem(std::string(1, '\0')) == "net:1:1: got '\\x00', expected a field's name");
  CHECK(problem("\xc3\xa9: 1") == "net:1:1: got '\\xc3', expected a field's name");
  CHECK(problem("a: [1") == "net:1:6: got the file's end, expected ',' or ']' in the list 'a'");
  CHECK(problem("a: [1 2]") == "net:1:7: got '2', expected ',' or ']' in the list 'a'");
  CHECK(problem("a: [1,]") == "net:1:7: got ']', expected a value after ','");
  CHECK(problem("a: [,1]") == "net:1:5: got ',', expected a value of 'a'");
  CHECK(problem("a: [[1]]") == "net:1:5: got '[', expected a value of 'a'");
  CHECK(problem("a [1]") == "net:1:4: got '1', expected ':' or '{' after 'a'");
  CHECK_THAT(problem("a: 1 \x1b[2J"), contains("net:1:6: got '\\x1b'"));
}

TEST_CASE("a field's typed read names the place, what is there and what should be") {
  const auto net = parsed("a: 5\nm { }\ns: \"x\\n\"\nw: word");
  CHECK(problem_of([&] { (void)net.one("a").message(); }) == "net:1:1: a: got '5', expected a message: { ... }");
  CHECK(problem_of([&] { (void)net.one("a").string(); }) == "net:1:1: a: got '5', expected a quoted string");
  CHECK(problem_of([&] { (void)net.one("w").string(); }) == "net:4:1: w: got 'word', expected a quoted string");
  CHECK(problem_of([&] { (void)net.one("a").identifier(); }) == "net:1:1: a: got '5', expected an identifier");
  CHECK(problem_of([&] { (void)net.one("s").identifier(); }) ==
        "net:3:1: s: got the string 'x\\x0a', expected an identifier");
  CHECK(problem_of([&] { (void)net.one("m").integer(0, 1); }) ==
        "net:2:1: m: got a message, expected an integer from 0 to 1");
  CHECK_THAT(problem_of([&] { (void)net.one("m").real(); }), contains("net:2:1: m: got a message, expected a number"));
  CHECK(problem_of([&] { (void)net.one("m").boolean(); }) == "net:2:1: m: got a message, expected true or false");
}

TEST_CASE("the single field of a name is found, a missing or a second one refused") {
  const auto net = parsed("a: 1\nlayer {\n b: 1\n b: 2 }");
  CHECK(net.find("a") == &net.fields()[0]);
  CHECK(net.find("b") == nullptr);
  CHECK(problem_of([&] { (void)net.one("b"); }) == "net:1:1: got no field b, expected one");
  const prototxt_message& layer = net.one("layer").message();
  CHECK(problem_of([&] { (void)layer.one("c"); }) == "net:2:1: got no field c, expected one");
  for (const bool one : {true, false}) {
    CHECK(problem_of([&] { (void)(one ? &layer.one("b") : layer.find("b")); }) ==
          "net:4:2: b stands there again, expected it once: it was at line 3");
  }
}

TEST_CASE("all that was never read is told at once") {
  const auto net = parsed("name: 'n'\nlayer {\n type: 'T'\n p { a: 1 b: 2 }\n q { c: 3 }\n}\nextra: 1\nextra: 2");
  const auto paths = [&] {
    std::vector<std::string> result;
    for (const prototxt_unread& u : net.unread()) result.push_back(detail::message(u.where) + " " + u.path);
    return result;
  };
  using list = std::vector<std::string>;
  CHECK(paths() == list{"net:1:1 name", "net:2:1 layer", "net:7:1 extra", "net:8:1 extra"});
  (void)net.one("name").string();
  const prototxt_message& layer = net.one("layer").message();
  CHECK(paths() == list{"net:3:2 layer.type", "net:4:2 layer.p", "net:5:2 layer.q", "net:7:1 extra", "net:8:1 extra"});
  CHECK(layer.one("p").message().one("b").integer<int>() == 2);
  (void)layer.one("type").text();  // looked at, not read
  CHECK(paths() ==
        list{"net:3:2 layer.type", "net:4:6 layer.p.a", "net:5:2 layer.q", "net:7:1 extra", "net:8:1 extra"});
  layer.ignore("q");
  net.ignore("extra");
  net.ignore("absent");
  CHECK(paths() == list{"net:3:2 layer.type", "net:4:6 layer.p.a"});
  const auto of_layer = layer.unread();
  REQUIRE(of_layer.size() == 2);
  CHECK(of_layer[1].path == "p.a");
  net.ignore("layer");
  CHECK(net.unread().empty());
}

TEST_CASE("a file of tree outlives the text, and copies stand alone") {
  prototxt_message copy;
  {
    const std::string text = "a { b: 'c' }";
    copy = parse_prototxt(text, std::string("gone"));
  }
  CHECK(copy.one("a").message().one("b").string() == "c");
  CHECK(detail::message(copy.one("a").where()) == "gone:1:1");
}

TEST_CASE("each limit is refused when exceeded, and not before") {
  CHECK(problem("a:1", {.file_bytes = 2}) == "net: 3 bytes, the limit is 2");
  CHECK(problem("a:1", {.file_bytes = 3}) == "(no parse_error)");
  CHECK(problem("a{a{a{}}}", {.depth = 2}) == "net:1:6: messages more than 2 deep, the limit");
  CHECK(problem("a{a{}a{}}", {.depth = 2}) == "(no parse_error)");
  CHECK(problem("a:1 b:[1,2]", {.fields = 2}) == "net:1:10: more than 2 fields, the limit");
  CHECK(problem("a:1 b:[1,2]", {.fields = 3}) == "(no parse_error)");
  CHECK(problem(" abc:1", {.name_bytes = 2}) == "net:1:2: got 3 bytes of name, the limit is 2");
  CHECK(problem("abc:1", {.name_bytes = 3}) == "(no parse_error)");
  CHECK(problem("a: 'bb' 'b'", {.string_bytes = 2}) == "net:1:4: got 3 bytes of string, the limit is 2");
  CHECK(problem("a: 'bb'", {.string_bytes = 2}) == "(no parse_error)");
  CHECK(problem("a: 123", {.string_bytes = 2}) == "net:1:1: got 3 bytes of number, the limit is 2");
  CHECK(problem("a: bcd", {.string_bytes = 2}) == "net:1:1: got 3 bytes of identifier, the limit is 2");
}

TEST_CASE("what is beyond the limits ends at once") {
  std::string deep;
  for (int i = 0; i < 1'000'000; ++i) deep += "a{";
  CHECK(problem(deep) == "net:1:130: messages more than 64 deep, the limit");
  std::string many = "a:[1";
  for (int i = 0; i < 1'000'000; ++i) many += ",1";
  many += "]";
  CHECK_THAT(problem(many), contains("more than 100000 fields, the limit"));
  CHECK_THAT(problem("a: '" + std::string(1'000'000, 'x')), contains("got 65537 bytes of string"));
  CHECK_THAT(problem(std::string(1'000'000, 'x')), contains("net:1:1: got 1000000 bytes of name, the limit is 128"));
  CHECK_THAT(problem("a: -" + std::string(1'000'000, '1') + "x"), contains("net:1:4: got '-1111"));
}

TEST_CASE("a file is read; one that is not there, not a file or too large is refused by name") {
  const scratch_folder folder;
  const auto path = folder / "net.prototxt";
  std::ofstream(path, std::ios::binary) << every_element;
  CHECK(spelled(read_prototxt(path)) == spelled(parsed(every_element)));
  CHECK(problem_of([&] { (void)read_prototxt(path, {.file_bytes = 10}); }) ==
        path.string() + ": " + std::to_string(every_element.size()) + " bytes, the limit is 10");
  CHECK_THROWS_WITH(read_prototxt(folder / "none"), contains("none: no such file, expected a .prototxt file"));
  CHECK_THROWS_WITH(read_prototxt(path.parent_path()), contains("not a regular file"));
}

TEST_CASE("what is read is read again from its own spelling") {
  const std::string once = spelled(parsed(every_element));
  CHECK(spelled(parsed(once)) == once);
}

TEST_CASE("every file cut short is refused or is the beginning of the whole") {
  // A tree that ends early differs from the whole only behind its own end.
  const std::string whole = spelled(parsed(every_element));
  int refused = 0;
  for (std::size_t size = 0; size < every_element.size(); ++size) {
    try {
      std::string part = spelled(parsed(every_element.substr(0, size)));
      // The last value may be cut: "pool: MA", or a string without the neighbour that it joins.
      while (part.ends_with(' ') || part.ends_with('"')) part.pop_back();
      CHECK(whole.starts_with(part));
    } catch (const parse_error& e) {
      CHECK(std::string(e.what()).starts_with("net:"));
      ++refused;
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("ten thousand mutated files are each read consistently or refused with a place") {
  const std::array<std::string, 20> pieces = {
      "{",  "}", "<",  ">", "[",  "]",  ":",       ",",         ";",  "#",
      "\"", "'", "\\", "-", "0x", "1e", "layer {", "name: 'a'", "\n", "99999999999999999999"};
  draws d(11);
  int read = 0;
  int refused = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::string text = every_element;
    for (std::size_t edits = d.between(1, 3); edits-- > 0 && !text.empty();) {
      const std::size_t at = d.between(0, text.size() - 1);
      switch (d.between(0, 5)) {
        case 0: text[at] = static_cast<char>(d.bits() & 255U); break;
        case 1: text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1U << d.between(0, 7))); break;
        case 2: text.erase(at, d.between(1, 9)); break;
        case 3: text.insert(at, pieces[d.between(0, pieces.size() - 1)]); break;
        case 4: text.insert(at, text.substr(d.between(0, text.size() - 1), 40)); break;
        default: text.resize(at); break;
      }
    }
    try {
      const auto net = parsed(text);
      const std::string once = spelled(net);
      CHECK(spelled(parsed(once)) == once);
      ++read;
    } catch (const parse_error& e) {
      if (!std::string(e.what()).starts_with("net:")) CHECK(std::string(e.what()) == "a message with its place");
      ++refused;
    }
  }
  CHECK(read > 1000);
  CHECK(refused > 3000);
}

TEST_CASE("real networks are read whole") {
  struct expected_net {
    const char* file;
    std::size_t layers;
    std::size_t convolutions;
  };
  for (const auto& [file, layers, convolutions] :
       {expected_net{"mnet.prototxt", 207, 56}, expected_net{"RFB-320.prototxt", 111, 52}}) {
    const std::string path = shared_model(file);
    if (path.empty()) {
      WARN("skipped: " << file << " is not there");
      continue;
    }
    INFO(file);
    const auto net = read_prototxt(path);
    std::size_t found = 0;
    for (const prototxt_field* l : net.all("layer")) {
      const prototxt_message& layer = l->message();
      if (layer.one("type").string() != "Convolution") continue;
      ++found;
      CHECK(layer.one("convolution_param").message().one("num_output").integer(1, 4096) > 0);
    }
    CHECK(net.all("layer").size() == layers);
    CHECK(found == convolutions);
    // Every opening brace outside the comments is one message; these files have none in strings.
    const std::string text = content(path);
    const std::string tree = spelled(net);
    std::ptrdiff_t braces = 0;
    bool comment = false;
    for (const char c : text) {
      comment = c == '#' || (comment && c != '\n');
      if (c == '{' && !comment) ++braces;
    }
    CHECK(std::count(tree.begin(), tree.end(), '{') == braces);
  }
}

}  // namespace prototxt_test
