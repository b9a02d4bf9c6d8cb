// Both have no header of their own to be tested by: the tool's files, compiled into the test.
#include "../../examples/nnie_debug/text_table.cpp"
#include "../../examples/nnie_debug/terminal.cpp"

#include <string>

#include "catch.hpp"

namespace text_table_test {

using namespace nnie_debug;

namespace {

text_table sample() {
  text_table t({{"layer", false}, {"cosine", true, 2}, {"rare", true, 1}, {"kind", false, 3}});
  t.add({"stage1_block2_branch3_conv", "0.5", "1", "Convolution"});
  t.add({"卷积", "1", "22", "ReLU"});
  return t;
}

}  // namespace

TEST_CASE("a table's columns are aligned, ideographs two wide", "[examples]") {
  CHECK(sample().text(0) ==
        "layer                       cosine  rare  kind\n"
        "stage1_block2_branch3_conv     0.5     1  Convolution\n"
        "卷积                             1    22  ReLU\n");
}

TEST_CASE("a table that is too wide loses beginnings of names, then its least important columns", "[examples]") {
  CHECK(sample().text(48) ==
        "layer                  cosine  rare  kind\n"
        "...lock2_branch3_conv     0.5     1  Convolution\n"
        "卷积                        1    22  ReLU\n");
  CHECK(sample().text(38) ==
        "layer             cosine  kind\n"
        "..._branch3_conv     0.5  Convolution\n"
        "卷积                   1  ReLU\n"
        "(left out, for want of width: rare)\n");
  CHECK_THROWS_WITH(sample().add({"x"}), "text_table: got 1 cells, expected 4");
}

TEST_CASE("a line is broken at blanks, a word alone is not", "[examples]") {
  CHECK(wrapped("  evidence   one two three four", 20, 13) == "  evidence   one two\n          three four");
  CHECK(wrapped("one two three", 8, 2) == "one two\n  three");
  CHECK(wrapped("a_word_that_is_longer_than_the_line b", 10, 0) == "a_word_that_is_longer_than_the_line\nb");
  CHECK(wrapped("one two three", 0, 2) == "one two three");
  CHECK(wrapped("", 10, 0).empty());
  CHECK(columns_of("aé卷") == 4);
}

TEST_CASE("colours are there where they are asked for", "[examples]") {
  set_colour(colour_choice::never);
  CHECK(emphasized("x", emphasis::bad) == "x");
  set_colour(colour_choice::always);
  CHECK(emphasized("x", emphasis::bad) == "\033[1;31mx\033[0m");
  CHECK(emphasized("", emphasis::bad).empty());
  set_colour(colour_choice::automatic);
}

}  // namespace text_table_test
