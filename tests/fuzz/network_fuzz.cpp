// Networks of any structure, chosen by the bytes: every layer gives what its definition says, whatever memory is
// shared.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "support/isas.hpp"
#include "support/random_network.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace random_network;
  const generated g = generator(choices(std::span(data, size))).make();
  std::string problem;
  try {
    std::size_t compared = 0;
    problem = float_difference(g, compared);
    for (const int mode : {0, 1}) {
      const precision_plan plan = plan_of(g.net, compile_mode_of(mode));
      std::vector<std::vector<std::uint32_t>> first;
      for_each_isa([&](isa i) {
        const auto all = run_words(g, plan, {.keep_all = true});
        if (i == isa::scalar) first = all;
        if (problem.empty()) problem = first_difference(g, first, all);
        if (problem.empty()) problem = first_difference(g, first, run_words(g, plan, {}));
      });
    }
  } catch (const nniesim::error& e) {
    // The one thing that a network of fitting shapes may end in.
    if (std::string_view(e.what()).find("NaN") == std::string_view::npos) problem = e.what();
  }
  if (!problem.empty()) {
    std::fprintf(stderr, "%s\n", problem.c_str());
    std::abort();
  }
  return 0;
}
