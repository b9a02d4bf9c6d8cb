// Small damage to a file's bytes, for tests that a reader survives it.
#pragma once

#include <string>
#include <vector>

#include "random.hpp"

/// One bit at a place changed.
inline void flip_bit(std::string& bytes, std::size_t at, draws& d) {
  bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << d.between(0, 7)));
}

/// One edit at a place: a byte, a bit, a cut, something inserted, removed, doubled, or one of the pieces put in.
inline void edit(std::string& bytes, std::size_t at, draws& d, const std::vector<std::string>& pieces) {
  switch (d.between(0, 6)) {
    case 0: bytes[at] = static_cast<char>(d.bits() & 255U); break;
    case 1: flip_bit(bytes, at, d); break;
    case 2: bytes.resize(d.between(0, bytes.size())); break;
    case 3: bytes.insert(at, d.between(1, 9), static_cast<char>(d.bits() & 255U)); break;
    case 4: bytes.erase(at, d.between(1, 9)); break;
    case 5: bytes.replace(at, d.between(0, 3), pieces[d.between(0, pieces.size() - 1)]); break;
    default: bytes += bytes.substr(at, 64); break;
  }
}

/// One to three edits anywhere.
inline std::string mutated(std::string bytes, draws& d, const std::vector<std::string>& pieces) {
  const std::size_t edits = d.between(1, 3);
  for (std::size_t k = 0; k < edits && !bytes.empty(); ++k) edit(bytes, d.between(0, bytes.size() - 1), d, pieces);
  return bytes;
}

/// Numbers and marks that readers of text have trouble with.
inline const std::vector<std::string>& hostile_pieces() {
  static const std::vector<std::string> pieces = {"99999999999999999999",
                                                  "-1",
                                                  "nan",
                                                  "inf",
                                                  "1e999",
                                                  "1e-999",
                                                  "\n",
                                                  "\r\n",
                                                  " ",
                                                  ",",
                                                  "#",
                                                  "[",
                                                  "]",
                                                  "0x",
                                                  "-",
                                                  "+",
                                                  std::string(300, '9'),
                                                  std::string(1, '\0')};
  return pieces;
}
