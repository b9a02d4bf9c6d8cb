// A user's own score of a quantized network: a command that looks at the outputs of both runs and prints a number.
#pragma once

#include <charconv>
#include <cmath>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/dump_folder.hpp>
#include <nniesim/debug/precision_search.hpp>
#include <nniesim/io/npy.hpp>
#include <nniesim/io/text.hpp>

#include "command.hpp"
#include "user_command.hpp"

namespace nnie_debug {

/// Without blanks and line feeds around it.
inline std::string_view last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  const std::size_t before = text.rfind('\n');
  return detail::trimmed(text.substr(before == std::string_view::npos ? 0 : before + 1));
}

/// The number that is the last line of a command's output. Throws error for anything else.
inline double score_in(std::string_view output, const std::string& command) {
  const std::string_view text = last_line(output);
  double score = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), score);
  detail::require<error>(problem == std::errc{} && stop == text.data() + text.size() && std::isfinite(score),
                         "the score command's last line is ", detail::excerpt(text),
                         ", expected one finite number: ", command);
  return score;
}

/// What `command` makes of the network's outputs: it is run for every picture of every plan, with a folder as $1 in
/// which reference/NAME.npy and quantized/NAME.npy are the outputs of layer NAME ('/' as '_', further outputs of a
/// layer as NAME_output1.npy). The last line that it prints is the score: larger is better. The command's text is the
/// target's name, so that a state file is of one command.
inline search_target score_by_command(const network& net, const std::string& command, const command_limits& limits) {
  search_target target = output_cosine(net);
  std::vector<std::string> names;
  for (const std::size_t b : target.blobs) {
    for (const layer& l : net.layers) {
      const auto at = std::find(l.outputs.begin(), l.outputs.end(), b);
      if (at == l.outputs.end()) continue;
      names.push_back(npy_dump_name(l.name, static_cast<std::size_t>(at - l.outputs.begin())));
      detail::require<error>(std::count(names.begin(), names.end(), names.back()) == 1,
                             "the outputs of several layers would be in ", names.back(),
                             ", expected names that differ in more than '/' and '_'");
    }
  }
  require_reads_folder(command);
  target.name = "score of " + command;
  target.score = [blobs = target.blobs, names, command, limits](std::span<const tensor<float>> reference,
                                                                const network_runner& quantized) {
    const held_signals held;  // until the folder is gone
    const temporary_folder folder;
    for (const char* const kind : {"reference", "quantized"}) std::filesystem::create_directory(folder.path() / kind);
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      write_npy(folder.path() / "reference" / names[i], reference[i]);
      write_npy(folder.path() / "quantized" / names[i], quantized.value(blobs[i]));
    }
    return score_in(output_of_command(command, folder.path(), limits), command);
  };
  return target;
}

}  // namespace nnie_debug
