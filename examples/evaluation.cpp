// evaluation STATE [net.cfg]: a network over all pictures of the cfg's lists, four at once; the records are kept in the
// file STATE, from which a second run goes on. What they say stands in the table.
#include <iostream>
#include <vector>

#include <nniesim/debug/evaluation.hpp>
#include <nniesim/debug/evaluation_identity.hpp>
#include <nniesim/debug/evaluation_pictures.hpp>
#include <nniesim/debug/evaluation_records.hpp>
#include <nniesim/debug/evaluation_summary.hpp>
#include <nniesim/debug/evaluation_text.hpp>
#include <nniesim/debug/loaded_network.hpp>
#include <nniesim/kernels/thread_pool.hpp>

using namespace nniesim;

int main(int argc, char** argv) try {
  const char* const state = argc > 1 ? argv[1] : "all.eval";
  loaded_network loaded({.cfg = argc > 2 ? argv[2] : "examples/feature_norm/network/feature_norm.cfg"});
  const precision_plan plan = plan_of(loaded.net(), loaded.cfg().mode);
  const activation_ranges ranges = loaded.ranges("", plan);  // or a file's: nnie-debug calibrate -o ranges.json
  const evaluation_pictures pictures = pictures_of({}, loaded);
  evaluation_problem problem{.net = loaded.net(), .plan = plan, .ranges = ranges};
  problem.identity = identity_of(loaded);
  thread_pool pool(4);
  evaluate(problem, pictures, {.state = state, .threads = pool.handle()});
  evaluation_records records(state);
  const evaluation_summary summary = summarize(records);
  print_evaluation(std::cout, summary);
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
