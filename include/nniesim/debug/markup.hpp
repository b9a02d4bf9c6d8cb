// Text for HTML, SVG and Markdown: escaped, valid UTF-8 whatever came in, numbers the same in every locale.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

#include <nniesim/core/config.hpp>
#include <nniesim/core/number_text.hpp>
#include <nniesim/core/utf8.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Calls f with each character; U+FFFD stands for each byte that is no UTF-8 and for control characters but tab and
/// line feed, which ends lines of every kind.
template <class F>
void for_each_character(std::string_view text, F f) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(1, length));
    const auto first = static_cast<unsigned char>(character[0]);
    const bool c1 = first == 0xc2 && length == 2 && static_cast<unsigned char>(character[1]) < 0xa0;
    if (first == '\r') {
      if (text.substr(1, 1) != "\n") f(std::string_view("\n"));
    } else if (length == 0 || first == 0x7f || c1 || (first < 0x20 && first != '\t' && first != '\n')) {
      f(replacement_character);
    } else {
      f(character);
    }
    text.remove_prefix(character.size());
  }
}

/// For the content of an element and for an attribute's value in quotes of either kind.
[[nodiscard]] inline std::string escape_html(std::string_view text) {
  std::string out;
  for_each_character(text, [&](std::string_view c) {
    if (c == "&") out += "&amp;";
    else if (c == "<") out += "&lt;";
    else if (c == ">") out += "&gt;";
    else if (c == "\"") out += "&quot;";
    else if (c == "'") out += "&#39;";
    else out += c;
  });
  return out;
}

/// For one line of Markdown or a cell of its tables: line feeds and tabs are spaces. Underscores within a word mean
/// nothing there and stay as they are, for layers' names to be read and copied.
[[nodiscard]] inline std::string escape_markdown(std::string_view text) {
  const auto in_word = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto within_word = [&](const char* c) {
    return c != text.data() && c + 1 != text.data() + text.size() && in_word(c[-1]) && in_word(c[1]);
  };
  std::string out;
  for_each_character(text, [&](std::string_view c) {
    const bool special = c.size() == 1 && std::string_view("\\`*_[]<>|&~#$").find(c) != std::string_view::npos;
    if (c == "\n" || c == "\t") out += ' ';
    else if (special && !(c == "_" && within_word(c.data()))) out.append("\\").append(c);
    else out += c;
  });
  return out;
}

[[nodiscard]] inline std::size_t count_characters(std::string_view text) {
  std::size_t n = 0;
  for_each_character(text, [&n](std::string_view) { ++n; });
  return n;
}

/// At most `most` characters, of which the last is "…" where there were more.
[[nodiscard]] inline std::string shortened(std::string_view text, std::size_t most) {
  const bool too_long = count_characters(text) > most;
  std::string out;
  std::size_t n = 0;
  for_each_character(text, [&](std::string_view c) {
    if (++n < most || (n == most && !too_long)) out += c;
  });
  return too_long ? out + "…" : out;
}

/// "NaN", "∞", "-∞".
[[nodiscard]] inline std::string not_finite_text(double v) { return std::isnan(v) ? "NaN" : v > 0 ? "∞" : "-∞"; }

/// As %.*g writes it.
[[nodiscard]] inline std::string number_text(double v, int digits = 6) {
  return std::isfinite(v) ? general_number(v, digits) : not_finite_text(v);
}

/// As %.*f writes it, from 1e9 on as %.6g.
[[nodiscard]] inline std::string fixed_text(double v, int decimals) {
  if (!(std::fabs(v) < 1e9)) return number_text(v);
  std::string out = fixed_number(v, decimals);
  return out.find_first_not_of("-0.") == std::string::npos && out[0] == '-' ? out.substr(1) : out;
}

/// 0.031 as "+3.1 %".
[[nodiscard]] inline std::string percent_with_sign(double v, int decimals) {
  const std::string text = fixed_text(100 * v, decimals);
  if (!std::isfinite(v)) return text;
  return with_sign(text) + " %";
}

/// 0.031 as "3.1 %", to three digits.
[[nodiscard]] inline std::string percent(double share) { return number_text(100 * share, 3) + " %"; }
/// Five decimals.
[[nodiscard]] inline std::string cosine_text(double v) { return fixed_text(v, 5); }

}  // namespace detail

NNIESIM_END_NAMESPACE
