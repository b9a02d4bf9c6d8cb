#include "text_table.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <nniesim/core/error.hpp>
#include <nniesim/core/utf8.hpp>

#include "terminal.hpp"

namespace nnie_debug {

namespace text_tables {

constexpr std::size_t gap = 2, shortest_name = 16;

/// The end of a text, which tells layers' names apart, behind "...", in `columns`.
std::string end_of(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  while (!text.empty() && columns_of(text) + 3 > columns) {
    text.remove_prefix(std::max<std::size_t>(1, nniesim::detail::utf8_length(text)));
  }
  return "..." + std::string(text);
}

std::string padded(const std::string& text, std::size_t columns, bool at_right) {
  const std::string blanks(columns - std::min(columns, columns_of(text)), ' ');
  return at_right ? blanks + text : text + blanks;
}

}  // namespace text_tables

void text_table::add(std::vector<std::string> cells) {
  nniesim::detail::require<nniesim::error>(cells.size() == columns_.size(), "text_table: got ", cells.size(),
                                           " cells, expected ", columns_.size());
  rows_.push_back(std::move(cells));
}

std::string text_table::text(std::size_t width) const {
  using namespace text_tables;
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    widths.push_back(columns_of(columns_[c].head));
    for (const auto& row : rows_) widths[c] = std::max(widths[c], columns_of(row[c]));
  }
  std::vector<std::size_t> shown;  // those that say anything
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (c == 0 || widths[c] != 0) shown.push_back(c);
  }
  const auto total = [&] {
    std::size_t sum = 0;
    for (const std::size_t c : shown) sum += widths[c] + (c == 0 ? 0 : gap);
    return sum;
  };
  const auto shorten = [&] {
    if (widths.empty() || total() <= width) return;
    widths[0] -= std::min(widths[0] - std::min(widths[0], shortest_name), total() - width);
  };
  std::string left_out;
  if (width != 0) shorten();
  while (width != 0 && total() > width && shown.size() > 1) {
    const auto least = std::min_element(shown.begin() + 1, shown.end(), [&](std::size_t a, std::size_t b) {
      return columns_[a].importance < columns_[b].importance;
    });
    left_out += (left_out.empty() ? "" : ", ") + columns_[*least].head;
    shown.erase(least);
  }
  const auto line = [&](const auto& cell) {
    std::string out;
    for (const std::size_t c : shown) {
      out.append(c == 0 ? 0 : gap, ' ').append(padded(end_of(cell(c), widths[c]), widths[c], columns_[c].is_number));
    }
    return out.substr(0, out.find_last_not_of(' ') + 1) + '\n';
  };
  std::string all = line([&](std::size_t c) { return columns_[c].head; });
  for (const auto& row : rows_) all += line([&](std::size_t c) { return row[c]; });
  if (!left_out.empty()) all += wrapped("(left out, for want of width: " + left_out + ")", width, 1) + '\n';
  return all;
}

}  // namespace nnie_debug
