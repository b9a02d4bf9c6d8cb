#include <nniesim/core/excerpt.hpp>

#include <string>

#include "catch.hpp"

using nniesim::detail::excerpt;
using nniesim::detail::printable;

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

TEST_CASE("a terminal is shown no byte that it would act on") {
  CHECK(printable("conv\x1b[2J\n\x7f") == R"(conv\x1b[2J\x0a\x7f)");
  CHECK(printable("\xe4\xb8\xad") == "\xe4\xb8\xad");
  // Control characters beyond ASCII, and bytes that are no UTF-8, as in GBK.
  CHECK(printable("\xc2\x9b"
                  "2J") == R"(\xc2\x9b2J)");
  CHECK(printable("\x9b"
                  "2J\xd6\xd0") == R"(\x9b2J\xd6\xd0)");
  // With `ascii` other scripts are bytes, too.
  CHECK(printable("a~\xe4\xb8\xad", true) == R"(a~\xe4\xb8\xad)");
}
