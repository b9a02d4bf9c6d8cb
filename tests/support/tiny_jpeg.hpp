// Small JPEG files made piece by piece, so that a test can leave out, double or damage each piece.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tiny_jpeg {

inline std::string byte(std::size_t v) { return {static_cast<char>(v & 255U)}; }
inline std::string word(std::size_t v) { return byte(v >> 8U) + byte(v); }
inline std::string marker(std::size_t m) { return byte(255) + byte(m); }
inline std::string segment(std::size_t m, const std::string& content) {
  return marker(m) + word(content.size() + 2) + content;
}

inline std::string start() { return marker(0xd8); }
inline std::string end() { return marker(0xd9); }

/// A DQT whose steps are all the same; 8 makes a flat block's DC one unit of its pixels.
inline std::string quantization(std::size_t index = 0, std::size_t step = 8) {
  return segment(0xdb, byte(index) + std::string(64, static_cast<char>(step)));
}

/// A DHT with `counts` codes of 1, 2, ... bits.
inline std::string huffman(std::size_t kind, std::size_t index, std::vector<std::size_t> counts,
                           const std::string& symbols) {
  std::string content = byte(kind << 4U | index);
  counts.resize(16, 0);
  for (const std::size_t c : counts) content += byte(c);
  return segment(0xc4, content + symbols);
}

/// DC: 0 for no difference, 10 for a category of 5 bits. AC: 0 for the end of a block, 10 for a value of 1 bit.
inline std::string dc_table(std::size_t index = 0) { return huffman(0, index, {1, 1}, std::string("\0\5", 2)); }
inline std::string ac_table(std::size_t index = 0) { return huffman(1, index, {1, 1}, std::string("\0\1", 2)); }

struct component {
  std::size_t id, sampling, quantization;
};
inline std::string frame(std::size_t kind, std::size_t rows, std::size_t columns,
                         const std::vector<component>& components, std::size_t precision = 8) {
  std::string content = byte(precision) + word(rows) + word(columns) + byte(components.size());
  for (const component& c : components) content += byte(c.id) + byte(c.sampling) + byte(c.quantization);
  return segment(0xc0 + kind, content);
}

/// An SOS; `tables` are those of each component, DC << 4 | AC; `bits` are high << 4 | low.
inline std::string scan(const std::vector<std::size_t>& ids, std::size_t first = 0, std::size_t last = 63,
                        std::size_t bits = 0, std::size_t tables = 0) {
  std::string content = byte(ids.size());
  for (const std::size_t id : ids) content += byte(id) + byte(tables);
  return segment(0xda, content + byte(first) + byte(last) + byte(bits));
}

/// Coded data of the 0s and 1s of a text, the last byte filled with 1s, 0 after each byte of 255.
inline std::string coded(const std::string& bits) {
  std::string bytes;
  std::size_t value = 1;
  const auto add = [&](bool bit) {
    value = value << 1U | (bit ? 1U : 0U);
    if (value < 256) return;
    bytes += byte(value);
    if ((value & 255U) == 255) bytes += byte(0);
    value = 1;
  };
  for (const char c : bits) {
    if (c != ' ') add(c == '1');
  }
  while (value != 1) add(true);
  return bytes;
}

/// Grey, 8 x 16 pixels: 148 on the left, 118 on the right.
inline std::string grey() {
  return start() + quantization() + dc_table() + ac_table() + frame(0, 8, 16, {{1, 0x11, 0}}) + scan({1}) +
         coded("10 10100 0  10 00001 0") + end();
}

/// The same with a restart between its two blocks: 148 on the left, 149 on the right.
inline std::string restarted() {
  return start() + quantization() + dc_table() + ac_table() + segment(0xdd, word(1)) + frame(0, 8, 16, {{1, 0x11, 0}}) +
         scan({1}) + coded("10 10100 0") + marker(0xd0) + coded("10 10101 0") + end();
}

/// Colour, 16 x 16 pixels, with chroma of half the size: a luma of 148, 118, 118, 118 by quarters.
inline std::string colour() {
  return start() + quantization() + dc_table() + ac_table() +
         frame(1, 16, 16, {{1, 0x22, 0}, {2, 0x11, 0}, {3, 0x11, 0}}) + scan({1, 2, 3}) +
         coded("10 10100 0  10 00001 0  0 0  0 0  0 0  0 0") + end();
}

/// Progressive, grey, 8 x 16 pixels: 160 on the left, 99 on the right. DC without its lowest bit, an AC of no value,
/// the lowest bit of DC.
inline std::string progressive() {
  return start() + quantization() + dc_table() + frame(2, 8, 16, {{1, 0x11, 0}}) + scan({1}, 0, 0, 1) +
         coded("10 10000 10 00000") + ac_table() + scan({1}, 1, 63) + coded("0 0") + scan({1}, 0, 0, 0x10) +
         coded("0 1") + end();
}

/// Noise in all of a picture's blocks, of as many components as samplings: DC of 5 bits, some coefficients of +-1.
inline std::string noise(const std::vector<std::size_t>& samplings, std::size_t rows, std::size_t columns) {
  std::vector<component> components;
  std::vector<std::size_t> ids;
  std::size_t high = 1, wide = 1;
  for (std::size_t c = 0; c < samplings.size(); ++c) {
    components.push_back({c + 1, samplings[c], 0});
    ids.push_back(c + 1);
    wide = std::max(wide, samplings[c] >> 4U);
    high = std::max(high, samplings[c] & 15U);
  }
  std::uint32_t state = 1;
  const auto draw = [&](std::uint32_t below) {
    state = state * 1664525U + 1013904223U;
    return (state >> 16U) % below;
  };
  std::string bits;
  std::vector<int> level(samplings.size(), 0);
  const std::size_t units = ((rows + 8 * high - 1) / (8 * high)) * ((columns + 8 * wide - 1) / (8 * wide));
  for (std::size_t u = 0; u < units; ++u) {
    for (std::size_t c = 0; c < samplings.size(); ++c) {
      for (std::size_t b = 0; b < (samplings[c] >> 4U) * (samplings[c] & 15U); ++b) {
        // A difference of 16 .. 31 units, toward the middle.
        const int step = 16 + static_cast<int>(draw(16));
        level[c] += level[c] > 0 ? -step : step;
        const int coded = level[c] > 0 ? step : 31 - step;  // those below zero are the ones' complement
        bits += "10";
        for (int i = 4; i >= 0; --i) bits += (coded >> i & 1) != 0 ? '1' : '0';
        for (std::uint32_t k = draw(40); k > 0; --k) bits += draw(2) != 0 ? "101" : "100";
        bits += '0';
      }
    }
  }
  return start() + quantization(0, 24) + dc_table() + ac_table() + frame(0, rows, columns, components) + scan(ids) +
         coded(bits) + end();
}

}  // namespace tiny_jpeg
