#include <nniesim/io/image.hpp>
#include <nniesim/io/jpeg_check.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/tiny_jpeg.hpp"

using namespace nniesim;

namespace jpeg_check_test {

using namespace tiny_jpeg;

namespace {

/// By each decoder that there is.
std::vector<image> decoded(const std::string& bytes) {
  const detail::jpeg_header jpeg = detail::check_jpeg({bytes, "x"});
  std::vector<image> all = {detail::decode_jpeg_by_stb(bytes, "x", jpeg)};
#if defined(NNIESIM_USE_LIBJPEG)
  if (jpeg.channels != 4) all.push_back(detail::decode_jpeg_by_libjpeg(bytes, "x", jpeg));
#endif
  return all;
}

/// What a picture's check says; empty where it passes, and then the picture is decoded as well or refused.
std::string said(const std::string& bytes) {
  try {
    (void)detail::check_jpeg({bytes, "x"});
  } catch (const error& e) {
    return e.what();
  }
  try {
    for (const image& picture : decoded(bytes)) {
      REQUIRE(picture.pixels.size() == picture.rows * picture.columns * 3);
    }
  } catch (const parse_error& e) {
    CHECK_THAT(e.what(), contains("x: byte 0: the picture cannot be decoded"));
  }
  return "";
}

std::string tables() { return quantization() + dc_table() + ac_table(); }
std::string grey_frame(std::size_t kind = 0) { return frame(kind, 8, 16, {{1, 0x11, 0}}); }
std::string grey_data() { return coded("10 10100 0  10 00001 0"); }

/// A table of so many symbols of 16 bits each.
std::string many_symbols(std::size_t kind, std::size_t count) {
  std::vector<std::size_t> counts(16, 0);
  std::string symbols;
  for (std::size_t left = count, length = 15; left != 0; --length) {
    counts[length] = std::min<std::size_t>(left, 200);
    left -= counts[length];
  }
  for (std::size_t i = 0; i < count; ++i) symbols += byte(i);
  return huffman(kind, 0, counts, symbols);
}

/// The flat pixels of the left and right half, by each decoder the same.
std::vector<int> halves(const std::string& bytes) {
  std::vector<int> result;
  for (const image& picture : decoded(bytes)) {
    REQUIRE(picture.rows == 8);
    REQUIRE(picture.columns == 16);
    for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
      const std::size_t x = i / 3 % 16;
      CHECK(picture.pixels[i] == picture.pixels[x < 8 ? 0 : 8 * 3]);
    }
    const std::vector<int> pair = {picture.pixels[0], picture.pixels[8 * 3]};
    if (!result.empty()) CHECK(pair == result);
    result = pair;
  }
  return result;
}

}  // namespace

TEST_CASE("small JPEG files of every kind that is read", "[jpeg]") {
  CHECK(halves(grey()) == std::vector{148, 118});
  CHECK(halves(restarted()) == std::vector{148, 149});
  CHECK(halves(progressive()) == std::vector{160, 99});
  for (const image& picture : decoded(colour())) {
    CHECK(picture.rows == 16);
    CHECK(picture.pixels[0] == 148);
    CHECK(picture.pixels[(15 * 16 + 15) * 3 + 2] == 118);
  }

  // Fill before a marker, comments, a table for each scan, something after the end.
  CHECK(said(start() + byte(255) + segment(0xfe, "hello") + segment(0xe7, "") + grey().substr(2) + "after").empty());
  // A restart after the last interval, too.
  std::string whole = restarted();
  whole.insert(whole.size() - 2, marker(0xd1));
  CHECK(said(whole).empty());
  // A last coefficient of 0, as some cameras write it; steps of 16 bits.
  CHECK(halves(start() + tables() + grey_frame() + scan({1}, 0, 0) + grey_data() + end()) == std::vector{148, 118});
  std::string steps = byte(0x10);
  for (int i = 0; i < 64; ++i) steps += word(8);
  CHECK(halves(start() + segment(0xdb, steps) + dc_table() + ac_table() + grey_frame() + scan({1}) + grey_data() +
               end()) == std::vector{148, 118});
}

TEST_CASE("Huffman tables that overrun a decoder's memory are refused", "[jpeg]") {
  const std::string rest = grey_frame() + scan({1}) + grey_data() + end();
  const std::string before = start() + quantization() + dc_table();
  for (const std::size_t kind : {0U, 1U}) {
    CHECK_THAT(said(before + many_symbols(kind, 257) + rest), contains("DHT: got 257 symbols, expected 1 .. 256"));
    CHECK_THAT(said(before + many_symbols(kind, 1000) + rest), contains("DHT: got 1000 symbols, expected 1 .. 256"));
  }
  CHECK_THAT(said(before + many_symbols(0, 256) + rest), contains("DHT: got the DC symbol 12"));
  CHECK_THAT(said(before + many_symbols(1, 256) + rest), contains("DHT: got the AC symbol 11"));
  // The same after the first scan of a progressive file, and of a baseline one.
  const std::string first = start() + quantization() + dc_table() + grey_frame(2) + scan({1}, 0, 0, 1) +
                            coded("10 10000 10 00000") + many_symbols(1, 257);
  CHECK_THAT(said(first + scan({1}, 1, 63) + coded("0 0") + end()), contains("DHT: got 257 symbols"));
  CHECK_THAT(said(start() + tables() + grey_frame() + scan({1}) + grey_data() + many_symbols(1, 257) + end()),
             contains("DHT: got 257 symbols"));

  const auto with = [&](const std::string& table) { return said(start() + quantization() + table + rest); };
  CHECK_THAT(with(huffman(2, 0, {1}, "a")), contains("byte 75: DHT: got a table of class 2 and number 0"));
  CHECK_THAT(with(huffman(0, 4, {1}, "a")), contains("got a table of class 0 and number 4"));
  CHECK_THAT(with(huffman(0, 0, {3}, "abc")), contains("got 3 codes of 1 bits, expected at most the 2 that are free"));
  CHECK_THAT(with(huffman(0, 0, {2, 1}, "abc")), contains("got 1 codes of 2 bits, expected at most the 0"));
  CHECK_THAT(with(huffman(0, 0, {}, "")), contains("got 0 symbols, expected 1 .. 256"));
  CHECK_THAT(with(huffman(0, 0, {2}, "a")), contains("got 1 bytes left in the segment, expected the 2 of its symbols"));
  CHECK_THAT(with(huffman(0, 0, {2}, std::string("\1\1", 2))), contains("got the symbol 1 twice"));
  CHECK_THAT(with(huffman(0, 0, {1}, "\1ab")), contains("expected the 17 of a table's class and counts"));
  CHECK_THAT(with(segment(0xc4, "")), contains("DHT: got 0 bytes left"));
}

TEST_CASE("damaged quantization tables and restart intervals are refused", "[jpeg]") {
  const auto with = [](const std::string& table) { return said(start() + table + tables() + grey().substr(2)); };
  CHECK_THAT(with(segment(0xdb, "")), contains("DQT: got 0 bytes left"));
  CHECK_THAT(with(segment(0xdb, byte(0x20))), contains("DQT: got a table of precision 2 and number 0"));
  CHECK_THAT(with(segment(0xdb, byte(4))), contains("number 4"));
  CHECK_THAT(with(segment(0xdb, byte(0) + std::string(63, 'a'))),
             contains("got 63 bytes left in the segment, expected the 64 of a table's steps"));
  CHECK_THAT(with(segment(0xdb, byte(0x10) + std::string(64, 'a'))), contains("expected the 128 of a table's steps"));
  CHECK_THAT(with(quantization(0, 0)), contains("DQT: got a step of 0"));
  CHECK_THAT(with(segment(0xdd, "a")), contains("DRI: got 1 bytes, expected 2"));
  CHECK_THAT(with(segment(0xdd, "abc")), contains("DRI: got 3 bytes, expected 2"));
}

TEST_CASE("damaged frames are refused", "[jpeg]") {
  const auto with = [](const std::string& f) { return said(start() + tables() + f + scan({1}) + grey_data() + end()); };
  CHECK_THAT(with(frame(0, 8, 16, {{1, 0x11, 0}}, 12)), contains("SOF0: got a precision of 12 bits, expected 8"));
  CHECK_THAT(with(frame(0, 8, 16, {})), contains("SOF0: got 0 components, expected 1, 3 or 4"));
  CHECK_THAT(with(frame(0, 8, 16, {{1, 0x11, 0}, {2, 0x11, 0}})), contains("got 2 components"));
  CHECK_THAT(with(frame(0, 8, 16, {{1, 0x11, 0}, {2, 0x11, 0}, {1, 0x11, 0}})), contains("got component 1 twice"));
  CHECK_THAT(with(frame(0, 8, 16, {{1, 0x01, 0}})), contains("got sampling factors of 0 x 1"));
  CHECK_THAT(with(frame(0, 8, 16, {{1, 0x15, 0}})), contains("got sampling factors of 1 x 5"));
  CHECK_THAT(with(frame(0, 8, 16, {{1, 0x31, 0}, {2, 0x21, 0}, {3, 0x11, 0}})),
             contains("got sampling factors of 2 x 1, expected whole parts of the largest, 3 x 1"));
  CHECK_THAT(with(frame(0, 8, 16, {{1, 0x11, 4}})), contains("got quantization table 4, expected 0 .. 3"));
  CHECK_THAT(with(segment(0xc0, "abc")), contains("SOF0: got 3 bytes left"));
  CHECK_THAT(with(segment(0xc0, std::string("\x8\0\x8\0\x8\1\1\x11", 8))), contains("SOF0: got 8 bytes, expected 9"));
  CHECK_THAT(with(grey_frame() + grey_frame()), contains("SOF0: got a second frame"));
  CHECK_THAT(with(grey_frame(3)), contains("got the segment SOF3, expected a Huffman coded file of 8 bits"));
  CHECK_THAT(with(grey_frame(9)), contains("got the segment SOF9"));
  CHECK_THAT(with(segment(0xdc, word(8)) + grey_frame()), contains("got the segment DNL"));
  CHECK_THAT(with(""), contains("SOS: got a scan before the frame"));

  for (const auto& [rows, columns] : {std::pair{65535U, 65535U}, {32768U, 1U}, {1U, 32768U}, {16384U, 16384U}}) {
    const std::string bytes = start() + tables() + frame(0, rows, columns, {{1, 0x11, 0}}) + scan({1}) + end();
    CHECK_THROWS_AS(decode_image(bytes, "x"), shape_error);
    CHECK_THAT(said(bytes), contains("SOF0: got " + std::to_string(rows) + " rows"));
  }
  CHECK_THAT(with(frame(0, 0, 16, {{1, 0x11, 0}})), contains("got 0 rows"));
  // A size that may exist, without the data for it.
  CHECK_THAT(with(frame(0, 8192, 8192, {{1, 0x11, 0}})),
             contains("SOS: got 2 bytes of coded data, expected at least 262144 for 1048576 units"));
}

TEST_CASE("damaged scans are refused", "[jpeg]") {
  const auto with = [](const std::string& s, const std::string& t = tables()) {
    return said(start() + t + grey_frame() + s + grey_data() + end());
  };
  CHECK_THAT(with(scan({})), contains("SOS: got 0 components, expected 1 .. 1"));
  CHECK_THAT(with(scan({1, 2})), contains("SOS: got 2 components, expected 1 .. 1"));
  CHECK_THAT(with(scan({2})), contains("SOS: got component 2, expected one of the frame's"));
  CHECK_THAT(with(segment(0xda, "")), contains("SOS: got 0 bytes left"));
  CHECK_THAT(with(segment(0xda, std::string("\1\1\0\0\77", 5))), contains("SOS: got 5 bytes, expected 6"));
  CHECK_THAT(with(scan({1}, 1)), contains("SOS: got coefficients 1 .. 63 and bits 0 to 0, expected 0 .. 63"));
  CHECK_THAT(with(scan({1}, 0, 62)), contains("SOS: got coefficients 0 .. 62"));
  CHECK_THAT(with(scan({1}, 0, 63, 1)), contains("and bits 0 to 1, expected"));
  CHECK_THAT(with(scan({1}, 0, 63, 0, 0x40)), contains("SOS: got DC table 4, expected 0 .. 3"));
  CHECK_THAT(with(scan({1}, 0, 63, 0, 0x04)), contains("SOS: got AC table 4, expected 0 .. 3"));
  CHECK_THAT(with(scan({1}, 0, 63, 0, 0x10)), contains("SOS: got no DC table 1, expected DHT before the scan"));
  CHECK_THAT(with(scan({1}), quantization() + dc_table()), contains("SOS: got no AC table 0"));
  CHECK_THAT(with(scan({1}), dc_table() + ac_table()), contains("SOS: got no quantization table 0 for component 1"));
  CHECK_THAT(with(scan({1}) + grey_data() + scan({1})), contains("SOS: got coefficient 0 of component 1 from bit 0"));
  CHECK_THAT(said(start() + tables() + grey_frame() + end()), contains("EOI: got no scan of component 1"));
  CHECK_THAT(said(start() + tables() + end()), contains("EOI: got no frame"));
  CHECK_THAT(said(start() + tables() + frame(0, 8, 8, {{1, 0x11, 0}, {2, 0x11, 0}, {3, 0x11, 0}}) + scan({1}) +
                  grey_data() + end()),
             contains("EOI: got no scan of component 2"));
  CHECK_THAT(said(start() + tables() + frame(0, 8, 8, {{1, 0x44, 0}, {2, 0x11, 0}, {3, 0x11, 0}}) + scan({1, 2, 3}) +
                  grey_data() + end()),
             contains("SOS: got 18 blocks in a unit, expected at most 10"));
  CHECK_THAT(said(start() + tables() + frame(0, 8, 8, {{1, 0x11, 0}, {2, 0x11, 0}, {3, 0x11, 0}}) + scan({1, 2, 1}) +
                  grey_data() + end()),
             contains("SOS: got component 1 twice"));
}

TEST_CASE("damaged progressions are refused", "[jpeg]") {
  const std::string begin = start() + tables() + grey_frame(2);
  const auto with = [&](const std::string& scans) { return said(begin + scans + coded("0 0") + end()); };
  const std::string dc = scan({1}, 0, 0, 1) + coded("0 0");
  CHECK_THAT(with(scan({1}, 0, 63)), contains("SOS: got coefficients 0 .. 63 of 1 components, expected 0 alone"));
  CHECK_THAT(with(scan({1}, 2, 1)), contains("SOS: got coefficients 2 .. 1"));
  CHECK_THAT(with(scan({1}, 1, 64)), contains("SOS: got coefficients 1 .. 64"));
  CHECK_THAT(with(scan({1}, 1, 5)), contains("expected its coefficient 0 before"));
  CHECK_THAT(with(scan({1}, 0, 0, 0x0e)), contains("SOS: got bits 0 to 14"));
  CHECK_THAT(with(scan({1}, 0, 0, 0x31)), contains("SOS: got bits 3 to 1"));
  CHECK_THAT(with(scan({1}, 0, 0, 0x10)), contains("got coefficient 0 of component 1 from bit 1"));
  CHECK_THAT(with(dc + scan({1}, 0, 0, 0x21)), contains("got coefficient 0 of component 1 from bit 2"));
  CHECK_THAT(with(dc + dc), contains("got coefficient 0 of component 1 from bit 0, expected it once"));
  CHECK(with(dc + scan({1}, 1, 5, 1) + coded("0 0") + scan({1}, 6, 63, 1)).empty());
  CHECK_THAT(with(dc + scan({1}, 1, 5, 1) + coded("0 0") + scan({1}, 5, 63, 1)), contains("got coefficient 5"));
  std::string many = scan({1}, 0, 0, 13) + coded("0 0");
  for (std::size_t k = 1; k < 64; ++k) {
    for (std::size_t low = 13; low + 1 > 0 && low < 14; --low) {
      many += scan({1}, k, k, low == 13 ? low : (low + 1) << 4U | low) + coded("0 0");
    }
  }
  CHECK_THAT(with(many), contains("SOS: got more than 256 scans"));
}

TEST_CASE("restart markers are counted", "[jpeg]") {
  const std::string begin = start() + tables() + segment(0xdd, word(1)) + grey_frame() + scan({1});
  const std::string block = coded("10 10100 0");
  CHECK_THAT(said(begin + block + block + end()), contains("SOS: got 0 restart markers, expected 1"));
  CHECK_THAT(said(begin + block + marker(0xd1) + block + end()), contains("SOS: got restart marker 1, expected 0"));
  CHECK_THAT(said(begin + block + marker(0xd0) + block + marker(0xd1) + marker(0xd2) + end()),
             contains("SOS: got restart marker number 3, expected 1, one each 1 of 2 units"));
  CHECK_THAT(said(start() + tables() + grey_frame() + scan({1}) + block + marker(0xd0) + block + end()),
             contains("SOS: got restart marker number 1, expected 0"));
}

#if defined(NNIESIM_USE_LIBJPEG)
TEST_CASE("damaged coded data is refused by libjpeg, as an error and no end of the program", "[jpeg]") {
  const std::string begin = start() + tables() + grey_frame() + scan({1});
  const auto by_libjpeg = [](const std::string& bytes) {
    try {
      (void)decode_image(bytes, "x");
    } catch (const parse_error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(by_libjpeg(begin + grey_data() + end()).empty());
  CHECK_THAT(by_libjpeg(begin + coded("11111111 11111111") + end()),
             contains("x: byte 0: the picture cannot be decoded (libjpeg: Corrupt JPEG data"));
  CHECK_THAT(by_libjpeg(begin + coded("10 10100 0") + end()), contains("premature end of data segment"));
  CHECK_THAT(by_libjpeg(begin + grey_data() + std::string(30, 'a') + end()), contains("extraneous bytes"));
}
#endif

TEST_CASE("segments that do not fit, and files without an end, are refused", "[jpeg]") {
  CHECK_THAT(said(start() + marker(0xe0) + word(1) + end()), contains("byte 4: APP0: got a length of 1"));
  CHECK_THAT(said(start() + marker(0xe0) + word(1000)), contains("the file ends within the picture"));
  CHECK_THAT(said(start() + "a" + grey().substr(2)), contains("x: byte 2: got 97, expected a JPEG marker: 255"));
  CHECK_THAT(said(start() + marker(1) + word(2)), contains("got the segment of marker 1"));
  CHECK_THAT(said(start() + grey()), contains("got the segment SOI"));
  CHECK_THAT(said("ab"), contains("SOI: got no start"));
  for (const std::string& whole : {grey(), restarted(), colour(), progressive()}) {
    CHECK(said(whole).empty());
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(said(whole.substr(0, size)).empty());
  }
}

TEST_CASE("every byte of small JPEG files, changed, gives an error or a picture", "[jpeg]") {
  std::size_t refused = 0;
  for (const std::string& whole : {progressive(), grey(), restarted(), colour()}) {
    const std::size_t step = whole == progressive() ? 1 : 7;  // all values of one file, some of the others
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string bytes = whole;
      for (std::size_t v = 0; v < 256; v += step) {
        bytes[at] = byte(v)[0];
        if (!said(bytes).empty()) ++refused;
      }
    }
  }
  CHECK(refused > 10000);
}

}  // namespace jpeg_check_test
