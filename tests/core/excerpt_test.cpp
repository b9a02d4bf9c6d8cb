#include <nniesim/core/excerpt.hpp>

#include <string>

#include "catch.hpp"

using nniesim::detail::excerpt;

TEST_CASE("an excerpt shows printable text as it is, in quotes") {
  CHECK(excerpt("") == "''");
  CHECK(excerpt("abc ~") == "'abc ~'");
  CHECK(excerpt(std::string(40, 'x')) == "'" + std::string(40, 'x') + "'");
}

TEST_CASE("an excerpt escapes what a terminal would act on and cuts what is long") {
  CHECK(excerpt("\x1b[2J\n") == "'\\x1b[2J\\x0a'");
  CHECK(excerpt(std::string("\0\xff\x7f", 3)) == "'\\x00\\xff\\x7f'");
  CHECK(excerpt("\xe5\x9b\xbe\xc2\x9b") == "'\xe5\x9b\xbe\\xc2\\x9b'");  // a character, and a control one
  CHECK(excerpt("abc\xe5\x9b\xbe", 4) == "'abc...'");
  CHECK(excerpt("\xe5\x9b\xbe", 3) == "'\xe5\x9b\xbe'");
  CHECK(excerpt("\xff\xff\xff\xff\xff", 2) == "'\\xff\\xff...'");
  CHECK(excerpt(std::string(41, 'x')) == "'" + std::string(40, 'x') + "...'");
}
