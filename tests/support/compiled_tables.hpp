// The function tables that compiled models carry, from the models that lie on this machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "catch.hpp"

namespace compiled_tables {

using bytes = std::vector<unsigned char>;

inline std::uint32_t word(const bytes& b, std::size_t at) {
  return b.at(at) | std::uint32_t{b.at(at + 1)} << 8U | std::uint32_t{b.at(at + 2)} << 16U |
         std::uint32_t{b.at(at + 3)} << 24U;
}

/// Calls check(number, table) with each of the four tables of 1024 bytes of every model. Warns where there are none.
template <class Check>
void for_each(Check check) {
  std::size_t models = 0;
#ifdef NNIESIM_SHARED_DIR
  for (const char* name : {"mnet_640_inst.wk", "mnet_mergebn_640L_inst.wk"}) {
    std::ifstream file(std::filesystem::path(NNIESIM_SHARED_DIR) / "wk" / name, std::ios::binary);
    if (!file) continue;
    const bytes all{std::istreambuf_iterator<char>(file), {}};
    ++models;
    for (std::size_t number = 0; number < 4; ++number) {
      const std::size_t at = word(all, 0x34) + word(all, 0x70 + 16 * number);
      REQUIRE(word(all, 0x74 + 16 * number) == 1024);
      REQUIRE(at + 1024 <= all.size());
      INFO(name << ", table " << number);
      check(number,
            bytes(all.begin() + static_cast<std::ptrdiff_t>(at), all.begin() + static_cast<std::ptrdiff_t>(at + 1024)));
    }
  }
#endif
  if (models == 0) WARN("skipped: no compiled models are here (NNIESIM_SHARED_DIR)");
}

}  // namespace compiled_tables
