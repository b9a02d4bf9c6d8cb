#include <nniesim/io/image_bytes.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "catch.hpp"

using namespace nniesim;

namespace image_bytes_test {

TEST_CASE("numbers of a picture's file are read in either order, and none beyond its end", "[io]") {
  const detail::image_bytes file(std::string_view("\x01\x82\xff\x04\x80", 5), "p.png");
  CHECK(file.size() == 5);
  CHECK(file.byte(1) == 0x82U);
  CHECK(file.big16(1) == 0x82ffU);
  CHECK(file.little16(1) == 0xff82U);
  CHECK(file.big32(1) == 0x82ff0480U);
  CHECK(file.little32(1) == 0x8004ff82U);
  CHECK(file.range(1, 4) == std::string_view("\x82\xff\x04\x80", 4));
  CHECK(file.range(5, 0).empty());
  const std::string_view ends = "p.png: byte 5: the file ends within the picture";
  constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
  for (const std::size_t at : {std::size_t{5}, std::size_t{6}, huge}) {
    CHECK_THROWS_WITH(file.byte(at), std::string(ends));
    CHECK_THROWS_AS(file.big32(at), parse_error);
  }
  CHECK_THROWS_AS(file.big16(4), parse_error);
  CHECK_THROWS_AS(file.little16(4), parse_error);
  CHECK_THROWS_AS(file.big32(2), parse_error);
  CHECK_THROWS_AS(file.little32(2), parse_error);
  CHECK_THROWS_WITH(file.range(1, 5), std::string(ends));
  CHECK_THROWS_AS(file.range(6, 0), parse_error);
  CHECK_THROWS_AS(file.range(2, huge), parse_error);
  CHECK_THROWS_WITH(file.fail(3, "got ", 7), "p.png: byte 3: got 7");
  CHECK_NOTHROW(file.require(true, 3, "got ", 7));
  CHECK_THROWS_WITH(file.require(false, 3, "got ", 7), "p.png: byte 3: got 7");
}

TEST_CASE("a picture's size has limits, whose product cannot wrap", "[io]") {
  const auto fits = [](std::size_t rows, std::size_t columns) { detail::require_image_size(rows, columns, "p"); };
  CHECK_NOTHROW(fits(1, 1));
  CHECK_NOTHROW(fits(2048, 32767));
  CHECK_NOTHROW(fits(8192, 8192));
  CHECK_THROWS_WITH(fits(8192, 8193),
                    "p: got 8192 rows x 8193 columns, expected 1 .. 32767 of each and at most 67108864 pixels");
  constexpr std::size_t half = std::size_t{1} << 32U;
  for (const auto& [rows, columns] :
       {std::pair<std::size_t, std::size_t>{0, 1}, {1, 0}, {32768, 1}, {1, 32768}, {half, half}}) {
    CAPTURE(rows, columns);
    CHECK_THROWS_AS(fits(rows, columns), shape_error);
  }
}

}  // namespace image_bytes_test
