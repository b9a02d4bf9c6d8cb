// A user's own post-processing: a command that looks at a network's outputs and prints the decision.
#pragma once

#include <nniesim/debug/postprocess_probe.hpp>
#include <nniesim/io/npy.hpp>
#include <span>
#include <string>
#include <utility>

#include "user_command.hpp"

namespace nnie_debug {

inline std::string decision_of_command(const std::string& text, const command_limits& limits,
                                       std::span<const tensor<float>> outputs) {
  const held_signals held;  // until the folder is gone
  const temporary_folder folder;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    write_npy(folder.path() / (std::to_string(i) + ".npy"), outputs[i]);
  }
  std::string decision = output_of_command(text, folder.path(), limits);
  decision.resize(decision.find_last_not_of('\n') + 1);
  return decision;
}

/// A command, run by /bin/sh in the current folder with a fresh folder as $1, which holds the outputs as 0.npy, 1.npy
/// and so on and is removed afterwards. What it writes to stdout, less line feeds at the end, is the decision. Throws
/// format_error where the command does not read $1: its decision would not depend on the outputs; and as
/// output_of_command.
inline postprocessing decision_by_command(std::string text, command_limits limits = {}) {
  require_reads_folder(text);
  return {"command", [text = std::move(text), limits](std::span<const tensor<float>> outputs) {
            return decision_of_command(text, limits, outputs);
          }};
}

}  // namespace nnie_debug
