#include <nniesim/kernels/isa.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "catch.hpp"
#include "support/isas.hpp"

using namespace nniesim;

TEST_CASE("the best runnable instruction set is in use unless the environment names another") {
  const char* wanted = std::getenv("NNIESIM_ISA");
  if (wanted == nullptr || *wanted == '\0') CHECK(active_isa() == runnable_isas().back());
  else CHECK(to_string(active_isa()) == wanted);
}

TEST_CASE("the instruction set that the test run is for is in use") {
  const char* expected = std::getenv("NNIESIM_EXPECTED_ISA");
  if (expected != nullptr) CHECK(to_string(active_isa()) == expected);
}

TEST_CASE("a forced instruction set is the active one") {
  for_each_isa([](isa i) { CHECK(active_isa() == i); });
}

TEST_CASE("what the processor has is found") {
  CHECK(runnable_isas().front() == isa::scalar);
#if defined(__x86_64__) && defined(__linux__) && !defined(NNIESIM_ISA)
  // The kernel's list, not the library's own question to the processor.
  std::ifstream file("/proc/cpuinfo");
  std::set<std::string> flags;
  for (std::string line; flags.empty() && std::getline(file, line);) {
    if (line.rfind("flags", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    for (std::string word; words >> word;) flags.insert(word);
  }
  REQUIRE(!flags.empty());
  const auto has = [&](std::initializer_list<const char*> all) {
    return std::all_of(all.begin(), all.end(), [&](const char* f) { return flags.contains(f); });
  };
  const auto runs = [](isa i) { return std::ranges::find(runnable_isas(), i) != runnable_isas().end(); };
  const bool avx2 = has({"avx2", "fma"});
  const bool avx512 = avx2 && has({"avx512f", "avx512bw", "avx512dq", "avx512vl"});
  CHECK(runs(isa::avx2) == avx2);
  CHECK(runs(isa::avx_vnni) == (avx2 && has({"avx_vnni"})));
  CHECK(runs(isa::avx512) == avx512);
  CHECK(runs(isa::avx512_vnni) == (avx512 && has({"avx512_vnni", "avx512vbmi"})));
#elif defined(__aarch64__)
  CHECK(runnable_isas().size() >= 2);
#endif
}

TEST_CASE("forcing what cannot run is an error that lists what can") {
#if defined(__x86_64__)
  CHECK_THROWS_WITH(force_isa(isa::neon), contains("neon") && contains("scalar"));
#else
  CHECK_THROWS_WITH(force_isa(isa::avx2), contains("avx2") && contains("scalar"));
#endif
  CHECK_THROWS_WITH(isa_of("sse9"), contains("sse9") && contains("avx512"));
  for (const isa i : all_isas) CHECK(isa_of(to_string(i)) == i);
}
