// nnie-debug: what the accelerator makes of a network, layer by layer.
#include <iostream>
#include <new>
#include <sstream>

#include <nniesim/core/version.hpp>

#include "command.hpp"

int main(int argc, char** argv) {
  using namespace nnie_debug;
  CLI::App app(
      "Runs Caffe networks in float and as HiSilicon's NNIE accelerator computes them, and compares every layer.\n"
      "Exit codes: 0 done, 1 a fault, a goal that is not reached or a comparison that misses --fail-below, 2 wrong "
      "usage "
      "or input.",
      "nnie-debug");
  app.set_version_flag("--version", detail::concat("nnie-debug ", NNIESIM_VERSION_MAJOR, ".", NNIESIM_VERSION_MINOR,
                                                   ".", NNIESIM_VERSION_PATCH, ", results ", NNIESIM_RESULTS_VERSION));
  app.require_subcommand(1);
  int result = passed;
  add_diagnose(app, result);
  add_run(app, result);
  add_compare(app, result);
  add_calibrate(app, result);
  add_search(app, result);
  add_compensate(app, result);
  add_bundle(app, result);
  add_quantize(app, result);
  add_info(app, result);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {  // --help and --version, too
    std::ostringstream out, problem;
    result = app.exit(e, out, problem) == 0 ? passed : failed;
    std::cout << out.str();
    std::cerr << printable_lines(problem.str());
  } catch (const std::bad_alloc&) {
    std::cerr << "nnie-debug: the system gave no memory\n";
    return failed;
  } catch (const std::exception& e) {
    std::cerr << "nnie-debug: " << printable_lines(e.what()) << '\n';
    return failed;
  }
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout) {
    std::cerr << "nnie-debug: the standard output could not be written\n";
    return failed;
  }
  return result;
}
