// A user's own score of a quantized network: a command that looks at the outputs of both runs and prints a number.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/dump_folder.hpp>
#include <nniesim/debug/precision_search.hpp>
#include <nniesim/io/npy.hpp>
#include <nniesim/io/text.hpp>

#include "command.hpp"

namespace nnie_debug {

/// A folder in the system's place for such, gone with the object.
class temporary_folder {
 public:
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "nnie-debug-XXXXXX").string();
    detail::require<error>(mkdtemp(name.data()) != nullptr, name, ": cannot be made");
    path_ = name;
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// Without blanks and line feeds around it.
inline std::string_view last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  const std::size_t before = text.rfind('\n');
  return detail::trimmed(text.substr(before == std::string_view::npos ? 0 : before + 1));
}

/// The end of what a command prints on its standard output. /bin/sh runs it with `argument` as $1. Throws error where
/// it cannot be run or ends with anything but 0.
inline std::string output_of(const std::string& command, const std::string& argument) {
  constexpr std::size_t kept_bytes = 4096;
  std::array<int, 2> pipe_ends{};
  detail::require<error>(pipe2(pipe_ends.data(), O_CLOEXEC) == 0, "no pipe for the score command");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  std::array<std::string, 5> words = {"sh", "-c", command, "sh", argument};
  std::array<char*, 6> argv{};
  for (std::size_t i = 0; i < words.size(); ++i) argv[i] = words[i].data();
  pid_t child = 0;
  const int problem = posix_spawn(&child, "/bin/sh", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);
  std::string output;
  std::array<char, kept_bytes> block{};
  for (ssize_t count = 1; problem == 0 && count != 0;) {
    count = read(pipe_ends[0], block.data(), block.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      break;
    }
    output.append(block.data(), static_cast<std::size_t>(count));
    if (output.size() > kept_bytes) output.erase(0, output.size() - kept_bytes);
  }
  close(pipe_ends[0]);
  detail::require<error>(problem == 0, "/bin/sh could not be started for the score command");
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  detail::require<error>(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the score command ",
                         WIFEXITED(status) ? "ended with " : "was ended by signal ",
                         WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), " and the output ",
                         detail::excerpt(last_line(output)), ", expected 0: ", command);
  return output;
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
inline search_target score_by_command(const network& net, const std::string& command) {
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
  const auto folder = std::make_shared<temporary_folder>();
  for (const char* const kind : {"reference", "quantized"}) std::filesystem::create_directory(folder->path() / kind);
  target.name = "score of " + command;
  target.score = [blobs = target.blobs, names, folder, command](std::span<const tensor<float>> reference,
                                                                const network_runner& quantized) {
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      write_npy(folder->path() / "reference" / names[i], reference[i]);
      write_npy(folder->path() / "quantized" / names[i], quantized.value(blobs[i]));
    }
    return score_in(output_of(command, folder->path().string()), command);
  };
  return target;
}

}  // namespace nnie_debug
