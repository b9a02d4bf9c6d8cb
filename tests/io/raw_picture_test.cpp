#include <cstdint>
#include <nniesim/io/raw_picture.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace raw_picture_test {

namespace {

using bytes = std::vector<std::uint8_t>;

/// Rows of `width` bytes counted from 1 on, padded with 0xee to the stride.
std::string rows(std::size_t count, std::size_t width, std::size_t stride) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t x = 0; x < stride; ++x) text += static_cast<char>(x < width ? i * width + x + 1 : 0xee);
  }
  return text;
}

raw_layout size(std::size_t rows, std::size_t columns) {
  raw_layout layout;
  layout.rows = rows;
  layout.columns = columns;
  return layout;
}

}  // namespace

TEST_CASE("planes with and without padding are pictures", "[io]") {
  for (const std::size_t stride : {3U, 16U, 32U}) {
    CAPTURE(stride);
    const std::string planes = rows(6, 3, stride);  // blue 1 .. 6, green 7 .. 12, red 13 .. 18
    const bytes bgr = {13, 7, 1, 14, 8, 2, 15, 9, 3, 16, 10, 4, 17, 11, 5, 18, 12, 6};
    CHECK(decode_raw_picture(planes, "x.bgr", size(2, 3)).pixels == bgr);
    CHECK(decode_raw_picture(planes, "x.bin", size(2, 3)).pixels == bgr);
    CHECK(decode_raw_picture(planes, "x.rgb", size(2, 3)).pixels ==
          bytes{1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 16, 5, 11, 17, 6, 12, 18});
  }
  raw_layout odd = size(2, 3);
  odd.stride = 5;
  CHECK(decode_raw_picture(rows(6, 3, 5), "x.bgr", odd).pixels.back() == 6);
  odd.channels = 1;
  CHECK(decode_raw_picture(rows(2, 3, 5), "x.bin", odd).pixels ==
        bytes{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6});
}

TEST_CASE("semi-planar YUV is read in either order of its colours", "[io]") {
  // 2 x 4 pixels: Y 1 .. 8, then pairs 9 10 and 11 12.
  raw_layout layout = size(2, 4);
  for (const std::size_t stride : {4U, 16U, 32U}) {
    const image vu = decode_raw_picture(rows(3, 4, stride), "x.yuv", layout);
    yuv_picture same{2, 4, yuv_sampling::yuv420, yuv_order::vu, {1, 2, 3, 4, 5, 6, 7, 8}, {9, 10, 11, 12}};
    CHECK(vu == from_yuv(same));
    layout.order = same.order = yuv_order::uv;
    CHECK(decode_raw_picture(rows(3, 4, stride), "x.yuv", layout) == from_yuv(same));
    layout.order = yuv_order::vu;
  }
  layout.sampling = yuv_sampling::yuv422;
  CHECK(
      decode_raw_picture(rows(4, 4, 4), "x.yuv", layout) ==
      from_yuv({2, 4, yuv_sampling::yuv422, yuv_order::vu, {1, 2, 3, 4, 5, 6, 7, 8}, {9, 10, 11, 12, 13, 14, 15, 16}}));
  CHECK_THROWS_WITH(decode_raw_picture("", "x.yuv", size(2, 3)), contains("expected even numbers"));
  CHECK_THROWS_WITH(decode_raw_picture("", "x.yuv", size(3, 2)), contains("3 x 2 pixels of YUV"));
}

TEST_CASE("files of other sizes are refused with both numbers", "[io]") {
  CHECK_THROWS_WITH(decode_raw_picture(std::string(17, 'x'), "x.bgr", size(2, 3)),
                    contains("x.bgr: got 17 bytes, expected 18 for 6 rows (of all planes) of 3 bytes, or 96 or 192"));
  raw_layout strided = size(2, 3);
  strided.stride = 8;
  CHECK_THROWS_WITH(decode_raw_picture(std::string(18, 'x'), "x.bgr", strided),
                    contains("got 18 bytes, expected 6 rows (of all planes) with a stride of 8"));
  // 6 rows of this stride are 18 bytes, but for 2^64.
  strided.stride = (std::size_t{1} << 63U) + 3;
  CHECK_THROWS_WITH(decode_raw_picture(std::string(18, 'x'), "x.bgr", strided),
                    contains("got 18 bytes, expected 6 rows (of all planes) with a stride of 9223372036854775811"));
  strided.stride = 2;
  CHECK_THROWS_WITH(decode_raw_picture("", "x.bgr", strided), contains("got a stride of 2 for 3 columns"));
  CHECK_THROWS_AS(decode_raw_picture("", "x.bgr", size(0, 3)), shape_error);
  CHECK_THROWS_AS(decode_raw_picture("", "x.bgr", size(100000, 3)), shape_error);
  strided = size(1, 1);
  strided.channels = 4;
  CHECK_THROWS_WITH(decode_raw_picture("1234", "x.bin", strided), contains("got 4 channels, expected 1 or 3"));
  CHECK_THROWS_WITH(decode_raw_picture("", "x.jpg", size(1, 1)), contains("expected a .bgr"));
  CHECK_FALSE(is_raw_picture("a/x.png"));
  CHECK(is_raw_picture("a.b/x.yuv"));
}

TEST_CASE("feature maps as boards have them are 1/4096, rows padded or not", "[io]") {
  std::string words;
  for (const std::uint32_t w : {4096U, 0xffffffffU, 0x80000000U}) {
    for (unsigned shift = 0; shift < 32; shift += 8) words += static_cast<char>(w >> shift & 255U);
  }
  const auto check = [](const tensor<float>& t) {
    CHECK(std::vector<float>(t.begin(), t.end()) == std::vector<float>{1.0F, -0x1p-12F, -0x1p19F});
  };
  check(decode_raw_features(words, "x.bin", {1, 3}));
  check(decode_raw_features(words + std::string(4, '\0'), "x.bin", {1, 3}));
  check(decode_raw_features(words.substr(0, 4) + std::string(12, '\1') + words.substr(4, 4) + std::string(12, '\1') +
                                words.substr(8, 4) + std::string(12, '\1'),
                            "x.bin", {3, 1}));
  check(decode_raw_features(words + std::string(8, '\0'), "x.bin", {1, 3}, 20));
  CHECK_THROWS_WITH(decode_raw_features(words, "x.bin", {1, 4}), contains("got 12 bytes, expected 16"));
  CHECK_THROWS_AS(decode_raw_features(words, "x.bin", {1, 0}), shape_error);
  CHECK_THROWS_AS(decode_raw_features(words, "x.bin", {}), shape_error);
}

TEST_CASE("such a file is read", "[io]") {
  const scratch_folder folder;
  detail::write_whole_file(folder / "p.rgb", "abc");
  CHECK(read_raw_picture(folder / "p.rgb", size(1, 1)).pixels == bytes{'a', 'b', 'c'});
  CHECK_THROWS_AS(read_raw_picture(folder / "none.rgb", size(1, 1)), error);
}

}  // namespace raw_picture_test
