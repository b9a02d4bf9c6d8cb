// Where the values of a prototxt's fields stand in its text, for edits that leave every other byte as it is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/io/prototxt.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// For a text that was parsed before; offsets in bytes. `where` is the position of a field, as the parser gives it.
class prototxt_places {
 public:
  explicit prototxt_places(std::string_view text) : text_(text) {
    lines_.push_back(text.starts_with("\xef\xbb\xbf") ? 3 : 0);
    for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
      lines_.push_back(at + 1);
    }
  }

  /// The last quote of a string's value.
  [[nodiscard]] std::size_t closing_quote(const prototxt_position& where) const {
    std::size_t at = value(where);
    for (;;) {  // strings side by side are one
      const char quote = text_.at(at);
      for (++at; text_.at(at) != quote; ++at) at += text_[at] == '\\' ? 1U : 0U;
      const std::size_t next = skip_space(at + 1);
      if (!is_one_of(next, "\"'")) return at;
      at = next;
    }
  }

  /// Begin and end of a number, its sign included.
  [[nodiscard]] std::pair<std::size_t, std::size_t> number(const prototxt_position& where) const {
    const std::size_t begin = value(where);
    std::size_t end = text_.at(begin) == '-' ? skip_space(begin + 1) : begin;
    for (; end < text_.size(); ++end) {
      const char c = text_[end];
      const bool is_exponent_sign = (c == '-' || c == '+') && (text_[end - 1] == 'e' || text_[end - 1] == 'E');
      if (!is_word(c) && c != '.' && !is_exponent_sign) break;
    }
    return {begin, end};
  }

  /// Behind the brace that opens a message.
  [[nodiscard]] std::size_t inside(const prototxt_position& where) const { return value(where) + 1; }

 private:
  /// Where a field's value begins: its position is that of the field's name or, in a list, of the value itself.
  [[nodiscard]] std::size_t value(const prototxt_position& where) const {
    std::size_t at = lines_.at(where.line - 1) + where.column - 1;
    if (!is_word_start(text_.at(at))) return at;
    while (is_word(text_.at(at))) ++at;
    at = skip_space(at);
    return text_.at(at) == ':' ? skip_space(at + 1) : at;
  }
  [[nodiscard]] bool is_one_of(std::size_t at, std::string_view these) const noexcept {
    return at < text_.size() && these.find(text_[at]) != std::string_view::npos;
  }
  [[nodiscard]] std::size_t skip_space(std::size_t at) const noexcept {
    for (; at < text_.size(); ++at) {
      if (text_[at] == '#') at = std::min(text_.find('\n', at), text_.size() - 1);
      else if (!is_one_of(at, " \t\r\n\f\v")) break;
    }
    return at;
  }

  std::string_view text_;
  std::vector<std::size_t> lines_;  ///< where each begins
};

}  // namespace detail

NNIESIM_END_NAMESPACE
