// Readers for the golden data of the GFPQ formats: the compact files in tests/golden and the full tables, which are
// read only where they exist.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#ifndef NNIESIM_SOURCE_DIR
#error "tests are told where the repository is"
#endif

namespace golden {

/// The folder of the full tables; empty where they are not at hand.
inline std::string full_tables() {
#ifdef NNIESIM_SHARED_DIR
  const std::string shared = NNIESIM_SHARED_DIR;
  if (!shared.empty() && std::filesystem::exists(shared + "/gfpq/exhaustive.csv")) return shared + "/gfpq";
#endif
  return {};
}

inline std::string compact(const std::string& name) {
  return std::string(NNIESIM_SOURCE_DIR) + "/tests/golden/gfpq/" + name;
}

/// The file's lines split at `separator`; a quoted last cell may be split too. Lines that start with # are left out.
inline std::vector<std::vector<std::string>> read_cells(const std::string& path, char separator) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<std::vector<std::string>> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    auto& cells = lines.emplace_back();
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, separator);) cells.push_back(cell);
  }
  return lines;
}

inline std::uint32_t bits_of(const std::string& hex) {
  std::size_t used = 0;
  const unsigned long value = std::stoul(hex, &used, 16);
  if (used != hex.size() || value > 0xffffffffUL) throw std::runtime_error("not 32 bits: " + hex);
  return static_cast<std::uint32_t>(value);
}

struct block_hash {
  int bits;
  int z;
  unsigned block;  ///< the top byte of the inputs
  std::uint32_t crc;
  friend bool operator==(const block_hash&, const block_hash&) = default;
};

/// All 1280 hashes, from the compact file.
inline std::vector<block_hash> block_hashes() {
  std::vector<block_hash> all;
  const auto fill_to = [&all](unsigned end) {
    while (!all.empty() && all.back().block + 1 < end) {
      block_hash next = all.back();
      ++next.block;
      all.push_back(next);
    }
  };
  for (const auto& line : read_cells(compact("exhaustive.txt"), ' ')) {
    const block_hash h{std::stoi(line.at(0)), std::stoi(line.at(1)), static_cast<unsigned>(bits_of(line.at(2))),
                       bits_of(line.at(3))};
    fill_to(h.block == 0 ? 256 : h.block);
    all.push_back(h);
  }
  fill_to(256);
  return all;
}

/// All hashes, from the full table.
inline std::vector<block_hash> full_block_hashes() {
  std::vector<block_hash> all;
  auto lines = read_cells(full_tables() + "/exhaustive.csv", ',');
  for (std::size_t i = 1; i < lines.size(); ++i) {
    all.push_back({std::stoi(lines[i].at(0)), std::stoi(lines[i].at(1)), static_cast<unsigned>(bits_of(lines[i].at(2))),
                   bits_of(lines[i].at(3))});
  }
  return all;
}

struct derived_scale {
  int bits;
  std::uint32_t max_bits;
  int z;
};

/// z of one float, from the compact file.
inline std::vector<derived_scale> scales() {
  std::vector<derived_scale> all;
  int bits = 0;
  for (const auto& line : read_cells(compact("scales.txt"), ' ')) {
    if (line.at(0) == "bits") {
      bits = std::stoi(line.at(1));
      continue;
    }
    for (std::size_t i = 1; i < line.size(); ++i) {
      all.push_back({bits, bits_of(line[0]) + static_cast<std::uint32_t>(i - 1), std::stoi(line[i])});
    }
  }
  return all;
}

/// z of one float, from the full table.
inline std::vector<derived_scale> full_scales() {
  std::vector<derived_scale> all;
  const auto lines = read_cells(full_tables() + "/scales.csv", ',');
  for (std::size_t i = 1; i < lines.size(); ++i) {
    all.push_back({std::stoi(lines[i].at(0)), bits_of(lines[i].at(1)), std::stoi(lines[i].at(2))});
  }
  return all;
}

struct value_interval {
  int bits;
  int sign;  ///< -1, 0, 1
  int q;
  std::uint32_t min_bits;
  std::uint32_t max_bits;
  std::uint32_t out_bits;
  friend bool operator==(const value_interval&, const value_interval&) = default;
};

inline int sign_of(char c) { return c == '-' ? -1 : c == '+' ? 1 : 0; }

/// Bits of the next larger float; the one after -0 is +0.
inline std::uint32_t next_up(std::uint32_t bits) {
  return bits >> 31U == 0 ? bits + 1 : bits == 0x80000000U ? 0 : bits - 1;
}

/// The floats that encode as each value of z = 0, from the compact file.
inline std::vector<value_interval> values() {
  std::vector<value_interval> all;
  int bits = 0;
  std::uint32_t low = 0;
  for (const auto& line : read_cells(compact("values.txt"), ' ')) {
    if (line.at(0) == "bits") {
      bits = std::stoi(line.at(1));
      low = 0xff7fffffU;
      continue;
    }
    all.push_back(
        {bits, sign_of(line[0].at(0)), std::stoi(line[0].substr(1)), low, bits_of(line.at(1)), bits_of(line.at(2))});
    low = next_up(all.back().max_bits);
  }
  return all;
}

/// The same from the full tables.
inline std::vector<value_interval> full_values() {
  std::vector<value_interval> all;
  for (const int bits : {8, 16}) {
    const auto lines = read_cells(full_tables() + "/thresholds_" + std::to_string(bits) + ".csv", ',');
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const int q = lines[i].at(1).empty() ? 0 : std::stoi(lines[i][1]);  // zero has none
      all.push_back({bits, sign_of(lines[i].at(0).at(0)), q, bits_of(lines[i].at(2)), bits_of(lines[i].at(3)),
                     bits_of(lines[i].at(4))});
    }
  }
  return all;
}

struct tensor_case {
  std::string name;
  int mode;  ///< 0 derive, 1 larger of stored and derived, 2 stored
  int stored_z8, z8, stored_z16, z16;
  std::vector<std::uint32_t> in, out8, out16;
};

/// The tensors of the compact file.
inline std::vector<tensor_case> tensors() {
  std::vector<tensor_case> all;
  for (const auto& line : read_cells(compact("tensors.txt"), ' ')) {
    if (line.at(0) == "tensor") {
      all.push_back({line.at(1),
                     std::stoi(line.at(3)),
                     std::stoi(line.at(4)),
                     std::stoi(line.at(5)),
                     std::stoi(line.at(6)),
                     std::stoi(line.at(7)),
                     {},
                     {},
                     {}});
      continue;
    }
    all.back().in.push_back(bits_of(line.at(0)));
    all.back().out8.push_back(bits_of(line.at(1)));
    all.back().out16.push_back(bits_of(line.at(2)));
  }
  return all;
}

/// The whole tensors of the full tables.
inline std::vector<tensor_case> full_tensors() {
  std::vector<tensor_case> all;
  const auto stored = [](const std::string& cell) { return cell.empty() ? 0 : std::stoi(cell); };
  const auto index = read_cells(full_tables() + "/tensors/index.csv", ',');
  for (std::size_t i = 1; i < index.size(); ++i) {
    const auto& t = index[i];
    auto& c = all.emplace_back(tensor_case{t.at(0),
                                           std::stoi(t.at(2)),
                                           stored(t.at(3)),
                                           std::stoi(t.at(4)),
                                           stored(t.at(5)),
                                           std::stoi(t.at(6)),
                                           {},
                                           {},
                                           {}});
    const auto lines = read_cells(full_tables() + "/tensors/" + t.at(0), ',');
    for (std::size_t k = 1; k < lines.size(); ++k) {
      c.in.push_back(bits_of(lines[k].at(0)));
      c.out8.push_back(bits_of(lines[k].at(1)));
      c.out16.push_back(bits_of(lines[k].at(2)));
    }
    if (c.in.size() != std::stoul(t.at(1))) throw std::runtime_error("wrong count in " + t.at(0));
  }
  return all;
}

}  // namespace golden
