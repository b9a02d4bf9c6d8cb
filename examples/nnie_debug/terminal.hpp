// What the tool prints, made for where it goes: lines that fit a terminal, colours where there is one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nnie_debug {

enum class colour_choice { automatic, always, never };
/// Of all that is printed from now on. By itself: colours where the standard output is a terminal that has them (TERM
/// is not "dumb") and NO_COLOR is not set.
void set_colour(colour_choice choice);
[[nodiscard]] bool has_colour();

/// Columns of the terminal, or COLUMNS in its place; 0, which is no limit, where the standard output is none: whoever
/// reads a pipe or a file wants whole lines.
[[nodiscard]] std::size_t line_width();
/// Of help: the same, with COLUMNS and at most 100; 80 where the standard output is no terminal.
[[nodiscard]] std::size_t help_width();

enum class emphasis { heading, option, bad, warning, good };
/// With the colours of a terminal, or as it is where there are none.
[[nodiscard]] std::string emphasized(std::string_view text, emphasis how);

/// Columns that a terminal takes for UTF-8: two for an ideograph, one for any other character.
[[nodiscard]] std::size_t columns_of(std::string_view text);
/// One line, broken at blanks so that its parts fit `width` columns, where a word alone does; those after the first
/// begin with `hanging` blanks. Width 0: as it is.
[[nodiscard]] std::string wrapped(std::string_view line, std::size_t width, std::size_t hanging);

/// Lines on the standard output, broken to its width; those of bad layers (">>", "!") and faults in colour.
void print_lines(std::string_view text, std::size_t hanging = 2);
/// As it is but for the colours: tables.
void print_table(std::string_view text);

}  // namespace nnie_debug
