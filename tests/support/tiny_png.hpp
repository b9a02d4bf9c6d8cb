// Small PNG and BMP files made piece by piece, so that a test can leave out, double or damage each piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <nniesim/io/png_check.hpp>

namespace tiny_png {

inline std::string little(std::size_t v, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(v >> (8 * i) & 255U);
  return text;
}
inline std::string big(std::size_t v) {
  std::string text;
  for (int i = 3; i >= 0; --i) text += static_cast<char>(v >> (8 * i) & 255U);
  return text;
}

inline std::string signature() { return "\x89PNG\r\n\x1a\n"; }
inline std::string chunk(const std::string& type, const std::string& data) {
  return big(data.size()) + type + data + big(nniesim::detail::crc32(type + data));
}
inline std::string header(std::size_t rows, std::size_t columns, std::size_t depth, std::size_t colour,
                          std::size_t interlace = 0) {
  return chunk("IHDR",
               big(columns) + big(rows) + little(depth, 1) + little(colour, 1) + little(0, 2) + little(interlace, 1));
}
/// A zlib stream of one block that is not compressed.
inline std::string stored(const std::string& bytes) {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return "\x78\x01\x01" + little(bytes.size(), 2) + little(~bytes.size(), 2) + bytes + big(b << 16U | a);
}
inline std::string end() { return chunk("IEND", ""); }

/// A file of these rows, each after the byte of its filter.
inline std::string png(std::size_t rows, std::size_t columns, std::size_t depth, std::size_t colour,
                       const std::string& bytes, const std::string& before = "", std::size_t interlace = 0) {
  return signature() + header(rows, columns, depth, colour, interlace) + before + chunk("IDAT", stored(bytes)) + end();
}

/// A BMP file with a header of 40 bytes; `after` are masks or a palette, `rows` stand from the bottom.
inline std::string bmp(std::size_t height, std::size_t width, std::size_t bits, const std::string& rows,
                       const std::string& after = "", std::size_t compression = 0, std::size_t colours = 0) {
  const std::size_t data = 54 + after.size();
  return "BM" + little(data + rows.size(), 4) + little(0, 4) + little(data, 4) + little(40, 4) + little(width, 4) +
         little(height, 4) + little(1, 2) + little(bits, 2) + little(compression, 4) + little(rows.size(), 4) +
         little(0, 8) + little(colours, 4) + little(0, 4) + after + rows;
}

}  // namespace tiny_png
