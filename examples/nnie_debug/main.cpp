// nnie-debug: what the accelerator makes of a network, layer by layer.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <new>
#include <sstream>

#include <nniesim/core/version.hpp>
#include <nniesim/io/output_file.hpp>

#include "command.hpp"
#include "terminal.hpp"
#include "usage.hpp"

namespace {

/// What fails is to be an error that is said, not a signal which leaves temporary files; and a file that is opened is
/// not to become the standard output of a process that was started without one.
void prepare_outputs() {
  (void)::signal(SIGPIPE, SIG_IGN);
#ifdef SIGXFSZ
  (void)::signal(SIGXFSZ, SIG_IGN);
#endif
  for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; ++standard) {
    if (::fcntl(standard, F_GETFD) < 0) (void)::open("/dev/null", standard == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

/// `code`, unless what was printed has not arrived.
int after_printing(int code) {
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;  // std::cout's, too
  if (flushed && std::ferror(stdout) == 0 && std::cout) return code;
  const std::string reason = flushed || errno == 0 ? std::string() : ": " + nniesim::detail::system_text(errno);
  std::cerr << "nnie-debug: the standard output could not be written" << reason << '\n';
  return nnie_debug::failed;
}

/// --man and --completion, which print and end.
void add_printing(CLI::App& app, std::string& shell) {
  app.add_flag_callback(
      "--man",
      [&app] {
        std::cout << nnie_debug::manual(app);
        throw CLI::Success();
      },
      "print the manual: nnie-debug --man | man -l -");
  app.add_option("--completion", shell, "print a script that completes commands, options and values")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->each([&app](const std::string& chosen) {
        std::cout << nnie_debug::completion(app, chosen);
        throw CLI::Success();
      });
}

/// What CLI11 says of wrong usage, in one line with the nearest right word where it says that something is unknown.
std::string problem_of(const CLI::App& app, const CLI::ParseError& e, const std::string& usual) {
  const auto is = [&](CLI::ExitCodes code) { return e.get_exit_code() == static_cast<int>(code); };
  const bool is_unknown = is(CLI::ExitCodes::ExtrasError) || is(CLI::ExitCodes::RequiredError);
  const std::string word = is_unknown ? nnie_debug::unknown_word(app) : std::string();
  return word.empty() ? usual : "nnie-debug: " + word + "\nRun with --help for more information.\n";
}

}  // namespace

int main(int argc, char** argv) {
  using namespace nnie_debug;
  prepare_outputs();
  CLI::App app(
      "Runs Caffe networks in float and as HiSilicon's NNIE accelerator computes them, and compares every layer.\n"
      "Exit codes: 0 done, 1 a fault, a goal that is not reached or a comparison that misses --fail-below, 2 wrong "
      "usage or input.",
      "nnie-debug");
  app.set_version_flag("--version", detail::message("nnie-debug ", NNIESIM_VERSION_MAJOR, ".", NNIESIM_VERSION_MINOR,
                                                    ".", NNIESIM_VERSION_PATCH, ", results ", NNIESIM_RESULTS_VERSION));
  app.require_subcommand(1);
  int result = passed;
  std::string colour, shell;
  add_printing(app, shell);
  add_diagnose(app, result);
  add_run(app, result);
  add_compare(app, result);
  add_calibrate(app, result);
  add_search(app, result);
  add_compensate(app, result);
  add_bundle(app, result);
  add_quantize(app, result);
  add_info(app, result);
  add_wk(app, result);
  add_evaluate(app, result);
  add_merge(app, result);
  complete_commands(app, colour);
  set_invocation(app, argc, argv);
  try {
    app.parse(argc, argv);
    return after_printing(result);
  } catch (const CLI::ParseError& e) {  // --help and --version, too
    std::ostringstream out, problem;
    result = app.exit(e, out, problem) == 0 ? passed : failed;
    std::cout << out.str();
    std::cerr << printable_lines(problem_of(app, e, problem.str()));
    return after_printing(result);
  } catch (const std::bad_alloc&) {
    std::cerr << "nnie-debug: the system gave no memory\n";
    return failed;
  } catch (const std::exception& e) {
    std::cerr << "nnie-debug: " << printable_lines(e.what()) << '\n';
    return failed;
  }
}
