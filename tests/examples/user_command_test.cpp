#include "../../examples/nnie_debug/user_command.hpp"

#include <signal.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "catch.hpp"
#include "support/scratch_folder.hpp"

using namespace nnie_debug;

namespace user_command_test {

namespace {

std::string run(const std::string& command, const command_limits& limits = {}) {
  return output_of_command(command, "a folder", limits);
}

/// TMPDIR for as long as the object lives.
struct temporary_place {
  explicit temporary_place(const std::filesystem::path& path) {
    if (const char* const was = std::getenv("TMPDIR")) before = was;
    (void)::setenv("TMPDIR", path.c_str(), 1);
  }
  temporary_place(const temporary_place&) = delete;
  temporary_place& operator=(const temporary_place&) = delete;
  ~temporary_place() {
    if (before.empty()) (void)::unsetenv("TMPDIR");
    else (void)::setenv("TMPDIR", before.c_str(), 1);
  }
  std::string before;
};

}  // namespace

TEST_CASE("a command gets the folder as $1, whatever its name, and no input", "[user_command]") {
  CHECK(run("printf %s \"$1\"; cat") == "a folder");
  CHECK(output_of_command("printf %s \"$1\"", "a'b\"c;$d") == "a'b\"c;$d");
  CHECK(run("true").empty());
}

TEST_CASE("a command that fails is named with how it ended and what it wrote", "[user_command]") {
  CHECK_THROWS_WITH(run("echo half; echo no such label >&2; exit 3"),
                    contains("exited with 3") && contains("half") && contains("no such label"));
  CHECK_THROWS_WITH(run("kill -9 $$"), contains("signal 9"));
  CHECK_THROWS_WITH(run("/no/such/program"), contains("exited with 127"));
  CHECK_THROWS_AS(run("if { then"), error);
  CHECK_THROWS_AS(run(std::string("true\0 x", 7)), format_error);
}

TEST_CASE("a command's output has a limit, its complaints none", "[user_command]") {
  CHECK_THROWS_WITH(run("yes"), contains("more than 1048576 bytes"));
  CHECK(run("head -c 1048576 /dev/zero").size() == 1048576);
  CHECK_THROWS_AS(run("head -c 1048577 /dev/zero"), error);
  CHECK_THROWS_WITH(run("echo 12345", {.bytes = 5}), contains("more than 5 bytes"));
  CHECK(run("head -c 300000 /dev/zero >&2; echo done") == "done\n");  // more than a pipe holds
}

TEST_CASE("a command that takes too long is ended with all that it started", "[user_command]") {
  const scratch_folder folder;
  const std::string file = (folder / "late").string();
  CHECK_THROWS_WITH(run("(sleep 1; echo > " + file + ") >/dev/null 2>&1 & sleep 100", {.seconds = 0.2}),
                    contains("took longer than 0.2 s"));
  CHECK_THROWS_WITH(run("exec >/dev/null 2>&1; sleep 100", {.seconds = 0.2}), contains("took longer"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1300));
  CHECK_FALSE(std::filesystem::exists(file));
  for (const double seconds : {0.0, -1.0}) CHECK_THROWS_AS(run("true", {.seconds = seconds}), format_error);
}

TEST_CASE("what a command leaves running is ended with it", "[user_command]") {
  const scratch_folder folder;
  const std::string file = (folder / "late").string();
  CHECK(run("(sleep 0.5; echo > " + file + ") >/dev/null 2>&1 & echo done") == "done\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(800));
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("a signal ends the command first, and then has its effect", "[user_command]") {
  static volatile std::sig_atomic_t taken = 0;
  struct ::sigaction before {
  }, action{};
  action.sa_handler = [](int) { taken = taken + 1; };
  REQUIRE(::sigaction(SIGTERM, &action, &before) == 0);
  {
    const held_signals held;
    CHECK_THROWS_AS(run("kill -TERM $PPID; sleep 100"), interrupted);
    CHECK(taken == 0);
  }
  CHECK(taken == 1);
  // What the program ignores ends nothing, and the command itself can be ended by these signals.
  action.sa_handler = SIG_IGN;
  REQUIRE(::sigaction(SIGTERM, &action, nullptr) == 0);
  CHECK(run("kill -TERM $PPID; echo done") == "done\n");
  REQUIRE(::sigaction(SIGTERM, &before, nullptr) == 0);
  CHECK_THROWS_WITH(run("kill -TERM $$; sleep 100"), contains("signal 15"));
}

TEST_CASE("a command that does not read its folder is refused", "[user_command]") {
  for (const char* good : {"ls $1", "ls \"${1}\"", "f \"$@\"", "f $*"}) CHECK_NOTHROW(require_reads_folder(good));
  for (const char* bad : {"", "echo 1", "ls 1"}) CHECK_THROWS_AS(require_reads_folder(bad), format_error);
}

TEST_CASE("a temporary folder is where TMPDIR says, and goes with the object", "[user_command]") {
  const scratch_folder parent;
  std::filesystem::create_directory(parent / "a b;c");
  const temporary_place place(parent / "a b;c");
  std::filesystem::path path;
  {
    const temporary_folder folder;
    path = folder.path();
    CHECK(path.parent_path() == parent / "a b;c");
    std::ofstream(path / "x") << "y";
    CHECK(std::filesystem::exists(path / "x"));
  }
  CHECK_FALSE(std::filesystem::exists(path));
  const temporary_place nowhere(parent / "missing");
  CHECK_THROWS_WITH(temporary_folder(), contains("set TMPDIR"));
}

}  // namespace user_command_test
