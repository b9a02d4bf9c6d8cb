// A table for a terminal: where it is too wide, its first column is shortened, then the least important columns are
// left out, and that is said.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace nnie_debug {

struct text_column {
  std::string head{};
  bool is_number = true;  ///< at the right
  int importance = 0;     ///< columns of the least are left out first; the first column never is
};

class text_table {
 public:
  explicit text_table(std::vector<text_column> columns) : columns_(std::move(columns)) {}
  /// One text for each column. Throws error for another number of them.
  void add(std::vector<std::string> cells);
  /// With the heads first. `width` in columns of a terminal; 0: no limit.
  [[nodiscard]] std::string text(std::size_t width) const;

 private:
  std::vector<text_column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace nnie_debug
