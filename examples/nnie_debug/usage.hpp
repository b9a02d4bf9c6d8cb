// What the tool's options are, from the one table that CLI11 keeps: help in groups, the manual, completion for shells,
// and the nearest right word for a wrong one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace nnie_debug {

/// What all commands have: groups of their options in the help, and --color. Called once all commands are added.
void complete_commands(CLI::App& app, std::string& colour);

/// The manual, for man(1): roff.
[[nodiscard]] std::string manual(const CLI::App& app);

/// A script that completes commands, options, their values and files. `shell` is bash, zsh or fish.
[[nodiscard]] std::string completion(const CLI::App& app, std::string_view shell);

/// "no command 'dignose'; nearest: 'diagnose'" for the first word that was not understood; empty where all were.
[[nodiscard]] std::string unknown_word(const CLI::App& app);

}  // namespace nnie_debug
