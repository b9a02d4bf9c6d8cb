// A command of the user's own that looks at a network's outputs: run by /bin/sh with a folder of files, within limits
// of time and of output. Needs POSIX.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>

namespace nnie_debug {

using namespace nniesim;

/// What one run of a command may take; beyond it the command, with all that it started, is ended.
struct command_limits {
  double seconds = 600;                       ///< more than 0
  std::size_t bytes = std::size_t{1} << 20U;  ///< of its standard output
};

/// A fresh folder in the system's place for such, gone with the object and everything in it. Throws error where none
/// can be made.
class temporary_folder {
 public:
  temporary_folder() {
    std::error_code problem;
    const std::filesystem::path parent = std::filesystem::temp_directory_path(problem);
    detail::require<error>(!problem, "no folder for temporary files: ", problem.message(), "; set TMPDIR");
    std::string name = (parent / "nniesim-XXXXXX").string();
    detail::require<error>(::mkdtemp(name.data()) != nullptr, "no folder can be made as ", detail::excerpt(name), ": ",
                           std::generic_category().message(errno));
    path_ = name;
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// While it lives SIGINT, SIGTERM and SIGHUP wait until it is gone, so that a command and its folder can be cleared
/// away before. For the calling thread: threads made while it lives inherit that, others of a program must not take
/// these signals either.
class held_signals {
 public:
  held_signals() noexcept {
    ::sigset_t held;
    (void)::sigemptyset(&held);
    for (const int s : signals) (void)::sigaddset(&held, s);
    (void)::pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  held_signals(const held_signals&) = delete;
  held_signals& operator=(const held_signals&) = delete;
  ~held_signals() { (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  /// What was held before.
  [[nodiscard]] const ::sigset_t& before() const noexcept { return before_; }
  /// A mask without these signals.
  [[nodiscard]] static ::sigset_t without(::sigset_t mask) noexcept {
    for (const int s : signals) (void)::sigdelset(&mask, s);
    return mask;
  }
  /// Whether one waits that is not ignored.
  [[nodiscard]] static bool are_waiting() noexcept {
    ::sigset_t pending;
    if (::sigpending(&pending) != 0) return false;
    return std::any_of(signals.begin(), signals.end(), [&](int s) {
      struct ::sigaction action {};
      return ::sigismember(&pending, s) == 1 && ::sigaction(s, nullptr, &action) == 0 && action.sa_handler != SIG_IGN;
    });
  }

 private:
  static constexpr std::array<int, 3> signals = {SIGINT, SIGTERM, SIGHUP};
  ::sigset_t before_{};
};

namespace commands {

/// How a command of the shell may name its first argument.
inline constexpr std::array<std::string_view, 4> folder_words = {"$1", "${1", "$@", "$*"};

/// A pipe whose ends other commands do not inherit.
class command_pipe {
 public:
  command_pipe() {
    detail::require<error>(::pipe(ends_.data()) == 0, "command: no pipe: ", std::generic_category().message(errno));
    for (const int end : ends_) (void)::fcntl(end, F_SETFD, FD_CLOEXEC);
  }
  command_pipe(const command_pipe&) = delete;
  command_pipe& operator=(const command_pipe&) = delete;
  ~command_pipe() {
    close_end(0);
    close_end(1);
  }
  [[nodiscard]] int reading() const noexcept { return ends_[0]; }
  [[nodiscard]] int writing() const noexcept { return ends_[1]; }
  void close_writing() noexcept { close_end(1); }

 private:
  void close_end(std::size_t i) noexcept {
    if (ends_[i] >= 0) (void)::close(ends_[i]);
    ends_[i] = -1;
  }
  std::array<int, 2> ends_{-1, -1};
};

/// A command that runs, in a process group of its own. What it still runs is ended with the object.
class running_command {
 public:
  running_command(const std::string& command, const std::string& argument, double seconds)
      : end_(std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                    std::chrono::duration<double>(std::min(seconds, 1e8)))) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    detail::require<error>(::posix_spawn_file_actions_init(&actions) == 0, "command: no memory to start it");
    (void)::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)::posix_spawn_file_actions_adddup2(&actions, out_.writing(), 1);
    (void)::posix_spawn_file_actions_adddup2(&actions, err_.writing(), 2);
    (void)::posix_spawnattr_init(&attributes);
    (void)::posix_spawnattr_setflags(&attributes,
                                     POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    (void)::posix_spawnattr_setpgroup(&attributes, 0);
    const ::sigset_t mask = held_signals::without(held_.before());
    (void)::posix_spawnattr_setsigmask(&attributes, &mask);
    ::sigset_t usual;  // what this process ignores is no matter of the command's pipes and files
    (void)::sigemptyset(&usual);
    for (const int s : {SIGPIPE, SIGXFSZ}) (void)::sigaddset(&usual, s);
    (void)::posix_spawnattr_setsigdefault(&attributes, &usual);
    std::array<std::string, 5> words = {"sh", "-c", command, "sh", argument};
    std::array<char*, 6> arguments{};
    for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
    const int problem = ::posix_spawn(&child_, "/bin/sh", &actions, &attributes, arguments.data(), ::environ);
    (void)::posix_spawnattr_destroy(&attributes);
    (void)::posix_spawn_file_actions_destroy(&actions);
    if (problem != 0) child_ = 0;
    detail::require<error>(problem == 0,
                           "command: /bin/sh cannot be started: ", std::generic_category().message(problem));
    out_.close_writing();
    err_.close_writing();
  }
  running_command(const running_command&) = delete;
  running_command& operator=(const running_command&) = delete;
  ~running_command() {
    if (child_ == 0) return;
    (void)::kill(-child_, SIGKILL);
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  /// Reads until both outputs are closed; false where the time is up, or is_too_long().
  bool read(std::size_t bytes) {
    constexpr std::size_t most_complaints = 2048;
    std::array<::pollfd, 2> open = {{{out_.reading(), POLLIN, 0}, {err_.reading(), POLLIN, 0}}};
    std::vector<char> piece(std::size_t{1} << 16U);
    while (open[0].fd >= 0 || open[1].fd >= 0) {
      const int left = slice();
      if (left == 0) return false;
      const int ready = ::poll(open.data(), open.size(), left);
      if (ready == 0) continue;
      if (ready < 0 && errno != EINTR) return false;
      for (::pollfd& p : open) {
        if (ready < 0 || p.fd < 0 || p.revents == 0) continue;
        const auto got = ::read(p.fd, piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
          p.fd = -1;  // poll leaves it out
          continue;
        }
        std::string& to = &p == open.data() ? text_ : complaints_;
        const std::size_t room = (&p == open.data() ? bytes : most_complaints) - to.size();
        to.append(piece.data(), std::min(static_cast<std::size_t>(got), room));
        is_too_long_ = is_too_long_ || (&p == open.data() && static_cast<std::size_t>(got) > room);
      }
      if (is_too_long_) return false;
    }
    return true;
  }
  /// Waits for its end; false where the time is up. `status` as waitpid gives it.
  bool wait(int& status) {
    for (int pause = 1;; pause = std::min(2 * pause, 50)) {
      ::siginfo_t ended{};
      const int result = ::waitid(P_PID, static_cast<::id_t>(child_), &ended, WEXITED | WNOHANG | WNOWAIT);
      if (result == 0 && ended.si_pid == child_) {
        (void)::kill(-child_, SIGKILL);  // what it left running, while the number of its group is still its own
        while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
        }
        child_ = 0;
        return true;
      }
      detail::require<error>(result == 0 || errno == EINTR,
                             "command: its end is not to be had: ", std::generic_category().message(errno));
      if (slice() == 0) return false;
      (void)::poll(nullptr, 0, pause);
    }
  }
  [[nodiscard]] bool is_too_long() const noexcept { return is_too_long_; }
  [[nodiscard]] std::string& text() noexcept { return text_; }
  [[nodiscard]] const std::string& complaints() const noexcept { return complaints_; }

 private:
  /// Milliseconds to wait at a time, 0 where the time is up. Throws interrupted where a signal waits.
  [[nodiscard]] int slice() const {
    if (held_signals::are_waiting()) throw interrupted("command: interrupted");
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 50));
  }

  held_signals held_;
  command_pipe out_, err_;
  std::chrono::steady_clock::time_point end_;
  ::pid_t child_ = 0;
  std::string text_, complaints_;
  bool is_too_long_ = false;
};

}  // namespace commands

/// What `command` writes to its standard output; /bin/sh runs it in the current folder with `folder` as $1 and an empty
/// standard input. Throws format_error for a limit of time that is not positive, error, naming the command, where it
/// cannot be started, does not exit with 0 (with the beginning of its stderr) or exceeds a limit. SIGINT, SIGTERM and
/// SIGHUP end it, too: interrupted is thrown, and the signal delivered once the last held_signals is gone.
[[nodiscard]] inline std::string output_of_command(const std::string& command, const std::filesystem::path& folder,
                                                   const command_limits& limits = {}) {
  detail::require<format_error>(limits.seconds > 0, "command: a limit of ", limits.seconds, " s, expected more than 0");
  detail::require<format_error>(command.find('\0') == std::string::npos, "command ", detail::excerpt(command),
                                ": has a byte 0");
  commands::running_command running(command, folder.string(), limits.seconds);
  int status = 0;
  const bool ended = running.read(limits.bytes) && running.wait(status);
  detail::require<error>(!running.is_too_long(), "command ", detail::excerpt(command), " wrote more than ",
                         limits.bytes, " bytes");
  detail::require<error>(ended, "command ", detail::excerpt(command), " took longer than ", limits.seconds,
                         " s and was ended");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw error(detail::message(
        "command ", detail::excerpt(command), WIFEXITED(status) ? " exited with " : " was ended by signal ",
        WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), ", expected 0; it wrote ",
        detail::excerpt(running.text(), 200), ", its stderr begins ", detail::excerpt(running.complaints(), 400)));
  }
  return std::move(running.text());
}

/// Throws format_error unless a command reads $1, without which what it says does not depend on the folder.
inline void require_reads_folder(const std::string& command) {
  const bool reads = std::any_of(commands::folder_words.begin(), commands::folder_words.end(),
                                 [&](std::string_view word) { return command.find(word) != std::string::npos; });
  detail::require<format_error>(reads, "command ", detail::excerpt(command),
                                ": expected \"$1\" where it is to read the folder with the outputs");
}

}  // namespace nnie_debug
