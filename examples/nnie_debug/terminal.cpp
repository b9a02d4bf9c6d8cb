#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include <nniesim/core/utf8.hpp>

namespace nnie_debug {

namespace terminals {

colour_choice& choice() {
  static colour_choice chosen = colour_choice::automatic;
  return chosen;
}

/// A variable of the environment; "" where it is not set.
std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// COLUMNS; 0 where it says nothing of use.
std::size_t columns_variable() {
  const std::string_view text = variable("COLUMNS");
  std::size_t columns = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), columns);
  return problem == std::errc{} && end == text.data() + text.size() && columns >= 20 && columns <= 10000 ? columns : 0;
}

std::string_view code_of(emphasis how) {
  switch (how) {
    case emphasis::heading: return "\033[1m";
    case emphasis::option: return "\033[36m";
    case emphasis::bad: return "\033[1;31m";
    case emphasis::warning: return "\033[33m";
    case emphasis::good: return "\033[32m";
  }
  return "";
}

/// How a whole line is shown, by what it begins with.
std::string painted(std::string_view line, std::string text) {
  constexpr std::array<std::string_view, 5> bad = {">> ", "WRONG", "DIFFERENT", "  LESS THAN", "not compared"};
  const auto begins = [&](std::string_view with) { return line.starts_with(with); };
  if (std::any_of(bad.begin(), bad.end(), begins)) return emphasized(text, emphasis::bad);
  if (begins(" ! ") || begins("no partner") || begins("no effect")) return emphasized(text, emphasis::warning);
  if (begins("no fault")) return emphasized(text, emphasis::good);
  return text;
}

/// Calls f with each line, without its end.
template <class F>
void for_each_line(std::string_view text, const F& f) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    f(text.substr(0, end), end != std::string_view::npos);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

}  // namespace terminals

void set_colour(colour_choice choice) { terminals::choice() = choice; }

bool has_colour() {
  switch (terminals::choice()) {
    case colour_choice::always: return true;
    case colour_choice::never: return false;
    case colour_choice::automatic: break;
  }
  static const bool shows = isatty(STDOUT_FILENO) != 0 && terminals::variable("NO_COLOR").empty() &&
                            terminals::variable("TERM") != "dumb" && !terminals::variable("TERM").empty();
  return shows;
}

std::size_t line_width() {
  if (isatty(STDOUT_FILENO) == 0) return 0;
  if (const std::size_t columns = terminals::columns_variable()) return columns;
  ::winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}

std::size_t help_width() {
  if (const std::size_t columns = terminals::columns_variable()) return std::min<std::size_t>(columns, 100);
  const std::size_t width = line_width();
  return width == 0 ? 80 : std::min<std::size_t>(width, 100);
}

std::string emphasized(std::string_view text, emphasis how) {
  if (!has_colour() || text.empty()) return std::string(text);
  return std::string(terminals::code_of(how)).append(text).append("\033[0m");
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, nniesim::detail::utf8_length(text));
    columns += length > 2 ? 2 : 1;
    text.remove_prefix(length);
  }
  return columns;
}

std::string wrapped(std::string_view line, std::size_t width, std::size_t hanging) {
  if (width == 0 || columns_of(line) <= width) return std::string(line);
  hanging = std::min(hanging, width / 2);
  std::string out;
  std::size_t used = 0;
  bool has_word = false;  // in this part
  while (!line.empty()) {
    const std::size_t blanks = std::min(line.find_first_not_of(' '), line.size());
    const std::size_t end = std::min(line.find(' ', blanks), line.size());
    const std::string_view word = line.substr(blanks, end - blanks);
    const std::size_t needed = columns_of(word);
    if (has_word && used + blanks + needed > width) {
      out.append("\n").append(hanging, ' ');
      used = hanging;
    } else {
      out.append(blanks, ' ');
      used += blanks;
    }
    out += word;
    used += needed;
    has_word = has_word || !word.empty();
    line.remove_prefix(end);
  }
  return out;
}

void print_lines(std::string_view text, std::size_t hanging) {
  const std::size_t width = line_width();
  terminals::for_each_line(text, [&](std::string_view line, bool ends) {
    std::cout << terminals::painted(line, wrapped(line, width, hanging)) << (ends ? "\n" : "");
  });
}

void print_table(std::string_view text) {
  terminals::for_each_line(text, [](std::string_view line, bool ends) {
    std::cout << terminals::painted(line, std::string(line)) << (ends ? "\n" : "");
  });
}

}  // namespace nnie_debug
