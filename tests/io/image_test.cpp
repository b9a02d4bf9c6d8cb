#include <nniesim/io/image.hpp>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/mutate.hpp"
#include "support/scratch_folder.hpp"
#include "support/tiny_jpeg.hpp"

using namespace nniesim;

namespace image_test {

namespace {

std::filesystem::path models() { return std::filesystem::path(NNIESIM_SHARED_DIR) / "models"; }
bool have_models() { return !std::string(NNIESIM_SHARED_DIR).empty() && std::filesystem::exists(models()); }

std::string little(std::uint32_t v, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(v >> (8 * i) & 255U);
  return text;
}
std::string big(std::uint32_t v) {
  std::string text;
  for (int i = 3; i >= 0; --i) text += static_cast<char>(v >> (8 * i) & 255U);
  return text;
}

/// A 24-bit BMP file: rows from the bottom, blue first, rows filled to four bytes.
std::string bmp(const image& picture) {
  const std::size_t stride = (picture.columns * 3 + 3) / 4 * 4;
  std::string bytes = "BM" + little(static_cast<std::uint32_t>(54 + stride * picture.rows), 4) + little(0, 4) +
                      little(54, 4) + little(40, 4) + little(static_cast<std::uint32_t>(picture.columns), 4) +
                      little(static_cast<std::uint32_t>(picture.rows), 4) + little(1, 2) + little(24, 2) +
                      little(0, 4) + little(static_cast<std::uint32_t>(stride * picture.rows), 4) +
                      std::string(16, '\0');
  for (std::size_t y = picture.rows; y-- > 0;) {
    std::string row;
    for (std::size_t x = 0; x < picture.columns; ++x) {
      for (std::size_t c = 3; c-- > 0;) row += static_cast<char>(picture.pixels[(y * picture.columns + x) * 3 + c]);
    }
    row.resize(stride, '\0');
    bytes += row;
  }
  return bytes;
}

std::string png_chunk(const std::string& content) {
  return big(static_cast<std::uint32_t>(content.size() - 4)) + content + big(detail::crc32(content));
}

/// A PNG file of 8-bit RGB, its rows stored without compression.
std::string png(const image& picture) {
  std::string rows;
  for (std::size_t y = 0; y < picture.rows; ++y) {
    rows += '\0';  // no filter
    const auto* row = reinterpret_cast<const char*>(picture.pixels.data()) + y * picture.columns * 3;
    rows.append(row, picture.columns * 3);
  }
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const char c : rows) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  const auto n = static_cast<std::uint32_t>(rows.size());
  const std::string zlib = std::string("\x78\x01\x01", 3) + little(n, 2) + little(~n, 2) + rows + big(b << 16U | a);
  const std::string header = "IHDR" + big(static_cast<std::uint32_t>(picture.columns)) +
                             big(static_cast<std::uint32_t>(picture.rows)) + std::string("\x08\x02\0\0\0", 5);
  return "\x89PNG\r\n\x1a\n" + png_chunk(header) + png_chunk("IDAT" + zlib) + png_chunk("IEND");
}

image pattern(std::size_t rows, std::size_t columns) {
  image result{rows, columns, {}};
  for (std::size_t i = 0; i < rows * columns * 3; ++i)
    result.pixels.push_back(static_cast<std::uint8_t>(i * i * 7 % 251));
  return result;
}

std::string problem(const std::string& bytes) {
  try {
    (void)decode_image(bytes, "x");
  } catch (const error& e) {
    return e.what();
  }
  return "";
}

int largest_difference(const image& a, const image& b) {
  REQUIRE(a.pixels.size() == b.pixels.size());
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  return largest;
}

}  // namespace

TEST_CASE("PNG and BMP files are read as they were written") {
  const scratch_folder folder;
  const image picture = pattern(5, 7);
  CHECK(decode_image(png(picture), "x") == picture);
  CHECK(decode_image(bmp(picture), "x") == picture);
  detail::write_whole_file(folder / "x.png", png(picture));
  CHECK(read_image(folder / "x.png") == picture);
  CHECK_THROWS_AS(read_image(folder / "x.png", 10), parse_error);
  CHECK_THROWS_AS(read_image(folder / "none.png"), error);
}

TEST_CASE("what is no whole picture is refused") {
  const image picture = pattern(5, 7);
  CHECK_THAT(problem(""), contains("x: byte 0: got '', expected JPEG, PNG or BMP"));
  CHECK_THAT(problem("GIF89a"), contains("expected JPEG, PNG or BMP"));
  CHECK_THAT(problem("BM"), contains("x: byte 2: the file ends within the picture"));
  const std::string whole_png = png(picture);
  const std::string whole_bmp = bmp(picture);
  for (std::size_t size = 8; size < whole_png.size(); ++size) CHECK_FALSE(problem(whole_png.substr(0, size)).empty());
  for (std::size_t size = 2; size < whole_bmp.size(); ++size) CHECK_FALSE(problem(whole_bmp.substr(0, size)).empty());
  CHECK_THAT(problem(whole_bmp.substr(0, whole_bmp.size() - 1)), contains("the file ends within the picture"));
  std::string flipped = whole_png;
  flipped[60] = static_cast<char>(flipped[60] ^ 1);
  CHECK_THAT(problem(flipped), contains("the check sum of a PNG chunk does not fit"));
}

TEST_CASE("dimensions beyond the limits are refused before pixels are decoded") {
  image huge = pattern(1, 1);
  huge.columns = 40000;
  huge.rows = 1;
  huge.pixels.resize(huge.columns * 3);
  CHECK_THAT(problem(bmp(huge)), contains("x: byte 18: BMP: got 1 rows x 40000 columns, expected 1 .. 32767"));
  std::string bytes = bmp(pattern(1, 1));
  bytes.replace(18, 8, little(30000, 4) + little(30000, 4));
  CHECK_THAT(problem(bytes), contains("at most 67108864 pixels"));
}

TEST_CASE("resizing equals OpenCV's") {
  // cv::resize of OpenCV 4.6.0, INTER_LINEAR; three thousand random sizes were compared by hand as well.
  struct golden {
    std::size_t rows, columns;
    std::vector<std::uint8_t> pixels;
  };
  const std::vector<golden> all = {
      {2, 3, {11, 57, 64, 34, 83, 146, 57, 162, 124, 24, 133, 173, 50, 163, 102, 77, 89, 84}},
      {5, 2, {31, 59, 101, 33, 145, 145, 33, 78,  87,  37, 115, 133, 37, 107, 66,
              42, 71, 114, 44, 140, 125, 52, 107, 100, 49, 162, 164, 59, 130, 90}},
      {4, 7, {0,  7,   28,  22, 44,  80,  58, 104, 164, 32, 102, 186, 5,  99,  189, 42, 160, 131, 65, 198, 94,
              3,  114, 84,  25, 96,  80,  62, 67,  75,  36, 55,  87,  11, 53,  102, 48, 114, 134, 71, 152, 153,
              9,  152, 153, 32, 135, 117, 69, 107, 59,  45, 95,  64,  20, 87,  81,  58, 95,  113, 82, 101, 133,
              16, 108, 214, 40, 147, 178, 78, 209, 121, 54, 209, 127, 30, 191, 133, 69, 110, 76,  93, 60,  41}}};
  for (const golden& g : all) {
    CHECK(resize(pattern(3, 4), g.rows, g.columns) == image{g.rows, g.columns, g.pixels});
  }
  CHECK(resize(pattern(3, 4), 3, 4) == pattern(3, 4));
  const image halved = resize(pattern(4, 6), 2, 3);  // the mean of four, halves up
  const image p = pattern(4, 6);
  CHECK(halved.pixels[4] == (p.pixels[7] + p.pixels[10] + p.pixels[25] + p.pixels[28] + 2) / 4);
}

TEST_CASE("resizing refuses sizes that cannot be") {
  CHECK_THROWS_AS(resize(pattern(3, 4), 0, 4), shape_error);
  CHECK_THROWS_AS(resize(pattern(3, 4), 1, 40000), shape_error);
  CHECK_THROWS_AS(resize(pattern(3, 4), 30000, 30000), shape_error);
  CHECK_THROWS_AS(resize(image{}, 2, 2), shape_error);
  CHECK_THROWS_AS(resize(image{2, 2, {1, 2}}, 2, 2), shape_error);
}

TEST_CASE("a photograph, read and resized, is OpenCV's but for the JPEG decoder's rounding") {
  if (!have_models()) {
    WARN("skipped: the pictures are not here (../shared/models)");
    return;
  }
  const image cat = read_image(models() / "cat.jpg");
  CHECK(cat.rows == 360);
  CHECK(cat.columns == 480);
  for (const auto& [name, rows, columns] :
       {std::tuple{"cat_320x240.png", 240U, 320U}, {"cat_640x640.png", 640U, 640U}}) {
    const image expected = read_image(models() / "reference" / name);
    REQUIRE(expected.rows == rows);
    REQUIRE(expected.columns == columns);
    CHECK(largest_difference(resize(cat, rows, columns), expected) <= 3);
  }
}

TEST_CASE("damaged pictures are read or refused") {
  draws d(4);
  std::vector<std::string> originals = {png(pattern(6, 9)), bmp(pattern(6, 9))};
  if (have_models()) originals.push_back(detail::read_whole_file(models() / "cat.jpg", 1U << 20U, "a picture"));
  int refused = 0;
  for (std::size_t k = 0; k < originals.size(); ++k) {
    for (int i = 0; i < (k == 2 ? 40 : 600); ++i) {
      try {
        const image picture = decode_image(mutated(originals[k], d, hostile_pieces()), "x");
        CHECK(picture.pixels.size() == picture.rows * picture.columns * 3);
      } catch (const error& e) {
        CHECK_THAT(e.what(), contains("x: "));
        ++refused;
      }
    }
  }
  CHECK(refused > 500);
}

TEST_CASE("a JPEG that ends early is refused") {
  if (!have_models()) {
    WARN("skipped: the pictures are not here (../shared/models)");
    return;
  }
  const std::string cat = detail::read_whole_file(models() / "cat.jpg", 1U << 20U, "a picture");
  for (const std::size_t size : {std::size_t{100}, cat.size() / 2, cat.size() - 2}) {
    CHECK_FALSE(problem(cat.substr(0, size)).empty());
  }
}

#if defined(NNIESIM_USE_LIBJPEG)

TEST_CASE("JPEG pixels are those of libjpeg-turbo through OpenCV") {
#if !defined(LIBJPEG_TURBO_VERSION)
  std::cout << "skipped: another libjpeg than libjpeg-turbo\n";
#else
  // FNV-1a of OpenCV 4.6's imread as RGB; NNIESIM_WRITE_JPEGS names a folder to compare them anew.
  const auto hash = [](const image& picture) {
    std::uint32_t h = 2166136261U;
    for (const std::uint8_t byte : picture.pixels) h = (h ^ byte) * 16777619U;
    return h;
  };
  const auto check = [&](const char* name, const std::string& bytes, std::uint32_t expected) {
    CAPTURE(name);
    if (const char* folder = std::getenv("NNIESIM_WRITE_JPEGS")) {
      detail::write_whole_file(std::filesystem::path(folder) / name, bytes);
    }
    CHECK(hash(decode_image(bytes, name)) == expected);
  };
  check("grey.jpg", tiny_jpeg::grey(), 2812107461U);
  check("progressive.jpg", tiny_jpeg::progressive(), 1103795973U);
  check("yuv444.jpg", tiny_jpeg::noise({0x11, 0x11, 0x11}, 37, 29), 4115611133U);
  check("yuv420.jpg", tiny_jpeg::noise({0x22, 0x11, 0x11}, 37, 29), 1347486630U);
  check("yuv422.jpg", tiny_jpeg::noise({0x21, 0x11, 0x11}, 37, 29), 3215962655U);
  check("yuv440.jpg", tiny_jpeg::noise({0x12, 0x11, 0x11}, 37, 29), 3664807843U);
  check("cmyk.jpg", tiny_jpeg::noise({0x11, 0x11, 0x11, 0x11}, 37, 29), 1131801229U);
#endif
}

#endif

}  // namespace image_test
