#include <nniesim/io/byte_stream.hpp>

#include <cstdint>
#include <limits>
#include <string>

#include "catch.hpp"

using namespace nniesim;

namespace byte_stream_test {

TEST_CASE("numbers and texts come back, little-endian", "[io]") {
  detail::byte_writer w;
  w.put(std::uint32_t{0x01020304});
  w.put(std::uint8_t{0xfe});
  w.put(-0.5);
  w.put(std::numeric_limits<float>::infinity());
  w.put(std::string_view("a\0b", 3));
  CHECK(w.bytes().substr(0, 5) == std::string("\x04\x03\x02\x01\xfe"));
  detail::byte_reader r(w.bytes(), "f");
  CHECK(r.get<std::uint32_t>() == 0x01020304);
  CHECK(r.get<std::uint8_t>() == 0xfe);
  CHECK(r.get<double>() == -0.5);
  CHECK(r.get<float>() == std::numeric_limits<float>::infinity());
  CHECK(r.text() == std::string("a\0b", 3));
  r.expect_end();
}

TEST_CASE("what is not there is an error that names the file, before any memory is taken", "[io]") {
  detail::byte_writer w;
  w.put(~std::uint64_t{0});
  CHECK_THROWS_WITH(detail::byte_reader(w.bytes(), "f").text(), contains("f: got 0 bytes, expected"));
  CHECK_THROWS_WITH(detail::byte_reader(w.bytes(), "f").count(8), contains("f: got a count of 18446744073709551615"));
  CHECK_THROWS_WITH(detail::byte_reader("abc", "f").get<std::uint32_t>(), contains("f: got 3 bytes, expected 4"));
  CHECK_THROWS_WITH(detail::byte_reader("abc", "f").expect_end(), contains("f: got 3 bytes too many"));
}

}  // namespace byte_stream_test
