#include <nniesim/io/image.hpp>
#include <nniesim/io/png_check.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/tiny_png.hpp"

using namespace nniesim;

namespace png_check_test {

using namespace tiny_png;

namespace {

/// What the check of a PNG file says, or its decoding; empty where there is a picture. Each decoder that there is gives
/// the same.
std::string said(const std::string& bytes) {
  try {
#if defined(NNIESIM_USE_LIBPNG)
    if (bytes.starts_with(signature())) {
      const detail::png_content png = detail::check_png({bytes, "x"});
      const image by_libpng = detail::decode_png_by_libpng(png, "x");
      const image by_stb = detail::decode_png_by_stb(png, "x");
      REQUIRE(by_stb == by_libpng);
    }
#endif
    const image picture = decode_image(bytes, "x");
    REQUIRE(picture.pixels.size() == picture.rows * picture.columns * 3);
  } catch (const error& e) {
    return e.what();
  }
  return "";
}
std::vector<int> pixels(const std::string& bytes) {
  REQUIRE(said(bytes).empty());
  const image picture = decode_image(bytes, "x");
  return {picture.pixels.begin(), picture.pixels.end()};
}
std::string text(std::initializer_list<int> bytes) {
  std::string result;
  for (const int b : bytes) result += static_cast<char>(b);
  return result;
}
using ints = std::vector<int>;

const std::string grey_rows = text({0, 10, 20, 0, 30, 40});
std::string grey() { return png(2, 2, 8, 0, grey_rows); }
std::string palette(std::size_t colours) {
  std::string data;
  for (std::size_t i = 0; i < colours; ++i) data += little(i, 1) + little(100 + i, 1) + little(200 + i, 1);
  return chunk("PLTE", data);
}

std::uint64_t size_of(const std::string& stream, std::uint64_t most = 10000) {
  return detail::zlib_size(stream, "x", most).expanded();
}
std::string said_of_stream(const std::string& stream) {
  try {
    (void)size_of(stream);
  } catch (const parse_error& e) {
    return e.what();
  }
  return "";
}

/// 64 rows of 65 bytes, compressed by zlib 1.2.13 with tables of its own.
const std::string compressed =
    text({0x78, 0xda, 0xed, 0xd1, 0xb9, 0x11, 0xc0, 0x40, 0x0c, 0x80, 0x40, 0xf4, 0xf6, 0x5f, 0xf2, 0xf5,
          0x20, 0x8f, 0x33, 0x48, 0x28, 0x60, 0xe1, 0x73, 0x91, 0xd5, 0xb3, 0xe7, 0x41, 0xf6, 0x46, 0xcd,
          0x79, 0x50, 0x9b, 0x13, 0x7d, 0x1e, 0x74, 0x4c, 0x6e, 0x9d, 0x07, 0x53, 0xb1, 0x9d, 0xe7, 0xc1,
          0x4e, 0x57, 0xc6, 0x79, 0xc8, 0x28, 0xa3, 0x8c, 0x32, 0xca, 0x28, 0xa3, 0x8c, 0x32, 0xca, 0x28,
          0xa3, 0x8c, 0x32, 0xca, 0x28, 0xe3, 0x9f, 0x8c, 0x0f, 0x0e, 0xfc, 0x27, 0xdf});
/// Two rows of 0, 1, 2, 3, 4 with zlib's own tables.
const std::string fixed =
    text({0x78, 0x9c, 0x63, 0x60, 0x64, 0x62, 0x66, 0x61, 0x00, 0x11, 0x00, 0x00, 0x64, 0x00, 0x15});

}  // namespace

TEST_CASE("PNG files of every kind", "[png]") {
  CHECK(pixels(grey()) == ints{10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 40, 40});
  CHECK(pixels(png(1, 2, 16, 0, text({0, 10, 99, 20, 99}))) == ints{10, 10, 10, 20, 20, 20});
  CHECK(pixels(png(1, 3, 2, 0, text({0, 0x6c}))) == ints{85, 85, 85, 170, 170, 170, 255, 255, 255});
  CHECK(pixels(png(1, 2, 1, 0, text({0, 0x40}))) == ints{0, 0, 0, 255, 255, 255});
  CHECK(pixels(png(1, 1, 8, 2, text({0, 1, 2, 3}))) == ints{1, 2, 3});
  CHECK(pixels(png(1, 1, 16, 2, text({0, 1, 9, 2, 9, 3, 9}))) == ints{1, 2, 3});
  CHECK(pixels(png(1, 1, 8, 4, text({0, 7, 50}))) == ints{7, 7, 7});
  CHECK(pixels(png(1, 1, 8, 6, text({0, 1, 2, 3, 50}))) == ints{1, 2, 3});
  CHECK(pixels(png(1, 1, 16, 6, text({0, 1, 9, 2, 9, 3, 9, 4, 4}))) == ints{1, 2, 3});
  CHECK(pixels(png(1, 2, 8, 3, text({0, 2, 0}), palette(3))) == ints{2, 102, 202, 0, 100, 200});
  CHECK(pixels(png(1, 2, 4, 3, text({0, 0x21}), palette(3))) == ints{2, 102, 202, 1, 101, 201});
  CHECK(pixels(png(1, 3, 2, 3, text({0, 0x24}), palette(3))) == ints{0, 100, 200, 2, 102, 202, 1, 101, 201});
  CHECK(pixels(png(1, 2, 1, 3, text({0, 0x40}), palette(2))) == ints{0, 100, 200, 1, 101, 201});
  // Transparency is dropped; what else a file says about its colours changes nothing.
  CHECK(pixels(png(1, 1, 8, 3, text({0, 0}), chunk("gAMA", big(1)) + palette(1) + chunk("tRNS", "a"))) ==
        ints{0, 100, 200});
  CHECK(pixels(png(1, 1, 8, 2, text({0, 1, 2, 3}), palette(2) + chunk("tRNS", text({0, 1, 0, 2, 0, 3})))) ==
        ints{1, 2, 3});
  // Interlaced: a picture of 2 x 3 has the passes 1, 4, 6 and 7.
  CHECK(pixels(png(2, 3, 8, 0, text({0, 1, 0, 2, 0, 3, 0, 4, 5, 6}), "", 1)) ==
        ints{1, 1, 1, 3, 3, 3, 2, 2, 2, 4, 4, 4, 5, 5, 5, 6, 6, 6});
  // The stream in two chunks; filters.
  const std::string stream = stored(text({1, 10, 20, 2, 1, 1}));
  CHECK(pixels(signature() + header(2, 2, 8, 0) + chunk("IDAT", stream.substr(0, 5)) + chunk("IDAT", stream.substr(5)) +
               chunk("tIME", "") + end() + "after") == ints{10, 10, 10, 30, 30, 30, 11, 11, 11, 31, 31, 31});
  CHECK(said(signature() + header(64, 64, 8, 0) + chunk("IDAT", compressed) + end()).empty());
}

TEST_CASE("a zlib stream's size is found without expanding it", "[png]") {
  CHECK(size_of(compressed) == 4160);
  CHECK(size_of(fixed) == 10);
  CHECK(size_of(stored("hello")) == 5);
  CHECK_THROWS_WITH(size_of(compressed, 4159), contains("got more than 4159 bytes of pixels"));
  for (const std::string& whole : {compressed, fixed, stored("hello")}) {
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(said_of_stream(whole.substr(0, size)).empty());
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string bytes = whole;
      for (int v = 0; v < 256; ++v) {
        bytes[at] = static_cast<char>(v);
        (void)said_of_stream(bytes);
      }
    }
  }
  CHECK_THAT(said_of_stream("\x79\x9c"), contains("IDAT: compressed byte 2: got a header of 31132"));
  CHECK_THAT(said_of_stream("\x78\x9d"), contains("got a header of"));
  CHECK_THAT(said_of_stream("\x78\x9c\x07"), contains("got a block of type 3"));
  CHECK_THAT(said_of_stream(text({0x78, 1, 1, 5, 0, 5, 0})),
             contains("got a stored block of length 5 and complement 5"));
  CHECK_THAT(said_of_stream(text({0x78, 1, 1, 5, 0, 0xfa, 0xff, 1})), contains("got a stored block of 5 bytes, 1 are"));
  // Fixed codes: the first symbol a length, 257, of 7 bits 0000001, then a distance.
  CHECK_THAT(said_of_stream(text({0x78, 1, 0x03, 0x02, 0, 0})), contains("got a distance of 1 after 0 bytes"));
  // 286 does not exist: its 8 bits are 11000110; nor the distance 30.
  CHECK_THAT(said_of_stream(text({0x78, 1, 0x1b, 0x03, 0, 0})), contains("got the length symbol 286"));
  CHECK_THAT(said_of_stream(text({0x78, 1, 0x03, 0x3e, 0, 0})), contains("got the distance symbol 30"));
  CHECK_THAT(said_of_stream(text({0x78, 1, 0xfd, 0xff, 0xff})), contains("got 288 lengths and 32 distances"));
}

TEST_CASE("damaged PNG files are refused", "[png]") {
  const std::string data = chunk("IDAT", stored(grey_rows));
  const auto with = [](const std::string& chunks) { return said(signature() + chunks); };
  const auto after_header = [&](const std::string& chunks) { return with(header(2, 2, 8, 0) + chunks); };
  CHECK_THAT(with(data + end()), contains("x: byte 8: got the chunk 'IDAT', expected IHDR first"));
  CHECK_THAT(after_header(header(2, 2, 8, 0)), contains("got the chunk 'IHDR', expected one IHDR only"));
  CHECK_THAT(with(chunk("IHDR", "abc")), contains("IHDR: got 3 bytes, expected 13"));
  CHECK_THAT(with(header(2, 2, 3, 0)), contains("byte 24: IHDR: got depth 3 with colour type 0"));
  for (const auto& [depth, colour] : {std::pair{16U, 3U}, {4U, 2U}, {4U, 4U}, {1U, 6U}, {8U, 1U}, {8U, 5U}, {8U, 7U}}) {
    CHECK_THAT(with(header(2, 2, depth, colour)), contains("IHDR: got depth"));
  }
  CHECK_THAT(with(header(2, 2, 8, 0, 2)), contains("IHDR: got compression 0, filter 0, interlace 2"));
  for (const auto& [rows, columns] : {std::pair{65535U, 65535U}, {0U, 1U}, {1U, 0U}, {32768U, 1U}, {20000U, 20000U}}) {
    CHECK_THROWS_AS(decode_image(signature() + header(rows, columns, 8, 0) + data + end(), "x"), shape_error);
  }
  CHECK_THAT(with(header(0xffffffffU, 0xffffffffU, 16, 6)), contains("IHDR: got 4294967295 rows"));
  CHECK_THAT(after_header(chunk("PLTE", "abc") + data), contains("PLTE: got one with colour type 0"));
  const auto indexed = [&](const std::string& chunks) { return with(header(2, 2, 1, 3) + chunks); };
  CHECK_THAT(indexed(chunk("PLTE", "")), contains("PLTE: got 0 bytes, expected three for each of 1 .. 2 colours"));
  CHECK_THAT(indexed(chunk("PLTE", "abcd")), contains("PLTE: got 4 bytes"));
  CHECK_THAT(indexed(palette(3)), contains("PLTE: got 9 bytes"));
  CHECK_THAT(indexed(palette(1) + palette(1)), contains("PLTE: expected one, before IDAT"));
  CHECK_THAT(indexed(data + palette(1)), contains("PLTE: expected one, before IDAT"));
  CHECK_THAT(indexed(data + end()), contains("IEND: got no PLTE"));
  CHECK_THAT(after_header(end()), contains("IEND: got no pixels, expected IDAT before"));
  CHECK_THAT(after_header(data + chunk("IEND", "a")), contains("IEND: got 1 bytes, expected 0"));
  CHECK_THAT(after_header(data + chunk("tEXt", "a") + data), contains("IDAT: got another chunk between"));
  CHECK_THAT(after_header(chunk("ABCD", "a")), contains("got the chunk 'ABCD', expected IHDR, PLTE, IDAT or IEND"));
  CHECK_THAT(after_header(big(0xffffffffU) + "IDAT"), contains("the file ends within the picture"));
  CHECK_THAT(after_header(data), contains("the file ends within the picture"));
  CHECK_THAT(with("\x7f"), contains("the file ends within the picture"));
  CHECK_THAT(said(png(2, 2, 8, 0, grey_rows + "a")), contains("IDAT: compressed byte 14: got more than 6 bytes"));
  CHECK_THAT(said(png(2, 3, 8, 0, grey_rows)), contains("IDAT: got 6 bytes of pixels, expected 8 by IHDR"));
  CHECK_THAT(said(png(1, 2, 8, 3, text({0, 2, 3}), palette(3))),
             contains("x: IDAT: got colour 3 at row 0, column 1, expected one of PLTE's 3"));
  CHECK_THAT(said(png(1, 1, 8, 0, text({5, 0}))), contains("cannot be decoded"));
  std::string flipped = grey();
  flipped[flipped.size() - 20] ^= 1;
  CHECK_THAT(said(flipped), contains("the check sum of a PNG chunk does not fit"));
  // A small file that expands to much: 1000 zeros for each byte.
  CHECK_THAT(after_header(chunk("IDAT", compressed) + end()), contains("got more than 6 bytes of pixels"));
}

TEST_CASE("every truncation and every changed byte of small PNG files gives an error or a picture", "[png]") {
  const auto repaired = [](std::string bytes) {  // with check sums that fit, so that what they protect is reached
    for (std::size_t at = 8; at + 12 <= bytes.size();) {
      std::size_t length = 0;
      for (std::size_t i = 0; i < 4; ++i) length = length << 8U | static_cast<unsigned char>(bytes[at + i]);
      if (length > bytes.size() - at - 12) break;
      bytes.replace(at + 8 + length, 4, big(detail::crc32(std::string_view(bytes).substr(at + 4, length + 4))));
      at += length + 12;
    }
    return bytes;
  };
  std::size_t refused = 0;
  for (const std::string& whole : {grey(), png(1, 2, 4, 3, text({0, 0x21}), palette(3)),
                                   png(2, 3, 8, 0, text({0, 1, 0, 2, 0, 3, 0, 4, 5, 6}), "", 1),
                                   signature() + header(64, 64, 8, 0) + chunk("IDAT", compressed) + end()}) {
    REQUIRE(said(whole).empty());
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(said(whole.substr(0, size)).empty());
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string bytes = whole;
      for (int v = 0; v < 256; v += at < 33 ? 1 : 5) {
        bytes[at] = static_cast<char>(v);
        if (!said(repaired(bytes)).empty()) ++refused;
      }
    }
  }
  CHECK(refused > 10000);
}

TEST_CASE("BMP files of every kind", "[bmp]") {
  CHECK(pixels(bmp(1, 2, 24, text({3, 2, 1, 6, 5, 4, 0, 0}))) == ints{1, 2, 3, 4, 5, 6});
  CHECK(pixels(bmp(2, 1, 32, text({3, 2, 1, 0, 6, 5, 4, 0}))) == ints{4, 5, 6, 1, 2, 3});
  CHECK(pixels(bmp(0xfffffffeU, 1, 32, text({3, 2, 1, 0, 6, 5, 4, 0}))) == ints{1, 2, 3, 4, 5, 6});
  const std::string colours = text({3, 2, 1, 0, 6, 5, 4, 0, 9, 8, 7, 0});
  CHECK(pixels(bmp(1, 2, 8, text({2, 0, 0, 0}), colours)) == ints{7, 8, 9, 1, 2, 3});
  CHECK(pixels(bmp(1, 3, 4, text({0x21, 0x10, 0, 0}), colours, 0, 3)) == ints{7, 8, 9, 4, 5, 6, 4, 5, 6});
  CHECK(pixels(bmp(1, 2, 1, text({0x40, 0, 0, 0}), colours)) == ints{1, 2, 3, 4, 5, 6});
  CHECK(pixels(bmp(1, 2, 16, text({0x1f, 0x7c, 0xe0, 0x03}))) == ints{255, 0, 255, 0, 255, 0});
  CHECK(pixels(bmp(1, 1, 16, text({0x41, 0x08, 0, 0}), little(0xf800, 4) + little(0x7e0, 4) + little(0x1f, 4), 3)) ==
        ints{8, 8, 8});
  CHECK(pixels(bmp(1, 1, 32, text({1, 2, 3, 4}), little(0xff, 4) + little(0xff00, 4) + little(0xff0000, 4), 3)) ==
        ints{1, 2, 3});
  // The oldest header.
  CHECK(pixels("BM" + little(0, 8) + little(26, 4) + little(12, 4) + little(1, 2) + little(1, 2) + little(1, 2) +
               little(24, 2) + text({3, 2, 1, 0})) == ints{1, 2, 3});
}

TEST_CASE("damaged BMP files are refused", "[bmp]") {
  const std::string whole = bmp(1, 2, 24, text({3, 2, 1, 6, 5, 4, 0, 0}));
  const auto with = [&](std::size_t at, const std::string& bytes) {
    std::string changed = whole;
    return said(changed.replace(at, bytes.size(), bytes));
  };
  CHECK_THAT(with(14, little(41, 4)), contains("byte 14: BMP: got a header of 41 bytes"));
  CHECK_THAT(with(10, little(53, 4)), contains("byte 10: BMP: got pixels at byte 53"));
  CHECK_THAT(with(10, little(0xffffffffU, 4)), contains("the file ends within the picture"));
  CHECK_THAT(with(26, little(2, 2)), contains("byte 26: BMP: got 2 planes"));
  CHECK_THAT(with(28, little(2, 2)), contains("byte 28: BMP: got 2 bits"));
  CHECK_THAT(with(30, little(1, 4)), contains("byte 30: BMP: got compression 1 of 24 bits"));
  CHECK_THAT(with(30, little(3, 4)), contains("byte 30: BMP: got compression 3 of 24 bits"));
  CHECK_THAT(with(22, little(0x80000000U, 4)), contains("BMP: got 2147483648 rows"));
  CHECK_THAT(with(18, little(65535, 4) + little(65535, 4)), contains("BMP: got 65535 rows x 65535 columns"));
  CHECK_THAT(with(18, little(0, 4)), contains("BMP: got 1 rows x 0 columns"));
  CHECK_THAT(with(18, little(8192, 4) + little(8192, 4)), contains("the file ends within the picture"));
  const std::string entry = text({3, 2, 1, 0});
  CHECK_THAT(said(bmp(1, 2, 8, text({0, 1, 0, 0}), entry)), contains("byte 59: BMP: got colour 1 of a palette of 1"));
  CHECK_THAT(said(bmp(1, 2, 8, text({0, 1, 0, 0}), "")), contains("byte 46: BMP: got 0 colours, and place for 0"));
  CHECK_THAT(said(bmp(1, 2, 8, text({0, 1, 0, 0}), entry, 0, 2)), contains("BMP: got 2 colours, and place for 1"));
  CHECK_THAT(said(bmp(1, 2, 8, text({0, 1, 0, 0}), entry, 0, 257)), contains("BMP: got 257 colours, expected at most"));
  CHECK_THAT(said(bmp(1, 2, 8, text({0, 1, 0, 0}), entry, 1)), contains("BMP: got compression 1 of 8 bits"));
  for (const std::size_t mask : {0U, 5U, 0x1ffU}) {
    CHECK_THAT(said(bmp(1, 1, 16, little(0, 4), little(mask, 4) + little(1, 4) + little(1, 4), 3)),
               contains("byte 54: BMP: got the mask " + std::to_string(mask)));
  }
  for (const std::string& file : {whole, bmp(1, 2, 8, text({0, 1, 0, 0}), entry + entry),
                                  bmp(1, 1, 16, little(0, 4), little(1, 4) + little(2, 4) + little(4, 4), 3)}) {
    REQUIRE(said(file).empty());
    for (std::size_t size = 0; size < file.size(); ++size) CHECK_FALSE(said(file.substr(0, size)).empty());
    for (std::size_t at = 0; at < file.size(); ++at) {
      std::string bytes = file;
      for (int v = 0; v < 256; ++v) {
        bytes[at] = static_cast<char>(v);
        (void)said(bytes);
      }
    }
  }
}

}  // namespace png_check_test
