// Protobuf's text format, in which Caffe describes its networks, as a tree of fields. The tree does not interpret
// fields; it keeps the place of each and whether it was read.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/text.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What a field holds. An identifier is an enum's value, true, false, inf or nan.
enum class prototxt_kind { number, identifier, string, message };

/// The enumerator's name.
[[nodiscard]] constexpr std::string_view to_string(prototxt_kind kind) noexcept {
  switch (kind) {
    case prototxt_kind::number: return "number";
    case prototxt_kind::identifier: return "identifier";
    case prototxt_kind::string: return "string";
    case prototxt_kind::message: return "message";
  }
  return "?";
}

/// A place in a file; line and column (in bytes) count from 1. Prints as file:line:column.
struct prototxt_position {
  std::shared_ptr<const std::string> file;  ///< its name
  std::uint32_t line = 1;                   ///< from 1
  std::uint32_t column = 1;                 ///< from 1, in bytes

  /// "file:line:column".
  friend std::ostream& operator<<(std::ostream& out, const prototxt_position& p) {
    return out << (p.file ? *p.file : std::string("?")) << ':' << std::to_string(p.line) << ':'
               << std::to_string(p.column);
  }
};

/// What a file may have at most; anything beyond is a parse_error. Real networks stay far below.
struct prototxt_limits {
  std::uint64_t file_bytes = std::uint64_t{16} << 20U;  ///< of the file
  std::size_t depth = 64;                               ///< of messages in messages
  std::size_t fields = 100'000;                         ///< in the whole file; every element of a list counts
  std::size_t name_bytes = 128;                         ///< of a field's name
  std::size_t string_bytes = 65536;                     ///< of a string, number or identifier
};

/// A field that was never read: its names from the message that was asked, joined by dots, and its place.
struct prototxt_unread {
  std::string path;         ///< names of the fields that lead to it
  prototxt_position where;  ///< where it stands
};

class prototxt_field;

namespace detail {
class prototxt_parser;
}

/// Fields in the order of the file. Names may repeat: that is how the format writes lists.
class prototxt_message {
 public:
  /// All fields, in the order of the file.
  [[nodiscard]] const std::vector<prototxt_field>& fields() const noexcept { return fields_; }
  /// Where the field that holds the message stands; the file's beginning for the whole file.
  [[nodiscard]] const prototxt_position& where() const noexcept { return where_; }

  /// All fields of that name, in order.
  [[nodiscard]] std::vector<const prototxt_field*> all(std::string_view name) const;
  /// The field of that name or nullptr. Throws parse_error where there are several.
  [[nodiscard]] const prototxt_field* find(std::string_view name) const;
  /// The field of that name. Throws parse_error where there is none or several.
  [[nodiscard]] const prototxt_field& one(std::string_view name) const;

  /// The fields here and below that nobody read: scalars whose value was not taken, messages that were not opened.
  [[nodiscard]] std::vector<prototxt_unread> unread() const;
  /// Counts the fields of that name, with all that is in them, as read.
  void ignore(std::string_view name) const;

 private:
  friend class detail::prototxt_parser;

  void ignore_all() const;
  void add_unread(std::vector<prototxt_unread>& to, const std::string& path) const;

  std::vector<prototxt_field> fields_;
  prototxt_position where_;
};

/// A name with a scalar or a message. Every typed read throws parse_error where the field holds something else, and
/// marks the field as read, const or not: one tree is for one thread.
class prototxt_field {
 public:
  /// The field's name.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Where it stands.
  [[nodiscard]] const prototxt_position& where() const noexcept { return where_; }
  /// What its value is.
  [[nodiscard]] prototxt_kind kind() const noexcept { return kind_; }
  /// A number or identifier as it is written (a minus sign without the space that may follow it), a string's content;
  /// "" for a message. Does not count as reading.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  /// The value, where it is a message; else throws parse_error.
  [[nodiscard]] const prototxt_message& message() const {
    read_ = true;
    expect(kind_ == prototxt_kind::message, "a message: { ... }");
    return message_;
  }
  /// The value, where it is a string; else throws parse_error.
  [[nodiscard]] const std::string& string() const {
    read_ = true;
    expect(kind_ == prototxt_kind::string, "a quoted string");
    return text_;
  }
  /// The value, where it is an identifier; else throws parse_error.
  [[nodiscard]] const std::string& identifier() const {
    read_ = true;
    expect(kind_ == prototxt_kind::identifier, "an identifier");
    return text_;
  }
  /// true, True, t and 1, or false, False, f and 0.
  [[nodiscard]] bool boolean() const;
  /// A decimal, hexadecimal or octal integer from low to high. Integers beyond 64 bits with sign are always refused.
  template <std::integral T>
  [[nodiscard]] T integer(T low = std::numeric_limits<T>::min(), T high = std::numeric_limits<T>::max()) const;
  /// A decimal number from low to high, rounded to double and then to float, as protobuf does. NaN is always refused,
  /// infinity unless the range includes it.
  [[nodiscard]] float real(float low = std::numeric_limits<float>::lowest(),
                           float high = std::numeric_limits<float>::max()) const;
  /// The index in `names` of the identifier that stands here; the index itself may stand here as well, because Caffe's
  /// enums count from 0.
  [[nodiscard]] std::size_t one_of(std::initializer_list<std::string_view> names) const;

 private:
  friend class prototxt_message;
  friend class detail::prototxt_parser;

  struct magnitude_and_sign {
    std::uint64_t magnitude;
    bool negative;
  };
  /// The integer that the text is, if it is one of 64 bits.
  [[nodiscard]] std::optional<magnitude_and_sign> parsed_integer() const;
  [[nodiscard]] std::optional<double> parsed_real() const;

  template <class... Expected>
  void expect(bool holds, const Expected&... expected) const {
    if (!holds) throw parse_error(detail::message(where_, ": ", name_, ": got ", got(), ", expected ", expected...));
  }
  [[nodiscard]] std::string got() const {
    if (kind_ == prototxt_kind::message) return "a message";
    return (kind_ == prototxt_kind::string ? "the string " : "") + detail::excerpt(text_);
  }

  std::string name_;
  std::string text_;
  prototxt_position where_;
  prototxt_kind kind_ = prototxt_kind::message;
  mutable bool read_ = false;
  prototxt_message message_;
};

inline std::vector<const prototxt_field*> prototxt_message::all(std::string_view name) const {
  std::vector<const prototxt_field*> found;
  for (const prototxt_field& f : fields_) {
    if (f.name() == name) found.push_back(&f);
  }
  return found;
}

inline const prototxt_field* prototxt_message::find(std::string_view name) const {
  const prototxt_field* found = nullptr;
  for (const prototxt_field& f : fields_) {
    if (f.name() != name) continue;
    detail::require<parse_error>(found == nullptr, f.where(), ": ", name, " stands there again, expected it once: it ",
                                 "was at line ", found == nullptr ? 0 : found->where().line);
    found = &f;
  }
  return found;
}

inline const prototxt_field& prototxt_message::one(std::string_view name) const {
  const prototxt_field* found = find(name);
  detail::require<parse_error>(found != nullptr, where_, ": got no field ", name, ", expected one");
  return *found;
}

inline std::vector<prototxt_unread> prototxt_message::unread() const {
  std::vector<prototxt_unread> result;
  add_unread(result, "");
  return result;
}

inline void prototxt_message::add_unread(std::vector<prototxt_unread>& to, const std::string& path) const {
  for (const prototxt_field& f : fields_) {
    if (!f.read_) {
      to.push_back({path + f.name_, f.where_});
    } else {
      f.message_.add_unread(to, path + f.name_ + ".");
    }
  }
}

inline void prototxt_message::ignore(std::string_view name) const {
  for (const prototxt_field* f : all(name)) {
    f->read_ = true;
    f->message_.ignore_all();
  }
}

inline void prototxt_message::ignore_all() const {
  for (const prototxt_field& f : fields_) {
    f.read_ = true;
    f.message_.ignore_all();
  }
}

inline std::optional<prototxt_field::magnitude_and_sign> prototxt_field::parsed_integer() const {
  if (kind_ != prototxt_kind::number) return std::nullopt;
  std::string_view digits = text_;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    digits.remove_prefix(2);
    base = 16;
  } else if (digits.starts_with('0')) {
    base = 8;
  }
  std::uint64_t magnitude = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, problem] = std::from_chars(digits.data(), end, magnitude, base);
  if (stop != end || problem != std::errc{}) return std::nullopt;
  return magnitude_and_sign{magnitude, negative && magnitude != 0};
}

inline std::optional<double> prototxt_field::parsed_real() const {
  std::string_view digits = text_;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  std::string lower(digits.substr(0, 9));  // one more than the longest word
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  double value = 0;
  if (lower == "inf" || lower == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (kind_ != prototxt_kind::number) {
    return std::nullopt;
  } else {
    // Hexadecimal and octal stand for integers only; a lone 0 and 0.5 are decimal.
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_of(".eEfF") == std::string_view::npos) {
      return std::nullopt;
    }
    if (lower.starts_with("0x")) return std::nullopt;
    if (digits.ends_with('f') || digits.ends_with('F')) digits.remove_suffix(1);
    const char* const end = digits.data() + digits.size();
    const auto [stop, problem] = std::from_chars(digits.data(), end, value);
    if (stop != end || problem != std::errc{}) return std::nullopt;
  }
  return negative ? -value : value;
}

inline bool prototxt_field::boolean() const {
  read_ = true;
  if (kind_ == prototxt_kind::identifier) {
    if (text_ == "true" || text_ == "True" || text_ == "t") return true;
    if (text_ == "false" || text_ == "False" || text_ == "f") return false;
  }
  const auto value = parsed_integer();
  expect(value && value->magnitude <= 1 && !value->negative, "true or false");
  return value->magnitude == 1;
}

template <std::integral T>
T prototxt_field::integer(T low, T high) const {
  read_ = true;
  constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
  const auto parsed = parsed_integer();
  if (parsed && parsed->magnitude <= largest + (parsed->negative ? 1 : 0)) {
    const auto value = static_cast<std::int64_t>(parsed->negative ? 0 - parsed->magnitude : parsed->magnitude);
    if (!std::cmp_less(value, low) && !std::cmp_greater(value, high)) return static_cast<T>(value);
  }
  expect(false, "an integer from ", static_cast<std::int64_t>(low), " to ",
         static_cast<std::int64_t>(std::cmp_greater(high, largest) ? static_cast<T>(largest) : high));
  return low;
}

inline float prototxt_field::real(float low, float high) const {
  read_ = true;
  const auto value = parsed_real();
  expect(value && *value >= static_cast<double>(low) && *value <= static_cast<double>(high), "a number from ", low,
         " to ", high);
  return static_cast<float>(*value);
}

inline std::size_t prototxt_field::one_of(std::initializer_list<std::string_view> names) const {
  read_ = true;
  if (kind_ == prototxt_kind::identifier) {
    const auto* found = std::find(names.begin(), names.end(), text_);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  }
  const auto value = parsed_integer();
  if (value && !value->negative && value->magnitude < names.size()) return static_cast<std::size_t>(value->magnitude);
  std::string list;
  for (const auto* n = names.begin(); n != names.end(); ++n) {
    if (n != names.begin()) list += n + 1 == names.end() ? " or " : ", ";
    list += *n;
  }
  expect(false, list);
  return 0;
}

namespace detail {

[[nodiscard]] constexpr bool is_octal(char c) noexcept { return c >= '0' && c <= '7'; }
[[nodiscard]] constexpr bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
[[nodiscard]] constexpr bool is_word_start(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
[[nodiscard]] constexpr bool is_word(char c) noexcept { return is_word_start(c) || is_digit(c); }

/// Whether the text is 0x and hexadecimal digits, 0 and octal digits, or decimal digits with at most one point, an
/// exponent and an f.
[[nodiscard]] constexpr bool is_prototxt_number(std::string_view text) noexcept {
  const auto all_of = [](std::string_view s, auto holds) { return std::all_of(s.begin(), s.end(), holds); };
  if (text.starts_with("0x") || text.starts_with("0X")) return text.size() > 2 && all_of(text.substr(2), is_hex);
  if (text.size() > 1 && text[0] == '0' && is_digit(text[1])) return all_of(text, is_octal);
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t start = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - start;
  };
  std::size_t count = digits();
  if (at < text.size() && text[at] == '.') {
    ++at;
    count += digits();
  }
  if (count == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'f' || text[at] == 'F')) ++at;
  return at == text.size();
}

/// One pass over the text; recursion only into messages, as deep as the limit.
class prototxt_parser {
 public:
  prototxt_parser(std::string_view text, std::string file, const prototxt_limits& limits)
      : text_(text), file_(std::make_shared<const std::string>(std::move(file))), limits_(limits) {
    require<parse_error>(text.size() <= limits.file_bytes, *file_, ": ", text.size(), " bytes, the limit is ",
                         limits.file_bytes);
    if (text_.starts_with("\xef\xbb\xbf")) at_ = line_start_ = 3;  // UTF-8's byte order mark
  }

  [[nodiscard]] prototxt_message parse() {
    prototxt_message root;
    root.where_ = {file_, 1, 1};
    for (skip_space(); at_ < text_.size(); skip_space()) field(root);
    return root;
  }

 private:
  [[nodiscard]] prototxt_position here() const {
    return {file_, line_, static_cast<std::uint32_t>(at_ - line_start_ + 1)};
  }
  template <class... What>
  [[noreturn]] void fail(const prototxt_position& where, const What&... what) const {
    throw parse_error(detail::message(where, ": ", what...));
  }
  template <class... Expected>
  [[noreturn]] void fail_here(const Expected&... expected) const {
    std::size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    fail(here(), "got ",
         at_ == text_.size() ? "the file's end" : excerpt(text_.substr(at_, std::max(end - at_, std::size_t{1}))),
         ", expected ", expected...);
  }
  void check_length(const prototxt_position& where, std::size_t size, std::size_t limit, std::string_view what) const {
    if (size > limit) fail(where, "got ", size, " bytes of ", what, ", the limit is ", limit);
  }

  [[nodiscard]] char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[nodiscard]] bool take(char c) noexcept {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  /// Passes white space and comments.
  void skip_space() noexcept {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '#') at_ = std::min(text_.find('\n', at_), text_.size());
      if (at_ == text_.size()) return;
      if (text_[at_] == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      } else if (c != ' ' && c != '\t' && c != '\r' && c != '\f' && c != '\v') {
        return;
      }
    }
  }

  void field(prototxt_message& to) {
    const prototxt_position where = here();
    if (!is_word_start(peek())) fail_here("a field's name");
    const std::string name(word());
    check_length(where, name.size(), limits_.name_bytes, "name");
    skip_space();
    const bool colon = take(':');
    skip_space();
    if (take('[')) {
      skip_space();
      while (!take(']')) {
        value(to, name, here(), colon);
        skip_space();
        if (take(']')) break;
        if (!take(',')) fail_here("',' or ']' in the list ", excerpt(name));
        skip_space();
        if (peek() == ']') fail_here("a value after ','");
      }
    } else {
      value(to, name, where, colon);
    }
    skip_space();
    if (!take(';')) (void)take(',');
  }

  void value(prototxt_message& to, const std::string& name, const prototxt_position& where, bool colon) {
    if (count_++ == limits_.fields) fail(where, "more than ", limits_.fields, " fields, the limit");
    prototxt_field f;
    f.name_ = name;
    f.where_ = f.message_.where_ = where;
    const char c = peek();
    if (c == '{' || c == '<') {
      parse_message(f.message_, c == '{' ? '}' : '>', name);
    } else if (!colon) {
      fail_here("':' or '{' after ", excerpt(name));
    } else if (c == '"' || c == '\'') {
      f.kind_ = prototxt_kind::string;
      f.text_ = string();
    } else if (c == '-' || c == '.' || is_digit(c)) {
      f.kind_ = prototxt_kind::number;
      f.text_ = number();
    } else if (is_word_start(c)) {
      f.kind_ = prototxt_kind::identifier;
      f.text_ = word();
    } else {
      fail_here("a value of ", excerpt(name));
    }
    check_length(where, f.text_.size(), limits_.string_bytes, to_string(f.kind_));
    to.fields_.push_back(std::move(f));
  }

  void parse_message(prototxt_message& m, char closing, const std::string& name) {
    if (depth_ == limits_.depth) fail(here(), "messages more than ", limits_.depth, " deep, the limit");
    ++depth_;
    ++at_;
    for (skip_space(); !take(closing); skip_space()) {
      if (at_ == text_.size()) fail_here("'", closing, "' for ", excerpt(name), " of line ", m.where_.line);
      field(m);
    }
    --depth_;
  }

  [[nodiscard]] std::string_view word() noexcept {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  [[nodiscard]] std::string number() {
    const prototxt_position where = here();
    std::string sign;
    if (take('-')) {
      sign = "-";
      skip_space();
      if (is_word_start(peek())) {
        std::string name(word().substr(0, 16));
        std::string lower = name;
        for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (lower != "inf" && lower != "infinity" && lower != "nan") {
          fail(where, "got ", excerpt(sign + name), ", expected a number");
        }
        return sign + name;
      }
    }
    const std::size_t start = at_;
    for (; at_ < text_.size(); ++at_) {  // all that touches it, so that 1.2.3 is one wrong number
      const char c = text_[at_];
      const bool exponent_sign =
          (c == '-' || c == '+') && at_ > start && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
      if (!is_word(c) && c != '.' && !exponent_sign) break;
    }
    const std::string_view digits = text_.substr(start, at_ - start);
    if (!is_prototxt_number(digits)) fail(where, "got ", excerpt(sign + std::string(digits)), ", expected a number");
    return sign + std::string(digits);
  }

  /// One string or several with only space between, which are one.
  [[nodiscard]] std::string string() {
    std::string result;
    for (const prototxt_position where = here(); peek() == '"' || peek() == '\''; skip_space()) {
      const prototxt_position part = here();
      const char quote = text_[at_++];
      while (!take(quote)) {
        if (at_ == text_.size() || text_[at_] == '\n') fail(part, "got a string that does not end on its line");
        if (text_[at_] == '\\') {
          escape(result);
        } else {
          result += text_[at_++];
        }
        check_length(where, result.size(), limits_.string_bytes, "string");
      }
    }
    return result;
  }

  void escape(std::string& to) {
    const prototxt_position where = here();
    ++at_;
    const char c = peek();
    constexpr std::string_view letters = "abfnrtv\\'\"?";
    constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\'\"?";
    if (const std::size_t i = letters.find(c); i != std::string_view::npos) {
      ++at_;
      to += meanings[i];
    } else if (is_octal(c)) {
      const std::uint32_t code = escape_digits(8, 3);
      if (code > 255) fail(where, "got an octal escape above \\377");
      to += static_cast<char>(code);
    } else if (c == 'x' || c == 'X') {
      ++at_;
      const std::size_t start = at_;
      const std::uint32_t code = escape_digits(16, 2);
      if (at_ == start) fail(where, "got \\x without hexadecimal digits");
      to += static_cast<char>(code);
    } else if (c == 'u' || c == 'U') {
      ++at_;
      const std::size_t start = at_;
      const std::size_t wanted = c == 'u' ? 4 : 8;
      const std::uint32_t code = escape_digits(16, wanted);
      const bool surrogate = code >= 0xd800 && code <= 0xdfff;
      if (at_ - start != wanted || surrogate || code > 0x10ffff) {
        fail(where, "got ", excerpt(text_.substr(start - 2, at_ - start + 2)), ", expected ", wanted,
             " hexadecimal digits of a Unicode character");
      }
      add_utf8(to, code);
    } else {
      fail(where, "got the escape ", excerpt(text_.substr(at_ - 1, 2)),
           ", expected \\ and one of a b f n r t v \\ ' \" ?, octal digits, x, u or U");
    }
  }

  [[nodiscard]] std::uint32_t escape_digits(int base, std::size_t most) noexcept {
    std::uint32_t value = 0;
    const char* const start = text_.data() + at_;
    const char* const end = start + std::min(most, text_.size() - at_);
    at_ += static_cast<std::size_t>(std::from_chars(start, end, value, base).ptr - start);
    return value;
  }

  static void add_utf8(std::string& to, std::uint32_t code) {
    const auto byte = [&to](std::uint32_t bits) { to += static_cast<char>(bits); };
    const auto rest = [&](std::uint32_t shift) { byte(0x80U | ((code >> shift) & 0x3fU)); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
      byte(0xc0U | (code >> 6U));
    } else {
      if (code < 0x10000) {
        byte(0xe0U | (code >> 12U));
      } else {
        byte(0xf0U | (code >> 18U));
        rest(12);
      }
      rest(6);
    }
    rest(0);
  }

  std::string_view text_;
  std::shared_ptr<const std::string> file_;
  prototxt_limits limits_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  std::uint32_t line_ = 1;
  std::size_t count_ = 0;  ///< of fields
  std::size_t depth_ = 0;
};

}  // namespace detail

/// The fields of a text; `file` names it in messages. Throws parse_error with file, line and column for what is not
/// text format or is beyond the limits.
[[nodiscard]] inline prototxt_message parse_prototxt(std::string_view text, std::string file,
                                                     const prototxt_limits& limits = {}) {
  return detail::prototxt_parser(text, std::move(file), limits).parse();
}

/// The fields of a file. Throws as parse_prototxt, and error for what cannot be read.
[[nodiscard]] inline prototxt_message read_prototxt(const std::filesystem::path& path,
                                                    const prototxt_limits& limits = {}) {
  return parse_prototxt(detail::read_whole_file(path, limits.file_bytes, "a .prototxt file"), path.string(), limits);
}

NNIESIM_END_NAMESPACE
